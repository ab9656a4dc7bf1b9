// cuBLAS's batched products as a yardstick: the same matrix products of many slots, in one call.
#pragma once

#include <vector>

#include "bench/kernels/support/harness.h"
#include "kernels/base/slab.h"

namespace caviar::bench {

// One matrix product of every slot, in cuBLAS's words (columns first): C = op(A) op(B) + beta C with op(A) [m, k] and
// op(B) [k, n]. A matrix of ours, rows first, is its transpose to cuBLAS, with the floats of a row as leading
// dimension.
struct SlotProduct {
  bool transpose_a = false, transpose_b = false;
  int m = 0, n = 0, k = 0;
  Slab<const float> a, b;
  Slab<float> c;
  int a_width = 0, b_width = 0, c_width = 0;  // leading dimensions
  float beta = 0;
};

// These products, one after another, each in one call for all slots: strided batched, and grouped (cuBLAS 12.5 and
// later). In mixed, operands are fp16 copies made beforehand and sums are fp32 (strided batched only); in fp32, no
// TF32.
std::vector<Peer> cublas_peers(const std::vector<SlotProduct>& products, int slots, Precision precision);

}  // namespace caviar::bench
