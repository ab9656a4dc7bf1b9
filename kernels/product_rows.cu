// c = a W^T and c = a W over all rows of a pack.
//
// A block makes one tile of c. The next stage of 16 k's is loaded into registers while the present one is multiplied,
// and put into the other half of shared memory: one barrier a stage.
#include <algorithm>

#include "kernels/base/error.h"
#include "kernels/base/launch.h"
#include "kernels/base/shared.h"
#include "kernels/product.h"
#include "kernels/product_tile.cuh"

namespace caviar {

namespace {

// One block's share of the rows and columns of c.
struct TileOrigin {
  int row0, column0;
};

// The loads of one thread on their way to shared memory.
template <class T, WeightForm kForm>
struct RowStage {
  float4 a[T::kRowQuads], w[T::kColumnQuads];

  // k's k0 .. k0+15. exists: bit i says whether the row of load i exists.
  __device__ __forceinline__ void load(const GroupedProduct& p, const float* from, const float* weights, TileOrigin at,
                                       unsigned exists, int k0, bool a_quads, bool w_quads) {
    const int depth = p.k.count * p.k.length, width = p.n.count * p.n.length;
#pragma unroll
    for (int i = 0; i < T::kRowQuads; ++i) {
      const int quad = static_cast<int>(threadIdx.x) + i * T::kThreads;
      const float* row = from + static_cast<std::ptrdiff_t>(at.row0 + quad / 4) * p.a_stride;
      a[i] = exists >> i & 1 ? load_quad(row, p.k, k0 + quad % 4 * 4, depth, a_quads) : make_float4(0, 0, 0, 0);
    }
#pragma unroll
    for (int i = 0; i < T::kColumnQuads; ++i) {
      const int quad = static_cast<int>(threadIdx.x) + i * T::kThreads;
      w[i] = make_float4(0, 0, 0, 0);
      if constexpr (kForm == WeightForm::kRowIsOutput) {
        const int n = at.column0 + quad / 4;
        if (n < width)
          w[i] = load_quad(weights + static_cast<std::ptrdiff_t>(n) * depth, k0 + quad % 4 * 4, depth, w_quads);
      } else {
        const int k = k0 + quad / (T::kColumns / 4), n = at.column0 + quad % (T::kColumns / 4) * 4;
        if (k < depth) w[i] = load_quad(weights + static_cast<std::ptrdiff_t>(k) * width, n, width, w_quads);
      }
    }
  }

