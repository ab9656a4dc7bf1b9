// A thread a group of four features, as the random function gives four words a call, at a few time steps.
#include "kernels/base/launch.h"
#include "kernels/base/tiles.h"
#include "kernels/dropout.h"
#include "kernels/math/dropout.h"

namespace caviar {

namespace {

constexpr int kThreads = 256;
constexpr int kSteps = 4;  // time steps of a block: as many loads are in flight

// Rows of both arrays are multiples of kLanes floats and begin on as many, so that a group is one vector.
__global__ void __launch_bounds__(kThreads) drop_features_kernel(DropoutArgs a) {
  const int slot = a.window.s0 + static_cast<int>(blockIdx.z);
  const SlotRow& s = a.rows[slot];
  if (!s.on) return;
  const std::int64_t real = static_cast<std::int64_t>(a.segments) * padded(a.length), width = a.width,
                     step = width * a.window.rows();
  const float p = s.hyper.dropout, scale = 1.0f / (1.0f - p);
  const bool drops = p > 0.0f;
  if (!drops && a.in[slot] == a.out[slot]) return;  // at probability 0 all of a row is copied, its padding too
  const unsigned groups = static_cast<unsigned>((drops ? real : width) / 4), i = blockIdx.x * kThreads + threadIdx.x;
  const int row = static_cast<int>(i / groups);
  const std::int64_t j = static_cast<std::int64_t>(i % groups) * 4;
  if (row >= s.rows) return;

  const int begin = static_cast<int>(blockIdx.y) * kSteps, steps = min(kSteps, a.steps - begin);
  const float* in = a.in[slot] + begin * step + row * width + j;
  float* out = a.out[slot] + begin * step + row * width + j;
  float4 x[kSteps];  // all loads before the first store, which may be to the same place
#pragma unroll
  for (int t = 0; t < kSteps; ++t)
    if (t < steps) x[t] = *reinterpret_cast<const float4*>(in + t * step);
#pragma unroll
  for (int t = 0; t < kSteps; ++t) {
    if (t >= steps) break;
    if (drops) {
      const std::int64_t element = (static_cast<std::int64_t>(row) * a.steps + begin + t) * real + j;
      const DropoutFactors f = dropout_factors(s.seeds.dropout, static_cast<std::uint32_t>(s.step), a.layer,
                                               static_cast<std::uint32_t>(element / 4), p, scale);
      x[t] = {x[t].x * f.value[0], x[t].y * f.value[1], x[t].z * f.value[2], x[t].w * f.value[3]};
    }
    *reinterpret_cast<float4*>(out + t * step) = x[t];
  }
}

}  // namespace

void dropout(const Cuda& device, const DropoutArgs& a) {
  const std::int64_t groups = static_cast<std::int64_t>(a.window.rows()) * (a.width / 4);
  const dim3 grid(tiles(groups, kThreads), tiles(a.steps, kSteps), static_cast<unsigned>(a.window.s1 - a.window.s0));
  launch(drop_features_kernel, grid, kThreads, 0, device.stream, a);
}

}  // namespace caviar
