// A thread a slot: some hundred dependent operations in double, which the slots of other blocks hide.
#include "kernels/base/launch.h"
#include "kernels/base/tiles.h"
#include "kernels/prelude.h"

namespace caviar {

namespace {

constexpr int kThreads = 32;  // one warp, so that the slots of a pack spread over the device

__device__ __forceinline__ int slot_of_thread(const Window& window) {
  return window.s0 + static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
}

__global__ void __launch_bounds__(kThreads) begin_training_kernel(TrainingPrelude a) {
  const int slot = slot_of_thread(a.window);
  if (slot < a.window.s1) begin_training_pass(a.rows[slot]);
}

__global__ void __launch_bounds__(kThreads) begin_measuring_kernel(MeasuringPrelude a) {
  const int slot = slot_of_thread(a.window);
  if (slot < a.window.s1) begin_measuring_pass(a.rows[slot], a.measure, a.most);
}

}  // namespace

void begin_training(const Cuda& device, const TrainingPrelude& a) {
  launch(begin_training_kernel, tiles(a.window.s1 - a.window.s0, kThreads), kThreads, 0, device.stream, a);
}

void begin_measuring(const Cuda& device, const MeasuringPrelude& a) {
  launch(begin_measuring_kernel, tiles(a.window.s1 - a.window.s0, kThreads), kThreads, 0, device.stream, a);
}

}  // namespace caviar
