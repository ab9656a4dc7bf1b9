#include "kernels/loss.h"

#include <cstddef>

#include "kernels/base/window.h"
#include "kernels/math/loss.h"

namespace caviar {

namespace {

// The tree of base/reduce.h over at most 256 values: each is its own partial, so only the halving is left.
float class_sum(const float* value, int classes) {
  float partial[256];
  int size = 1;
  while (size < classes) size *= 2;
  for (int c = 0; c < size; ++c) partial[c] = c < classes ? value[c] + 0.0f : 0.0f;
  for (int half = size / 2; half > 0; half /= 2)
    for (int c = 0; c < half; ++c) partial[c] += partial[c + half];
  return partial[0];
}

void loss_slot(const LossArgs& a, int slot) {
  const std::ptrdiff_t width = padded(a.classes);
  const float classes = static_cast<float>(a.classes), scale = 1.0f / static_cast<float>(a.rows[slot].rows);
  const float smoothing = a.grad_logits ? a.rows[slot].hyper.label_smoothing : 0.0f;
  const std::int32_t* labels = a.labels[slot] + a.window.b0;
  float* losses = a.losses[slot] + a.window.b0;
  std::int32_t* correct = a.correct[slot] + a.window.b0;
  for (int row = 0; row < a.window.rows(); ++row) {
    const float* logit = a.logits[slot] + row * width;
    const int label = labels[row];
    int best = 0;
    for (int c = 1; c < a.classes; ++c)
      if (logit[c] > logit[best]) best = c;
    const float max = logit[best];
    float e[256];
    for (int c = 0; c < a.classes; ++c) e[c] = exp_of(logit[c] - max);
    const float sum = class_sum(e, a.classes), log_sum = log_of(sum);
    float loss = cross_entropy(logit[label], max, log_sum);
    if (smoothing > 0.0f)
      loss = smoothed_cross_entropy(loss, class_sum(logit, a.classes) / classes, max, log_sum, smoothing);
    losses[row] = loss;
    correct[row] = best == label;
    if (!a.grad_logits) continue;
    float* grad = a.grad_logits[slot] + row * width;
    for (int c = 0; c < a.classes; ++c)
      grad[c] = cross_entropy_gradient(e[c] / sum, c == label, smoothing, classes, scale);
    for (std::ptrdiff_t c = a.classes; c < width; ++c) grad[c] = 0.0f;
  }
}

}  // namespace

void softmax_cross_entropy(const Cpu&, const LossArgs& a) {
  for (int s = a.window.s0; s < a.window.s1; ++s)
    if (a.rows[s].on) loss_slot(a, s);
}

}  // namespace caviar
