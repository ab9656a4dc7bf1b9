#include "tuner/schedulers/wandb_hyperband.h"

#include <algorithm>
#include <limits>

#include "kernels/base/error.h"
#include "tuner/registry.h"
#include "tuner/schedulers/saw.h"

namespace caviar {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::size_t index_of_threshold(std::int64_t size, double eta) {
  return static_cast<std::size_t>(static_cast<double>(size) / eta);
}

// Of a cohort and the judged trial: the values that must stand before the trial's own for it to be stopped.
std::int64_t before_threshold(std::int64_t cohort, double eta) {
  return static_cast<std::int64_t>(index_of_threshold(cohort + 1, eta));
}

}  // namespace

std::vector<double> band_thresholds(std::span<const std::vector<double>> histories, std::span<const std::int64_t> bands,
                                    double eta) {
  std::vector<double> thresholds;
  for (const std::int64_t band : bands) {
    std::vector<double> values;
    for (const std::vector<double>& history : histories) {
      if (static_cast<std::int64_t>(history.size()) >= band) {
        values.push_back(history[static_cast<std::size_t>(band - 1)]);
      }
    }
    const std::size_t index = index_of_threshold(static_cast<std::int64_t>(values.size()), eta);
    if (values.empty()) {
      thresholds.push_back(kInfinity);
      continue;
    }
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(index), values.end());
    thresholds.push_back(values[index]);
  }
  return thresholds;
}

bool stops_at_bands(std::span<const double> history, std::span<const std::int64_t> bands,
                    std::span<const double> thresholds, bool strict) {
  const auto above = std::upper_bound(bands.begin(), bands.end(), static_cast<std::int64_t>(history.size()));
  if (above == bands.begin()) return false;
  const auto highest = static_cast<std::size_t>(above - bands.begin() - 1);
  const double value = strict ? history[static_cast<std::size_t>(bands[highest] - 1)]
                              : *std::min_element(history.begin(), history.end());
  return value > thresholds[highest];
}

WandbHyperbandScheduler::WandbHyperbandScheduler(const EarlyTerminateSpec& early, std::int64_t window)
    : bands_(hyperband_bands(early)), strict_(early.strict), cohort_(window, before_threshold, early.eta) {}

std::unique_ptr<Scheduler> WandbHyperbandScheduler::make(const OptionSet& options, const SearchScope& scope) {
  EarlyTerminateSpec early;
  if (options.given("min_iter")) early.min_iter = options.whole("min_iter");
  if (options.given("max_iter")) early.max_iter = options.whole("max_iter");
  if (options.given("s")) early.s = options.number("s");
  early.eta = options.number("eta");
  early.strict = options.flag("strict");
  if (!early.min_iter && !early.max_iter) {
    fail("scheduler wandb_hyperband has neither min_iter nor max_iter and s; add one of the two");
  }
  if (early.max_iter && !early.s)
    fail(options.where("max_iter"), "scheduler wandb_hyperband has max_iter but no s; add s");
  if (hyperband_bands(early).empty()) {
    fail(options.where("max_iter"), "scheduler wandb_hyperband stops nowhere: max_iter ", *early.max_iter, " / eta ",
         early.eta, " with s ", *early.s, " gives no iteration of at least 1; raise max_iter or s");
  }
  return std::make_unique<WandbHyperbandScheduler>(early, scope.window);
}

Choice WandbHyperbandScheduler::choice(const EarlyTerminateSpec& early) {
  Choice choice;
  choice.name = "wandb_hyperband";
  if (early.min_iter) choice.settings["min_iter"].value = *early.min_iter;
  if (early.max_iter) choice.settings["max_iter"].value = *early.max_iter;
  if (early.s) choice.settings["s"].value = *early.s;
  choice.settings["eta"].value = early.eta;
  choice.settings["strict"].value = early.strict;
  return choice;
}

bool WandbHyperbandScheduler::judges(std::int64_t iteration) const {
  return std::binary_search(bands_.begin(), bands_.end(), iteration);
}

void WandbHyperbandScheduler::tell(const TrialReport& report) {
  const auto i = static_cast<std::size_t>(report.trial);
  if (best_.size() <= i) best_.resize(i + 1, kInfinity);
  if (better(report.loss, best_[i])) best_[i] = report.loss;
  if (judges(report.iteration)) cohort_.tell(report.trial, report.iteration, report.loss, best_[i]);
}

std::vector<Decision> WandbHyperbandScheduler::decide() {
  std::vector<Decision> decisions;
  for (const WindowCohort::Comparison& comparison : cohort_.take()) {
    // The value of index k of the cohort and the trial together: the trial's own if it stands between the cohort's
    // values of index k - 1 and k, else the one of these it is beyond. NaN, where there is none, compares as false.
    double threshold = comparison.loss;
    if (comparison.before_cut > threshold) threshold = comparison.before_cut;
    if (comparison.behind_cut < threshold) threshold = comparison.behind_cut;
    const double value = strict_ ? comparison.loss : comparison.best;
    decisions.push_back({comparison.trial, Question::kIteration, comparison.iteration,
                         value > threshold ? Verdict::kStop : Verdict::kGoOn, 0,
                         saw_of({{"value", value}, {"threshold", threshold}, {"cohort", comparison.size + 1}})});
  }
  return decisions;
}

}  // namespace caviar
