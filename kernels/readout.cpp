#include "kernels/readout.h"

#include <algorithm>
#include <cstddef>

namespace caviar {

namespace {

void forward_slot(const ReadoutArgs& a, int slot) {
  const int rows = a.window.rows();
  const std::ptrdiff_t hp = a.direction_width, width = a.width, step = width * rows;
  const float* h = a.h[slot];
  float* features = a.features[slot];
  if (a.kind == Readout::kMean) {
    const float divisor = static_cast<float>(a.steps);
    std::fill_n(features, step, 0.0f);
    for (int t = 0; t < a.steps; ++t)
      for (std::ptrdiff_t i = 0; i < step; ++i) features[i] += h[t * step + i];
    for (std::ptrdiff_t i = 0; i < step; ++i) features[i] /= divisor;
    return;
  }
  for (int d = 0; d < a.directions; ++d) {
    const float* from = h + time_read(a.kind, d, a.steps) * step + d * hp;
    for (int row = 0; row < rows; ++row) std::copy_n(from + row * width, hp, features + row * width + d * hp);
  }
}

void backward_slot(const ReadoutArgs& a, int slot) {
  const int rows = a.window.rows();
  const std::ptrdiff_t hp = a.direction_width, width = a.width, step = width * rows;
  const float* grad_features = a.grad_features[slot];
  float* grad_h = a.grad_h[slot];
  if (a.kind == Readout::kMean) {
    const float divisor = static_cast<float>(a.steps);
    for (std::ptrdiff_t i = 0; i < step; ++i) grad_h[i] = grad_features[i] / divisor;
    for (int t = 1; t < a.steps; ++t) std::copy_n(grad_h, step, grad_h + t * step);
    return;
  }
  std::fill_n(grad_h, a.steps * step, 0.0f);
  for (int d = 0; d < a.directions; ++d) {
    float* to = grad_h + time_read(a.kind, d, a.steps) * step + d * hp;
    for (int row = 0; row < rows; ++row) std::copy_n(grad_features + row * width + d * hp, hp, to + row * width);
  }
}

}  // namespace

void readout_forward(const Cpu&, const ReadoutArgs& a) {
  for (int s = a.window.s0; s < a.window.s1; ++s)
    if (a.rows[s].on) forward_slot(a, s);
}

void readout_backward(const Cpu&, const ReadoutArgs& a) {
  for (int s = a.window.s0; s < a.window.s1; ++s)
    if (a.rows[s].on) backward_slot(a, s);
}

}  // namespace caviar
