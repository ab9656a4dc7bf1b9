#include <algorithm>

#include "kernels/base/async_copy.h"
#include "kernels/base/launch.h"
#include "kernels/base/shared.h"
#include "kernels/mixed_product.cuh"
#include "kernels/mixed_product.h"

namespace caviar {

namespace {

using namespace mixed;

// Every block multiplies one tile of outputs, `kInner` of k at a time: while the tensor cores work on one chunk in
// shared memory, the next is on its way to the other buffer.
constexpr int kInner = 32;

// Rows of a tile in shared memory lie this many halves further apart than they are long: 8 rows of 16 bytes, as
// ldmatrix reads them, then fall into different banks.
constexpr int kSkew = 8;

// How an operand lies in shared memory: [outer][k], or [k][outer].
enum class Stored { kByOuter, kByInner };
constexpr int stored_stride(Stored stored, int outer) { return (stored == Stored::kByOuter ? kInner : outer) + kSkew; }
constexpr int stored_size(Stored stored, int outer) {
  return stored == Stored::kByOuter ? outer * (kInner + kSkew) : kInner * (outer + kSkew);
}

// The tile of one block: kRows x kColumns outputs, each warp 16 kM x 8 kN of them.
template <int kRowsOfTile, int kColumnsOfTile, int kM_, int kN_, Stored kA_, Stored kB_>
struct Tile {
  static constexpr int kRows = kRowsOfTile, kColumns = kColumnsOfTile, kM = kM_, kN = kN_;
  static constexpr Stored kA = kA_, kB = kB_;
  static constexpr int kWarpsDown = kRows / (16 * kM), kWarpsAcross = kColumns / (8 * kN);
  static constexpr int kThreads = 32 * kWarpsDown * kWarpsAcross;
  static constexpr int kAStride = stored_stride(kA, kRows), kBStride = stored_stride(kB, kColumns);
  static constexpr int kASize = stored_size(kA, kRows), kBSize = stored_size(kB, kColumns);
  static constexpr std::size_t kSharedBytes = 2 * (kASize + kBSize) * sizeof(Half);
  static_assert(kN % 2 == 0 && kRows % (16 * kM) == 0 && kColumns % (8 * kN) == 0);
};

using ProjectionTile = Tile<128, 64, 2, 4, Stored::kByOuter, Stored::kByOuter>;
using InputGradientTile = Tile<128, 64, 2, 4, Stored::kByOuter, Stored::kByInner>;
using WideGradientTile = Tile<128, 128, 2, 8, Stored::kByInner, Stored::kByInner>;
using SmallGradientTile = Tile<64, 64, 2, 4, Stored::kByInner, Stored::kByInner>;

// What a lane holds of the outputs of its warp: acc[i][j] is the fragment of rows 16 i and columns 8 j on.
template <class T>
struct Lane {
  __device__ Lane()
      : lane(static_cast<int>(threadIdx.x) % 32),
        row0(static_cast<int>(threadIdx.x) / 32 / T::kWarpsAcross * 16 * T::kM),
        column0(static_cast<int>(threadIdx.x) / 32 % T::kWarpsAcross * 8 * T::kN) {}
  // Row of acc[i][.][2 upper] and column of acc[.][j][0] in the tile.
  __device__ int row(int i, int upper) const { return row0 + 16 * i + 8 * upper + lane / 4; }
  __device__ int column(int j) const { return column0 + 8 * j + lane % 4 * 2; }
  int lane, row0, column0;
};

template <class T>
using Sums = float[T::kM][T::kN][4];

// The 16 x 16 fragment of A from row i and inner index k on.
template <class T>
__device__ void load_a(const Half* a, int i, int k, std::uint32_t (&fragment)[4]) {
  const int lane = static_cast<int>(threadIdx.x) % 32, tile = lane / 8, row = lane % 8;
  if constexpr (T::kA == Stored::kByOuter)
    ldmatrix<4>(fragment, a + (i + tile % 2 * 8 + row) * T::kAStride + k + tile / 2 * 8);
  else
    ldmatrix_trans<4>(fragment, a + (k + tile / 2 * 8 + row) * T::kAStride + i + tile % 2 * 8);
}

// Two neighbouring 16 x 8 fragments of B, from column j and inner index k on.
template <class T>
__device__ void load_b(const Half* b, int j, int k, std::uint32_t (&left)[2], std::uint32_t (&right)[2]) {
  const int lane = static_cast<int>(threadIdx.x) % 32, tile = lane / 8, row = lane % 8;
  std::uint32_t both[4];
  if constexpr (T::kB == Stored::kByOuter)
    ldmatrix<4>(both, b + (j + tile / 2 * 8 + row) * T::kBStride + k + tile % 2 * 8);
  else
    ldmatrix_trans<4>(both, b + (k + tile % 2 * 8 + row) * T::kBStride + j + tile / 2 * 8);
  left[0] = both[0];
  left[1] = both[1];
  right[0] = both[2];
  right[1] = both[3];
}

// acc += A B over one chunk of k. With kRowSums, row_sums += A 1: every column of that fragment is the sum of A's row.
template <class T, bool kRowSums>
__device__ void multiply_chunk(const Half* a, const Half* b, const Lane<T>& lane, Sums<T>& acc, bool sums_rows,
                               float (&row_sums)[T::kM][4]) {
  constexpr std::uint32_t kOnes[2] = {0x3c003c00u, 0x3c003c00u};
#pragma unroll
  for (int k = 0; k < kInner; k += 16) {
    std::uint32_t fa[T::kM][4];
#pragma unroll
    for (int i = 0; i < T::kM; ++i) load_a<T>(a, lane.row0 + 16 * i, k, fa[i]);
    if constexpr (kRowSums)
      if (sums_rows) {
#pragma unroll
        for (int i = 0; i < T::kM; ++i) mma_m16n8k16(row_sums[i], fa[i], kOnes, row_sums[i]);
      }
#pragma unroll
    for (int j = 0; j < T::kN; j += 2) {
      std::uint32_t left[2], right[2];
      load_b<T>(b, lane.column0 + 8 * j, k, left, right);
#pragma unroll
      for (int i = 0; i < T::kM; ++i) {
        mma_m16n8k16(acc[i][j], fa[i], left, acc[i][j]);
        mma_m16n8k16(acc[i][j + 1], fa[i], right, acc[i][j + 1]);
      }
    }
  }
}

// acc += A B over all chunks. `a` and `b` bring their operand to shared memory: fetch(chunk, buffer) starts,
// put(buffer) completes it after the fetch, by the same thread.
template <class T, bool kRowSums, class A, class B>
__device__ void multiply(int chunks, A& a, B& b, const Lane<T>& lane, Sums<T>& acc, bool sums_rows,
                         float (&row_sums)[T::kM][4]) {
  Half* const shared = dynamic_shared<Half>();
  Half* const a_buffers = shared;
  Half* const b_buffers = shared + 2 * T::kASize;
  for (int chunk = -1; chunk < chunks; ++chunk) {
    const int now = chunk & 1, next = now ^ 1;
    const bool more = chunk + 1 < chunks;
    if (more) {
      a.fetch(chunk + 1, a_buffers + next * T::kASize);
      b.fetch(chunk + 1, b_buffers + next * T::kBSize);
      async_copy_commit();
    }
    if (chunk >= 0)
      multiply_chunk<T, kRowSums>(a_buffers + now * T::kASize, b_buffers + now * T::kBSize, lane, acc, sums_rows,
                                  row_sums);
    if (more) {
      a.put(a_buffers + next * T::kASize);
      b.put(b_buffers + next * T::kBSize);
    }
    async_copy_wait<0>();
    __syncthreads();
  }
}

// What all products of a layer ask of a slot.
struct Layer {
  __device__ explicit Layer(const RecurrentArgs& a)
      : slot(a.window.s0 + static_cast<int>(blockIdx.z)),
        batch(a.window.rows()),
        hp(padded(a.hidden)),
        inputs(a.input_segments.count * a.input_segments.length),
        columns(input_columns(a.input_segments)) {}
  int slot, batch, hp;
  int inputs;   // real features, the row length of W_ih
  int columns;  // of a row of x
};

__device__ bool is_on(const RecurrentArgs& a, const Layer& layer) { return a.rows[layer.slot].on != 0; }

// Rows of floats, [outer][k]: x, rounded to halves. Row i of the tile is row first + i; rows not `live` are zeros.
struct InputRows {
  static constexpr int kQuads = kInner / 4, kStep = ProjectionTile::kThreads / kQuads;
  static constexpr int kPieces = ProjectionTile::kRows / kStep;
  __device__ InputRows(const RecurrentArgs& a, const Layer& layer, const Direction& d, int first, int rows)
      : segments(a.input_segments), quad(static_cast<int>(threadIdx.x) % kQuads) {
    const int live = a.rows[layer.slot].rows;
#pragma unroll
    for (int i = 0; i < kPieces; ++i) {
      const int m = first + static_cast<int>(threadIdx.x) / kQuads + i * kStep;
      const bool valid = m < rows && m % layer.batch < live;
      row[i] =
          valid ? a.x[layer.slot] + (static_cast<std::int64_t>(d.first_time) * layer.batch + m) * a.x_width : nullptr;
    }
  }
  __device__ void fetch(int chunk, Half*) {
    const int c = chunk * kInner + 4 * quad, n = features_from(segments, c);
#pragma unroll
    for (int i = 0; i < kPieces; ++i) value[i] = row[i] && n > 0 ? first_of(load4(row[i] + c), n) : zero4();
  }
  __device__ void put(Half* tile) const {
#pragma unroll
    for (int i = 0; i < kPieces; ++i) {
      Half* const at = tile + (static_cast<int>(threadIdx.x) / kQuads + i * kStep) * ProjectionTile::kAStride +
                       quad / 4 * 16 + quad % 4 * 2;
      *reinterpret_cast<std::uint32_t*>(at) = pack_halves(value[i].x, value[i].y);
      *reinterpret_cast<std::uint32_t*>(at + 8) = pack_halves(value[i].z, value[i].w);
    }
  }
  const Segments& segments;
  int quad;
  const float* row[kPieces];
  float4 value[kPieces] = {};
};

// W_ih as [outer = gate unit][k = feature], for outputs by gate unit.
struct WeightsByUnit {
  static constexpr int kStep = ProjectionTile::kThreads / kInner, kPieces = ProjectionTile::kColumns / kStep;
  __device__ WeightsByUnit(const RecurrentArgs& a, const Layer& layer, const Direction& d, int gates, int first)
      : segments(a.input_segments), k(static_cast<int>(threadIdx.x) % kInner) {
#pragma unroll
    for (int i = 0; i < kPieces; ++i) {
      const int n = first + static_cast<int>(threadIdx.x) / kInner + i * kStep, g = n / layer.hp, j = n % layer.hp;
      row[i] = g < gates && j < a.hidden ? d.input_weight + static_cast<std::int64_t>(g * a.hidden + j) * layer.inputs
                                         : nullptr;
    }
  }
  __device__ void fetch(int chunk, Half*) {
    const int feature = feature_of(segments, chunk * kInner + k);
#pragma unroll
    for (int i = 0; i < kPieces; ++i) value[i] = row[i] && feature >= 0 ? row[i][feature] : 0.0f;
  }
  __device__ void put(Half* tile) const {
#pragma unroll
    for (int i = 0; i < kPieces; ++i)
      tile[(static_cast<int>(threadIdx.x) / kInner + i * kStep) * ProjectionTile::kBStride + k / 16 * 16 +
           place_in_tile(k % 16)] = to_half(value[i]);
  }
  const Segments& segments;
  int k;
  const float* row[kPieces];
  float value[kPieces] = {};
};

// Tiles of rows (steps and batch) x columns (gates and units); gates: G.
__global__ void __launch_bounds__(ProjectionTile::kThreads)
    project_inputs_kernel(const RecurrentArgs a, int gates, int tiles_across) {
  using T = ProjectionTile;
  const Layer layer(a);
  if (!is_on(a, layer)) return;
  const Direction d = direction_of(a, static_cast<int>(blockIdx.y), layer.slot);
  const int first_row = static_cast<int>(blockIdx.x) / tiles_across * T::kRows;
  const int first_column = static_cast<int>(blockIdx.x) % tiles_across * T::kColumns;
  const int rows = d.active_steps * layer.batch;
  if (first_row >= rows) return;

  const Lane<T> lane;
  Sums<T> acc;
#pragma unroll
  for (int j = 0; j < T::kN; ++j)
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      const int n = first_column + lane.column(j) + e, g = n / layer.hp, unit = n % layer.hp;
      const float bias = g < gates && unit < a.hidden ? input_bias(d, a.cell, a.hidden, g, unit) : 0.0f;
#pragma unroll
      for (int i = 0; i < T::kM; ++i) acc[i][j][e] = acc[i][j][2 + e] = bias;
    }

