// What a batch adds to the metrics of its run, and the mark of divergence.
#pragma once

#include <cstdint>

#include "kernels/base/device.h"
#include "kernels/slots.h"

namespace caviar {

// Sum of the losses (in double, order of kernels/base/reduce.h) and count of the hits of `rows` examples.
struct BatchMetrics {
  double loss_sum = 0;
  std::int64_t correct = 0;
};
BatchMetrics batch_metrics(const Cpu&, const float* losses, const std::int32_t* correct, int rows);

// A mean cross-entropy beyond this counts as divergence, as infinity does: single precision has long lost the gradient
// there (float32 softmax saturates at differences of about 100), and rates such as 1e30 can hold a loss at 1e30 for
// ever.
inline constexpr double kDivergedLoss = 1e6;

// Whether `loss`, a mean over examples, says that the run has diverged: above kDivergedLoss, infinite or NaN.
inline bool is_diverged(double loss) { return !(loss <= kDivergedLoss); }

// Adds a training batch to the slot's sums, or marks the slot as diverged.
void record_batch(const Cpu&, SlotRow& row, const BatchMetrics& batch, int rows);

}  // namespace caviar
