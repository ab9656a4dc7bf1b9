// Small kernels, right and wrong, that show what the emulated device finds. Each function launches one.
#pragma once

#include <cstdint>

#include "kernels/base/cuda.h"

namespace cuda_on_cpu {

struct Launch {
  dim3 grid = 1;
  dim3 block = 64;
  cudaStream_t stream = nullptr;
};

// With i = blockIdx.x * blockDim.x + threadIdx.x unless said otherwise:

// out[i] = value
void launch_fill(const Launch& at, float* out, float value);
// out[i] += value; the value is an argument
void launch_add(const Launch& at, float* out, float value);
// out[i] += *value; the value is data
void launch_add_from(const Launch& at, float* out, const float* value);
// out[i] = in[i]
void launch_copy(const Launch& at, float* out, const float* in);
// {threadIdx, blockIdx} of every thread, by block and thread, x fastest
void launch_indices(const Launch& at, uint3* out);

// out[block] = sum of in over the block, by a halving tree, without its barriers where so asked
void launch_sum(const Launch& at, const float* in, float* out, bool with_barriers);
// The same for one warp through shared memory, without its __syncwarp() where so asked
void launch_warp_sum(const Launch& at, const float* in, float* out, bool with_barriers);
// out[i] = sum of in over the warp of i, by shuffles of the kind named
enum class By { kXor, kDown, kUp, kIndex };
void launch_shuffle_sum(const Launch& at, const int* in, int* out, By by);
// out[i] = __ballot_sync of in[i] > 0, with bit 32 for any and bit 33 for all of them
void launch_votes(const Launch& at, const int* in, std::uint64_t* out);
// A shuffle by `lanes` lanes of the warp with a mask; lane 0 reads lane `from`
void launch_masked_shuffle(const Launch& at, float* out, unsigned mask, int lanes, int from);
// Lanes below 16 vote, the others call __syncwarp, with the full mask
void launch_disagreement(const Launch& at, float* out);

// Shared memory of one float a thread; one thread writes (or reads) at `index`
void launch_shared_write(const Launch& at, float* out, int index);
void launch_shared_read(const Launch& at, float* out, int index);
// out[i] = byte i of fresh shared memory as it is
void launch_fresh_shared(const Launch& at, float* out);
// As much dynamic shared memory as asked for
void launch_with_shared(const Launch& at, float* out, std::size_t bytes);

// __syncthreads by the first `count` threads only
void launch_partial_barrier(const Launch& at, float* out, unsigned count);
// __syncthreads by all, half of them at another place
void launch_split_barrier(const Launch& at, float* out);
// Thread `thread` of block `block` throws caviar::Error
void launch_throwing(const Launch& at, unsigned block, unsigned thread);

// out[4 t .. 4 t + 3] = in[...] by cp.async, without the wait where so asked
void launch_async_copy(const Launch& at, const float* in, float* out, bool with_wait);
// The same in rounds of two buffers, without the barrier between reading a buffer and filling it again where so asked.
// out[t] = sum over rounds of what the neighbour's copy brought
void launch_pipeline(const Launch& at, const float* in, float* out, int rounds, bool with_barrier);
// cp.async of zeros where the thread's number is odd
void launch_async_zeros(const Launch& at, const float* in, float* out);
void launch_unaligned_async_copy(const Launch& at, const float* in);

// `count` barriers
void launch_barriers(const Launch& at, float* out, int count);

}  // namespace cuda_on_cpu
