#include "kernels/gather.h"

#include <array>

namespace caviar {

void gather(const Cpu&, const GatherArgs& a) {
  std::array<float, 256> value;
  for (int pixel = 0; pixel < 256; ++pixel) {
    const float unit = static_cast<float>(pixel) / 255.0f;
    value[static_cast<std::size_t>(pixel)] = a.standardize ? (unit - a.mean) / a.std : unit;
  }
  const std::ptrdiff_t width = padded(a.features), step = width * a.rows;
  for (int row = 0; row < a.rows; ++row) {
    const std::int64_t example = a.order.at(a.first + row);
    a.y[row] = a.labels[example];
    const std::uint8_t* pixel = a.pixels + example * a.steps * a.features;
    for (int t = 0; t < a.steps; ++t, pixel += a.features) {
      float* x = a.x + t * step + row * width;
      for (int j = 0; j < a.features; ++j) x[j] = value[pixel[j]];
    }
  }
}

}  // namespace caviar
