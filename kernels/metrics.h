// What a pass adds to the metrics of its run, and the mark of divergence.
#pragma once

#include <cstdint>

#include "kernels/base/device.h"
#include "kernels/base/hd.h"
#include "kernels/base/slab.h"
#include "kernels/base/window.h"
#include "kernels/slots.h"

namespace caviar {

// A mean cross-entropy beyond this counts as divergence, as infinity does: single precision has long lost the gradient
// there (float32 softmax saturates at differences of about 100), and rates such as 1e30 can hold a loss at 1e30 for
// ever.
inline constexpr double kDivergedLoss = 1e6;

// Whether `loss`, a mean over examples, says that the run has diverged: above kDivergedLoss, infinite or NaN.
CAVIAR_HD inline bool is_diverged(double loss) { return !(loss <= kDivergedLoss); }

// Adds a batch of r.rows examples to the sums since the last rung and counts the step, or marks the slot as diverged.
CAVIAR_HD inline void add_batch(SlotRow& r, double loss_sum, std::int64_t hits) {
  if (is_diverged(loss_sum / r.rows)) {
    r.diverged = 1;
    return;
  }
  r.loss_sum += loss_sum;
  r.correct += hits;
  r.examples += r.rows;
  ++r.step;
}

struct BatchArgs {
  Window window;                     // all rows of the batch
  SlotRow* rows = nullptr;           // [S]
  Slab<const float> losses;          // [B]
  Slab<const std::int32_t> correct;  // [B]
};

// The end of a training pass: add_batch(). The sum of the losses is in double, in the order of kernels/base/reduce.h.
void record_batch(const Cpu&, const BatchArgs& args);
void record_batch(const Cuda&, const BatchArgs& args);

struct MeasuredArgs {
  Window window;            // all rows of the pass
  SlotRow* rows = nullptr;  // [S]
  Measure measure = Measure::kValidation;
  Slab<const float> losses;          // [B]
  Slab<const std::int32_t> correct;  // [B]
  Slab<double> partials;             // [256], kept from pass to pass; cleared by the first
};

// The end of a measuring pass: adds its examples to rows[s].measured. The sum of the losses runs over all examples of
// the measurement in the order of kernels/base/reduce.h, wherever the passes cut them; it is complete with the last.
void record_measured(const Cpu&, const MeasuredArgs& args);
void record_measured(const Cuda&, const MeasuredArgs& args);

}  // namespace caviar
