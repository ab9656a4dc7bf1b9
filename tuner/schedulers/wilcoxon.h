// Gives a trial further seeds only while it may still be as good as the best before it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "tuner/scheduler.h"
#include "tuner/spec/options.h"

namespace caviar {

struct SearchScope;

// After the Wilcoxon pruner of Optuna, with seeds for its problem instances: a trial starts with `first_seeds` seeds
// and is given one more at a time. Before each it is compared with a reference on the seeds it has, which the reference
// has too, by the one-sided signed-rank test (paired_tests.h says which). It gets no further seed when p < p_threshold
// and its mean over these seeds is worse than the reference's; also when one of its seeds diverged.
//
// The reference of trial t is, of the trials 0 .. t - window that finished all seeds and diverged on none, the one with
// the least mean over all of its seeds, the lower number among equals; while there is none, nothing is stopped. (Optuna
// takes the best trial there is at the moment.) The reference's mean is over all seeds because that is what is known
// best. A trial waits until the trials 0 .. t - window are over.
//
// p cannot be below 2^-n on n seeds, so with the threshold at 0.1 fewer than 4 seeds decide nothing. Trials are tested
// again after every seed, so the chance to give up one as good as the reference is above p_threshold.
// Memory: the losses of trials under way, and of each trial that was the best of those before it.
//
// saw: best (the reference), p, mean, best_mean (over the same seeds); while there is no reference, or a seed diverged,
// only what there is.
class WilcoxonScheduler final : public Scheduler {
 public:
  struct Settings {
    std::int64_t first_seeds = 4;
    double p_threshold = 0.1;
  };
  static constexpr OptionHelp kOptions[] = {
      {"first_seeds", OptionKind::kWhole, "4", 1, 1e6, "", "Seeds a trial has before it is first judged."},
      {"p_threshold", OptionKind::kNumber, "0.1", 0, 1, "",
       "A trial gets no further seed when, were it as good as the best, it would look so bad with less probability."},
  };

  // seeds: the most a trial may have; window >= 1.
  WilcoxonScheduler(const Settings& settings, std::int64_t seeds, std::int64_t window);
  static std::unique_ptr<Scheduler> make(const OptionSet& options, const SearchScope& scope);

  std::int64_t first_seeds(std::int64_t seeds) const override;
  void tell_seeds(std::int64_t trial, std::span<const double> losses) override;
  void tell_over(std::int64_t trial) override;
  std::vector<Decision> decide() override;

 private:
  struct Open {
    std::vector<double> losses;
    std::int64_t judged = 0;  // the last number of seeds decided on
    bool over = false;
    bool given_up = false;
  };
  struct Reference {
    std::int64_t trial = 0;
    double mean = 0;
    std::vector<double> losses;
  };

  std::int64_t cohort_end(std::int64_t trial) const { return trial < window_ ? 0 : trial - window_ + 1; }
  void advance();
  void judge(std::int64_t trial, Open& open);
  Decision decide_one(std::int64_t trial, std::span<const double> losses) const;

  Settings settings_;
  std::int64_t seeds_, window_;
  std::int64_t over_ = 0;              // trials 0 .. over_ - 1 are over
  std::map<std::int64_t, Open> open_;  // told of, and not both over and passed by over_
  std::vector<Reference> references_;  // each better than those before it
  std::vector<Decision> made_;
};

}  // namespace caviar
