// The part of a pack that one call of an op works on.
#pragma once

#include "kernels/base/hd.h"

namespace caviar {

// Slots [s0, s1) x batch rows [b0, b1). CUDA passes the whole pack; the CPU passes one slot and one block of rows, b0 a
// multiple of kRowBlock, so that the order of summation of weight gradients never depends on how the batch was cut.
struct Window {
  int s0 = 0, s1 = 1;
  int b0 = 0, b1 = 0;
  CAVIAR_HD int rows() const { return b1 - b0; }
};

// Weight gradients are summed in one chain per this many batch rows, the chains added in ascending order.
inline constexpr int kRowBlock = 16;

// Features are stored in groups of this many floats (one AVX2 register); the padding holds zeros and is never summed.
inline constexpr int kLanes = 8;

CAVIAR_HD constexpr int padded(int n) { return (n + kLanes - 1) / kLanes * kLanes; }

// Floats from row to row for rows of n floats: never a multiple of 64 floats, so that the rows of a column of tiles
// fall into different sets of the first-level cache.
CAVIAR_HD constexpr int row_stride(int n) { return n % 64 == 0 ? n + 16 : n; }

}  // namespace caviar
