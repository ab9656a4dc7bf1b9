#include "kernels/gather.h"

#include <algorithm>

namespace caviar {

namespace {

void convert(const std::uint8_t* __restrict pixels, std::ptrdiff_t n, const SlotRow& row, float* __restrict out) {
  for (std::ptrdiff_t i = 0; i < n; ++i) out[i] = unit_pixel(pixels[i]);
  if (!row.hyper.standardize) return;
  const float mean = row.pixel_mean, std = row.pixel_std;
  for (std::ptrdiff_t i = 0; i < n; ++i) out[i] = standardized(out[i], mean, std);
}

void gather_slot(const GatherArgs& a, int slot) {
  const SlotRow& s = a.rows[slot];
  const ExampleArray& set = s.from_test ? a.test : a.train;
  const int rows = a.window.rows();
  const std::ptrdiff_t width = padded(a.features), step = width * rows,
                       size = static_cast<std::ptrdiff_t>(a.steps) * a.features;
  constexpr std::ptrdiff_t kChunk = 1024;  // pixels converted in one vectorised loop
  float value[kChunk];
  const std::ptrdiff_t steps_at_once = a.features <= kChunk ? kChunk / a.features : 1;
  for (int row = 0; row < rows; ++row) {
    const std::int64_t example = s.order.at(s.first + a.window.b0 + row);
    a.labels[slot][a.window.b0 + row] = set.labels[example];
    const std::uint8_t* pixels = set.pixels + example * size;
    float* x = a.x[slot] + row * width;
    for (std::ptrdiff_t t0 = 0; t0 < a.steps; t0 += steps_at_once) {
      const std::ptrdiff_t t1 = std::min<std::ptrdiff_t>(a.steps, t0 + steps_at_once);
      for (std::ptrdiff_t j0 = 0; j0 < a.features; j0 += kChunk) {
        const std::ptrdiff_t wide = std::min<std::ptrdiff_t>(kChunk, a.features - j0);
        const std::ptrdiff_t n = (t1 - t0 - 1) * a.features + wide;
        convert(pixels + t0 * a.features + j0, n, s, value);
        for (std::ptrdiff_t t = t0; t < t1; ++t) std::copy_n(value + (t - t0) * a.features, wide, x + t * step + j0);
      }
    }
  }
}

}  // namespace

void gather(const Cpu&, const GatherArgs& a) {
  for (int s = a.window.s0; s < a.window.s1; ++s)
    if (a.rows[s].on) gather_slot(a, s);
}

}  // namespace caviar
