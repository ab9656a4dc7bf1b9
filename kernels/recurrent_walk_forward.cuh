// The forward walk: one kernel, all steps, fp32.
//
// A thread owns one or a few units of eight rows with all their gates. So the formulas of a cell need no other thread,
// and what a unit carries from step to step (c of an lstm, h of a gru) stays in registers. Only h goes round: every
// step writes its h into one of two arrays in shared memory while the step before is read from the other, and one
// barrier ends the step.
//
// Per pre-activation one chain over k: k's go in fours, the weights of a unit as one 16-byte load for all rows, h as
// one 16-byte broadcast for all gates. 32 accumulators (24 for gru) make the multiply-adds, not shared memory, the
// limit.
//
// Weights lie in shared memory as [slice][four of k][gate][unit][k % 4], which both kinds of loads fill from PyTorch's
// [gate, unit, k] without a transposition: four neighbouring threads fetch the 64 bytes that a row of W_hh has in a
// slice. They store to the same place of four arrays; eight floats between these keep that out of the same banks.
#pragma once

#include "kernels/base/launch.h"
#include "kernels/base/shared.h"
#include "kernels/product_tile.cuh"
#include "kernels/recurrent_unit.cuh"
#include "kernels/recurrent_walk.cuh"

namespace caviar {

// kBucket: the hidden size it is made for; smaller ones leave threads idle.
template <Cell kCell, int kBucket>
struct ForwardShape {
  static constexpr int kGates = kGatesOf<kCell>, kStash = kStashOf<kCell>;
  static constexpr bool kGated = kGates > 1;
  static constexpr int kUnits = kGated ? 1 : kBucket >= 64 ? 4 : 2;  // of a thread, kAcross apart
  static constexpr int kAcross = kBucket / kUnits;
  // Enough rows that the weights of a slice are worth reading, no more threads than registers allow.
  static constexpr int kMostRows = kBucket <= 32              ? 64
                                   : kBucket == 64            ? (kGated ? 32 : 64)
                                   : kBucket == 256 && kGated ? 16
                                                              : 32;
  static constexpr int kMostThreads = kAcross * kMostRows / kThreadRows;
  static constexpr int kBlocksOfProcessor = kFullThreads / kMostThreads > 8 ? 8 : kFullThreads / kMostThreads;
  // Rows whose input part is loaded before the product of a step, not after it.
  static constexpr int kEarlyRows = 4;
  static constexpr int kFour = 4 * kGates * kBucket + 8;  // floats: four k's of all units
  static constexpr int kSlice = kSliceDepth / 4 * kFour;
  // h in shared memory. The four floats a row has more, and four more for every eight rows, put what the threads of a
  // warp read at once into different banks.
  static constexpr int kRowStride = kBucket + 4;
  CAVIAR_HD static constexpr int row(int r) { return r * kRowStride + r / kThreadRows * 4; }
  static constexpr int kExchange = row(kMostRows - 1) + kRowStride;  // floats of one of the two arrays
};

// A slice of W_hh [G H, H] into its buffer.
template <class Shape, int kBucket>
__device__ __forceinline__ void fill_forward_slice(float* buffer, const float* w, int hidden, int slice, bool quads) {
  for (int i = static_cast<int>(threadIdx.x); i < Shape::kGates * hidden * 4; i += static_cast<int>(blockDim.x)) {
    const int four = i % 4, n = i / 4, k = slice * kSliceDepth + four * 4;
    if (k >= hidden) continue;
    const int gate = (n >= hidden) + (n >= 2 * hidden) + (n >= 3 * hidden), unit = n - gate * hidden;
    float* to = buffer + four * Shape::kFour + (gate * kBucket + unit) * 4;
    const float* from = w + static_cast<std::ptrdiff_t>(n) * hidden + k;
    if (quads)
      async_copy_16(to, from);
    else
      for (int j = 0; j < 4 && k + j < hidden; ++j) to[j] = from[j];
  }
}

// sum[row][gate][unit] += the chains of one slice.
template <class Shape, int kBucket>
__device__ __forceinline__ void add_forward_slice(float (&sum)[kThreadRows][Shape::kGates][Shape::kUnits],
                                                  const float* buffer, const float* h, int lane, int depth) {
  const auto weights = [&](int four, int gate, int unit) {
    return buffer + four * Shape::kFour + (gate * kBucket + unit * Shape::kAcross + lane) * 4;
  };
  if (depth == kSliceDepth) {
#pragma unroll 1  // a whole slice at once asks for more registers than there are
    for (int four = 0; four < kSliceDepth / 4; ++four) {
      float4 w[Shape::kGates][Shape::kUnits];
#pragma unroll
      for (int g = 0; g < Shape::kGates; ++g)
#pragma unroll
        for (int u = 0; u < Shape::kUnits; ++u) w[g][u] = *reinterpret_cast<const float4*>(weights(four, g, u));
#pragma unroll
      for (int r = 0; r < kThreadRows; ++r) {
        const float4 v = *reinterpret_cast<const float4*>(h + r * Shape::kRowStride + four * 4);
#pragma unroll
        for (int g = 0; g < Shape::kGates; ++g)
#pragma unroll
          for (int u = 0; u < Shape::kUnits; ++u) {
            float s = sum[r][g][u];
            s = fma_of(v.x, w[g][u].x, s);
            s = fma_of(v.y, w[g][u].y, s);
            s = fma_of(v.z, w[g][u].z, s);
            sum[r][g][u] = fma_of(v.w, w[g][u].w, s);
          }
      }
    }
    return;
  }
#pragma unroll 1
  for (int k = 0; k < depth; ++k)
#pragma unroll
    for (int g = 0; g < Shape::kGates; ++g)
#pragma unroll
      for (int u = 0; u < Shape::kUnits; ++u) {
        const float w = weights(k / 4, g, u)[k % 4];
#pragma unroll
        for (int r = 0; r < kThreadRows; ++r) sum[r][g][u] = fma_of(h[r * Shape::kRowStride + k], w, sum[r][g][u]);
      }
}

// The units and rows of one thread.
template <Cell kCell, int kBucket>
struct ForwardThread {
  using Shape = ForwardShape<kCell, kBucket>;
  static constexpr int kGates = Shape::kGates, kUnits = Shape::kUnits;

