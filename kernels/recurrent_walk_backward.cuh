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
  // What a step reads takes registers while it is under way: 168 of them, 255 where a thread has four units of a gated
  // cell. Shared memory has no room for many more threads.
  static constexpr int kBlocksOfProcessor = (!kGated && kUnits == 2  ? 512
                                             : kGated && kUnits == 4 ? 256
                                                                     : 384) /
                                            kMostThreads;
  // Batches of rows whose loads are under way at once, but for the one that is being finished.
  static constexpr int kBatchRows = kGated ? 1 : 4;
  static constexpr int kAhead = kGated && !(kCell == Cell::kLstm && kUnits == 2) ? 2 : 1;
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

// What one unit of one row reads at a step.
template <Cell kCell>
struct BackwardInput {
  float gates[kStashOf<kCell>];
  float before, after;  // as unit_backward takes them
  float grad_h;         // from above
};

// The units and rows of one thread.
template <Cell kCell, int kBucket>
struct BackwardThread {
  using Shape = BackwardShape<kCell, kBucket>;
  static constexpr int kGates = Shape::kGates, kUnits = Shape::kUnits, kBatch = Shape::kBatchRows;
  using Batch = BackwardInput<kCell>[kBatch][kUnits];

  const RecurrentArgs& a;
  const DirectionArgs& d;
  const WalkPlace& p;
  int hidden, hp, unit0;
  float* gates;
  const float *cells, *h, *grad_h;
  float carry[kThreadRows][kUnits];  // dL/dc of an lstm, the direct path of a gru
  float sum[kThreadRows][kUnits];    // W_hh^T times the gradients of the step after

  __device__ __forceinline__ BackwardThread(const RecurrentArgs& args, const WalkPlace& place)
      : a(args),
        d(args.direction[blockIdx.y]),
        p(place),
        hidden(args.hidden),
        hp(padded(args.hidden)),
        unit0(place.lane * kUnits),
        gates(d.gates[place.slot]),
        cells(kCell == Cell::kLstm ? d.cells[place.slot] : nullptr),
        h(args.h[place.slot] + static_cast<int>(blockIdx.y) * padded(args.hidden)),
        grad_h(args.grad_h[place.slot] + static_cast<int>(blockIdx.y) * padded(args.hidden)) {
#pragma unroll
    for (int r = 0; r < kThreadRows; ++r)
#pragma unroll
      for (int u = 0; u < kUnits; ++u) carry[r][u] = 0.0f;
  }

  __device__ __forceinline__ bool exists(int r, int u) const { return r < p.rows && unit0 + u < hidden; }
  __device__ __forceinline__ std::ptrdiff_t first_row(int s) const {
    return static_cast<std::ptrdiff_t>(time_of(a, d, s)) * a.window.rows() + p.row0;
  }

  __device__ __forceinline__ void clear_sum() {
#pragma unroll
    for (int r = 0; r < kThreadRows; ++r)
#pragma unroll
      for (int u = 0; u < kUnits; ++u) sum[r][u] = 0.0f;
  }

  // Asks for what rows first .. first + kBatch - 1 read at step s.
  __device__ __forceinline__ void load(int s, int first, Batch& to) const {
    const std::ptrdiff_t now = first_row(s), before = first_row(s - 1);
#pragma unroll
    for (int i = 0; i < kBatch; ++i)
#pragma unroll
      for (int u = 0; u < kUnits; ++u) {
        const int r = first + i, unit = unit0 + u;
        if (!exists(r, u)) continue;
        BackwardInput<kCell>& in = to[i][u];
        in.grad_h = grad_h[(now + r) * a.h_width + unit];
        in.before = in.after = 0.0f;
        if constexpr (Shape::kGated)
#pragma unroll
          for (int g = 0; g < Shape::kStash; ++g) in.gates[g] = gates[(now + r) * a.gates_width + g * hp + unit];
        if constexpr (kCell == Cell::kLstm) {
          in.after = cells[(now + r) * hp + unit];
          if (s > 0) in.before = cells[(before + r) * hp + unit];
        } else if constexpr (kCell == Cell::kGru) {
          if (s > 0) in.before = h[(before + r) * a.h_width + unit];
        } else {
          in.after = h[(now + r) * a.h_width + unit];
        }
      }
  }

