// One pass over all parameters: a thread takes four, the block has one slot and so one rule.
#include "kernels/base/launch.h"
#include "kernels/base/tiles.h"
#include "kernels/optimizer.h"

namespace caviar {

namespace {

constexpr int kThreads = 256;
constexpr int kEach = 4;  // parameters of a thread
constexpr int kTile = kThreads * kEach;

using Scalars = StepScalars<float>;

// Which parameters the thread takes. Where P is a multiple of 4 every array of a slot begins on a multiple of 16 bytes,
// the second of the state too: a thread takes four neighbours, as one vector. Otherwise they are a block's width apart,
// which is as good for the memory and takes more instructions.
template <bool kVectors>
struct Part {
  std::int64_t first, size;

  __device__ __forceinline__ explicit Part(std::int64_t n)
      : first(static_cast<std::int64_t>(blockIdx.x) * kTile + threadIdx.x * (kVectors ? kEach : 1)), size(n) {}

  __device__ __forceinline__ bool empty() const { return first >= size; }

  __device__ __forceinline__ void load(const float* array, float (&value)[kEach]) const {
    if constexpr (kVectors) {
      const float4 x = *reinterpret_cast<const float4*>(array + first);
      value[0] = x.x;
      value[1] = x.y;
      value[2] = x.z;
      value[3] = x.w;
    } else {
#pragma unroll
      for (int k = 0; k < kEach; ++k) value[k] = first + k * kThreads < size ? array[first + k * kThreads] : 0.0f;
    }
  }

  __device__ __forceinline__ void store(float* array, const float (&value)[kEach]) const {
    if constexpr (kVectors) {
      *reinterpret_cast<float4*>(array + first) = {value[0], value[1], value[2], value[3]};
    } else {
#pragma unroll
      for (int k = 0; k < kEach; ++k)
        if (first + k * kThreads < size) array[first + k * kThreads] = value[k];
    }
  }
};

// Updates the thread's parameters by `rule`(p, g, first, second), which keeps kArrays arrays of state.
template <int kArrays, bool kVectors, class Rule>
__device__ __forceinline__ void sweep(const UpdateArgs& a, int slot, const Part<kVectors>& part, const Scalars& s,
                                      float clip, const Rule& rule) {
  float gradient[kEach], p[kEach], first[kEach] = {}, second[kEach] = {}, mean[kEach];
  part.load(a.gradient[slot], gradient);
  part.load(a.params[slot], p);
  if constexpr (kArrays > 0) part.load(a.state[slot], first);
  if constexpr (kArrays > 1) part.load(a.state[slot] + a.size, second);
  if (a.averages) part.load(a.averages[slot], mean);
#pragma unroll
  for (int k = 0; k < kEach; ++k)
    p[k] = rule(p[k], effective_gradient(gradient[k], p[k], clip, s), first[k], second[k]);
  part.store(a.params[slot], p);
  if constexpr (kArrays > 0) part.store(a.state[slot], first);
  if constexpr (kArrays > 1) part.store(a.state[slot] + a.size, second);
  if (!a.averages) return;
#pragma unroll
  for (int k = 0; k < kEach; ++k) mean[k] = average(mean[k], p[k], s.average_weight);
  part.store(a.averages[slot], mean);
}

template <bool kVectors>
__global__ void __launch_bounds__(kThreads) update_parameters_kernel(UpdateArgs a) {
  const int slot = a.window.s0 + static_cast<int>(blockIdx.y);
  const SlotRow& row = a.rows[slot];
  const Part<kVectors> part(a.size);
  if (!row.on || row.diverged || part.empty()) return;
  const Scalars s = row.now;
  const float clip = row.clip_scale;
  const bool momentum = row.hyper.one_minus_momentum < 1.0f, nesterov = row.hyper.nesterov != 0;
  const bool keeps_direction = row.hyper.hypergradient_rate > 0.0f;  // read by sgd alone
  switch (row.hyper.optimizer) {
    case Optimizer::kSgd:
      if (keeps_direction && momentum && nesterov)
        sweep<2>(a, slot, part, s, clip, [&](float p, float g, float& b, float& last) {
          return sgd_update_and_keep(p, g, b, last, true, true, s);
        });
      else if (keeps_direction && !momentum)
        sweep<1>(a, slot, part, s, clip, [&](float p, float g, float& last, float& none) {
          return sgd_update_and_keep(p, g, none, last, false, false, s);
        });
      else if (momentum)
        sweep<1>(a, slot, part, s, clip,
                 [&](float p, float g, float& b, float&) { return sgd_update(p, g, b, true, nesterov, s); });
      else
        sweep<0>(a, slot, part, s, clip,
                 [&](float p, float g, float& b, float&) { return sgd_update(p, g, b, false, false, s); });
      break;
    case Optimizer::kAdam:
    case Optimizer::kAdamW:
      sweep<2>(a, slot, part, s, clip,
               [&](float p, float g, float& m, float& v) { return adam_update(p, g, m, v, s); });
      break;
    case Optimizer::kNAdam:
      sweep<2>(a, slot, part, s, clip,
               [&](float p, float g, float& m, float& v) { return nadam_update(p, g, m, v, s); });
      break;
    case Optimizer::kRmsprop:
      if (momentum)
        sweep<2>(a, slot, part, s, clip,
                 [&](float p, float g, float& v, float& b) { return rmsprop_update(p, g, v, b, true, s); });
      else
        sweep<1>(a, slot, part, s, clip,
                 [&](float p, float g, float& v, float& b) { return rmsprop_update(p, g, v, b, false, s); });
      break;
  }
}

}  // namespace

void update(const Cuda& device, const UpdateArgs& a) {
  const dim3 grid(tiles(a.size, kTile), static_cast<unsigned>(a.window.s1 - a.window.s0));
  launch(a.size % kEach == 0 ? update_parameters_kernel<true> : update_parameters_kernel<false>, grid, kThreads, 0,
         device.stream, a);
}

}  // namespace caviar