  InputRows x(a, layer, d, first_row, rows);
  WeightsByUnit w(a, layer, d, gates, first_column);
  float unused[T::kM][4];
  multiply<T, false>((layer.columns + kInner - 1) / kInner, x, w, lane, acc, false, unused);

  const int live = a.rows[layer.slot].rows;
#pragma unroll
  for (int i = 0; i < T::kM; ++i)
#pragma unroll
    for (int upper = 0; upper < 2; ++upper) {
      const int m = first_row + lane.row(i, upper);
      if (m >= rows || m % layer.batch >= live) continue;
      float* const out = d.gates + (static_cast<std::int64_t>(d.first_time) * layer.batch + m) * a.gates_width;
#pragma unroll
      for (int j = 0; j < T::kN; ++j) {
        const int n = first_column + lane.column(j);
        if (n < gates * layer.hp)
          *reinterpret_cast<float2*>(out + n) = make_float2(acc[i][j][2 * upper], acc[i][j][2 * upper + 1]);
      }
    }
}

// Gate gradients, [outer = row][k = gate unit], of both directions one behind the other. Rows a direction did not visit
// are zeros, which add nothing.
struct GateGradientRows {
  static constexpr int kStep = InputGradientTile::kThreads / (kInner / 8);
  static constexpr int kPieces = InputGradientTile::kRows / kStep;
  __device__ GateGradientRows(const RecurrentArgs& args, const Layer& of, int gates, int first_row)
      : a(args), layer(of), columns(gates * of.hp), chunks((columns + kInner - 1) / kInner), first(first_row) {}
  __device__ void fetch(int chunk, Half* tile) {
    const int second = chunk >= chunks;
    const DirectionArgs& d = second ? a.direction[1] : a.direction[0];
    const int first_time = d.reverse ? a.steps - d.active_steps : 0;
    const int c = (chunk - second * chunks) * kInner + static_cast<int>(threadIdx.x) % (kInner / 8) * 8;
    const int live = a.rows[layer.slot].rows;
    const Half* const stash = reinterpret_cast<const Half*>(d.gates[layer.slot]);
#pragma unroll
    for (int i = 0; i < kPieces; ++i) {
      const int row = static_cast<int>(threadIdx.x) / (kInner / 8) + i * kStep, m = first + row;
      const int t = m / layer.batch;
      const bool valid = c < columns && t >= first_time && t < first_time + d.active_steps && m % layer.batch < live;
      async_copy_16_or_zero(tile + row * InputGradientTile::kAStride + static_cast<int>(threadIdx.x) % (kInner / 8) * 8,
                            valid ? stash + static_cast<std::int64_t>(m) * 2 * a.gates_width + c : stash, valid);
    }
  }
  __device__ void put(Half*) const {}
  const RecurrentArgs& a;
  const Layer& layer;
  int columns, chunks, first;
};

// W_ih as [k = gate unit][outer = column of x], of both directions one behind the other.
struct WeightsByFeature {
  static constexpr int kStep = InputGradientTile::kThreads / InputGradientTile::kColumns, kPieces = kInner / kStep;
  __device__ WeightsByFeature(const RecurrentArgs& args, const Layer& of, int gates_of, int first)
      : a(args),
        layer(of),
        gates(gates_of),
        chunks((gates_of * of.hp + kInner - 1) / kInner),
        n(static_cast<int>(threadIdx.x) % InputGradientTile::kColumns),
        feature(feature_of(args.input_segments, first + n)) {}
  __device__ void fetch(int chunk, Half*) {
    const int second = chunk >= chunks;
    const DirectionArgs& d = second ? a.direction[1] : a.direction[0];
    const float* const weight = d.weights.input[layer.slot] + feature;
#pragma unroll
    for (int i = 0; i < kPieces; ++i) {
      const int c =
          (chunk - second * chunks) * kInner + static_cast<int>(threadIdx.x) / InputGradientTile::kColumns + i * kStep;
      const int g = c / layer.hp, j = c % layer.hp;
      const bool valid = feature >= 0 && g < gates && j < a.hidden;
      value[i] = valid ? weight[static_cast<std::int64_t>(g * a.hidden + j) * layer.inputs] : 0.0f;
    }
  }
  __device__ void put(Half* tile) const {
#pragma unroll
    for (int i = 0; i < kPieces; ++i)
      tile[(static_cast<int>(threadIdx.x) / InputGradientTile::kColumns + i * kStep) * InputGradientTile::kBStride +
           n] = to_half(value[i]);
  }
  const RecurrentArgs& a;
  const Layer& layer;
  int gates, chunks, n, feature;
  float value[kPieces] = {};
};

// Tiles of rows (all steps and batch) x columns of x.
__global__ void __launch_bounds__(InputGradientTile::kThreads)
    input_gradient_kernel(const RecurrentArgs a, int gates, int tiles_across) {
  using T = InputGradientTile;
  const Layer layer(a);
  if (!is_on(a, layer)) return;
  const int first_row = static_cast<int>(blockIdx.x) / tiles_across * T::kRows;
  const int first_column = static_cast<int>(blockIdx.x) % tiles_across * T::kColumns;

  const Lane<T> lane;
  Sums<T> acc = {};
  GateGradientRows gradients(a, layer, gates, first_row);
  WeightsByFeature w(a, layer, gates, first_column);
  float unused[T::kM][4];
  multiply<T, false>(a.directions * gradients.chunks, gradients, w, lane, acc, false, unused);

  const float inverse = 1.0f / gradient_scale(a.rows[layer.slot].batch_size);
  const int live = a.rows[layer.slot].rows;
#pragma unroll
  for (int i = 0; i < T::kM; ++i)
#pragma unroll
    for (int upper = 0; upper < 2; ++upper) {
      const int m = first_row + lane.row(i, upper);
      if (m >= a.steps * layer.batch || m % layer.batch >= live) continue;
      float* const out = a.grad_x[layer.slot] + static_cast<std::int64_t>(m) * a.x_width;
#pragma unroll
      for (int j = 0; j < T::kN; ++j)
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          const int c = first_column + lane.column(j) + e;
          if (feature_of(a.input_segments, c) >= 0) out[c] += acc[i][j][2 * upper + e] * inverse;
        }
    }
}

