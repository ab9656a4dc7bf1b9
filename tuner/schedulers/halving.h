// Synchronous halving in brackets of consecutive trials: successive halving and Hyperband.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "tuner/scheduler.h"
#include "tuner/schedulers/ranked.h"
#include "tuner/spec/options.h"

namespace caviar {

struct SearchScope;

// So many consecutive trials that are compared with each other alone, at these iterations.
struct BracketPlan {
  std::int64_t trials = 1;          // >= 1
  std::vector<std::int64_t> rungs;  // ascending; may be empty: all trials run to their end
};

// Successive halving (Karnin, Koren, Somekh 2013; Jamieson & Talwalkar 2016, "Non-stochastic Best Arm Identification
// and Hyperparameter Optimization") for iterative training: trials 0 .. n - 1 are a bracket, the next n another, and
// so on. At each rung, when every trial that is still in the bracket has reported it or is over, the best
// max(1, [m / eta]) of the m trials that entered the rung go on, the others are stopped. Equal losses go by the lower
// trial. Trials that are over before the rung count among the m and do not go on; those that never reported anything
// (they could not be trained, or mean the same as an earlier trial) do not count. A diverged trial never goes on.
//
// Rungs: min_iter eta^k below max_iter. Unless given, n is eta to the number of rungs, so that one trial of a full
// bracket is left to go on to the end. The paper divides a budget of B over ceil(log2 n) rounds; here, as in Hyperband,
// the rungs are given and eta need not be 2.
//
// Hyperband (Li, Jamieson, DeSalvo, Rostamizadeh, Talwalkar 2018, "Hyperband: A Novel Bandit-Based Approach to
// Hyperparameter Optimization", algorithm 1): with R = max_iter and s_max the largest s with eta^s <= R, brackets
// s = s_max, ..., 0 of ceil((s_max + 1) / (s + 1) eta^s) trials, the rungs of bracket s at R eta^(k - s) for k < s, cut
// to whole numbers; after s = 0 it begins again, until there are no more trials. For R 81 and eta 3: 81, 34, 15, 8 and
// 5 trials. Every trial is configured to train R iterations and is ended at its rung, so a rate schedule runs as if it
// went on (the paper starts each of the rounds with the resources of that round).
//
// The last bracket is smaller when the trials end: decisions depend on their number. A trial waits for all trials of
// its bracket, also for those that have not begun. Memory: 8 bytes for each rung and 12 for each trial of a bracket
// under way; nothing of the trials of finished brackets but the bracket.
//
// saw: bracket (from 0), value, rank (from 1), keep (how many go on), cohort (m). Where an iteration is a rung of other
// brackets only: bracket alone.
class HalvingScheduler final : public Scheduler {
 public:
  static constexpr OptionHelp kHalvingOptions[] = {
      {"max_iter", OptionKind::kWhole, "", 2, 1e12, "", "Iterations of a whole training: the rungs are below."},
      {"min_iter", OptionKind::kWhole, "1", 1, 1e12, "", "The first rung; the others are eta times the one before."},
      {"eta", OptionKind::kNumber, "3", 1.1, 1000, "", "One of eta trials goes on."},
      {"trials", OptionKind::kWhole, "", 1, 1e9, "",
       "Trials of a bracket; without it eta to the number of rungs, so that one is left at the end."},
  };
  static constexpr OptionHelp kHyperbandOptions[] = {
      {"max_iter", OptionKind::kWhole, "", 2, 1e12, "", "Iterations of a whole training, the paper's R."},
      {"eta", OptionKind::kNumber, "3", 1.1, 1000, "", "One of eta trials goes on."},
  };

  // The plans are used in turn, again and again; there is at least one. eta > 1.
  HalvingScheduler(std::vector<BracketPlan> plans, double eta);
  // Both throw Error without max_iter, or when a rung or a bracket is missing.
  static std::unique_ptr<Scheduler> make_halving(const OptionSet& options, const SearchScope& scope);
  static std::unique_ptr<Scheduler> make_hyperband(const OptionSet& options, const SearchScope& scope);

  bool judges(std::int64_t iteration) const override;
  void tell(const TrialReport& report) override;
  void tell_over(std::int64_t trial) override;
  void tell_count(std::int64_t trials) override;
  std::vector<Decision> decide() override;
  std::int64_t horizon(std::int64_t trial) const override;
  bool fixed_by_count() const override { return true; }

 private:
  struct Place {
    std::int64_t bracket = 0, first = 0;  // the bracket's number and its first trial
    const BracketPlan* plan = nullptr;
  };
  struct Member {
    std::int32_t reported = 0;  // rungs
    bool told = false;          // anything
    bool over = false;
    bool out = false;  // it does not go on from a rung
  };
  struct Bracket {
    std::int64_t size = 0;                    // 0: not begun
    std::size_t rung = 0;                     // the next one to settle; all are: nothing else is kept
    std::vector<Member> members;              // up to the last that was told of
    std::vector<std::vector<double>> losses;  // by rung, then by member
    std::vector<std::int32_t> entered;        // members that are compared at `rung`; at the first rung all
    std::int64_t missing = 0;                 // of them, neither there nor over
  };

  Place place_of(std::int64_t trial) const;
  Bracket& bracket_of(const Place& place);
  static Member& member_of(Bracket& bracket, std::int64_t i);
  void settle(const Place& place, Bracket& bracket);
  void settle_rung(const Place& place, Bracket& bracket);

  std::vector<BracketPlan> plans_;
  std::vector<std::int64_t> firsts_;  // of each plan, from the start of a turn; then the trials of a turn
  double eta_;
  std::vector<std::int64_t> rungs_;  // of all plans, ascending
  std::int64_t count_;               // of trials; the largest number while it is not known
  std::vector<Bracket> brackets_;
  std::vector<Decision> made_;
};

// The plans of the two schedulers; see above.
BracketPlan successive_halving_plan(std::int64_t min_iter, std::int64_t max_iter, double eta);
std::vector<BracketPlan> hyperband_plans(std::int64_t max_iter, double eta);

}  // namespace caviar
