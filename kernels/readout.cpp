#include "kernels/readout.h"

#include <algorithm>
#include <cstddef>

namespace caviar {

namespace {

// The one time step that a direction is read at (not for the mean).
int time_read(const ReadoutArgs& a, int direction) {
  return a.kind == Readout::kFinalStates && direction == 1 ? 0 : a.steps - 1;
}

}  // namespace

void readout_forward(const Cpu&, const ReadoutArgs& a) {
  const std::ptrdiff_t hp = a.direction_width, width = a.width, step = width * a.rows;
  if (a.kind == Readout::kMean) {
    const float divisor = static_cast<float>(a.steps);
    std::fill_n(a.features, step, 0.0f);
    for (int t = 0; t < a.steps; ++t)
      for (std::ptrdiff_t i = 0; i < step; ++i) a.features[i] += a.h[t * step + i];
    for (std::ptrdiff_t i = 0; i < step; ++i) a.features[i] /= divisor;
    return;
  }
  for (int d = 0; d < a.directions; ++d) {
    const float* h = a.h + time_read(a, d) * step + d * hp;
    for (int row = 0; row < a.rows; ++row) std::copy_n(h + row * width, hp, a.features + row * width + d * hp);
  }
}

void readout_backward(const Cpu&, const ReadoutArgs& a) {
  const std::ptrdiff_t hp = a.direction_width, width = a.width, step = width * a.rows;
  if (a.kind == Readout::kMean) {
    const float divisor = static_cast<float>(a.steps);
    for (std::ptrdiff_t i = 0; i < step; ++i) a.grad_h[i] = a.grad_features[i] / divisor;
    for (int t = 1; t < a.steps; ++t) std::copy_n(a.grad_h, step, a.grad_h + t * step);
    return;
  }
  std::fill_n(a.grad_h, a.steps * step, 0.0f);
  for (int d = 0; d < a.directions; ++d) {
    float* h = a.grad_h + time_read(a, d) * step + d * hp;
    for (int row = 0; row < a.rows; ++row) std::copy_n(a.grad_features + row * width + d * hp, hp, h + row * width);
  }
}

}  // namespace caviar