// The visited steps and rows of one direction, as the k of its weight gradients.
struct VisitedRows {
  __device__ VisitedRows(const RecurrentArgs& a, const Layer& layer, const Direction& d)
      : first(static_cast<std::int64_t>(d.first_time) * layer.batch),
        count(d.active_steps * layer.batch),
        batch(layer.batch),
        live(a.rows[layer.slot].rows) {}
  __device__ bool is_live(int m) const { return m < count && m % batch < live; }
  std::int64_t first;
  int count, batch, live;
};

// Gate gradients as [k = visited row][outer = column of the stash].
template <class T>
struct GateGradientColumns {
  static constexpr int kAcross = T::kRows / 8, kStep = T::kThreads / kAcross, kPieces = kInner / kStep;
  __device__ void fetch(int chunk, Half* tile) const {
    const int c = first_column + static_cast<int>(threadIdx.x) % kAcross * 8;
#pragma unroll
    for (int i = 0; i < kPieces; ++i) {
      const int k = static_cast<int>(threadIdx.x) / kAcross + i * kStep, m = chunk * kInner + k;
      const bool valid = c < columns && rows.is_live(m);
      async_copy_16_or_zero(tile + k * T::kAStride + static_cast<int>(threadIdx.x) % kAcross * 8,
                            valid ? stash + (rows.first + m) * stride + c : stash, valid);
    }
  }
  __device__ void put(Half*) const {}
  const VisitedRows& rows;
  const Half* stash;
  std::int64_t stride;        // halves from row to row
  int columns, first_column;  // of the stash; of this tile
};

