// Every point of the space once, in W&B's order: parameters sorted by name, the last name fastest.
#pragma once

#include "tuner/sampler.h"
#include "tuner/space.h"

namespace caviar {

// Trial i is computed from i alone: nothing is expanded, so a grid of a million points costs nothing.
class GridSampler final : public Sampler {
 public:
  // Throws Error for a parameter without a grid, or when there are 2^63 points or more.
  explicit GridSampler(const SearchSpace& space);

  std::int64_t size() const override { return size_; }

 private:
  std::optional<Config> propose(std::int64_t number, int attempt) override;

  SearchSpace space_;
  std::int64_t size_;
};

}  // namespace caviar
