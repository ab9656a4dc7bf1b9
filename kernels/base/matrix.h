// Matrix products on one CPU thread in the one order of summation: every output is a single chain of fused
// multiply-adds in ascending k, starting from +0. Tiles run across outputs, never across k, so tile sizes change speed
// and no bit.
//
// Features are stored in segments (the gates of a cell, the two directions of a layer), each padded with zeros to a
// multiple of kLanes. A chain runs over the real features of its segments in order and never over the padding.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/base/window.h"

namespace caviar {

inline constexpr int kMaxSegments = 4;

// Where the real features of a row are: `count` runs of `length` floats at the given offsets.
struct Segments {
  int count = 1;
  int length = 0;
  int offset[kMaxSegments] = {};
  int total() const { return count * length; }
  int vectors() const { return count * (padded(length) / kLanes); }
};

// `count` segments one behind the other, each padded.
constexpr Segments packed_segments(int count, int length) {
  Segments s{count, length, {}};
  for (int i = 0; i < count; ++i) s.offset[i] = i * padded(length);
  return s;
}

// What happens to a finished chain `sum`.
enum class Finish {
  kStore,      // c = sum
  kStoreBias,  // c = sum + bias
  kAdd,        // c = c + sum
  kAddBias,    // c = c + (sum + bias)
};

// Right-hand operand of row_product, as panels [vectors][K][kLanes]. Sizes in floats.
constexpr std::size_t panel_size(int k, int vectors) {
  return static_cast<std::size_t>(k) * static_cast<std::size_t>(vectors) * kLanes;
}

// Packs the transpose of w [segments.total, k], row-major, so that output column (segment i, j) is row i * length + j
// of w. Padding columns are zeros. Vectors: segments.count * padded(length) / kLanes.
void pack_transposed(const float* w, int k, int count, int length, float* panels);

// Packs w [k, segments.total], row-major, as it is: output column (segment i, j) is column i * length + j of w.
void pack_direct(const float* w, int k, int count, int length, float* panels);

// c[m, 8 vectors] from a[m, K] and panels [vectors][K][8].
struct RowProduct {
  const float* a = nullptr;
  std::ptrdiff_t a_stride = 0;  // floats from row to row
  Segments k;                   // the real features of a row of a
  const float* panels = nullptr;
  int rows = 0;
  int vectors = 0;
  float* c = nullptr;
  std::ptrdiff_t c_stride = 0;
  const float* bias = nullptr;  // [8 vectors], for kStoreBias and kAddBias
};
void row_product(const RowProduct& p, Finish finish);

// Weight gradient: c[i, j] += sum over steps and rows of a[step, row, i] * b[step, row, j], for every block of
// kRowBlock rows one chain: steps in the given order, inside a step rows ascending; the blocks are added to c in
// ascending order.
struct OuterProduct {
  const float* a = nullptr;     // first step, row 0
  std::ptrdiff_t a_step = 0;    // floats from one step of the chain to the next; may be negative
  std::ptrdiff_t a_stride = 0;  // from row to row
  Segments i;
  const float* b = nullptr;
  std::ptrdiff_t b_step = 0;
  std::ptrdiff_t b_stride = 0;
  Segments j;
  int steps = 0;
  int rows = 0;
  float* c = nullptr;  // [i.total, j.total], row-major, unpadded
};
void outer_product(const OuterProduct& p);

// Bias gradient: c[i] += the same chains with b = 1, that is plain additions.
void outer_sum(const float* a, std::ptrdiff_t a_step, std::ptrdiff_t a_stride, const Segments& i, int steps, int rows,
               float* c);

}  // namespace caviar
