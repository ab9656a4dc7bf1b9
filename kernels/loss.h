// Softmax cross-entropy over a window: losses, hits and the gradient in one pass.
#pragma once

#include <cstdint>

#include "kernels/base/device.h"

namespace caviar {

struct LossArgs {
  int rows = 0, classes = 0;             // B of the window, C <= 256
  const float* logits = nullptr;         // [B, padded(C)]
  const std::int32_t* labels = nullptr;  // [B]
  float smoothing = 0;                   // label smoothing, in [0, 1)
  float scale = 0;                       // 1 / examples of the whole batch; not read when evaluating
  float* losses = nullptr;               // [B]: of each example
  std::int32_t* correct = nullptr;       // [B]: 1 where the first largest logit is the label's
  float* grad_logits = nullptr;          // [B, padded(C)], padding set to 0; null when evaluating
};

// Sums over classes are in the order of kernels/base/reduce.h.
void softmax_cross_entropy(const Cpu&, const LossArgs& args);

}  // namespace caviar
