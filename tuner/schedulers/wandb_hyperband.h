// W&B's early termination, `early_terminate: {type: hyperband}`.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "tuner/scheduler.h"
#include "tuner/schedulers/window_cohort.h"
#include "tuner/spec/options.h"
#include "tuner/spec/spec.h"

namespace caviar {

struct SearchScope;

// W&B's rule as its sweep engine has it, on whole histories; less is better, iterations are counted from 1.

// What a run must not be worse than at each band: of the m values of all runs that reached that iteration, the one of
// index [m / eta] (counted from 0) in ascending order; infinite where no run got that far.
std::vector<double> band_thresholds(std::span<const std::vector<double>> histories, std::span<const std::int64_t> bands,
                                    double eta);

// Whether a run stops: at the highest band it has reached its value there (strict), or its best value so far, is worse
// than the threshold.
bool stops_at_bands(std::span<const double> history, std::span<const std::int64_t> bands,
                    std::span<const double> thresholds, bool strict);

// The same rule on cohorts fixed in advance. At each band a trial is compared with the trials 0 .. t - window that
// reached that band, and itself: the threshold is the value of index [m / eta] of those m values. Differs from W&B's
// cloud in when it looks: there, every few minutes, at whatever has been logged until then; here, at the band, before
// the trial goes on. So the first `window` trials, which have nobody to be compared with, are never stopped, and no
// trial trains beyond a band it was to be stopped at. A trial that diverged at a band counts as infinite there (W&B
// leaves it out). Bands: hyperband_bands() of spec.h.
//
// saw: value (what was compared), threshold, cohort (m).
class WandbHyperbandScheduler final : public Scheduler {
 public:
  static constexpr OptionHelp kOptions[] = {
      {"min_iter", OptionKind::kWhole, "", 1, 1e15, "", "The first band; the others are eta times the one before."},
      {"max_iter", OptionKind::kWhole, "", 1, 1e15, "", "With s: bands at max_iter / eta, max_iter / eta^2, ..."},
      {"s", OptionKind::kNumber, "", 0, 100, "", "How many bands below max_iter."},
      {"eta", OptionKind::kNumber, "3", 1.001, 1e6, "", "One of eta trials stays below the threshold of a band."},
      {"strict", OptionKind::kFlag, "true", 0, 0, "",
       "Compare the value at the band; false: the best value until then."},
  };

  // At least one band; window >= 1.
  WandbHyperbandScheduler(const EarlyTerminateSpec& early, std::int64_t window);
  // Throws Error when the settings name no band.
  static std::unique_ptr<Scheduler> make(const OptionSet& options, const SearchScope& scope);

  // The settings that mean a sweep's early_terminate.
  static Choice choice(const EarlyTerminateSpec& early);

  bool judges(std::int64_t iteration) const override;
  void tell(const TrialReport& report) override;
  void tell_over(std::int64_t trial) override { cohort_.tell_over(trial); }
  std::vector<Decision> decide() override;

 private:
  std::vector<std::int64_t> bands_;
  bool strict_;
  WindowCohort cohort_;
  std::vector<double> best_;  // by trial
};

}  // namespace caviar
