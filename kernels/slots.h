// The per-slot table that kernels read: one row a slot.
#pragma once

#include <cstdint>

#include "kernels/hyper.h"
#include "kernels/math/optimizer.h"

namespace caviar {

// Keys of the counter-based streams of one run.
struct SlotSeeds {
  std::uint64_t init = 0, order = 0, dropout = 0, augment = 0, split = 0;
};

// All that distinguishes the run in one slot from its neighbours, but for the arrays. Plain data.
struct SlotRow {
  Hyper hyper;
  SlotSeeds seeds;
  std::int64_t step = 0;                // optimizer updates done
  std::int64_t train_examples = 0;      // after the validation examples are carved out
  float pixel_mean = 0, pixel_std = 1;  // hyper.standardize: of the training examples, pixels in [0, 1]
  double mu_product = 1;                // nadam
  StepScalars<float> now;               // of the step under way, from prelude()
  float clip_scale = 1;                 // of the step under way, from clip()
  // Training metrics since the last rung; a step adds its batch in one addition.
  double loss_sum = 0;  // sum over examples
  std::int64_t correct = 0, examples = 0;
  std::int32_t diverged = 0;  // set when a batch's loss is not finite; update() then leaves the slot alone
};

}  // namespace caviar
