// Weight gradients over all rows of a pack: c += a^T b and bias += sums of a.
//
// A block makes one tile of c and walks the whole chain of its outputs: the blocks of kRowBlock rows one after another,
// inside a block the steps of the walk. One step of one block is one stage in shared memory. At the end of a block of
// rows its chain is added to c in memory: that is once in kRowBlock * steps multiply-adds, so a second set of registers
// for the running total would cost more than it saves.
//
// The sums for the bias are taken from the stages of a by the first threads of the blocks that own column 0, one gate a
// thread: the gradients are then not read again, and no tile is wider for a column of ones.
#include <algorithm>

#include "kernels/base/async_copy.h"
#include "kernels/base/launch.h"
#include "kernels/base/shared.h"
#include "kernels/product.h"
#include "kernels/product_tile.cuh"

namespace caviar {

namespace {

static_assert(kDepth == kRowBlock);

// One operand as its stages are filled: features [at, at + kWidth) of the rows of one step of one block of rows.
template <class T, int kWidth, int kStride>
struct Operand {
  const float* base;    // first step, row 0
  std::ptrdiff_t step;  // floats from step to step
  int stride;
  int at;
  bool quads;

  __device__ __forceinline__ Operand(const float* from, std::ptrdiff_t from_step, int row_floats, const Segments& s,
                                     int first)
      : base(from),
        step(from_step),
        stride(row_floats),
        at(first),
        quads(has_quads(from, row_floats, s) && from_step % 4 == 0) {}

