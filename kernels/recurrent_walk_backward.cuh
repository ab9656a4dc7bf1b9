// The backward walk: one kernel, steps S-1 .. 0, fp32.
//
// A thread owns a few neighbouring units of eight rows. It forms the gradients of their gates, writes them over the
// stash for the weight gradients, and puts them into shared memory, where all threads take dL/dh of the step before
// from them: one chain over the real gates in order. What a unit carries (dL/dc of an lstm, the direct path of a gru)
// and dL/dh stay in registers; dL/dh from above is only read.
//
// Per chain k's go in fours: the gradients of a row as one 16-byte broadcast, the weights of a thread's units as one
// load for every k. W_hh [G H, H] lies as it is, cut into slices of 16 rows.
#pragma once

#include "kernels/base/launch.h"
#include "kernels/base/shared.h"
#include "kernels/product_tile.cuh"
#include "kernels/recurrent_unit.cuh"
#include "kernels/recurrent_walk.cuh"

namespace caviar {

template <Cell kCell, int kBucket>
struct BackwardShape {
  static constexpr int kGates = kGatesOf<kCell>, kStash = kStashOf<kCell>;
  static constexpr bool kGated = kGates > 1;
  static constexpr int kUnits = kBucket >= (kGated ? 128 : 64) ? 4 : 2;  // of a thread, side by side
  static constexpr int kAcross = kBucket / kUnits;
  // The gradients of a block's rows take kMostRows * G H floats of shared memory.
  static constexpr int kMostRows = kBucket <= 32 || (kBucket == 64 && !kGated) ? 64 : 32;
  static constexpr int kMostThreads = kAcross * kMostRows / kThreadRows;
  // Two blocks; with four units a thread may have up to 255 registers.
  static constexpr int kBlocksOfProcessor = kUnits == 4 ? (kMostThreads >= 256 ? 1 : 2) : kFullThreads / kMostThreads;
  static constexpr int kSlice = kSliceDepth * kBucket;  // floats
  // Gradients in shared memory, spaced as h is in the forward walk.
  static constexpr int kRowStride = kGates * kBucket + 4;
  CAVIAR_HD static constexpr int row(int r) { return r * kRowStride + r / kThreadRows * 4; }
  static constexpr int kExchange = row(kMostRows - 1) + kRowStride;  // floats
};

// Rows [16 slice, 16 slice + 16) of W_hh [G H, H] into a buffer.
template <class Shape, int kBucket>
__device__ __forceinline__ void fill_backward_slice(float* buffer, const float* w, int hidden, int slice, bool quads) {
  for (int i = static_cast<int>(threadIdx.x); i < kSliceDepth * kBucket / 4; i += static_cast<int>(blockDim.x)) {
    const int k = i / (kBucket / 4), unit = i % (kBucket / 4) * 4, n = slice * kSliceDepth + k;
    if (n >= Shape::kGates * hidden || unit >= hidden) continue;
    float* to = buffer + k * kBucket + unit;
    const float* from = w + static_cast<std::ptrdiff_t>(n) * hidden + unit;
    if (quads)
      async_copy_16(to, from);
    else
      for (int j = 0; j < 4 && unit + j < hidden; ++j) to[j] = from[j];
  }
}

template <int kUnits>
__device__ __forceinline__ void load_units(const float* from, float (&to)[kUnits]) {
  if constexpr (kUnits == 4) {
    const float4 v = *reinterpret_cast<const float4*>(from);
    to[0] = v.x;
    to[1] = v.y;
    to[2] = v.z;
    to[3] = v.w;
  } else {
    const float2 v = *reinterpret_cast<const float2*>(from);
    to[0] = v.x;
    to[1] = v.y;
  }
}

// sum[row][unit] += the chains of one slice.
template <class Shape, int kBucket>
__device__ __forceinline__ void add_backward_slice(float (&sum)[kThreadRows][Shape::kUnits], const float* buffer,
                                                   const float* grad, int unit0, int depth) {
  constexpr int kUnits = Shape::kUnits;
  if (depth == kSliceDepth) {
#pragma unroll
    for (int k = 0; k < kSliceDepth; k += 4) {
      float w[4][kUnits];
#pragma unroll
      for (int j = 0; j < 4; ++j) load_units<kUnits>(buffer + (k + j) * kBucket + unit0, w[j]);
#pragma unroll
      for (int r = 0; r < kThreadRows; ++r) {
        const float4 v = *reinterpret_cast<const float4*>(grad + r * Shape::kRowStride + k);
#pragma unroll
        for (int u = 0; u < kUnits; ++u) {
          float s = sum[r][u];
          s = fma_of(v.x, w[0][u], s);
          s = fma_of(v.y, w[1][u], s);
          s = fma_of(v.z, w[2][u], s);
          sum[r][u] = fma_of(v.w, w[3][u], s);
        }
      }
    }
    return;
  }
#pragma unroll 1
  for (int k = 0; k < depth; ++k) {
    float w[kUnits];
    load_units<kUnits>(buffer + k * kBucket + unit0, w);
#pragma unroll
    for (int r = 0; r < kThreadRows; ++r)
#pragma unroll
      for (int u = 0; u < kUnits; ++u) sum[r][u] = fma_of(grad[r * Shape::kRowStride + k], w[u], sum[r][u]);
  }
}

// Grid: tiles of rows, directions, slots. Shared memory: the slices, then the gradients of one step.
template <Cell kCell, int kBucket>
__global__ void __launch_bounds__(BackwardShape<kCell, kBucket>::kMostThreads,
                                  BackwardShape<kCell, kBucket>::kBlocksOfProcessor)
    walk_backward_kernel(RecurrentArgs a, SliceBuffers buffers) {
  using Shape = BackwardShape<kCell, kBucket>;
  constexpr int kGates = Shape::kGates, kUnits = Shape::kUnits, kStash = Shape::kStash;
  const int slot = a.window.s0 + static_cast<int>(blockIdx.z);
  const int groups = static_cast<int>(blockDim.x) / Shape::kAcross;
  const int unit0 = static_cast<int>(threadIdx.x) % Shape::kAcross * kUnits;
  const int group = static_cast<int>(threadIdx.x) / Shape::kAcross;
  const int tile_row = static_cast<int>(blockIdx.x) * groups * kThreadRows;
  if (!a.rows[slot].on || tile_row >= a.rows[slot].rows) return;

  const DirectionArgs& d = a.direction[blockIdx.y];
  const int hidden = a.hidden, hp = padded(hidden), batch = a.window.rows();
  const int row0 = tile_row + group * kThreadRows;              // the thread's first row
  const int rows = min(kThreadRows, a.rows[slot].rows - row0);  // how many of the eight exist; may be negative
  const float* w = d.weights.hidden_back[slot];
  float* gates = d.gates[slot];
  const float* cells = kCell == Cell::kLstm ? d.cells[slot] : nullptr;
  const float* h = a.h[slot] + static_cast<int>(blockIdx.y) * hp;
  const float* grad_h = a.grad_h[slot] + static_cast<int>(blockIdx.y) * hp;

  float* slices = dynamic_shared<float>();
  float* exchange = slices + static_cast<std::ptrdiff_t>(buffers.streamed ? 2 : buffers.slices) * Shape::kSlice +
                    Shape::row(group * kThreadRows);
  const bool quads = is_aligned_16(w) && hidden % 4 == 0;
  const auto fill = [&](int slice, int buffer) {
    fill_backward_slice<Shape, kBucket>(slices + buffer * Shape::kSlice, w, hidden, slice, quads);
  };
  if (d.active_steps > 1) begin_slices(buffers, fill);

  float carry[kThreadRows][kUnits], sum[kThreadRows][kUnits];
#pragma unroll
  for (int r = 0; r < kThreadRows; ++r)
#pragma unroll
    for (int u = 0; u < kUnits; ++u) carry[r][u] = 0.0f;

  int turn = 0;
  for (int s = d.active_steps - 1; s >= 0; --s) {
    const std::ptrdiff_t now = static_cast<std::ptrdiff_t>(time_of(a, d, s)) * batch + row0;
    const std::ptrdiff_t before = static_cast<std::ptrdiff_t>(time_of(a, d, s - 1)) * batch + row0;
#pragma unroll
    for (int r = 0; r < kThreadRows; ++r)
#pragma unroll
      for (int u = 0; u < kUnits; ++u) {
        const int unit = unit0 + u;
        if (r >= rows || unit >= hidden) continue;
        float* gate = gates + (now + r) * a.gates_width + unit;
        float grad = grad_h[(now + r) * a.h_width + unit];
        if (s + 1 < d.active_steps) grad = (kCell == Cell::kGru ? grad + carry[r][u] : grad) + sum[r][u];
        float values[kStash], hidden_gates[kGates], state_before = 0, state_after = 0;
        if constexpr (Shape::kGated)
#pragma unroll
          for (int g = 0; g < kStash; ++g) values[g] = gate[g * hp];
        if constexpr (kCell == Cell::kLstm) {
          if (s > 0) state_before = cells[(before + r) * hp + unit];
          state_after = cells[(now + r) * hp + unit];
        } else if constexpr (kCell == Cell::kGru) {
          if (s > 0) state_before = h[(before + r) * a.h_width + unit];
        } else {
          state_after = h[(now + r) * a.h_width + unit];
        }
        unit_backward<kCell>(values, hidden_gates, state_before, state_after, grad, carry[r][u],
                             a.cell == Cell::kRnnRelu);
#pragma unroll
        for (int g = 0; g < kStash; ++g) gate[g * hp] = values[g];
#pragma unroll
        for (int g = 0; g < kGates; ++g) exchange[r * Shape::kRowStride + g * hidden + unit] = hidden_gates[g];
      }
    if (s == 0) break;
    __syncthreads();  // the gradients are complete
#pragma unroll
    for (int r = 0; r < kThreadRows; ++r)
#pragma unroll
      for (int u = 0; u < kUnits; ++u) sum[r][u] = 0.0f;
    for (int slice = 0; slice < buffers.slices; ++slice) {
      const int buffer = take_slice(buffers, slice, turn, s == 1 && slice + 1 == buffers.slices, fill);
      if (rows > 0 && unit0 < hidden)
        add_backward_slice<Shape, kBucket>(sum, slices + buffer * Shape::kSlice, exchange + slice * kSliceDepth, unit0,
                                           min(kSliceDepth, kGates * hidden - slice * kSliceDepth));
    }
    __syncthreads();  // and may be overwritten
  }
}

template <Cell kCell, int kBucket>
void launch_walk_backward(const Cuda& device, const RecurrentArgs& a, bool streamed) {
  using Shape = BackwardShape<kCell, kBucket>;
  const int rows = block_rows(a.window.rows(), Shape::kMostRows);
  const std::size_t exchange = Shape::kExchange * sizeof(float), slice = Shape::kSlice * sizeof(float);
  const SliceBuffers buffers = plan_slices(Shape::kGates * a.hidden, slice, exchange, streamed);
  const dim3 grid(static_cast<unsigned>((a.window.rows() + rows - 1) / rows), static_cast<unsigned>(a.directions),
                  static_cast<unsigned>(a.window.s1 - a.window.s0));
  launch(walk_backward_kernel<kCell, kBucket>, grid, dim3(static_cast<unsigned>(Shape::kAcross * rows / kThreadRows)),
         static_cast<std::size_t>(buffers.buffers()) * slice + exchange, device.stream, a, buffers);
}

}  // namespace caviar
