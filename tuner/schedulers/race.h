// Races blocks of trials over the same seeds: those that may still be the best of their block get more of them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "tuner/scheduler.h"
#include "tuner/spec/options.h"

namespace caviar {

struct SearchScope;

// Racing (Maron & Moore 1994, "Hoeffding Races") with paired t tests in the place of Hoeffding's bound, as the t-race
// of Birattari, Stuetzle, Paquete, Varrentrapp 2002 and of irace (Lopez-Ibanez, Dubois-Lacoste, Perez Caceres,
// Birattari, Stuetzle 2016); the seeds stand for their problem instances. Trials 0 .. block - 1 are a block, the next
// `block` another, and so on. All trials of a block begin with `first_seeds` seeds. When all that are still in the race
// have finished these, a trial is out when one of its seeds diverged; of the a that are left the leader is the one with
// the least mean (the lower number among equals), and every other is out when the one-sided paired t test against the
// leader (paired_tests.h) gives p < alpha / (a - 1), Bonferroni's correction for the a - 1 tests of this stage. The
// others get `add` seeds more, until one is left, which needs no more, or the seeds are used up.
//
// With `confidence` the race is over all trials (unless `block` says otherwise) and its risk is that of the whole race:
// the threshold is (1 - confidence) / (l (n - 1)) for n trials that have finished their first seeds and l looks, one at
// every number of seeds a trial may come to, the last included. By Bonferroni's bound over looks and leaders, a trial
// that is as good as every other is put out at any time with a probability of at most 1 - confidence, for differences
// between trials that are normal over the seeds; so a trial that is left alone is the best with that confidence. Then
// a trial counts by its first seeds for samplers, which need not wait for the race.
//
// Differs from irace: no elitism, without `confidence` no correction for looking again at every stage (so alpha is the
// risk of a stage, not of the race), and no budget shared between races. The last block is smaller when the trials end:
// decisions depend on their number. Memory: 8 bytes a seed and 32 a trial in blocks under way; nothing of finished ones
// but the block.
//
// saw: block (from 0), alive (a), leader, mean, leader_mean, and of the others p and threshold; of a trial with a
// diverged seed only block and alive.
class RaceScheduler final : public Scheduler {
 public:
  struct Settings {
    std::int64_t block = 16;
    std::int64_t first_seeds = 2;
    std::int64_t add = 1;
    double grow = 1;  // stage n is followed by max(n + add, floor(n grow))
    double alpha = 0.05;
    std::optional<double> confidence;  // in the place of alpha
  };
  static constexpr OptionHelp kOptions[] = {
      {"block", OptionKind::kWhole, "", 1, 1e9, "",
       "Trials that race against each other; without it the study's window, at least 16, or with confidence all."},
      {"first_seeds", OptionKind::kWhole, "2", 1, 1e6, "", "Seeds a trial has before it is first judged."},
      {"add", OptionKind::kWhole, "1", 1, 1e6, "", "Seeds more for a trial that stays in the race."},
      {"grow", OptionKind::kNumber, "1", 1, 100, "",
       "Seeds after a stage as a multiple of those before, where that is more than add gives."},
      {"alpha", OptionKind::kNumber, "", 0, 1, "",
       "The risk, at each stage, that a trial as good as the leader is put out [default: 0.05]."},
      {"confidence", OptionKind::kNumber, "", 0.5, 0.999999, "",
       "In the place of alpha: with which the best is never put out, over all stages together."},
  };

  // seeds: the most a trial may have.
  RaceScheduler(const Settings& settings, std::int64_t seeds);
  static std::unique_ptr<Scheduler> make(const OptionSet& options, const SearchScope& scope);

  std::int64_t first_seeds(std::int64_t seeds) const override;
  void tell_seeds(std::int64_t trial, std::span<const double> losses) override;
  void tell_over(std::int64_t trial) override;
  void tell_count(std::int64_t trials) override;
  std::vector<Decision> decide() override;
  std::int64_t horizon(std::int64_t trial) const override;
  bool fixed_by_count() const override { return true; }
  bool first_seeds_count() const override { return settings_.block == kAllTrials; }

  static constexpr std::int64_t kAllTrials = std::int64_t{1} << 61;  // a block of them has no end of its own

 private:
  struct Member {
    std::vector<double> losses;
    bool over = false;
    bool out = false;
  };
  struct Block {
    std::int64_t size = 0;        // 0: not begun
    std::int64_t stage = 0;       // seeds that are compared next; above all seeds: the race is over
    std::int64_t entered = 0;     // members that finished the first seeds
    std::int64_t missing = 0;     // members in the race that have neither these seeds nor ended
    std::vector<Member> members;  // up to the last that was told of
  };

  Block& block_of(std::int64_t index);
  static Member& member_of(Block& block, std::int64_t i);
  bool is_there(const Member& member, const Block& block) const;
  void settle(std::int64_t index, Block& block);
  void settle_stage(std::int64_t index, Block& block);
  std::int64_t after(std::int64_t stage) const;  // the seeds that are compared next
  double threshold(const Block& block, std::int64_t racing) const;

  Settings settings_;
  std::int64_t seeds_;
  std::int64_t looks_;  // stages there may be
  std::int64_t count_;  // of trials; the largest number while it is not known
  std::vector<Block> blocks_;
  std::vector<Decision> made_;
};

}  // namespace caviar
