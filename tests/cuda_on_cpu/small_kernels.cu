#include "kernels/base/async_copy.h"
#include "kernels/base/launch.h"
#include "kernels/base/shared.h"
#include "tests/cuda_on_cpu/small_kernels.h"

namespace cuda_on_cpu {
namespace {

using caviar::dynamic_shared;
using caviar::launch;

__device__ __forceinline__ unsigned global_index() { return blockIdx.x * blockDim.x + threadIdx.x; }

__global__ void __launch_bounds__(1024) fill_kernel(float* __restrict__ out, float value) {
  out[global_index()] = value;
}

__global__ void add_kernel(float* out, float value) { out[global_index()] += value; }

__global__ void add_from_kernel(float* out, const float* value) { out[global_index()] += __ldg(value); }

__global__ void copy_kernel(float* __restrict__ out, const float* __restrict__ in) {
  out[global_index()] = in[global_index()];
}

__global__ void write_indices_kernel(uint3* out) {
  const unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  const unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  const unsigned i = block * blockDim.x * blockDim.y * blockDim.z + thread;
  out[2 * i] = {threadIdx.x, threadIdx.y, threadIdx.z};
  out[2 * i + 1] = {blockIdx.x, blockIdx.y, blockIdx.z};
}

template <bool kBarriers>
__global__ void sum_kernel(const float* in, float* out) {
  float* const partial = dynamic_shared<float>();
  const unsigned t = threadIdx.x;
  partial[t] = in[global_index()];
#pragma unroll
  for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
    if constexpr (kBarriers) __syncthreads();
    if (t < half) partial[t] += partial[t + half];
  }
  if (t == 0) out[blockIdx.x] = partial[0];
}

template <bool kBarriers>
__global__ void warp_sum_kernel(const float* in, float* out) {
  float* const partial = dynamic_shared<float>();
  const unsigned t = threadIdx.x;
  partial[t] = in[t];
  for (unsigned half = 16; half > 0; half /= 2) {
    if constexpr (kBarriers) __syncwarp();
    if (t < half) partial[t] += partial[t + half];
  }
  if (t == 0) *out = partial[0];
}

template <By kBy>
__global__ void shuffle_sum_kernel(const int* in, int* out) {
  constexpr unsigned kAll = 0xffffffff;
  const int lane = threadIdx.x % 32;
  int sum = in[global_index()];
  if constexpr (kBy == By::kXor) {
    for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(kAll, sum, step);
  } else if constexpr (kBy == By::kDown) {
    for (unsigned step = 16; step > 0; step /= 2) sum += __shfl_down_sync(kAll, sum, step);
    sum = __shfl_sync(kAll, sum, 0);
  } else if constexpr (kBy == By::kUp) {
    for (unsigned step = 1; step < 32; step *= 2) {
      const int lower = __shfl_up_sync(kAll, sum, step);
      if (lane >= static_cast<int>(step)) sum += lower;
    }
    sum = __shfl_sync(kAll, sum, 31);
  } else {
    const int own = sum;
    for (int other = 1; other < 32; ++other) sum += __shfl_sync(kAll, own, lane + other);
  }
  out[global_index()] = sum;
}

__global__ void vote_kernel(const int* in, std::uint64_t* out) {
  constexpr unsigned kAll = 0xffffffff;
  const bool positive = in[global_index()] > 0;
  std::uint64_t result = __ballot_sync(kAll, positive);
  if (__any_sync(kAll, positive)) result |= std::uint64_t{1} << 32;
  if (__all_sync(kAll, positive)) result |= std::uint64_t{1} << 33;
  out[global_index()] = result;
}

__global__ void masked_shuffle_kernel(float* out, unsigned mask, int lanes, int from) {
  const int lane = threadIdx.x % 32;
  if (lane < lanes) out[lane] = __shfl_sync(mask, static_cast<float>(lane), lane == 0 ? from : lane);
}

__global__ void disagreement_kernel(float* out) {
  out[threadIdx.x] = 0;
  if (threadIdx.x % 32 < 16) {
    out[threadIdx.x] = static_cast<float>(__any_sync(0xffffffff, 1));
  } else {
    __syncwarp();
  }
}

__global__ void shared_write_kernel(float* out, int index) {
  float* const shared = dynamic_shared<float>();
  shared[threadIdx.x] = 1;
  __syncthreads();
  if (threadIdx.x == 1) shared[index] = 2;
  __syncthreads();
  out[global_index()] = shared[threadIdx.x];
}

__global__ void shared_read_kernel(float* out, int index) {
  float* const shared = dynamic_shared<float>();
  shared[threadIdx.x] = 1;
  __syncthreads();
  out[global_index()] = threadIdx.x == 1 ? shared[index] : shared[threadIdx.x];
}

__global__ void fresh_shared_kernel(float* out) { out[threadIdx.x] = dynamic_shared<float>()[threadIdx.x]; }

__global__ void last_shared_kernel(float* out, int last) {
  dynamic_shared<char>()[last] = 3;
  *out = dynamic_shared<char>()[last];
}

__global__ void partial_barrier_kernel(float* out, unsigned count) {
  if (threadIdx.x < count) __syncthreads();
  out[global_index()] = 1;
}

__global__ void split_barrier_kernel(float* out) {
  if (threadIdx.x < blockDim.x / 2) {
    __syncthreads();
  } else {
    out[global_index()] = 0;
    __syncthreads();
  }
  out[global_index()] = 1;
}

__global__ void throwing_kernel(unsigned block, unsigned thread) {
  if (blockIdx.x == block && threadIdx.x == thread) caviar::fail("the label is 17, of 10 classes");
  __syncthreads();
}

template <bool kWait>
__global__ void async_copy_kernel(const float* in, float* out) {
  float* const shared = dynamic_shared<float>() + 4 * threadIdx.x;
  caviar::async_copy_16(shared, in + 4 * threadIdx.x);
  caviar::async_copy_commit();
  if constexpr (kWait) caviar::async_copy_wait<0>();
  for (unsigned i = 0; i < 4; ++i) out[4 * threadIdx.x + i] = shared[i];
}

template <bool kBarrier>
__global__ void pipeline_kernel(const float* in, float* out, int rounds) {
  float* const shared = dynamic_shared<float>();
  const unsigned t = threadIdx.x, neighbour = (t + 1) % blockDim.x;
  const auto fetch = [&](int round) {
    if (round < rounds)
      caviar::async_copy_16(shared + 4 * ((round % 2) * blockDim.x + t), in + 4 * (round * blockDim.x + t));
    caviar::async_copy_commit();
  };
  float sum = 0;
  fetch(0);
  fetch(1);
  for (int round = 0; round < rounds; ++round) {
    caviar::async_copy_wait<1>();
    __syncthreads();
    for (unsigned i = 0; i < 4; ++i) sum += shared[4 * ((round % 2) * blockDim.x + neighbour) + i];
    if constexpr (kBarrier) __syncthreads();
    fetch(round + 2);
  }
  out[t] = sum;
}

__global__ void async_zero_kernel(const float* in, float* out) {
  float* const shared = dynamic_shared<float>() + 4 * threadIdx.x;
  caviar::async_copy_16_or_zero(shared, in + 4 * threadIdx.x, threadIdx.x % 2 == 0);
  caviar::async_copy_commit();
  caviar::async_copy_wait<0>();
  for (unsigned i = 0; i < 4; ++i) out[4 * threadIdx.x + i] = shared[i];
}

__global__ void unaligned_async_copy_kernel(const float* in) { caviar::async_copy_16(dynamic_shared<float>() + 1, in); }

__global__ void barrier_kernel(float* out, int count) {
  for (int i = 0; i < count; ++i) __syncthreads();
  out[global_index()] = 1;
}

}  // namespace

