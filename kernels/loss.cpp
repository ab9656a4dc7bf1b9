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

// The exponentials [C] of one example, their sum, and the first largest logit, which was taken from all of them.
struct Exponentials {
  float e[256];
  float sum = 0, max = 0;
  int best = 0;
};

void exponentials_of(const float* logit, int classes, Exponentials& x) {
  x.best = 0;
  for (int c = 1; c < classes; ++c)
    if (logit[c] > logit[x.best]) x.best = c;
  x.max = logit[x.best];
  for (int c = 0; c < classes; ++c) x.e[c] = exp_of(logit[c] - x.max);
  x.sum = class_sum(x.e, classes);
}

void loss_slot(const LossArgs& a, int slot) {
  const std::ptrdiff_t width = padded(a.classes);
  const float classes = static_cast<float>(a.classes), scale = 1.0f / static_cast<float>(a.rows[slot].rows);
  const float smoothing = a.grad_logits ? a.rows[slot].hyper.label_smoothing : 0.0f;
  const std::int32_t* labels = a.labels[slot] + a.window.b0;
  float* losses = a.losses[slot] + a.window.b0;
  std::int32_t* correct = a.correct[slot] + a.window.b0;
  Exponentials x;
  for (int row = 0; row < a.window.rows(); ++row) {
    const float* logit = a.logits[slot] + row * width;
    const int label = labels[row];
    exponentials_of(logit, a.classes, x);
    const float log_sum = log_of(x.sum);
    float loss = cross_entropy(logit[label], x.max, log_sum);
    if (smoothing > 0.0f)
      loss = smoothed_cross_entropy(loss, class_sum(logit, a.classes) / classes, x.max, log_sum, smoothing);
    losses[row] = loss;
    correct[row] = x.best == label;
    if (!a.grad_logits) continue;
    float* grad = a.grad_logits[slot] + row * width;
    for (int c = 0; c < a.classes; ++c)
      grad[c] = cross_entropy_gradient(x.e[c] / x.sum, c == label, smoothing, classes, scale);
    for (std::ptrdiff_t c = a.classes; c < width; ++c) grad[c] = 0.0f;
  }
}

}  // namespace

void softmax_cross_entropy(const Cpu&, const LossArgs& a) {
  for (int s = a.window.s0; s < a.window.s1; ++s)
    if (a.rows[s].on) loss_slot(a, s);
}

int softmax(const float* logits, int classes, float* probabilities) {
  Exponentials x;
  exponentials_of(logits, classes, x);
  for (int c = 0; c < classes; ++c) probabilities[c] = x.e[c] / x.sum;
  return x.best;
}

}  // namespace caviar
