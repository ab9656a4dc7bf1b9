// Softmax cross-entropy over a window: losses, hits and the gradient in one pass.
#pragma once

#include <cstdint>

#include "kernels/base/device.h"
#include "kernels/base/slab.h"
#include "kernels/base/window.h"
#include "kernels/slots.h"

namespace caviar {

struct LossArgs {
  Window window;
  const SlotRow* rows = nullptr;    // [S]: rows, the examples of the whole batch; hyper.label_smoothing
  int classes = 0;                  // C <= 256
  Slab<const float> logits;         // [rows of the window, padded(C)]
  Slab<const std::int32_t> labels;  // [B], of the whole batch
  Slab<float> losses;               // [B]: of each example
  Slab<std::int32_t> correct;       // [B]: 1 where the first largest logit is the label's
  Slab<float> grad_logits;          // [rows of the window, padded(C)] of the mean over the batch, padding set to 0.
                                    // Null when measuring: there is no label smoothing then
};

// Sums over classes are in the order of kernels/base/reduce.h.
void softmax_cross_entropy(const Cpu&, const LossArgs& args);
void softmax_cross_entropy(const Cuda&, const LossArgs& args);

// The probabilities [C] of one example on the host, from its logits [C]: exp(logit - largest) over their sum, to the
// bit those the gradient above is made of. Returns the class of the first largest logit, which is what counts as its
// answer: two logits may differ by so little that their probabilities do not.
int softmax(const float* logits, int classes, float* probabilities);

}  // namespace caviar
