// Asynchronous successive halving, made independent of when results arrive.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "tuner/scheduler.h"
#include "tuner/schedulers/ranked.h"
#include "tuner/spec/options.h"

namespace caviar {

struct SearchScope;

// ASHA (Li, Jamieson, Rostamizadeh, Gonina, Ben-tzur, Hardt, Recht, Talwalkar 2020, "A System for Massively Parallel
// Hyperparameter Tuning", algorithm 2) promotes a trial from a rung as soon as it is among the best 1 / eta of those
// that have reached it, and looks again whenever another one arrives; what it does so depends on the order of arrival.
// Here trials arrive in the order of their numbers. Of the trials 0 .. m let n_m be those that reached the rung; trial
// t is promoted when for some m in t .. t + horizon_trials it is among the best max(1, [n_m / eta]) of them, at the
// first such m, and stopped when there is none. It waits until the trials 0 .. m have reported the rung or are over, so
// for lower rungs of others alone and never for itself. Equal losses go by the lower trial; a diverged trial is never
// promoted.
//
// Differs from the paper also in that a trial that is not promoted within its horizon is ended (there it stays where it
// is and may be promoted at any later time); so that one is always kept, as in Optuna, for else a study of few trials
// would end without any at its last iteration; and that promotion is not preferred to new trials: the study decides
// what a free slot takes.
//
// Rungs: min_iter eta^k below max_iter. When the trials end, m ends with them: decisions depend on their number.
// Memory: 16 bytes for each trial and rung it reached.
//
// saw: value, cohort (n_m), keep (how many are promoted of them), threshold (the worst of these), through (m).
class AshaScheduler final : public Scheduler {
 public:
  struct Settings {
    std::vector<std::int64_t> rungs;  // ascending, at least one
    double eta = 3;                   // > 1
    std::int64_t horizon_trials = 1;  // >= 0
  };
  static constexpr OptionHelp kOptions[] = {
      {"max_iter", OptionKind::kWhole, "100", 2, 1e12, "",
       "Iterations of a whole training: the rungs are below, and a trial beyond the last one trains to its end."},
      {"min_iter", OptionKind::kWhole, "1", 1, 1e12, "", "The first rung; the others are eta times the one before."},
      {"eta", OptionKind::kNumber, "3", 1.1, 1000, "", "Of the trials at a rung the best of eta goes on."},
      {"horizon_trials", OptionKind::kWhole, "", 0, 1e9, "",
       "So many later trials are awaited before a trial is given up; without it the study's window."},
  };

  explicit AshaScheduler(Settings settings);
  // Throws Error when there is no rung.
  static std::unique_ptr<Scheduler> make(const OptionSet& options, const SearchScope& scope);

  bool judges(std::int64_t iteration) const override;
  void tell(const TrialReport& report) override;
  void tell_over(std::int64_t trial) override;
  void tell_count(std::int64_t trials) override;
  std::vector<Decision> decide() override;
  std::int64_t horizon(std::int64_t trial) const override;
  bool fixed_by_count() const override { return true; }

 private:
  struct Rung {
    std::int64_t iteration = 0;
    std::int64_t resolved = 0;               // trials 0 .. resolved - 1 have reported it or are over
    DividedSet<RankedTrial> losses;          // of those
    std::map<std::int64_t, double> waiting;  // reported and not decided
  };

  void advance(Rung& rung);
  void promote(Rung& rung, std::int64_t trial);
  void decide_one(const Rung& rung, std::int64_t trial, double loss, Verdict verdict);

  Settings settings_;
  std::int64_t count_;  // of trials; the largest number while it is not known
  std::vector<bool> over_;
  std::vector<Rung> rungs_;
  std::vector<Decision> made_;
};

}  // namespace caviar