  // Their gradients before the activations, to memory and to `exchange`.
  __device__ __forceinline__ void finish(int s, int first, Batch& from, float* exchange) {
    const std::ptrdiff_t now = first_row(s);
#pragma unroll
    for (int i = 0; i < kBatch; ++i)
#pragma unroll
      for (int u = 0; u < kUnits; ++u) {
        const int r = first + i, unit = unit0 + u;
        if (!exists(r, u)) continue;
        BackwardInput<kCell>& in = from[i][u];
        float grad = in.grad_h, hidden_gates[kGates];
        if (s + 1 < d.active_steps) grad = (kCell == Cell::kGru ? grad + carry[r][u] : grad) + sum[r][u];
        unit_backward<kCell>(in.gates, hidden_gates, in.before, in.after, grad, carry[r][u], a.cell == Cell::kRnnRelu);
#pragma unroll
        for (int g = 0; g < Shape::kStash; ++g) gates[(now + r) * a.gates_width + g * hp + unit] = in.gates[g];
#pragma unroll
        for (int g = 0; g < kGates; ++g) exchange[r * Shape::kRowStride + g * hidden + unit] = hidden_gates[g];
      }
  }
};

// Grid: tiles of rows, directions, slots. Shared memory: the slices, then the gradients of one step.
template <Cell kCell, int kBucket>
__global__ void __launch_bounds__(BackwardShape<kCell, kBucket>::kMostThreads,
                                  BackwardShape<kCell, kBucket>::kBlocksOfProcessor)
    walk_backward_kernel(RecurrentArgs a, SliceBuffers buffers) {
  using Shape = BackwardShape<kCell, kBucket>;
  constexpr int kBatch = Shape::kBatchRows;
  const WalkPlace p = walk_place<Shape>(a);
  if (p.idle_block) return;

  const DirectionArgs& d = a.direction[blockIdx.y];
  const float* w = d.weights.hidden_back[p.slot];
  const bool quads = is_aligned_16(w) && a.hidden % 4 == 0;
  float* slices = dynamic_shared<float>();
  float* exchange =
      slices + static_cast<std::ptrdiff_t>(buffers.buffers()) * Shape::kSlice + Shape::row(p.group * kThreadRows);
  const auto fill = [&](int slice, int buffer) {
    fill_backward_slice<Shape, kBucket>(slices + buffer * Shape::kSlice, w, a.hidden, slice, quads);
  };
  if (d.active_steps > 1) begin_slices(buffers, fill);

  BackwardThread<kCell, kBucket> thread(a, p);
  // A ring of batches of rows: the loads of some are under way while one is finished, those of the first batches of a
  // step while W_hh is multiplied for the step before.
  constexpr int kBatches = kThreadRows / kBatch, kAhead = Shape::kAhead, kRing = kAhead + 1;
  typename BackwardThread<kCell, kBucket>::Batch ring[kRing];
  const auto load_first = [&](int s) {
#pragma unroll
    for (int i = 0; i < kAhead; ++i) thread.load(s, i * kBatch, ring[i]);
  };
  load_first(d.active_steps - 1);
  int turn = 0;
  for (int s = d.active_steps - 1; s >= 0; --s) {
#pragma unroll
    for (int i = 0; i < kBatches; ++i) {
      if (i + kAhead < kBatches) thread.load(s, (i + kAhead) * kBatch, ring[(i + kAhead) % kRing]);
      thread.finish(s, i * kBatch, ring[i % kRing], exchange);
    }
    if (s == 0) break;
    load_first(s - 1);
    thread.clear_sum();
    __syncthreads();  // the gradients are complete
    for (int slice = 0; slice < buffers.slices; ++slice) {
      const int buffer = take_slice(buffers, slice, turn, s == 1 && slice + 1 == buffers.slices, fill);
      if (p.rows > 0 && thread.unit0 < a.hidden)
        add_backward_slice<Shape, kBucket>(thread.sum, slices + buffer * Shape::kSlice, exchange + slice * kSliceDepth,
                                           thread.unit0,
                                           min(kSliceDepth, Shape::kGates * a.hidden - slice * kSliceDepth));
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