// [x | h of the step before] as [k = visited row][outer = column], rounded to halves. No row has an h at s = 0.
template <class T>
struct OperandColumns {
  static constexpr int kAcross = T::kColumns / 4, kStep = T::kThreads / kAcross, kPieces = kInner / kStep;
  __device__ OperandColumns(const RecurrentArgs& a, const Layer& layer, const Direction& d, const VisitedRows& visited,
                            int first_column)
      : rows(visited), source(nullptr), stride(0), first_m(0), end_m(visited.count) {
    const int c = first_column + static_cast<int>(threadIdx.x) % kAcross * 4;
    if (c < layer.columns) {
      stride = a.x_width;
      source = a.x[layer.slot] + rows.first * stride + c;
    } else if (c < layer.columns + layer.hp) {
      stride = a.h_width;
      source = d.h + (rows.first + (d.reverse ? layer.batch : -layer.batch)) * stride + c - layer.columns;
      first_m = d.reverse ? 0 : layer.batch;
      end_m = d.reverse ? visited.count - layer.batch : visited.count;
    }
  }
  __device__ void fetch(int chunk, Half*) {
#pragma unroll
    for (int i = 0; i < kPieces; ++i) {
      const int m = chunk * kInner + static_cast<int>(threadIdx.x) / kAcross + i * kStep;
      const bool valid = source && m >= first_m && m < end_m && rows.is_live(m);
      value[i] = valid ? load4(source + m * stride) : zero4();
    }
  }
  __device__ void put(Half* tile) const {
#pragma unroll
    for (int i = 0; i < kPieces; ++i)
      *reinterpret_cast<uint2*>(tile + (static_cast<int>(threadIdx.x) / kAcross + i * kStep) * T::kBStride +
                                static_cast<int>(threadIdx.x) % kAcross * 4) =
          make_uint2(pack_halves(value[i].x, value[i].y), pack_halves(value[i].z, value[i].w));
  }
  const VisitedRows& rows;
  const float* source;  // of row m = 0; null: zeros
  std::int64_t stride;
  int first_m, end_m;
  float4 value[kPieces] = {};
};

