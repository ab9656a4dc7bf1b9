#include "kernels/dropout.h"

#include <algorithm>
#include <cstddef>

#include "kernels/math/dropout.h"

namespace caviar {

namespace {

void dropout_slot(const DropoutArgs& a, int slot) {
  const SlotRow& s = a.rows[slot];
  const int rows = a.window.rows();
  const std::ptrdiff_t real = static_cast<std::ptrdiff_t>(a.segments) * padded(a.length);
  const std::ptrdiff_t width = a.width, step = width * rows;
  const float p = s.hyper.dropout, scale = 1.0f / (1.0f - p);
  if (!(p > 0.0f)) {
    if (a.in[slot] != a.out[slot]) std::copy_n(a.in[slot], a.steps * step, a.out[slot]);
    return;
  }
  for (int row = 0; row < rows; ++row)
    for (int t = 0; t < a.steps; ++t) {
      const std::int64_t element = (static_cast<std::int64_t>(a.window.b0 + row) * a.steps + t) * real;
      const float* in = a.in[slot] + t * step + row * width;
      float* out = a.out[slot] + t * step + row * width;
      for (std::ptrdiff_t j = 0; j < real; j += 4) {
        const DropoutFactors f = dropout_factors(s.seeds.dropout, static_cast<std::uint32_t>(s.step), a.layer,
                                                 static_cast<std::uint32_t>((element + j) / 4), p, scale);
        for (int lane = 0; lane < 4; ++lane) out[j + lane] = in[j + lane] * f.value[lane];
      }
    }
}

}  // namespace

void dropout(const Cpu&, const DropoutArgs& a) {
  for (int s = a.window.s0; s < a.window.s1; ++s)
    if (a.rows[s].on) dropout_slot(a, s);
}

}  // namespace caviar
