// A block a slot; its threads are the partials of the sum.
#include "kernels/base/block_sum.h"
#include "kernels/base/launch.h"
#include "kernels/base/shared.h"
#include "kernels/metrics.h"

namespace caviar {

namespace {

constexpr int kThreads = kPartials;

struct Shared {
  double losses[kPartials];
  std::int32_t hits[kPartials];
};

// What a block makes of its threads' partials. Complete in the first warp only.
struct Sums {
  double loss = 0;
  std::int32_t hits = 0;
};

// A barrier for the block.
__device__ __forceinline__ Sums sum_over_block(double loss, std::int32_t hits) {
  Shared& shared = *dynamic_shared<Shared>();
  shared.losses[threadIdx.x] = loss;
  shared.hits[threadIdx.x] = hits;
  __syncthreads();
  Sums sums;
  if (threadIdx.x < 32) {
    sums.loss = total_of_partials(shared.losses);
    sums.hits = total_of_partials(shared.hits);
  }
  return sums;
}

__global__ void __launch_bounds__(kThreads) record_batch_kernel(BatchArgs a) {
  const int slot = a.window.s0 + static_cast<int>(blockIdx.x), thread = static_cast<int>(threadIdx.x);
  SlotRow& row = a.rows[slot];
  if (!row.on) return;
  const float* __restrict__ losses = a.losses[slot];
  const std::int32_t* __restrict__ correct = a.correct[slot];
  double loss = 0;
  std::int32_t hits = 0;
  for (int i = thread; i < row.rows; i += kThreads) {
    loss += static_cast<double>(losses[i]);
    hits += correct[i];
  }
  const Sums sums = sum_over_block(loss, hits);
  if (thread == 0) add_batch(row, sums.loss, sums.hits);
}

__global__ void __launch_bounds__(kThreads) record_measured_kernel(MeasuredArgs a) {
  const int slot = a.window.s0 + static_cast<int>(blockIdx.x), thread = static_cast<int>(threadIdx.x);
  SlotRow& row = a.rows[slot];
  if (!row.on) return;
  const float* __restrict__ losses = a.losses[slot];
  const std::int32_t* __restrict__ correct = a.correct[slot];
  Measured& measured = row.measured[static_cast<int>(a.measure)];
  // Example i of the pass is number measured.examples + i of the measurement: partial `thread` takes every 256th.
  const std::int64_t before = measured.examples;
  double loss = before == 0 ? 0.0 : a.partials[slot][thread];
  std::int32_t hits = 0;
  for (int i = static_cast<int>((thread - before % kPartials + kPartials) % kPartials); i < row.rows; i += kThreads) {
    loss += static_cast<double>(losses[i]);
    hits += correct[i];
  }
  a.partials[slot][thread] = loss;
  const Sums sums = sum_over_block(loss, hits);
  if (thread != 0) return;  // the other threads have read the row before the barrier
  measured.loss_sum = sums.loss;
  measured.correct += sums.hits;
  measured.examples = before + row.rows;
}

}  // namespace

void record_batch(const Cuda& device, const BatchArgs& a) {
  launch(record_batch_kernel, static_cast<unsigned>(a.window.s1 - a.window.s0), kThreads, sizeof(Shared), device.stream,
         a);
}

void record_measured(const Cuda& device, const MeasuredArgs& a) {
  launch(record_measured_kernel, static_cast<unsigned>(a.window.s1 - a.window.s0), kThreads, sizeof(Shared),
         device.stream, a);
}

}  // namespace caviar
