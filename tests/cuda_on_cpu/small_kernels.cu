#include "kernels/base/launch.h"
#include "kernels/base/shared.h"
#include "tests/cuda_on_cpu/small_kernels.h"

namespace cuda_on_cpu {
namespace {

__global__ void __launch_bounds__(1024) fill_kernel(float* __restrict__ out, float value) {
  out[blockIdx.x * blockDim.x + threadIdx.x] = value;
}

template <bool kBarriers>
__global__ void sum_kernel(const float* in, float* out) {
  float* const partial = caviar::dynamic_shared<float>();
  const unsigned t = threadIdx.x;
  partial[t] = __ldg(in + blockIdx.x * blockDim.x + t);
#pragma unroll
  for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
    if constexpr (kBarriers) __syncthreads();
    if (t < half) partial[t] += partial[t + half];
  }
  if (t == 0) out[blockIdx.x] = partial[0];
}

}  // namespace

void launch_fill(const Launch& at, float* out, float value) {
  caviar::launch(fill_kernel, at.grid, at.block, 0, at.stream, out, value);
}

void launch_sum(const Launch& at, const float* in, float* out, bool with_barriers) {
  caviar::launch(with_barriers ? sum_kernel<true> : sum_kernel<false>, at.grid, at.block, at.block.x * sizeof(float),
                 at.stream, in, out);
}

}  // namespace cuda_on_cpu