  __device__ __forceinline__ void store(float* stage) const {
    float* columns = stage + kDepth * T::kRowStride;
#pragma unroll
    for (int i = 0; i < T::kRowQuads; ++i) {
      const int quad = static_cast<int>(threadIdx.x) + i * T::kThreads;
      store_transposed(stage + quad % 4 * 4 * T::kRowStride + quad / 4, T::kRowStride, a[i]);
    }
#pragma unroll
    for (int i = 0; i < T::kColumnQuads; ++i) {
      const int quad = static_cast<int>(threadIdx.x) + i * T::kThreads;
      if constexpr (kForm == WeightForm::kRowIsOutput)
        store_transposed(columns + quad % 4 * 4 * T::kColumnStride + quad / 4, T::kColumnStride, w[i]);
      else
        *reinterpret_cast<float4*>(columns + quad / (T::kColumns / 4) * T::kColumnStride +
                                   quad % (T::kColumns / 4) * 4) = w[i];
    }
  }
};

template <class T>
__device__ __forceinline__ void finish_tile(const GroupedProduct& p, const Accumulators<T>& tile, const float* bias,
                                            float* c, TileOrigin at, int all_rows, int batch, int real_rows) {
  const int width = p.n.count * p.n.length, thread = static_cast<int>(threadIdx.x);
  const bool biased = p.finish == Finish::kStoreBias || p.finish == Finish::kAddBias;
  const bool adds = p.finish == Finish::kAdd || p.finish == Finish::kAddBias;
#pragma unroll
  for (int r = 0; r < T::kRowsEach; ++r) {
    const int m = at.row0 + T::row(thread, r);
    if (m >= all_rows || m % batch >= real_rows) continue;
    float* row = c + static_cast<std::ptrdiff_t>(m) * p.c_stride;
#pragma unroll
    for (int j = 0; j < T::kColumnsEach; ++j) {
      const int n = at.column0 + T::column(thread, j);
      if (n >= width) continue;
      float* out = row + column_of(p.n, n);
      const float value = biased ? tile.sum[r][j] + bias[n] : tile.sum[r][j];
      *out = adds && n < p.stored_from ? *out + value : value;
    }
  }
}

// Grid: tiles of rows x tiles of columns (columns fastest, so that blocks that share rows run together), directions,
// slots.
template <class T, WeightForm kForm>
__global__ void __launch_bounds__(T::kThreads, T::kBlocksOfProcessor) multiply_rows_kernel(GroupedProduct p) {
  const int slot = p.window.s0 + static_cast<int>(blockIdx.z);
  const GroupedProduct::Direction& d = p.direction[blockIdx.y];
  const int batch = p.window.rows(), all_rows = d.steps * batch, real_rows = p.rows[slot].rows;
  const int depth = p.k.count * p.k.length, width = p.n.count * p.n.length;
  const int tiles_across = (width + T::kColumns - 1) / T::kColumns;
  const TileOrigin at{static_cast<int>(blockIdx.x) / tiles_across * T::kRows,
                      static_cast<int>(blockIdx.x) % tiles_across * T::kColumns};
  // Nothing to do: off, beyond this direction's steps, or none of the tile's rows exists.
  const int first = at.row0 % batch;
  if (!p.rows[slot].on || at.row0 >= all_rows || (first >= real_rows && first + T::kRows <= batch)) return;

  const float *a = d.a[slot], *weights = d.weights[slot];
  const bool a_quads = has_quads(a, p.a_stride, p.k);
  const bool w_quads = is_aligned_16(weights) && (kForm == WeightForm::kRowIsOutput ? depth : width) % 4 == 0;
  unsigned exists = 0;
#pragma unroll
  for (int i = 0; i < T::kRowQuads; ++i) {
    const int m = at.row0 + (static_cast<int>(threadIdx.x) + i * T::kThreads) / 4;
    exists |= (m < all_rows && m % batch < real_rows ? 1u : 0u) << i;
  }

  float* stages = dynamic_shared<float>();
  Accumulators<T> tile;
  tile.clear();
  RowStage<T, kForm> next;
  next.load(p, a, weights, at, exists, 0, a_quads, w_quads);
  next.store(stages);
  __syncthreads();
  int half = 0;
  for (int k0 = 0; k0 < depth; k0 += kDepth, half ^= 1) {
    const bool more = k0 + kDepth < depth;
    if (more) next.load(p, a, weights, at, exists, k0 + kDepth, a_quads, w_quads);
    const float* stage = stages + half * T::kStage;
    tile.add_stage(stage, stage + kDepth * T::kRowStride, static_cast<int>(threadIdx.x), min(kDepth, depth - k0));
    if (more) next.store(stages + (half ^ 1) * T::kStage);
    __syncthreads();
  }
  const bool biased = p.finish == Finish::kStoreBias || p.finish == Finish::kAddBias;
  finish_tile<T>(p, tile, biased ? d.bias[slot] : nullptr, d.c[slot], at, all_rows, batch, real_rows);
}

template <class T, WeightForm kForm>
void launch_form(const Cuda& device, const GroupedProduct& p, int steps) {
  const auto tiles = [](int count, int tile) { return static_cast<unsigned>((count + tile - 1) / tile); };
  const dim3 grid(tiles(steps * p.window.rows(), T::kRows) * tiles(p.n.total(), T::kColumns),
                  static_cast<unsigned>(p.directions), static_cast<unsigned>(p.window.s1 - p.window.s0));
  launch(multiply_rows_kernel<T, kForm>, grid, dim3(T::kThreads), 2 * T::kStage * sizeof(float), device.stream, p);
}

template <class T>
void launch_tiling(const Cuda& device, const GroupedProduct& p, int steps) {
  if (p.form == WeightForm::kRowIsOutput)
    launch_form<T, WeightForm::kRowIsOutput>(device, p, steps);
  else
    launch_form<T, WeightForm::kColumnIsOutput>(device, p, steps);
}

}  // namespace

void grouped_product(const Cuda& device, const GroupedProduct& p) {
  const int steps = std::max(p.direction[0].steps, p.directions > 1 ? p.direction[1].steps : 0);
  const int width = p.n.total();
  if (steps == 0 || p.window.s1 == p.window.s0 || p.window.rows() == 0 || width == 0) return;
  // The widest tile that does not leave more columns empty than the narrower one: which it is changes no bit.
  const auto covered = [&](int tile) { return (width + tile - 1) / tile * tile; };
  if (width <= 16)
    launch_tiling<Tiling<64, 16, 4, 4>>(device, p, steps);
  else if (width <= 32)
    launch_tiling<Tiling<128, 32, 8, 4>>(device, p, steps);
  else if (covered(64) < covered(128))
    launch_tiling<Tiling<128, 64, 8, 4>>(device, p, steps);
  else
    launch_tiling<Tiling<128, 128, 8, 8>>(device, p, steps);
}

}  // namespace caviar
