// The learning rate's own step, between clipping and the update of the parameters.
#pragma once

#include <cstdint>

#include "kernels/base/device.h"
#include "kernels/base/hd.h"
#include "kernels/base/slab.h"
#include "kernels/base/window.h"
#include "kernels/math/hypergradient.h"
#include "kernels/slots.h"

namespace caviar {

struct AdaptRateArgs {
  Window window;
  SlotRow* rows = nullptr;     // [S]: hyper, now, clip_scale, step; writes rate_change and the rate's part of now
  std::int64_t size = 0;       // P
  Slab<const float> gradient;  // [P], mean over the batch
  Slab<const float> params;    // [P], before the update
  Slab<const float> state;     // [state_arrays, P], before the update
};

// The array of the state that is sgd's last direction: the buffer itself with plain momentum.
CAVIAR_HD inline int sgd_direction_array(const Hyper& h) { return h.one_minus_momentum < 1.0f && h.nesterov ? 1 : 0; }

// The end of the op for one slot. r.step counts the step under way already.
CAVIAR_HD inline void adapt(SlotRow& r, float dot) {
  r.rate_change = adapted_rate_change(r.hyper, r.rate_change, dot, r.now);
  set_rate(r.now, r.hyper, r.step - 1, static_cast<double>(r.hyper.learning_rate) + r.rate_change);
}

// Formula and variant: kernels/math/hypergradient.h. The dot product over all parameters is in the order of
// kernels/base/reduce.h, products added by fma. Called after record_batch() and clip(), before update(). Leaves slots
// alone that are off or have diverged, whose rate does not adapt itself, and in the first step of a run.
void adapt_rate(const Cpu&, const AdaptRateArgs& args);
void adapt_rate(const Cuda&, const AdaptRateArgs& args);

}  // namespace caviar