void launch_fill(const Launch& at, float* out, float value) {
  launch(fill_kernel, at.grid, at.block, 0, at.stream, out, value);
}

void launch_add(const Launch& at, float* out, float value) {
  launch(add_kernel, at.grid, at.block, 0, at.stream, out, value);
}

void launch_add_from(const Launch& at, float* out, const float* value) {
  launch(add_from_kernel, at.grid, at.block, 0, at.stream, out, value);
}

void launch_copy(const Launch& at, float* out, const float* in) {
  launch(copy_kernel, at.grid, at.block, 0, at.stream, out, in);
}

void launch_indices(const Launch& at, uint3* out) {
  launch(write_indices_kernel, at.grid, at.block, 0, at.stream, out);
}

void launch_sum(const Launch& at, const float* in, float* out, bool with_barriers) {
  launch(with_barriers ? sum_kernel<true> : sum_kernel<false>, at.grid, at.block, at.block.x * sizeof(float), at.stream,
         in, out);
}

void launch_warp_sum(const Launch& at, const float* in, float* out, bool with_barriers) {
  launch(with_barriers ? warp_sum_kernel<true> : warp_sum_kernel<false>, 1, 32, 32 * sizeof(float), at.stream, in, out);
}

void launch_shuffle_sum(const Launch& at, const int* in, int* out, By by) {
  constexpr void (*kKernels[])(const int*, int*) = {shuffle_sum_kernel<By::kXor>, shuffle_sum_kernel<By::kDown>,
                                                    shuffle_sum_kernel<By::kUp>, shuffle_sum_kernel<By::kIndex>};
  launch(kKernels[static_cast<int>(by)], at.grid, at.block, 0, at.stream, in, out);
}

