// A thread a group of four features of a row. Rows are multiples of kLanes floats and begin on as many, so that a group
// is one vector, of one direction.
#include "kernels/base/launch.h"
#include "kernels/base/tiles.h"
#include "kernels/readout.h"

namespace caviar {

namespace {

constexpr int kThreads = 256;
constexpr int kSteps = 8;  // time steps of a block of the backward pass

// The thread's group: feature j of a row. Whether there is such a row.
struct Group {
  int row, j;
  bool exists;

  __device__ __forceinline__ Group(const SlotRow& s, int width) {
    const unsigned groups = static_cast<unsigned>(width) / 4, i = blockIdx.x * kThreads + threadIdx.x;
    row = static_cast<int>(i / groups);
    j = static_cast<int>(i % groups) * 4;
    exists = row < s.rows;
  }
};

__device__ __forceinline__ float4 load(const float* p) { return *reinterpret_cast<const float4*>(p); }
__device__ __forceinline__ void store(float* p, float4 x) { *reinterpret_cast<float4*>(p) = x; }
__device__ __forceinline__ float4 divided(float4 x, float by) { return {x.x / by, x.y / by, x.z / by, x.w / by}; }

__global__ void __launch_bounds__(kThreads) read_features_kernel(ReadoutArgs a) {
  const int slot = a.window.s0 + static_cast<int>(blockIdx.y);
  const SlotRow& s = a.rows[slot];
  if (!s.on) return;
  const Group g(s, a.width);
  if (!g.exists) return;
  const std::int64_t step = static_cast<std::int64_t>(a.width) * a.window.rows(),
                     at = static_cast<std::int64_t>(g.row) * a.width + g.j;
  const float* __restrict__ h = a.h[slot] + at;
  float* features = a.features[slot] + at;
  if (a.kind == Readout::kMean) {
    float4 sum{0.0f, 0.0f, 0.0f, 0.0f};
#pragma unroll 4
    for (int t = 0; t < a.steps; ++t) {
      const float4 x = load(h + t * step);
      sum = {sum.x + x.x, sum.y + x.y, sum.z + x.z, sum.w + x.w};
    }
    store(features, divided(sum, static_cast<float>(a.steps)));
    return;
  }
  const int direction = g.j / a.direction_width;
  if (direction < a.directions) store(features, load(h + time_read(a.kind, direction, a.steps) * step));
}

__global__ void __launch_bounds__(kThreads) spread_gradient_kernel(ReadoutArgs a) {
  const int slot = a.window.s0 + static_cast<int>(blockIdx.z);
  const SlotRow& s = a.rows[slot];
  if (!s.on) return;
  const Group g(s, a.width);
  if (!g.exists) return;
  const std::int64_t step = static_cast<std::int64_t>(a.width) * a.window.rows(),
                     at = static_cast<std::int64_t>(g.row) * a.width + g.j;
  const int begin = static_cast<int>(blockIdx.y) * kSteps, end = min(begin + kSteps, a.steps);
  const int direction = g.j / a.direction_width;
  const bool mean = a.kind == Readout::kMean;
  const int read = mean || direction >= a.directions ? -1 : time_read(a.kind, direction, a.steps);
  const float4 none{0.0f, 0.0f, 0.0f, 0.0f};
  float4 gradient = none;
  if (mean)
    gradient = divided(load(a.grad_features[slot] + at), static_cast<float>(a.steps));
  else if (read >= begin && read < end)
    gradient = load(a.grad_features[slot] + at);
  float* grad_h = a.grad_h[slot] + at;
  for (int t = begin; t < end; ++t) store(grad_h + t * step, mean || t == read ? gradient : none);
}

}  // namespace

void readout_forward(const Cuda& device, const ReadoutArgs& a) {
  const std::int64_t groups = static_cast<std::int64_t>(a.window.rows()) * (a.width / 4);
  const dim3 grid(tiles(groups, kThreads), static_cast<unsigned>(a.window.s1 - a.window.s0));
  launch(read_features_kernel, grid, kThreads, 0, device.stream, a);
}

void readout_backward(const Cuda& device, const ReadoutArgs& a) {
  const std::int64_t groups = static_cast<std::int64_t>(a.window.rows()) * (a.width / 4);
  const dim3 grid(tiles(groups, kThreads), tiles(a.steps, kSteps), static_cast<unsigned>(a.window.s1 - a.window.s0));
  launch(spread_gradient_kernel, grid, kThreads, 0, device.stream, a);
}

}  // namespace caviar
