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

// Adds a training batch to the slot's sums, or marks the slot as diverged when the sum of losses is not finite.
void record_batch(const Cpu&, SlotRow& row, const BatchMetrics& batch, int rows);

}  // namespace caviar
