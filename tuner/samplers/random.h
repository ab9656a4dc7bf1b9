// Independent draws from every parameter's distribution, without end.
#pragma once

#include <cstdint>

#include "tuner/sampler.h"
#include "tuner/space.h"

namespace caviar {

// A draw in [0, 1) for one parameter of one trial, 53 bits: Philox with the sweep seed as key, at a counter made of the
// trial's number and 64 bits of hash (FNV-1a) of the parameter's name. So a trial can be drawn without those before it,
// and adding, removing or reordering parameters moves no other's values.
double sampler_unit(std::uint64_t sweep_seed, std::int64_t trial, const std::string& parameter);

class RandomSampler final : public Sampler {
 public:
  RandomSampler(const SearchSpace& space, std::uint64_t sweep_seed) : space_(space), sweep_seed_(sweep_seed) {}

  std::optional<Config> suggest(std::int64_t number) override;

 private:
  SearchSpace space_;
  std::uint64_t sweep_seed_;
};

}  // namespace caviar
