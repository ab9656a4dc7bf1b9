// Independent draws from every parameter's distribution, without end.
#pragma once

#include <cstdint>

#include "tuner/sampler.h"
#include "tuner/space.h"

namespace caviar {

// A point drawn from the distributions of all parameters: sampler_unit(seed, trial, label) for each; further attempts
// take the next numbers of the same sequences.
Point random_point(const SearchSpace& space, std::uint64_t sweep_seed, std::int64_t trial, int attempt = 0);

class RandomSampler final : public Sampler {
 public:
  RandomSampler(const SearchSpace& space, std::uint64_t sweep_seed) : space_(space), sweep_seed_(sweep_seed) {}

 private:
  std::optional<Config> propose(std::int64_t number, int attempt) override;

  SearchSpace space_;
  std::uint64_t sweep_seed_;
};

}  // namespace caviar