  const RecurrentArgs& a;
  const DirectionArgs& d;
  const WalkPlace& p;
  int hidden, hp;
  float *gates, *cells, *h_out;
  float bias[kGates][kUnits];
  float carry[kThreadRows][kUnits];        // c of an lstm, h of a gru
  float x[kThreadRows][kGates][kUnits];    // of a step: W_ih x + b_ih
  float sum[kThreadRows][kGates][kUnits];  // and W_hh h

  __device__ __forceinline__ ForwardThread(const RecurrentArgs& args, const WalkPlace& place)
      : a(args),
        d(args.direction[blockIdx.y]),
        p(place),
        hidden(args.hidden),
        hp(padded(args.hidden)),
        gates(d.gates[place.slot]),
        cells(kCell == Cell::kLstm ? d.cells[place.slot] : nullptr),
        h_out(args.h[place.slot] + static_cast<int>(blockIdx.y) * padded(args.hidden)) {
#pragma unroll
    for (int u = 0; u < kUnits; ++u) {
#pragma unroll
      for (int g = 0; g < kGates; ++g)
        bias[g][u] = unit(u) < hidden ? d.weights.hidden_bias[p.slot][g * hidden + unit(u)] : 0.0f;
#pragma unroll
      for (int r = 0; r < kThreadRows; ++r) carry[r][u] = 0.0f;
    }
  }

  __device__ __forceinline__ int unit(int u) const { return p.lane + u * Shape::kAcross; }
  __device__ __forceinline__ bool exists(int r, int u) const { return r < p.rows && unit(u) < hidden; }
  __device__ __forceinline__ std::ptrdiff_t first_row(int s) const {
    return static_cast<std::ptrdiff_t>(time_of(a, d, s)) * a.window.rows() + p.row0;
  }

  __device__ __forceinline__ void clear_sum() {
#pragma unroll
    for (int r = 0; r < kThreadRows; ++r)
#pragma unroll
      for (int g = 0; g < kGates; ++g)
#pragma unroll
        for (int u = 0; u < kUnits; ++u) sum[r][g][u] = 0.0f;
  }

  // x of rows [kFirst, kEnd).
  template <int kFirst, int kEnd>
  __device__ __forceinline__ void load_input(const float* gate_row) {
#pragma unroll
    for (int r = kFirst; r < kEnd; ++r)
#pragma unroll
      for (int g = 0; g < kGates; ++g)
#pragma unroll
        for (int u = 0; u < kUnits; ++u)
          x[r][g][u] = exists(r, u) ? gate_row[r * a.gates_width + g * hp + unit(u)] : 0.0f;
  }

