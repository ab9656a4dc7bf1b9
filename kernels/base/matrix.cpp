// AVX2 micro-kernels: up to 6 rows x 2 vectors or 4 rows x 3 vectors of accumulators, so that at least eight chains
// hide the latency of the multiply-adds and no accumulator leaves its register.
#include "kernels/base/matrix.h"

#include <immintrin.h>

#include <algorithm>

#include "kernels/base/unroll.h"

namespace caviar {

namespace {

// Rows of a tile when `left` rows remain: sixes, and no tail so thin that latency shows.
int tile_rows(int left, int most) {
  if (most == 6 && (left == 7 || left == 8)) return 4;
  return std::min(left, most);
}

// The accumulators of a tile. Row r, vector v is sum[r * kVectors + v].
template <int kRows, int kVectors>
struct Tile {
  __m256 sum[kRows * kVectors];

  [[gnu::always_inline]] void clear() {
    unroll<kRows * kVectors>([&](auto i) __attribute__((always_inline)) { sum[i] = _mm256_setzero_ps(); });
  }

  // sum[r][v] += x[r * stride] * w[v]
  [[gnu::always_inline]] void add(const float* x, std::ptrdiff_t stride, const float* w, std::ptrdiff_t panel) {
    __m256 b[kVectors];
    unroll<kVectors>([&](auto v) __attribute__((always_inline)) { b[v] = _mm256_loadu_ps(w + v * panel); });
    unroll<kRows>([&](auto r) __attribute__((always_inline)) {
      const __m256 a = _mm256_broadcast_ss(x + r * stride);
      unroll<kVectors>([&](auto v) __attribute__((always_inline)) {
        sum[r * kVectors + v] = _mm256_fmadd_ps(a, b[v], sum[r * kVectors + v]);
      });
    });
  }
};

template <int kRows, int kVectors>
void row_tile(const RowProduct& p, Finish finish, const float* a, const float* panels, float* c, const float* bias) {
  const std::ptrdiff_t panel = static_cast<std::ptrdiff_t>(p.k.total()) * kLanes, stride = p.a_stride;
  Tile<kRows, kVectors> tile;
  tile.clear();
  const float* b = panels;
  for (int segment = 0; segment < p.k.count; ++segment) {
    const float* x = a + p.k.offset[segment];
    for (int k = 0; k < p.k.length; ++k, b += kLanes) tile.add(x + k, stride, b, panel);
  }
  unroll<kRows * kVectors>([&](auto i) __attribute__((always_inline)) {
    constexpr int kRow = i / kVectors, kVector = i % kVectors;
    float* out = c + kRow * p.c_stride + kVector * kLanes;
    __m256 value = tile.sum[i];
    if (finish == Finish::kStoreBias || finish == Finish::kAddBias)
      value = _mm256_add_ps(value, _mm256_loadu_ps(bias + kVector * kLanes));
    if (finish == Finish::kAdd || finish == Finish::kAddBias) value = _mm256_add_ps(_mm256_loadu_ps(out), value);
    _mm256_storeu_ps(out, value);
  });
}

template <int kVectors>
void row_panel(const RowProduct& p, Finish finish, int row0, int row1, int vector0) {
  const float* panels = p.panels + static_cast<std::ptrdiff_t>(vector0) * p.k.total() * kLanes;
  const float* bias = p.bias ? p.bias + vector0 * kLanes : nullptr;
  constexpr int kMost = kVectors == 3 ? 4 : 6;
  for (int row = row0; row < row1;) {
    const int rows = tile_rows(row1 - row, kMost);
    const float* a = p.a + row * p.a_stride;
    float* c = p.c + row * p.c_stride + vector0 * kLanes;
    switch (rows) {
      case 6:
        if constexpr (kMost == 6) row_tile<6, kVectors>(p, finish, a, panels, c, bias);
        break;
      case 5:
        if constexpr (kMost == 6) row_tile<5, kVectors>(p, finish, a, panels, c, bias);
        break;
      case 4:
        row_tile<4, kVectors>(p, finish, a, panels, c, bias);
        break;
      case 3:
        row_tile<3, kVectors>(p, finish, a, panels, c, bias);
        break;
      case 2:
        row_tile<2, kVectors>(p, finish, a, panels, c, bias);
        break;
      default:
        row_tile<1, kVectors>(p, finish, a, panels, c, bias);
        break;
    }
    row += rows;
  }
}

// One tile of a weight gradient: kRows features of a x kVectors vectors of b, over one block of batch rows.
template <int kRows, int kVectors>
void outer_tile(const OuterProduct& p, const float* a, const float* b, int rows, __m256 (&sum)[6][3]) {
  Tile<kRows, kVectors> tile;
  tile.clear();
  const std::ptrdiff_t a_stride = p.a_stride, b_stride = p.b_stride;
  for (int step = 0; step < p.steps; ++step) {
    const float* x = a + step * p.a_step;
    const float* y = b + step * p.b_step;
    for (int row = 0; row < rows; ++row, x += a_stride, y += b_stride) tile.add(x, 1, y, kLanes);
  }
  for (int r = 0; r < kRows; ++r)
    for (int v = 0; v < kVectors; ++v) sum[r][v] = tile.sum[r * kVectors + v];
}

template <int kVectors>
void outer_rows(const OuterProduct& p, int rows, const float* a, const float* b, int block_rows, __m256 (&sum)[6][3]) {
  switch (rows) {
    case 6:
      if constexpr (kVectors < 3) outer_tile<6, kVectors>(p, a, b, block_rows, sum);
      break;
    case 5:
      if constexpr (kVectors < 3) outer_tile<5, kVectors>(p, a, b, block_rows, sum);
      break;
    case 4:
      outer_tile<4, kVectors>(p, a, b, block_rows, sum);
      break;
    case 3:
      outer_tile<3, kVectors>(p, a, b, block_rows, sum);
      break;
    case 2:
      outer_tile<2, kVectors>(p, a, b, block_rows, sum);
      break;
    default:
      outer_tile<1, kVectors>(p, a, b, block_rows, sum);
      break;
  }
}

// Lanes [0, count) of a vector.
__m256i first_lanes(int count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

// Vectors of a tile when `left` remain: pairs, and three rather than a pair and a single.
int tile_vectors(int left) { return left == 3 ? 3 : std::min(left, 2); }

// One bias gradient chain for each lane of kVectors vectors, side by side so that they hide each other's latency.
// Adds the first `left` lanes to out and returns kVectors.
template <int kVectors>
int sum_vectors(const float* x, std::ptrdiff_t step_stride, std::ptrdiff_t row_stride, int steps, int rows, int left,
                float* out) {
  __m256 sum[kVectors];
  unroll<kVectors>([&](auto v) __attribute__((always_inline)) { sum[v] = _mm256_setzero_ps(); });
  for (int step = 0; step < steps; ++step)
    for (int row = 0; row < rows; ++row)
      unroll<kVectors>([&](auto v) __attribute__((always_inline)) {
        sum[v] = _mm256_add_ps(sum[v], _mm256_loadu_ps(x + step * step_stride + row * row_stride + v * kLanes));
      });
  unroll<kVectors>([&](auto v) __attribute__((always_inline)) {
    const __m256i mask = first_lanes(left - v * kLanes);
    _mm256_maskstore_ps(out + v * kLanes, mask, _mm256_add_ps(_mm256_maskload_ps(out + v * kLanes, mask), sum[v]));
  });
  return kVectors;
}

}  // namespace

void pack_transposed(const float* w, int k, int count, int length, float* panels) {
  float* out = panels;
  for (int segment = 0; segment < count; ++segment)
    for (int j0 = 0; j0 < length; j0 += kLanes) {
      const float* rows = w + static_cast<std::ptrdiff_t>(segment * length + j0) * k;
      const int lanes = std::min(kLanes, length - j0);
      if (lanes == kLanes) {
        for (int i = 0; i < k; ++i, out += kLanes)
          for (int lane = 0; lane < kLanes; ++lane) out[lane] = rows[static_cast<std::ptrdiff_t>(lane) * k + i];
      } else {
        for (int i = 0; i < k; ++i, out += kLanes)
          for (int lane = 0; lane < kLanes; ++lane)
            out[lane] = lane < lanes ? rows[static_cast<std::ptrdiff_t>(lane) * k + i] : 0.0f;
      }
    }
}

void pack_direct(const float* w, int k, int count, int length, float* panels) {
  const std::ptrdiff_t width = static_cast<std::ptrdiff_t>(count) * length;
  float* out = panels;
  for (int segment = 0; segment < count; ++segment)
    for (int j0 = 0; j0 < length; j0 += kLanes) {
      const float* column = w + static_cast<std::ptrdiff_t>(segment) * length + j0;
      const int lanes = std::min(kLanes, length - j0);
      for (int i = 0; i < k; ++i, out += kLanes) {
        for (int lane = 0; lane < lanes; ++lane) out[lane] = column[i * width + lane];
        for (int lane = lanes; lane < kLanes; ++lane) out[lane] = 0.0f;
      }
    }
}

void row_product(const RowProduct& p, Finish finish) {
  // Rows in chunks that stay in the first-level cache while all panels pass over them.
  constexpr int kChunk = 48;
  for (int row = 0; row < p.rows; row += kChunk) {
    const int end = std::min(p.rows, row + kChunk);
    for (int v = 0; v < p.vectors;) {
      const int vectors = tile_vectors(p.vectors - v);
      if (vectors == 3)
        row_panel<3>(p, finish, row, end, v);
      else if (vectors == 2)
        row_panel<2>(p, finish, row, end, v);
      else
        row_panel<1>(p, finish, row, end, v);
      v += vectors;
    }
  }
}

void outer_product(const OuterProduct& p) {
  const int width = p.j.total();
  for (int block = 0; block < p.rows; block += kRowBlock) {
    const int block_rows = std::min(kRowBlock, p.rows - block);
    const float* a0 = p.a + block * p.a_stride;
    const float* b0 = p.b + block * p.b_stride;
    for (int si = 0; si < p.i.count; ++si)
      for (int sj = 0; sj < p.j.count; ++sj) {
        const int all_vectors = padded(p.j.length) / kLanes;
        for (int v = 0; v < all_vectors;) {
          const int vectors = tile_vectors(all_vectors - v);
          for (int i = 0; i < p.i.length;) {
            const int rows = tile_rows(p.i.length - i, vectors == 3 ? 4 : 6);
            const float* a = a0 + p.i.offset[si] + i;
            const float* b = b0 + p.j.offset[sj] + v * kLanes;
            __m256 sum[6][3];
            if (vectors == 3)
              outer_rows<3>(p, rows, a, b, block_rows, sum);
            else if (vectors == 2)
              outer_rows<2>(p, rows, a, b, block_rows, sum);
            else
              outer_rows<1>(p, rows, a, b, block_rows, sum);
            for (int r = 0; r < rows; ++r)
              for (int u = 0; u < vectors; ++u) {
                const int column = (v + u) * kLanes;
                float* out =
                    p.c + static_cast<std::ptrdiff_t>(si * p.i.length + i + r) * width + sj * p.j.length + column;
                if (column + kLanes <= p.j.length) {
                  _mm256_storeu_ps(out, _mm256_add_ps(_mm256_loadu_ps(out), sum[r][u]));
                } else {
                  const __m256i mask = first_lanes(p.j.length - column);
                  _mm256_maskstore_ps(out, mask, _mm256_add_ps(_mm256_maskload_ps(out, mask), sum[r][u]));
                }
              }
            i += rows;
          }
          v += vectors;
        }
      }
  }
}

void outer_sum(const float* a, std::ptrdiff_t a_step, std::ptrdiff_t a_stride, const Segments& i, int steps, int rows,
               float* c) {
  for (int block = 0; block < rows; block += kRowBlock) {
    const int block_rows = std::min(kRowBlock, rows - block);
    for (int segment = 0; segment < i.count; ++segment) {
      const int all_vectors = padded(i.length) / kLanes;
      for (int v = 0; v < all_vectors;) {
        const float* x = a + block * a_stride + i.offset[segment] + v * kLanes;
        float* out = c + segment * i.length + v * kLanes;
        const int left = i.length - v * kLanes;
        if (all_vectors - v >= 4)
          v += sum_vectors<4>(x, a_step, a_stride, steps, block_rows, left, out);
        else
          v += sum_vectors<1>(x, a_step, a_stride, steps, block_rows, left, out);
      }
    }
  }
}

}  // namespace caviar
