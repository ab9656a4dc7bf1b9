#include "kernels/init.h"

#include "kernels/math/init.h"

namespace caviar {

void initialize(const Cpu&, std::uint64_t seed, std::uint32_t tensor, float bound, std::int64_t n, float* w) {
  for (std::int64_t i = 0; i < n; ++i) w[i] = initial_weight(seed, tensor, static_cast<std::uint64_t>(i), bound);
}

}  // namespace caviar