  // From x and sum to h, which goes to memory and to `next`, and to the stash.
  __device__ __forceinline__ void finish_step(int s, float* gate_row, float* next) {
    const std::ptrdiff_t row0 = first_row(s);
    const int h_width = forget(a.h_width);  // else offsets of all rows stay in registers that are too few
#pragma unroll
    for (int r = 0; r < kThreadRows; ++r)
#pragma unroll
      for (int u = 0; u < kUnits; ++u) {
        if (!exists(r, u)) continue;
        float pre[Shape::kStash], stash[Shape::kStash];
#pragma unroll
        for (int g = 0; g < kGates; ++g) {
          const float part = s > 0 ? sum[r][g][u] + bias[g][u] : bias[g][u];  // not 0 + bias: that would lose a -0
          const bool apart = kCell == Cell::kGru && g == 2;
          pre[g] = apart ? x[r][g][u] : x[r][g][u] + part;
          if (apart) pre[Shape::kStash - 1] = part;
        }
        const float h = unit_forward<kCell>(pre, carry[r][u], stash, a.cell == Cell::kRnnRelu);
        next[r * Shape::kRowStride + unit(u)] = h;
        h_out[(row0 + r) * h_width + unit(u)] = h;
        if constexpr (kCell == Cell::kLstm) cells[(row0 + r) * hp + unit(u)] = carry[r][u];
        if constexpr (Shape::kGated)
#pragma unroll
          for (int g = 0; g < Shape::kStash; ++g) gate_row[r * a.gates_width + g * hp + unit(u)] = stash[g];
      }
  }
};

// Grid: tiles of rows, directions, slots. Shared memory: the slices, then two arrays of h.
template <Cell kCell, int kBucket>
__global__ void __launch_bounds__(ForwardShape<kCell, kBucket>::kMostThreads,
                                  ForwardShape<kCell, kBucket>::kBlocksOfProcessor)
    walk_forward_kernel(RecurrentArgs a, SliceBuffers buffers) {
  using Shape = ForwardShape<kCell, kBucket>;
  const WalkPlace p = walk_place<Shape>(a);
  if (p.idle_block) return;

  const DirectionArgs& d = a.direction[blockIdx.y];
  const float* w = d.weights.hidden[p.slot];
  const bool quads = is_aligned_16(w) && a.hidden % 4 == 0;
  float* slices = dynamic_shared<float>();
  float* exchange = slices + static_cast<std::ptrdiff_t>(buffers.buffers()) * Shape::kSlice;
  const auto fill = [&](int slice, int buffer) {
    fill_forward_slice<Shape, kBucket>(slices + buffer * Shape::kSlice, w, a.hidden, slice, quads);
  };
  if (d.active_steps > 1) begin_slices(buffers, fill);

  ForwardThread<kCell, kBucket> thread(a, p);
  int turn = 0;
  for (int s = 0; s < d.active_steps; ++s) {
    float* gate_row = thread.gates + thread.first_row(s) * a.gates_width;
    // The input's part is asked for before the product, as far as registers go, so that it is there after it.
    thread.template load_input<0, Shape::kEarlyRows>(gate_row);
    thread.clear_sum();
    for (int slice = 0; s > 0 && slice < buffers.slices; ++slice) {
      const bool last = s + 1 == d.active_steps && slice + 1 == buffers.slices;
      const int buffer = take_slice(buffers, slice, turn, last, fill);
      const float* before = exchange + ((s - 1) & 1) * Shape::kExchange + Shape::row(p.group * kThreadRows);
      if (p.rows > 0 && p.lane < a.hidden)
        add_forward_slice<Shape, kBucket>(thread.sum, slices + buffer * Shape::kSlice, before + slice * kSliceDepth,
                                          p.lane, min(kSliceDepth, a.hidden - slice * kSliceDepth));
    }
    thread.template load_input<Shape::kEarlyRows, kThreadRows>(gate_row);
    thread.finish_step(s, gate_row, exchange + (s & 1) * Shape::kExchange + Shape::row(p.group * kThreadRows));
    __syncthreads();
  }
}

template <Cell kCell, int kBucket>
void launch_walk_forward(const Cuda& device, const RecurrentArgs& a, bool streamed) {
  using Shape = ForwardShape<kCell, kBucket>;
  const int rows = block_rows(a.window.rows(), Shape::kMostRows);
  const std::size_t exchange = 2 * Shape::kExchange * sizeof(float), slice = Shape::kSlice * sizeof(float);
  const SliceBuffers buffers = plan_slices(a.hidden, slice, exchange, streamed);
  const dim3 grid(static_cast<unsigned>((a.window.rows() + rows - 1) / rows), static_cast<unsigned>(a.directions),
                  static_cast<unsigned>(a.window.s1 - a.window.s0));
  launch(walk_forward_kernel<kCell, kBucket>, grid, dim3(static_cast<unsigned>(Shape::kAcross * rows / kThreadRows)),
         static_cast<std::size_t>(buffers.buffers()) * slice + exchange, device.stream, a, buffers);
}

}  // namespace caviar
