// What the forward and the backward walk share. One block walks all steps of some rows of one direction of one slot, so
// nothing but its own barriers orders the steps.
#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include "kernels/base/async_copy.h"
#include "kernels/base/cuda.h"
#include "kernels/base/cuda_check.h"
#include "kernels/base/error.h"
#include "kernels/recurrent.h"

namespace caviar {

// W_hh passes through shared memory in slices of this many k's.
inline constexpr int kSliceDepth = 16;

// Rows of a thread: its weights are read once for all of them.
inline constexpr int kThreadRows = 8;

// Warps of a multiprocessor when every thread has 128 registers.
inline constexpr int kFullThreads = 512;

__device__ __forceinline__ int time_of(const RecurrentArgs& a, const DirectionArgs& d, int step) {
  return d.reverse ? a.steps - 1 - step : step;
}

// Where a thread of a walk stands: eight rows of one slot, from row0 on, of which `rows` exist (none where that is not
// positive), and the kAcross threads side by side that share them. A block has as many groups of rows as it has
// threads.
struct WalkPlace {
  int slot, lane, group, row0, rows;
  bool idle_block;  // the slot is off, or none of the block's rows exists
};
template <class Shape>
__device__ __forceinline__ WalkPlace walk_place(const RecurrentArgs& a) {
  WalkPlace p;
  p.slot = a.window.s0 + static_cast<int>(blockIdx.z);
  p.lane = static_cast<int>(threadIdx.x) % Shape::kAcross;
  p.group = static_cast<int>(threadIdx.x) / Shape::kAcross;
  const int first = static_cast<int>(blockIdx.x) * (static_cast<int>(blockDim.x) / Shape::kAcross) * kThreadRows;
  p.row0 = first + p.group * kThreadRows;
  p.rows = min(kThreadRows, a.rows[p.slot].rows - p.row0);
  p.idle_block = !a.rows[p.slot].on || first >= a.rows[p.slot].rows;
  return p;
}

// The same number, of which the compiler knows nothing: what is computed from it a second time is not kept in registers
// since the first.
__device__ __forceinline__ int forget(int x) {
  asm volatile("" : "+r"(x));
  return x;
}

// Slices of W_hh in shared memory. Resident: all of them, loaded once. Streamed: two buffers; while one is multiplied
// the next slice is on its way into the other, across the end of a step too, since every step reads the same weights.
struct SliceBuffers {
  int slices = 0;
  bool streamed = false;
  CAVIAR_HD int buffers() const { return streamed ? 2 : slices; }
};

// fill(slice, buffer) brings a slice into a buffer, with asynchronous copies or without.
template <class Fill>
__device__ __forceinline__ void begin_slices(const SliceBuffers& b, const Fill& fill) {
  for (int i = 0; i < (b.streamed ? 1 : b.slices); ++i) fill(i, i);
  async_copy_commit();
  if (b.streamed) return;
  async_copy_wait<0>();
  __syncthreads();
}

// The buffer that holds `slice`; turn counts the slices taken. Every thread of the block comes here, in streamed mode
// at a barrier. `last`: no slice is taken after this one.
template <class Fill>
__device__ __forceinline__ int take_slice(const SliceBuffers& b, int slice, int& turn, bool last, const Fill& fill) {
  if (!b.streamed) return slice;
  async_copy_wait<0>();
  __syncthreads();  // the slice is here for all threads, and none reads the other buffer any more
  const int buffer = turn++ & 1;
  if (!last) {
    fill(slice + 1 == b.slices ? 0 : slice + 1, buffer ^ 1);
    async_copy_commit();
  }
  return buffer;
}

// Calls launch with the smallest bucket that holds a hidden size: the one list of what is compiled.
template <class Launch>
void with_bucket(int hidden, const Launch& launch) {
  if (hidden <= 16)
    launch(std::integral_constant<int, 16>{});
  else if (hidden <= 32)
    launch(std::integral_constant<int, 32>{});
  else if (hidden <= 64)
    launch(std::integral_constant<int, 64>{});
  else if (hidden <= 128)
    launch(std::integral_constant<int, 128>{});
  else if (hidden <= 256)
    launch(std::integral_constant<int, 256>{});
  else
    fail("hidden_size is ", hidden, "; one kernel walks the steps of at most 256 units.");
}

// Rows of a block: at most kMostRows, and no more than the batch needs.
inline int block_rows(int batch, int most) {
  return std::min(most, (batch + kThreadRows - 1) / kThreadRows * kThreadRows);
}

// What a block of the current device may have of shared memory.
inline std::size_t shared_bytes_of_block() {
  int device = 0, bytes = 0;
  cuda_check(cudaGetDevice(&device), "name the current device");
  cuda_check(cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, device),
             "tell the shared memory of a block");
  return static_cast<std::size_t>(bytes);
}

// Resident where that fits and nothing else is asked for.
inline SliceBuffers plan_slices(int depth, std::size_t slice_bytes, std::size_t other_bytes, bool streamed) {
  const int slices = (depth + kSliceDepth - 1) / kSliceDepth;
  const std::size_t all = static_cast<std::size_t>(slices) * slice_bytes + other_bytes;
  return {slices, streamed || all > shared_bytes_of_block()};
}

}  // namespace caviar
