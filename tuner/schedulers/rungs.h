// The iterations at which trials are compared: a geometric series.
#pragma once

#include <cstdint>
#include <vector>

namespace caviar {

// min_iter eta^k for k = 0, 1, ... below max_iter, cut to whole numbers, each once, ascending. min_iter >= 1, eta > 1.
// The powers are products, so that every host has the same.
std::vector<std::int64_t> geometric_rungs(std::int64_t min_iter, std::int64_t max_iter, double eta);

}  // namespace caviar
