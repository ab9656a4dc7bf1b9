// Initial weights of one tensor.
#pragma once

#include <cstdint>

#include "kernels/base/device.h"

namespace caviar {

// w[i] = initial_weight(seed, tensor, i, bound) for i in [0, n): kernels/math/init.h.
void initialize(const Cpu&, std::uint64_t seed, std::uint32_t tensor, float bound, std::int64_t n, float* w);

}  // namespace caviar
