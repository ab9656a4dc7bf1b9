// Stops a trial that is behind the median, or another percentile, of those before it.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "tuner/scheduler.h"
#include "tuner/schedulers/window_cohort.h"
#include "tuner/spec/options.h"

namespace caviar {

struct SearchScope;

// The median stopping rule (Golovin, Solnik, Moitra, Kochanski, Karro, Sculley 2017, "Google Vizier", section 3.2.2) in
// Optuna's variant: at iteration n a trial is stopped when its best loss until then is worse than the median of the
// losses the others had at iteration n itself. (The paper takes the median of their running averages.) The percentile
// rule has another percentile in the median's place: 25 keeps the trials that are within the best quarter.
//
// Others than Optuna's: the cohort of trial t is those of the trials 0 .. t - window that reached iteration n, finished
// or not, so that slots and speed never enter; one that diverged there counts as infinite and is not left out.
// The percentile p of v_0 <= ... <= v_{m-1} is linear between neighbours: h = (m - 1) p / 100, v_[h] + (h - [h])
// (v_[h]+1 - v_[h]), as in NumPy.
//
// Memory: 8 bytes for each iteration a trial was judged at, as any later cut may fall on any of these losses (the exact
// percentile of a set that grows needs all of it). A trial judged at 1,000 reports keeps 8,000 bytes; `interval` = 30
// makes that 270.
//
// saw: best, threshold (absent while there is none), cohort (its size).
class PercentileScheduler final : public Scheduler {
 public:
  struct Settings {
    double percentile = 50;              // 0 .. 100
    std::int64_t startup_trials = 5;     // a cohort below this size stops nothing
    std::int64_t warmup_iterations = 0;  // the first iteration judged is the one after
    std::int64_t interval = 1;           // and from there on every so many
  };
  static constexpr OptionHelp kMedianOptions[] = {
      {"startup_trials", OptionKind::kWhole, "5", 1, 1e9, "",
       "Earlier trials that must have reached an iteration before one is stopped there."},
      {"warmup_iterations", OptionKind::kWhole, "0", 0, 1e9, "", "Iterations at which no trial is stopped yet."},
      {"interval", OptionKind::kWhole, "1", 1, 1e9, "", "Judge at every so many iterations after these."},
  };
  static constexpr OptionHelp kPercentileOptions[] = {
      {"percentile", OptionKind::kNumber, "25", 0, 100, "",
       "Stop a trial that is worse than this percentile of the earlier ones: 25 keeps those in the best quarter."},
      kMedianOptions[0],
      kMedianOptions[1],
      kMedianOptions[2]};

  // window >= 1.
  PercentileScheduler(const Settings& settings, std::int64_t window);
  static std::unique_ptr<Scheduler> make(const OptionSet& options, const SearchScope& scope);

  bool judges(std::int64_t iteration) const override;
  void tell(const TrialReport& report) override;
  void tell_over(std::int64_t trial) override { cohort_.tell_over(trial); }
  std::vector<Decision> decide() override;

 private:
  Settings settings_;
  WindowCohort cohort_;
  std::vector<double> best_;  // by trial
};

}  // namespace caviar
