#include "tuner/samplers/grid.h"

#include "kernels/base/error.h"

namespace caviar {

GridSampler::GridSampler(const SearchSpace& space) : space_(space) {
  for (const Parameter& parameter : space_.parameters()) {
    sizes_.push_back(parameter.grid_size());
    if (__builtin_mul_overflow(size_, sizes_.back(), &size_)) {
      fail("the grid has 2^63 points or more; use fewer values or method: random");
    }
  }
}

std::optional<Config> GridSampler::suggest(std::int64_t number) {
  if (number < 0 || number >= size_) return std::nullopt;
  Config config;
  for (std::size_t i = sizes_.size(); i-- > 0;) {
    const Parameter& parameter = space_.parameters()[i];
    config.emplace(parameter.name(), parameter.grid_value(number % sizes_[i]));
    number /= sizes_[i];
  }
  return config;
}

}  // namespace caviar