void launch_votes(const Launch& at, const int* in, std::uint64_t* out) {
  launch(vote_kernel, at.grid, at.block, 0, at.stream, in, out);
}

void launch_masked_shuffle(const Launch& at, float* out, unsigned mask, int lanes, int from) {
  launch(masked_shuffle_kernel, at.grid, at.block, 0, at.stream, out, mask, lanes, from);
}

void launch_disagreement(const Launch& at, float* out) {
  launch(disagreement_kernel, at.grid, at.block, 0, at.stream, out);
}

void launch_shared_write(const Launch& at, float* out, int index) {
  launch(shared_write_kernel, at.grid, at.block, at.block.x * sizeof(float), at.stream, out, index);
}

void launch_shared_read(const Launch& at, float* out, int index) {
  launch(shared_read_kernel, at.grid, at.block, at.block.x * sizeof(float), at.stream, out, index);
}

void launch_fresh_shared(const Launch& at, float* out) {
  launch(fresh_shared_kernel, at.grid, at.block, at.block.x * sizeof(float), at.stream, out);
}

void launch_with_shared(const Launch& at, float* out, std::size_t bytes) {
  launch(last_shared_kernel, 1, 1, bytes, at.stream, out, static_cast<int>(bytes) - 1);
}

void launch_partial_barrier(const Launch& at, float* out, unsigned count) {
  launch(partial_barrier_kernel, at.grid, at.block, 0, at.stream, out, count);
}

void launch_split_barrier(const Launch& at, float* out) {
  launch(split_barrier_kernel, at.grid, at.block, 0, at.stream, out);
}

void launch_throwing(const Launch& at, unsigned block, unsigned thread) {
  launch(throwing_kernel, at.grid, at.block, 0, at.stream, block, thread);
}

void launch_async_copy(const Launch& at, const float* in, float* out, bool with_wait) {
  launch(with_wait ? async_copy_kernel<true> : async_copy_kernel<false>, 1, at.block, 16 * at.block.x, at.stream, in,
         out);
}

void launch_pipeline(const Launch& at, const float* in, float* out, int rounds, bool with_barrier) {
  launch(with_barrier ? pipeline_kernel<true> : pipeline_kernel<false>, 1, at.block, 32 * at.block.x, at.stream, in,
         out, rounds);
}

void launch_async_zeros(const Launch& at, const float* in, float* out) {
  launch(async_zero_kernel, 1, at.block, 16 * at.block.x, at.stream, in, out);
}

void launch_unaligned_async_copy(const Launch& at, const float* in) {
  launch(unaligned_async_copy_kernel, 1, 1, 64, at.stream, in);
}

void launch_barriers(const Launch& at, float* out, int count) {
  launch(barrier_kernel, at.grid, at.block, 0, at.stream, out, count);
}

}  // namespace cuda_on_cpu
