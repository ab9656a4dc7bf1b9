// Small kernels, right and wrong, that show what the emulated device finds.
#pragma once

#include "kernels/base/cuda.h"

namespace cuda_on_cpu {

// Each writes one value a thread to `out`. Launched by these functions with the grid and block given.
struct Launch {
  dim3 grid = 1;
  dim3 block = 64;
  cudaStream_t stream = nullptr;
};

// out[i] = value.
void launch_fill(const Launch& at, float* out, float value);
// out[block] = sum of in over the block, by a halving tree; with_barriers false leaves the barriers out.
void launch_sum(const Launch& at, const float* in, float* out, bool with_barriers);

}  // namespace cuda_on_cpu