  // Asynchronous where the layout allows copies of 16 bytes. Rows and features that do not exist are not written.
  __device__ __forceinline__ void fill(float* stage, const Segments& s, int which_step, int row0, int rows) const {
    const float* from = base + which_step * step + static_cast<std::ptrdiff_t>(row0) * stride;
    const int end = s.count * s.length;
#pragma unroll 1
    for (int quad = static_cast<int>(threadIdx.x); quad < rows * (kWidth / 4); quad += T::kThreads) {
      const int row = quad / (kWidth / 4), column = quad % (kWidth / 4) * 4;
      const float* source = from + static_cast<std::ptrdiff_t>(row) * stride;
      float* to = stage + row * kStride + column;
      if (quads) {
        if (at + column < end) async_copy_16(to, source + column_of(s, at + column));
      } else {
        for (int i = 0; i < 4 && at + column + i < end; ++i) to[i] = source[column_of(s, at + column + i)];
      }
    }
  }
};

// c += the finished chains of a block of rows.
template <class T>
__device__ __forceinline__ void add_tile(const Accumulators<T>& tile, float* c, int i0, int j0, int height, int width) {
  const int thread = static_cast<int>(threadIdx.x);
#pragma unroll
  for (int r = 0; r < T::kRowsEach; ++r) {
    const int i = i0 + T::row(thread, r);
    if (i >= height) continue;
    float* row = c + static_cast<std::ptrdiff_t>(i) * width;
#pragma unroll
    for (int q = 0; q < T::kColumnsEach; ++q) {
      const int j = j0 + T::column(thread, q);
      if (j < width) row[j] += tile.sum[r][q];
    }
  }
}

// Grid: tiles of j fastest, then of i; directions; slots.
template <class T>
__global__ void __launch_bounds__(T::kThreads, T::kBlocksOfProcessor) add_outer_product_kernel(GroupedOuterProduct p) {
  static_assert(T::kRows <= T::kThreads, "one thread sums one bias");
  const int slot = p.window.s0 + static_cast<int>(blockIdx.z), thread = static_cast<int>(threadIdx.x);
  const GroupedOuterProduct::Direction& d = p.direction[blockIdx.y];
  const int height = p.i.count * p.i.length, width = p.j.count * p.j.length;
  const int tiles_across = (width + T::kColumns - 1) / T::kColumns;
  const int i0 = static_cast<int>(blockIdx.x) / tiles_across * T::kRows;
  const int j0 = static_cast<int>(blockIdx.x) % tiles_across * T::kColumns;
  const bool sums = j0 == 0 && d.bias;
  const int steps = sums ? d.steps : d.product_steps;
  const int real_rows = p.rows[slot].rows;
  if (!p.rows[slot].on || steps == 0 || real_rows <= 0) return;

  const Operand<T, T::kRows, T::kRowStride> a(d.a[slot], d.a_step, p.a_stride, p.i, i0);
  const Operand<T, T::kColumns, T::kColumnStride> b(d.product_steps > 0 ? d.b[slot] : nullptr, d.b_step, p.b_stride,
                                                    p.j, j0);
  float* stages = dynamic_shared<float>();
  const auto fill = [&](int half, int row0, int step) {
    float* stage = stages + half * T::kStage;
    const int rows = min(kRowBlock, real_rows - row0);
    a.fill(stage, p.i, step, row0, rows);
    if (step < d.product_steps) b.fill(stage + kDepth * T::kRowStride, p.j, step, row0, rows);
    async_copy_commit();
  };

  fill(0, 0, 0);
  int half = 0;
  for (int row0 = 0; row0 < real_rows; row0 += kRowBlock) {
    const int rows = min(kRowBlock, real_rows - row0);
    Accumulators<T> tile;
    tile.clear();
    float sum = 0;
    for (int step = 0; step < steps; ++step, half ^= 1) {
      // This stage has come, for all threads, and nobody reads the other one any more.
      async_copy_wait<0>();
      __syncthreads();
      if (step + 1 < steps)
        fill(half ^ 1, row0, step + 1);
      else if (row0 + kRowBlock < real_rows)
        fill(half ^ 1, row0 + kRowBlock, 0);
      const float* stage = stages + half * T::kStage;
      if (step < d.product_steps) tile.add_stage(stage, stage + kDepth * T::kRowStride, thread, rows);
      if (sums && thread < T::kRows)
        for (int row = 0; row < rows; ++row) sum += stage[row * T::kRowStride + thread];
    }
    if (d.product_steps > 0) add_tile<T>(tile, d.c[slot], i0, j0, height, width);
    if (sums && thread < T::kRows && i0 + thread < height) {
      float* bias = d.bias[slot] + i0 + thread;
      *bias += sum;
      if (d.bias_copy) d.bias_copy[slot][i0 + thread] = *bias;
    }
  }
}

template <class T>
void launch_tiling(const Cuda& device, const GroupedOuterProduct& p) {
  const auto tiles = [](int count, int tile) { return static_cast<unsigned>((count + tile - 1) / tile); };
  const dim3 grid(tiles(p.i.total(), T::kRows) * tiles(p.j.total(), T::kColumns), static_cast<unsigned>(p.directions),
                  static_cast<unsigned>(p.window.s1 - p.window.s0));
  launch(add_outer_product_kernel<T>, grid, dim3(T::kThreads), 2 * T::kStage * sizeof(float), device.stream, p);
}

}  // namespace

void grouped_outer_product(const Cuda& device, const GroupedOuterProduct& p) {
  const int steps = std::max(p.direction[0].steps, p.directions > 1 ? p.direction[1].steps : 0);
  const int height = p.i.total(), width = p.j.total();
  if (steps == 0 || p.window.s1 == p.window.s0 || p.window.rows() == 0) return;
  const auto covered = [&](int tile) {
    const auto up = [&](int n) { return static_cast<long>((n + tile - 1) / tile * tile); };
    return up(height) * up(width);
  };
  if (width <= 32 && height <= 64)
    launch_tiling<Tiling<32, 32, 4, 4>>(device, p);
  else if (width <= 32)
    launch_tiling<Tiling<128, 32, 8, 4>>(device, p);
  else if (covered(64) < covered(128))
    launch_tiling<Tiling<64, 64, 8, 4>>(device, p);
  else
    launch_tiling<Tiling<128, 128, 8, 8>>(device, p);
}

}  // namespace caviar
