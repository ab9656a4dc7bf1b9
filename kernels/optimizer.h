// One optimizer step over all parameters of a slot: clip, decay, update and Polyak average in one pass.
#pragma once

#include <cstdint>

#include "kernels/base/device.h"
#include "kernels/base/slab.h"
#include "kernels/base/window.h"
#include "kernels/slots.h"

namespace caviar {

struct UpdateArgs {
  Window window;
  const SlotRow* rows = nullptr;  // [S]: hyper, now, clip_scale, diverged
  std::int64_t size = 0;          // P
  Slab<const float> gradient;     // [P], mean over the batch
  Slab<float> params;             // [P]
  Slab<float> state;              // [state_arrays, P]: adam family m, v; rmsprop v, buffer; sgd buffer, last direction
  Slab<float> averages;           // [P], or null
};

// Formulas and variants: kernels/math/optimizer.h. Leaves slots alone that are off or have diverged.
void update(const Cpu&, const UpdateArgs& args);
void update(const Cuda&, const UpdateArgs& args);

}  // namespace caviar
