#include "tuner/schedulers/percentile.h"

#include <cmath>

#include "tuner/registry.h"
#include "tuner/schedulers/saw.h"

namespace caviar {
namespace {

double place_of(std::int64_t size, double percentile) { return static_cast<double>(size - 1) * percentile / 100; }

// Values up to the one at or below the percentile's place.
std::int64_t up_to_place(std::int64_t size, double percentile) {
  return static_cast<std::int64_t>(std::floor(place_of(size, percentile))) + 1;
}

double percentile_of(const WindowCohort::Comparison& comparison, double percentile) {
  const double place = place_of(comparison.size, percentile), share = place - std::floor(place);
  if (share == 0 || comparison.before_cut == comparison.behind_cut || std::isinf(comparison.before_cut)) {
    return comparison.before_cut;
  }
  return comparison.before_cut + share * (comparison.behind_cut - comparison.before_cut);
}

}  // namespace

PercentileScheduler::PercentileScheduler(const Settings& settings, std::int64_t window)
    : settings_(settings), cohort_(window, up_to_place, settings.percentile) {}

std::unique_ptr<Scheduler> PercentileScheduler::make(const OptionSet& options, const SearchScope& scope) {
  Settings settings;
  if (options.given("percentile")) settings.percentile = options.number("percentile");
  settings.startup_trials = options.whole("startup_trials");
  settings.warmup_iterations = options.whole("warmup_iterations");
  settings.interval = options.whole("interval");
  return std::make_unique<PercentileScheduler>(settings, scope.window);
}

bool PercentileScheduler::judges(std::int64_t iteration) const {
  const std::int64_t since = iteration - settings_.warmup_iterations - 1;
  return since >= 0 && since % settings_.interval == 0;
}

void PercentileScheduler::tell(const TrialReport& report) {
  const auto i = static_cast<std::size_t>(report.trial);
  if (best_.size() <= i) best_.resize(i + 1, std::numeric_limits<double>::infinity());
  if (better(report.loss, best_[i])) best_[i] = report.loss;
  if (judges(report.iteration)) cohort_.tell(report.trial, report.iteration, report.loss, best_[i]);
}

std::vector<Decision> PercentileScheduler::decide() {
  std::vector<Decision> decisions;
  for (const WindowCohort::Comparison& comparison : cohort_.take()) {
    Decision decision{comparison.trial, Question::kIteration, comparison.iteration, Verdict::kGoOn, 0, {}};
    decision.saw = saw_of({{"best", comparison.best}, {"cohort", comparison.size}});
    if (comparison.size >= settings_.startup_trials) {
      const double threshold = percentile_of(comparison, settings_.percentile);
      decision.saw["threshold"] = threshold;
      if (comparison.best > threshold) decision.verdict = Verdict::kStop;
    }
    decisions.push_back(std::move(decision));
  }
  return decisions;
}

}  // namespace caviar
