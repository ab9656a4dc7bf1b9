#include "kernels/init.h"

#include <algorithm>

#include "kernels/math/init.h"

namespace caviar {

void initialize(const Cpu&, const InitArgs& a) {
  for (int s = a.window.s0; s < a.window.s1; ++s)
    for (std::int64_t i = 0; i < a.size && a.rows[s].on; ++i)
      a.weights[s][i] = initial_weight(a.rows[s].seeds.init, a.tensor, static_cast<std::uint64_t>(i), a.bound);
}

void set_zero(const Cpu&, const ZeroArgs& a) {
  for (int s = a.window.s0; s < a.window.s1; ++s)
    if (a.rows[s].on) std::fill_n(a.values[s], a.size, 0.0f);
}

}  // namespace caviar
