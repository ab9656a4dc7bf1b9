// Device code that the products and the recurrence of the mixed precision share.
#pragma once

#include "kernels/base/cuda.h"
#include "kernels/base/half.h"
#include "kernels/base/mma.h"
#include "kernels/mixed_product.h"

namespace caviar::mixed {

// One direction of one slot, as plain pointers.
struct Direction {
  bool reverse;
  int first_time, active_steps;  // visited: times [first_time, first_time + active_steps)
  const float *input_weight, *hidden_weight, *input_bias, *hidden_bias;
  float *gates, *cells, *h;
  const float* grad_h;
};

template <class T>
__device__ T* pointer(const Slab<T>& slab, int slot) {
  return slab ? slab[slot] : nullptr;
}

__device__ inline Direction direction_of(const RecurrentArgs& a, const DirectionArgs& d, int index, int slot) {
  const int column = index * padded(a.hidden);
  return {d.reverse,
          d.reverse ? a.steps - d.active_steps : 0,
          d.active_steps,
          pointer(d.weights.input, slot),
          pointer(d.weights.hidden, slot),
          pointer(d.weights.input_bias, slot),
          pointer(d.weights.hidden_bias, slot),
          pointer(d.gates, slot),
          pointer(d.cells, slot),
          a.h[slot] + column,
          a.grad_h ? a.grad_h[slot] + column : nullptr};
}
__device__ inline Direction direction_of(const RecurrentArgs& a, int index, int slot) {
  return index == 0 ? direction_of(a, a.direction[0], 0, slot) : direction_of(a, a.direction[1], 1, slot);
}

// Columns of a row of x that hold features or padding between them.
CAVIAR_HD inline int input_columns(const Segments& s) { return s.offset[s.count - 1] + padded(s.length); }

// The column of W_ih that belongs to column `c` of a row of x; -1 in the padding.
__device__ inline int feature_of(const Segments& s, int c) {
  for (int i = 0; i < s.count; ++i) {
    const int j = c - s.offset[i];
    if (j >= 0 && j < s.length) return i * s.length + j;
  }
  return -1;
}

// How many of the columns c .. c+3 of a row of x hold features; c a multiple of 4. Features come first: segments begin
// at multiples of 8.
__device__ inline int features_from(const Segments& s, int c) {
  for (int i = 0; i < s.count; ++i) {
    const int j = c - s.offset[i];
    if (j >= 0 && j < s.length) return min(4, s.length - j);
  }
  return 0;
}

// The bias that an input projection begins with, of gate g of unit j < H.
template <class Weights>
__device__ float input_bias(const Weights& w, Cell cell, int hidden, int g, int j) {
  const float bias = w.input_bias[g * hidden + j];
  return cell == Cell::kGru && g == 2 ? bias : bias + w.hidden_bias[g * hidden + j];
}

__device__ inline float4 zero4() { return make_float4(0.0f, 0.0f, 0.0f, 0.0f); }

// The first n of four values, zeros after them.
__device__ inline float4 first_of(float4 v, int n) {
  return make_float4(n > 0 ? v.x : 0.0f, n > 1 ? v.y : 0.0f, n > 2 ? v.z : 0.0f, n > 3 ? v.w : 0.0f);
}

__device__ inline float4 load4(const float* p) { return *reinterpret_cast<const float4*>(p); }

}  // namespace caviar::mixed
