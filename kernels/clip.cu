// A block a slot: the 256 partials are its threads, and their order allows no more. Fast enough where many slots keep
// the device busy.
#include "kernels/base/block_sum.h"
#include "kernels/base/launch.h"
#include "kernels/base/shared.h"
#include "kernels/clip.h"

namespace caviar {

namespace {

constexpr int kThreads = kPartials;
constexpr int kAhead = 32;  // loads in flight ahead of the chain of multiply-adds, which would wait for each of them

__global__ void __launch_bounds__(kThreads) clip_gradient_kernel(ClipArgs a) {
  const int slot = a.window.s0 + static_cast<int>(blockIdx.x), thread = static_cast<int>(threadIdx.x);
  SlotRow& row = a.rows[slot];
  if (!row.on || row.diverged) return;
  const float clip_norm = row.hyper.clip_norm;
  if (!(clip_norm > 0.0f)) {
    if (thread == 0) row.clip_scale = 1.0f;
    return;
  }

  const float* __restrict__ gradient = a.gradient[slot];
  float squares = 0.0f;
  for (std::int64_t i = thread; i < a.size; i += kAhead * kThreads) {
    float g[kAhead];
#pragma unroll
    for (int k = 0; k < kAhead; ++k) g[k] = i + k * kThreads < a.size ? gradient[i + k * kThreads] : 0.0f;
#pragma unroll
    for (int k = 0; k < kAhead; ++k) squares = fma_of(g[k], g[k], squares);  // 0 behind the end: no bit changes
  }

  float* partials = dynamic_shared<float>();
  partials[thread] = squares;
  __syncthreads();
  if (thread >= 32) return;
  const float sum = total_of_partials(partials);
  if (thread == 0) row.clip_scale = clip_scale_of(sum, clip_norm);
}

}  // namespace

void clip(const Cuda& device, const ClipArgs& a) {
  launch(clip_gradient_kernel, static_cast<unsigned>(a.window.s1 - a.window.s0), kThreads, kThreads * sizeof(float),
         device.stream, a);
}

}  // namespace caviar
