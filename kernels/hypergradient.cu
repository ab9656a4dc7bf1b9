// A block a slot: the 256 partials are its threads, as in clip.cu. Blocks of slots whose rate stays end at once.
#include "kernels/base/block_sum.h"
#include "kernels/base/launch.h"
#include "kernels/base/shared.h"
#include "kernels/hypergradient.h"

namespace caviar {

namespace {

constexpr int kThreads = kPartials;
constexpr int kAhead = 8;  // elements whose loads are in flight ahead of the chain of multiply-adds

// The thread's partial of the dot product. direction(x, y) makes the last direction out of an element of the arrays
// `first` and `second`.
template <class Direction>
__device__ __forceinline__ float partial_dot(const AdaptRateArgs& a, int slot, const StepScalars<float>& s, float clip,
                                             const float* __restrict__ first, const float* __restrict__ second,
                                             const Direction& direction) {
  const float* __restrict__ gradient = a.gradient[slot];
  const float* __restrict__ params = a.params[slot];
  float sum = 0.0f;
  for (std::int64_t i = threadIdx.x; i < a.size; i += kAhead * kThreads) {
    float g[kAhead], p[kAhead], x[kAhead], y[kAhead];
#pragma unroll
    for (int k = 0; k < kAhead; ++k) {
      const std::int64_t at = i + k * kThreads;
      const bool inside = at < a.size;
      g[k] = inside ? gradient[at] : 0.0f;
      p[k] = inside ? params[at] : 0.0f;
      x[k] = inside ? first[at] : 0.0f;
      y[k] = inside ? second[at] : 0.0f;
    }
#pragma unroll
    for (int k = 0; k < kAhead; ++k)
      if (i + k * kThreads < a.size) sum = fma_of(effective_gradient(g[k], p[k], clip, s), direction(x[k], y[k]), sum);
  }
  return sum;
}

__global__ void __launch_bounds__(kThreads) adapt_rate_kernel(AdaptRateArgs a) {
  const int slot = a.window.s0 + static_cast<int>(blockIdx.x), thread = static_cast<int>(threadIdx.x);
  SlotRow& row = a.rows[slot];
  if (!row.on || row.diverged || row.now.last_direction_size == 0.0f) return;
  const StepScalars<float> s = row.now;
  const float clip = row.clip_scale, *state = a.state[slot];
  float sum = 0.0f;
  if (row.hyper.optimizer == Optimizer::kSgd) {
    const float* last = state + sgd_direction_array(row.hyper) * a.size;
    sum = partial_dot(a, slot, s, clip, last, last, [](float x, float) { return x; });
  } else {
    sum = partial_dot(a, slot, s, clip, state, state + a.size,
                      [&](float m, float v) { return adam_direction(m, v, s.last_root_correction, s.eps); });
  }

  float* partials = dynamic_shared<float>();
  partials[thread] = sum;
  __syncthreads();
  if (thread >= 32) return;
  const float dot = total_of_partials(partials);
  if (thread == 0) adapt(row, dot);
}

}  // namespace

void adapt_rate(const Cuda& device, const AdaptRateArgs& a) {
  launch(adapt_rate_kernel, static_cast<unsigned>(a.window.s1 - a.window.s0), kThreads, kThreads * sizeof(float),
         device.stream, a);
}

}  // namespace caviar