// Which gate of W_ih and of W_hh a gate of the stash is the gradient of; -1: none. gru's n has two: r stands between
// n's own pre-activation and W_hn h.
__device__ int input_gate(Cell cell, int g) { return cell == Cell::kGru && g == 3 ? -1 : g; }
__device__ int hidden_gate(Cell cell, int g) { return cell == Cell::kGru && g >= 2 ? (g == 3 ? 2 : -1) : g; }

// Tiles of gates and units x columns of [x | h]; a tile of the first column also sums the biases. gates: of the stash.
template <class T>
__global__ void __launch_bounds__(T::kThreads)
    weight_gradients_kernel(const RecurrentArgs a, int gates, int tiles_across) {
  const Layer layer(a);
  if (!is_on(a, layer)) return;
  const bool second = blockIdx.y != 0;
  const Direction d = direction_of(a, static_cast<int>(blockIdx.y), layer.slot);
  const int first_unit = static_cast<int>(blockIdx.x) / tiles_across * T::kRows;
  const int first_column = static_cast<int>(blockIdx.x) % tiles_across * T::kColumns;

  const VisitedRows rows(a, layer, d);
  GateGradientColumns<T> gradients{rows, reinterpret_cast<const Half*>(d.gates), std::int64_t{2} * a.gates_width,
                                   gates * layer.hp, first_unit};
  OperandColumns<T> operand(a, layer, d, rows, first_column);
  const Lane<T> lane;
  const bool sums_rows = first_column == 0 && lane.column0 == 0;
  Sums<T> acc = {};
  float row_sums[T::kM][4] = {};
  multiply<T, true>((rows.count + kInner - 1) / kInner, gradients, operand, lane, acc, sums_rows, row_sums);

  const float inverse = 1.0f / gradient_scale(a.rows[layer.slot].batch_size);
  const auto pick = [&](const Slab<float>& one, const Slab<float>& two) { return (second ? two : one)[layer.slot]; };
  const DirectionArgs &d0 = a.direction[0], &d1 = a.direction[1];
  float* const grad_input = pick(d0.grad_input_weight, d1.grad_input_weight);
  float* const grad_hidden = pick(d0.grad_hidden_weight, d1.grad_hidden_weight);
  float* const grad_input_bias = pick(d0.grad_input_bias, d1.grad_input_bias);
  float* const grad_hidden_bias = pick(d0.grad_hidden_bias, d1.grad_hidden_bias);
#pragma unroll
  for (int i = 0; i < T::kM; ++i)
#pragma unroll
    for (int upper = 0; upper < 2; ++upper) {
      const int n = first_unit + lane.row(i, upper), g = n / layer.hp, unit = n % layer.hp;
      if (g >= gates || unit >= a.hidden) continue;
      const int of_input = input_gate(a.cell, g), of_hidden = hidden_gate(a.cell, g);
      const std::int64_t input_row = of_input * a.hidden + unit, hidden_row = of_hidden * a.hidden + unit;
      if (sums_rows && lane.lane % 4 == 0) {
        const float sum = row_sums[i][2 * upper] * inverse;
        if (of_input >= 0) grad_input_bias[input_row] += sum;
        if (of_hidden >= 0) grad_hidden_bias[hidden_row] += sum;
      }
#pragma unroll
      for (int j = 0; j < T::kN; ++j)
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          const int c = first_column + lane.column(j) + e, from = c - layer.columns;
          const float sum = acc[i][j][2 * upper + e] * inverse;
          const int feature = from < 0 ? feature_of(a.input_segments, c) : -1;
          if (feature >= 0 && of_input >= 0) grad_input[input_row * layer.inputs + feature] += sum;
          if (from >= 0 && from < a.hidden && of_hidden >= 0) grad_hidden[hidden_row * a.hidden + from] += sum;
        }
    }
}

