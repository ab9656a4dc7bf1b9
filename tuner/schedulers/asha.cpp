#include "tuner/schedulers/asha.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "kernels/base/error.h"
#include "tuner/registry.h"
#include "tuner/schedulers/rungs.h"
#include "tuner/schedulers/saw.h"

namespace caviar {
namespace {

constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kLargestHorizon = std::int64_t{1} << 53;  // beyond every number of trials

}  // namespace

AshaScheduler::AshaScheduler(Settings settings) : settings_(std::move(settings)), count_(kLargest) {
  settings_.horizon_trials = std::min(settings_.horizon_trials, kLargestHorizon);
  for (const std::int64_t iteration : settings_.rungs) {
    rungs_.emplace_back();
    rungs_.back().iteration = iteration;
  }
}

std::unique_ptr<Scheduler> AshaScheduler::make(const OptionSet& options, const SearchScope& scope) {
  Settings settings;
  settings.eta = options.number("eta");
  settings.rungs = geometric_rungs(options.whole("min_iter"), options.whole("max_iter"), settings.eta);
  settings.horizon_trials = options.given("horizon_trials") ? options.whole("horizon_trials") : scope.window;
  if (settings.rungs.empty()) {
    fail(options.where("min_iter"), "scheduler asha compares nowhere: its first rung, min_iter ",
         options.whole("min_iter"), ", is not below max_iter ", options.whole("max_iter"),
         "; lower min_iter, or raise max_iter to the iterations of a whole training");
  }
  return std::make_unique<AshaScheduler>(std::move(settings));
}

bool AshaScheduler::judges(std::int64_t iteration) const {
  return std::binary_search(settings_.rungs.begin(), settings_.rungs.end(), iteration);
}

// A trial waits at each rung for the horizon_trials after it, and these for theirs at the rungs before.
std::int64_t AshaScheduler::horizon(std::int64_t trial) const {
  const auto rungs = static_cast<std::int64_t>(rungs_.size());
  if (settings_.horizon_trials > (kLargest - trial) / rungs) return kLargest;
  return trial + rungs * settings_.horizon_trials;
}

void AshaScheduler::tell(const TrialReport& report) {
  const auto found = std::lower_bound(settings_.rungs.begin(), settings_.rungs.end(), report.iteration);
  if (found == settings_.rungs.end() || *found != report.iteration) return;
  Rung& rung = rungs_[static_cast<std::size_t>(found - settings_.rungs.begin())];
  rung.waiting.emplace(report.trial, report.loss);
  if (rung.resolved == report.trial) advance(rung);
}

void AshaScheduler::tell_over(std::int64_t trial) {
  const auto i = static_cast<std::size_t>(trial);
  if (over_.size() <= i) over_.resize(i + 1);
  over_[i] = true;
  for (Rung& rung : rungs_) {
    if (rung.resolved == trial) advance(rung);
  }
}

void AshaScheduler::tell_count(std::int64_t trials) {
  count_ = trials;
  for (Rung& rung : rungs_) advance(rung);
}

// Takes the trials that follow in order. After each, those that came among the best go on, and the one whose last
// chance it was is stopped.
void AshaScheduler::advance(Rung& rung) {
  while (rung.resolved < count_) {
    const std::int64_t trial = rung.resolved;
    const auto reported = rung.waiting.find(trial);
    const auto i = static_cast<std::size_t>(trial);
    if (reported == rung.waiting.end() && (i >= over_.size() || !over_[i])) return;
    ++rung.resolved;
    if (reported != rung.waiting.end()) {
      const auto share = static_cast<std::size_t>(static_cast<double>(rung.losses.size() + 1) / settings_.eta);
      const std::size_t best_before = rung.losses.best_size();
      const RankedTrial own{reported->second, trial};
      rung.losses.insert(own, std::max<std::size_t>(1, share));
      // Into the best came at most two: the trial itself, and the one that is now the worst of them.
      const RankedTrial last = rung.losses.worst_of_best();
      if (!better(last, own)) promote(rung, trial);
      if (rung.losses.best_size() > best_before) promote(rung, last.trial);
    }
    if (const auto found = rung.waiting.find(trial - settings_.horizon_trials); found != rung.waiting.end()) {
      decide_one(rung, found->first, found->second, Verdict::kStop);
      rung.waiting.erase(found);
    }
  }
  for (const auto& [trial, loss] : rung.waiting) decide_one(rung, trial, loss, Verdict::kStop);
  rung.waiting.clear();
}

void AshaScheduler::promote(Rung& rung, std::int64_t trial) {
  const auto found = rung.waiting.find(trial);
  if (found == rung.waiting.end() || std::isnan(found->second)) return;
  decide_one(rung, trial, found->second, Verdict::kGoOn);
  rung.waiting.erase(found);
}

void AshaScheduler::decide_one(const Rung& rung, std::int64_t trial, double loss, Verdict verdict) {
  made_.push_back({trial, Question::kIteration, rung.iteration, verdict, 0,
                   saw_of({{"value", loss},
                           {"cohort", rung.losses.size()},
                           {"keep", rung.losses.best_size()},
                           {"threshold", rung.losses.worst_of_best().loss},
                           {"through", rung.resolved - 1}})});
}

std::vector<Decision> AshaScheduler::decide() { return std::exchange(made_, {}); }

}  // namespace caviar
