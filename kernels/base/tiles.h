// How many blocks cover an array: the one rule by which grids are sized. Grids depend on shapes alone, since a captured
// launch outlives the runs that were in the pack.
#pragma once

#include <cstdint>

#include "kernels/base/hd.h"

namespace caviar {

// Tiles of `size` elements that cover n of them. n >= 0, size > 0; at most 2^31 - 1, the largest grid.
CAVIAR_HD constexpr unsigned tiles(std::int64_t n, std::int64_t size) {
  return static_cast<unsigned>((n + size - 1) / size);
}

}  // namespace caviar
