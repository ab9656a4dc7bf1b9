// BOHB: a model of the results at the longest training that enough trials have had, and random draws between.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "tuner/sampler.h"
#include "tuner/samplers/axes.h"
#include "tuner/samplers/gp_search.h"
#include "tuner/samplers/observations.h"
#include "tuner/samplers/tpe.h"

namespace caviar {

struct BohbSettings {
  double random_share = 1.0 / 3;  // the paper's rho: of the trials, draws from the parameters' own distributions
  bool by_gp = false;             // the model is GpSearch's instead of the Parzen estimators
  TpeSettings tpe;                // its `startup` is not read
};

// The sampler of BOHB (Falkner, Klein, Hutter 2018, "Robust and Efficient Hyperparameter Optimization at Scale",
// algorithm 2); the scheduler that belongs to it is hyperband. For each trial:
//   - with probability random_share it is a random draw, so the search is never much worse than random search with the
//     same scheduler;
//   - else the model is made of the trials judged at one iteration, the greatest at which at least d + 2 trials were,
//     d being the number of parameters that vary: short trainings guide the search until there are enough long ones;
//   - before there is such an iteration it is a random draw.
// What TrialResult::curve says of a trial counts at each of its iterations; a trial that diverged counts as diverged at
// the last one, and without a curve a result counts at iteration 0.
//
// Differences from the paper: the Parzen estimators are tpe.h's, with its share of good trials, its bandwidth and its
// pending trials, in place of 15 % and d + 1 at least, the normal reference rule and none; so one point is enough for
// the density of the good. The draws from l are not widened threefold.
//
// Memory: one observation (observations.h) for each iteration a trial was judged at. A suggestion costs what the
// model's costs.
class BohbSampler final : public Sampler {
 public:
  BohbSampler(const SearchSpace& space, const BohbSettings& settings, std::uint64_t sweep_seed, std::int64_t window);
  BohbSampler(const BohbSampler&) = delete;
  BohbSampler& operator=(const BohbSampler&) = delete;

  std::int64_t needs(std::int64_t number) const override { return number - window_; }
  void started(const Trial& trial) override { pending_.started(space_, trial); }
  void tell(const TrialResult& result) override;

  // The iteration whose results the model is made of; below 0: there is none yet.
  std::int64_t modelled_iteration() const;

 private:
  struct Level {
    Observations seen;
    std::unique_ptr<GpSearch> search;  // by_gp
  };

  std::optional<Config> propose(std::int64_t number, int attempt) override;
  std::vector<Point> candidates(std::int64_t number);

  SearchSpace space_;
  std::vector<Axis> axes_;
  BohbSettings settings_;
  std::uint64_t sweep_seed_;
  std::int64_t window_;
  std::size_t enough_ = 2;                // results for a model
  std::map<std::int64_t, Level> levels_;  // by iteration
  PendingTrials pending_;
};

}  // namespace caviar
