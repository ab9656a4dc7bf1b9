#include "kernels/gather.h"

#include <algorithm>

namespace caviar {

namespace {

void convert(const std::uint8_t* __restrict pixels, std::ptrdiff_t n, const GatherArgs& a, float* __restrict out) {
  for (std::ptrdiff_t i = 0; i < n; ++i) out[i] = static_cast<float>(pixels[i]) / 255.0f;
  if (!a.standardize) return;
  const float mean = a.mean, std = a.std;
  for (std::ptrdiff_t i = 0; i < n; ++i) out[i] = (out[i] - mean) / std;
}

}  // namespace

void gather(const Cpu&, const GatherArgs& a) {
  const std::ptrdiff_t width = padded(a.features), step = width * a.rows,
                       size = static_cast<std::ptrdiff_t>(a.steps) * a.features;
  constexpr std::ptrdiff_t kChunk = 1024;  // pixels converted in one vectorised loop
  float value[kChunk];
  const std::ptrdiff_t steps_at_once = a.features <= kChunk ? kChunk / a.features : 1;
  for (int row = 0; row < a.rows; ++row) {
    const std::int64_t example = a.order.at(a.first + row);
    a.y[row] = a.labels[example];
    const std::uint8_t* pixels = a.pixels + example * size;
    for (std::ptrdiff_t t0 = 0; t0 < a.steps; t0 += steps_at_once) {
      const std::ptrdiff_t t1 = std::min<std::ptrdiff_t>(a.steps, t0 + steps_at_once);
      for (std::ptrdiff_t j0 = 0; j0 < a.features; j0 += kChunk) {
        const std::ptrdiff_t wide = std::min<std::ptrdiff_t>(kChunk, a.features - j0);
        const std::ptrdiff_t n = (t1 - t0 - 1) * a.features + wide;
        convert(pixels + t0 * a.features + j0, n, a, value);
        for (std::ptrdiff_t t = t0; t < t1; ++t)
          std::copy_n(value + (t - t0) * a.features, wide, a.x + t * step + row * width + j0);
      }
    }
  }
}

}  // namespace caviar
