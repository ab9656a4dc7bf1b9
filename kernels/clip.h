// Clipping by the global norm of the gradient.
#pragma once

#include <cstdint>

#include "kernels/base/device.h"

namespace caviar {

// min(1, clip_norm / (norm + 1e-6)) with norm = sqrt of the sum of squares over all n parameters (order of
// kernels/base/reduce.h, squares added by fma); 1 when clip_norm is 0. As torch.nn.utils.clip_grad_norm_, which adds
// the norms of tensors instead: equal but for rounding.
float clip_scale(const Cpu&, const float* gradient, std::int64_t n, float clip_norm);

}  // namespace caviar
