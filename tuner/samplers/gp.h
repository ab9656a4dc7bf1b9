// Bayesian optimisation: a Gaussian process of the loss, and the config with the greatest expected improvement.
#pragma once

#include <cstdint>
#include <vector>

#include "tuner/sampler.h"
#include "tuner/samplers/gp_search.h"

namespace caviar {

struct GpSettings {
  std::int64_t startup = 10;  // results before the model is asked; until then, and while all are equal, Sobol points
};

// The search is GpSearch's (gp_search.h): attempts go through its candidates, then through random draws. Memory per
// trial: see Observations.
class GpSampler final : public Sampler {
 public:
  GpSampler(const SearchSpace& space, const GpSettings& settings, std::uint64_t sweep_seed, std::int64_t window);
  GpSampler(const GpSampler&) = delete;
  GpSampler& operator=(const GpSampler&) = delete;

  std::int64_t needs(std::int64_t number) const override { return number - window_; }
  void started(const Trial& trial) override { pending_.started(space_, trial); }
  void tell(const TrialResult& result) override;

 private:
  std::optional<Config> propose(std::int64_t number, int attempt) override;

  SearchSpace space_;
  std::vector<Axis> axes_;
  GpSettings settings_;
  std::uint64_t sweep_seed_;
  std::int64_t window_;
  Observations seen_;
  PendingTrials pending_;
  GpSearch search_;
};

}  // namespace caviar