unsigned tiles(int size, int tile) { return static_cast<unsigned>((size + tile - 1) / tile); }

template <class T>
void launch_weight_gradients(const Cuda& device, const RecurrentArgs& a, unsigned slots) {
  const int gates = stash_segments(a.cell), hp = padded(a.hidden);
  const unsigned across = tiles(input_columns(a.input_segments) + hp, T::kColumns);
  launch(weight_gradients_kernel<T>,
         dim3(tiles(gates * hp, T::kRows) * across, static_cast<unsigned>(a.directions), slots), dim3(T::kThreads),
         T::kSharedBytes, device.stream, a, gates, static_cast<int>(across));
}

unsigned slots_of(const RecurrentArgs& a) { return static_cast<unsigned>(a.window.s1 - a.window.s0); }

}  // namespace

void mixed_input_projection(const Cuda& device, const RecurrentArgs& a) {
  using T = ProjectionTile;
  int steps = 0;
  for (int d = 0; d < a.directions; ++d) steps = std::max(steps, a.direction[d].active_steps);
  const int gates = gate_count(a.cell);
  const unsigned down = tiles(steps * a.window.rows(), T::kRows), across = tiles(gates * padded(a.hidden), T::kColumns);
  launch(project_inputs_kernel, dim3(down * across, static_cast<unsigned>(a.directions), slots_of(a)),
         dim3(T::kThreads), T::kSharedBytes, device.stream, a, gates, static_cast<int>(across));
}

void mixed_weight_gradients(const Cuda& device, const RecurrentArgs& a) {
  // A wide tile reads its operands less often; a small layer does not fill it.
  const int down = stash_segments(a.cell) * padded(a.hidden);
  const int across = input_columns(a.input_segments) + padded(a.hidden);
  if (down >= WideGradientTile::kRows && across > SmallGradientTile::kColumns)
    launch_weight_gradients<WideGradientTile>(device, a, slots_of(a));
  else
    launch_weight_gradients<SmallGradientTile>(device, a, slots_of(a));
}

void mixed_input_gradient(const Cuda& device, const RecurrentArgs& a) {
  using T = InputGradientTile;
  const unsigned down = tiles(a.steps * a.window.rows(), T::kRows);
  const unsigned across = tiles(input_columns(a.input_segments), T::kColumns);
  launch(input_gradient_kernel, dim3(down * across, 1, slots_of(a)), dim3(T::kThreads), T::kSharedBytes, device.stream,
         a, gate_count(a.cell), static_cast<int>(across));
}

}  // namespace caviar
