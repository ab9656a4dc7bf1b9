// Every point of the space once, in W&B's order: parameters sorted by name, the last name fastest.
#pragma once

#include <vector>

#include "tuner/sampler.h"
#include "tuner/space.h"

namespace caviar {

// Trial i is computed from i alone: nothing is expanded, so a grid of a million points costs nothing.
class GridSampler final : public Sampler {
 public:
  // Throws Error for a parameter without a grid, or when there are 2^63 points or more.
  explicit GridSampler(const SearchSpace& space);

  std::optional<Config> suggest(std::int64_t number) override;
  std::int64_t size() const override { return size_; }

 private:
  SearchSpace space_;
  std::vector<std::int64_t> sizes_;  // [parameters]
  std::int64_t size_ = 1;
};

}  // namespace caviar
