// One optimizer step over all parameters of a slot: clip, decay, update and Polyak average in one pass.
#pragma once

#include <cstdint>

#include "kernels/base/device.h"
#include "kernels/slots.h"

namespace caviar {

struct UpdateArgs {
  const SlotRow* row = nullptr;     // hyper, now, clip_scale, diverged
  std::int64_t size = 0;            // P
  const float* gradient = nullptr;  // [P], mean over the batch
  float* params = nullptr;          // [P]
  float* state = nullptr;           // [state_arrays, P]: adam family m, v; rmsprop v, buffer; sgd buffer
  float* averages = nullptr;        // [P], or null
};

// Formulas and variants: kernels/math/optimizer.h. Does nothing when the slot has diverged.
void update(const Cpu&, const UpdateArgs& args);

}  // namespace caviar
