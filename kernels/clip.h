// Clipping by the global norm of the gradient.
#pragma once

#include <cstdint>

#include "kernels/base/device.h"
#include "kernels/base/hd.h"
#include "kernels/base/slab.h"
#include "kernels/base/window.h"
#include "kernels/math/elementary.h"
#include "kernels/slots.h"

namespace caviar {

struct ClipArgs {
  Window window;
  SlotRow* rows = nullptr;     // [S]: hyper.clip_norm; writes clip_scale
  std::int64_t size = 0;       // P
  Slab<const float> gradient;  // [P]
};

// The factor of the gradient: min(1, clip_norm / (norm + 1e-6)), and 1 where the norm is NaN.
CAVIAR_HD inline float clip_scale_of(float sum_of_squares, float clip_norm) {
  const float scale = clip_norm / (sqrt_of(sum_of_squares) + 1e-6f);
  return scale < 1.0f ? scale : 1.0f;
}

// clip_scale = clip_scale_of(sum of squares over all parameters, clip_norm), or 1 when clip_norm is 0. The sum is in
// the order of kernels/base/reduce.h, squares added by fma. As torch.nn.utils.clip_grad_norm_, which adds the norms of
// tensors instead: equal but for rounding. Leaves slots alone that are off or have diverged.
void clip(const Cpu&, const ClipArgs& args);
void clip(const Cuda&, const ClipArgs& args);

}  // namespace caviar
