#include "kernels/dropout.h"

#include <cstddef>

#include "kernels/base/window.h"
#include "kernels/math/dropout.h"

namespace caviar {

void dropout(const Cpu&, const DropoutArgs& a) {
  const std::ptrdiff_t real = static_cast<std::ptrdiff_t>(a.segments) * padded(a.length);
  const std::ptrdiff_t width = a.width, step = width * a.rows;
  const float scale = 1.0f / (1.0f - a.probability);
  for (int row = 0; row < a.rows; ++row)
    for (int t = 0; t < a.steps; ++t) {
      const std::int64_t element = (static_cast<std::int64_t>(a.first_row + row) * a.steps + t) * real;
      const float* in = a.in + t * step + row * width;
      float* out = a.out + t * step + row * width;
      for (std::ptrdiff_t j = 0; j < real; j += 4) {
        const DropoutFactors f = dropout_factors(a.seed, a.step, a.layer, static_cast<std::uint32_t>((element + j) / 4),
                                                 a.probability, scale);
        for (int lane = 0; lane < 4; ++lane) out[j + lane] = in[j + lane] * f.value[lane];
      }
    }
}

}  // namespace caviar
