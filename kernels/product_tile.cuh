// What the tiled products share: where features stand, and loads of four of them.
#pragma once

#include "kernels/base/cuda.h"
#include "kernels/base/matrix.h"
#include "kernels/math/elementary.h"

namespace caviar {

inline constexpr int kDepth = 16;  // k's of a tile in shared memory; kRowBlock, so that a step of a block is one tile

// Offset in its row of the flat feature i. By comparisons: a division costs more, and an index that is not a constant
// would put the segments into local memory.
__device__ __forceinline__ int column_of(const Segments& s, int i) {
  int column = s.offset[0] + i;
  if (i >= s.length) column = s.offset[1] + i - s.length;
  if (i >= 2 * s.length) column = s.offset[2] + i - 2 * s.length;
  if (i >= 3 * s.length) column = s.offset[3] + i - 3 * s.length;
  return column;
}

__device__ __forceinline__ bool is_aligned_16(const void* p) { return reinterpret_cast<std::uintptr_t>(p) % 16 == 0; }

// Whether four features from a flat multiple of four on are 16 aligned bytes of one segment, in every row.
__device__ __forceinline__ bool has_quads(const float* base, std::ptrdiff_t stride, const Segments& s) {
  return is_aligned_16(base) && stride % 4 == 0 && s.length % 4 == 0;
}

// Features at .. at+3 of a row, zeros from `end` on; `quads` as has_quads says.
__device__ __forceinline__ float4 load_quad(const float* row, const Segments& s, int at, int end, bool quads) {
  if (quads && at + 4 <= end) return *reinterpret_cast<const float4*>(row + column_of(s, at));
  float4 v = make_float4(0, 0, 0, 0);
  if (at < end) v.x = row[column_of(s, at)];
  if (at + 1 < end) v.y = row[column_of(s, at + 1)];
  if (at + 2 < end) v.z = row[column_of(s, at + 2)];
  if (at + 3 < end) v.w = row[column_of(s, at + 3)];
  return v;
}

// The same without segments.
__device__ __forceinline__ float4 load_quad(const float* row, int at, int end, bool quads) {
  if (quads && at + 4 <= end) return *reinterpret_cast<const float4*>(row + at);
  float4 v = make_float4(0, 0, 0, 0);
  if (at < end) v.x = row[at];
  if (at + 1 < end) v.y = row[at + 1];
  if (at + 2 < end) v.z = row[at + 2];
  if (at + 3 < end) v.w = row[at + 3];
  return v;
}

// A tile of outputs and the threads that share it: kThreadRows x kThreadColumns outputs a thread, in fours that lie
// apart, so that the 16-byte loads of a warp from shared memory fall into different banks.
template <int kTileRows, int kTileColumns, int kThreadRows, int kThreadColumns>
struct Tiling {
  static constexpr int kRows = kTileRows, kColumns = kTileColumns;
  static constexpr int kRowsEach = kThreadRows, kColumnsEach = kThreadColumns;
  static constexpr int kThreadsAcross = kColumns / kColumnsEach;
  static constexpr int kThreads = kRows / kRowsEach * kThreadsAcross;
  // Sixteen warps of at most 128 registers a thread keep a multiprocessor busy.
  static constexpr int kBlocksOfProcessor = 512 / kThreads;
  // Floats from one k to the next in shared memory. Four more than the tile: a transposed store hits fewer banks twice.
  static constexpr int kRowStride = kRows + 4, kColumnStride = kColumns + 4;
  static constexpr int kStage = kDepth * (kRowStride + kColumnStride);  // floats of one stage of two
  static constexpr int kRowQuads = kRows * kDepth / 4 / kThreads;       // loads of four a thread and stage
  static constexpr int kColumnQuads = kColumns * kDepth / 4 / kThreads;
  static_assert(kRowQuads * kThreads * 4 == kRows * kDepth && kColumnQuads * kThreads * 4 == kColumns * kDepth);
  static_assert(kRowsEach % 4 == 0 && kColumnsEach % 4 == 0);

  // Row of the tile of a thread's output r (0 .. kRowsEach-1), and likewise the column.
  static __device__ __forceinline__ int row(int thread, int r) {
    return r / 4 * (kRows / kRowsEach * 4) + thread / kThreadsAcross * 4 + r % 4;
  }
  static __device__ __forceinline__ int column(int thread, int c) {
    return c / 4 * (kThreadsAcross * 4) + thread % kThreadsAcross * 4 + c % 4;
  }
};

// The accumulators of a thread.
template <class T>
struct Accumulators {
  float sum[T::kRowsEach][T::kColumnsEach];

  __device__ __forceinline__ void clear() {
#pragma unroll
    for (int r = 0; r < T::kRowsEach; ++r)
#pragma unroll
      for (int c = 0; c < T::kColumnsEach; ++c) sum[r][c] = 0.0f;
  }

  // sum[r][c] += rows[r] * columns[c] for one k.
  __device__ __forceinline__ void add(const float* rows, const float* columns, int thread) {
    float a[T::kRowsEach], b[T::kColumnsEach];
#pragma unroll
    for (int r = 0; r < T::kRowsEach; r += 4) load4(rows + T::row(thread, r), a + r);
#pragma unroll
    for (int c = 0; c < T::kColumnsEach; c += 4) load4(columns + T::column(thread, c), b + c);
#pragma unroll
    for (int r = 0; r < T::kRowsEach; ++r)
#pragma unroll
      for (int c = 0; c < T::kColumnsEach; ++c) sum[r][c] = fma_of(a[r], b[c], sum[r][c]);
  }

  // The first `depth` k's of a stage. A chain never runs over padding: zeros there could turn a -0 into +0.
  __device__ __forceinline__ void add_stage(const float* rows, const float* columns, int thread, int depth) {
    if (depth == kDepth) {
#pragma unroll
      for (int k = 0; k < kDepth; ++k) add(rows + k * T::kRowStride, columns + k * T::kColumnStride, thread);
    } else {
#pragma unroll 1
      for (int k = 0; k < depth; ++k) add(rows + k * T::kRowStride, columns + k * T::kColumnStride, thread);
    }
  }

  static __device__ __forceinline__ void load4(const float* from, float* to) {
    const float4 v = *reinterpret_cast<const float4*>(from);
    to[0] = v.x;
    to[1] = v.y;
    to[2] = v.z;
    to[3] = v.w;
  }
};

// Puts four k's of one row (or column) of a tile where the k's lie apart.
__device__ __forceinline__ void store_transposed(float* to, int stride, const float4& v) {
  to[0] = v.x;
  to[stride] = v.y;
  to[2 * stride] = v.z;
  to[3 * stride] = v.w;
}

}  // namespace caviar
