#include "tuner/samplers/grid.h"

#include "kernels/base/error.h"

namespace caviar {

GridSampler::GridSampler(const SearchSpace& space) : space_(space), size_(space.count(SearchSpace::Listing::kGrid)) {
  if (size_ < 0) fail("the grid has 2^63 points or more; use fewer values or method: random");
}

std::optional<Config> GridSampler::propose(std::int64_t number, int attempt) {
  if (number < 0 || number >= size_ || attempt > 0) return std::nullopt;
  return space_.config_number(SearchSpace::Listing::kGrid, number);
}

}  // namespace caviar
