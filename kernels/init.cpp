#include "kernels/init.h"

#include <algorithm>

#include "kernels/math/init.h"

namespace caviar {

void initialize(const Cpu&, const InitArgs& a) {
  for (int s = a.window.s0; s < a.window.s1; ++s)
    for (std::int64_t i = 0; i < a.size; ++i)
      a.weights[s][i] = initial_weight(a.rows[s].seeds.init, a.tensor, static_cast<std::uint64_t>(i), a.bound);
}

void set_zero(const Cpu&, const Window& window, const Slab<float>& values, std::int64_t size) {
  for (int s = window.s0; s < window.s1; ++s) std::fill_n(values[s], size, 0.0f);
}

}  // namespace caviar
