// Clipping by the global norm of the gradient.
#pragma once

#include <cstdint>

#include "kernels/base/device.h"
#include "kernels/base/slab.h"
#include "kernels/base/window.h"
#include "kernels/slots.h"

namespace caviar {

struct ClipArgs {
  Window window;
  SlotRow* rows = nullptr;     // [S]: hyper.clip_norm; writes clip_scale
  std::int64_t size = 0;       // P
  Slab<const float> gradient;  // [P]
};

// clip_scale = min(1, clip_norm / (norm + 1e-6)) with norm = sqrt of the sum of squares over all parameters (order of
// kernels/base/reduce.h, squares added by fma); 1 when clip_norm is 0. As torch.nn.utils.clip_grad_norm_, which adds
// the norms of tensors instead: equal but for rounding. Leaves slots alone that are off or have diverged.
void clip(const Cpu&, const ClipArgs& args);
void clip(const Cuda&, const ClipArgs& args);

}  // namespace caviar
