#include "kernels/base/launch.h"
#include "kernels/base/tiles.h"
#include "kernels/init.h"
#include "kernels/math/init.h"

namespace caviar {

namespace {

constexpr int kThreads = 256;
constexpr int kTile = 4096;  // elements of a block: enough that the blocks of slots that are off cost little

__global__ void __launch_bounds__(kThreads) initialize_weights_kernel(InitArgs a) {
  const int slot = a.window.s0 + static_cast<int>(blockIdx.y);
  if (!a.rows[slot].on) return;
  const std::uint64_t seed = a.rows[slot].seeds.init;
  float* weights = a.weights[slot];
  const std::int64_t begin = static_cast<std::int64_t>(blockIdx.x) * kTile, end = min(begin + kTile, a.size);
  for (std::int64_t i = begin + threadIdx.x; i < end; i += kThreads)
    weights[i] = initial_weight(seed, a.tensor, static_cast<std::uint64_t>(i), a.bound);
}

__global__ void __launch_bounds__(kThreads) set_zero_kernel(ZeroArgs a) {
  const int slot = a.window.s0 + static_cast<int>(blockIdx.y);
  if (!a.rows[slot].on) return;
  const std::int64_t begin = static_cast<std::int64_t>(blockIdx.x) * kTile, end = min(begin + kTile, a.size);
  float* values = a.values[slot] + begin;
  const int n = static_cast<int>(end - begin), thread = static_cast<int>(threadIdx.x);
  // A slab may begin anywhere in a row of parameters; kTile is a multiple of 4, so that all of a block is aligned
  // alike.
  int done = 0;
  if (reinterpret_cast<std::uintptr_t>(values) % sizeof(float4) == 0) {
    done = n / 4 * 4;
    for (int i = thread * 4; i < done; i += kThreads * 4)
      *reinterpret_cast<float4*>(values + i) = {0.0f, 0.0f, 0.0f, 0.0f};
  }
  for (int i = done + thread; i < n; i += kThreads) values[i] = 0.0f;
}

dim3 grid_of(const Window& window, std::int64_t size) {
  return {tiles(size, kTile), static_cast<unsigned>(window.s1 - window.s0)};
}

}  // namespace

void initialize(const Cuda& device, const InitArgs& a) {
  launch(initialize_weights_kernel, grid_of(a.window, a.size), kThreads, 0, device.stream, a);
}

void set_zero(const Cuda& device, const ZeroArgs& a) {
  launch(set_zero_kernel, grid_of(a.window, a.size), kThreads, 0, device.stream, a);
}

}  // namespace caviar
