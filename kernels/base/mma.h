// Tensor cores: products of 16 x 16 and 16 x 8 tiles of halves, and loads of 8 x 8 tiles from shared memory in the
// arrangement those products want (PTX ISA: mma.m16n8k16, ldmatrix; sm_80 and later).
//
// A tile is spread over the 32 lanes of a warp as a fragment. With g = lane / 4 and t = lane % 4, lane holds
//   A [16, 16]  a[0] = {A[g][2t], A[g][2t+1]}        a[1] = {A[g+8][2t], A[g+8][2t+1]}
//               a[2] = {A[g][2t+8], A[g][2t+9]}      a[3] = {A[g+8][2t+8], A[g+8][2t+9]}
//   B [16, 8]   b[0] = {B[2t][g], B[2t+1][g]}        b[1] = {B[2t+8][g], B[2t+9][g]}
//   C [16, 8]   c[0], c[1] = C[g][2t], C[g][2t+1]    c[2], c[3] = C[g+8][2t], C[g+8][2t+1]
// where {low, high} is a register of two halves (half.h, pack).
//
// All 32 lanes call these functions together; each is a scheduling point of the warp.
#pragma once

#include <cstdint>

#include "kernels/base/cuda.h"

namespace caviar {

// D = A B + C, where d may be c. A product of two halves is exact in float; in which order and with how many bits
// beyond float's the 16 products and C are added is the hardware's (PTX: "at least single precision"), the same on one
// architecture and not on all. The emulated device adds the products in double, k ascending, then C, and rounds once.
__device__ __forceinline__ void mma_m16n8k16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                                             const float (&c)[4]) {
#if defined(CAVIAR_CUDA_ON_CPU)
  cuda_on_cpu::mma_m16n8k16(d, a, b, c);
#else
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%10, %11, %12, %13};\n"
      : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]), "f"(c[0]), "f"(c[1]), "f"(c[2]), "f"(c[3]));
#endif
}

// Loads kTiles (1, 2 or 4) tiles of 8 x 8 halves. Lane 8 i + r passes in `row` the address of row r of tile i, 16 bytes
// in the block's dynamic shared memory, 16-byte aligned; lanes from 8 kTiles on may pass any address. Lane (g, t) gets
// {tile i [g][2t], tile i [g][2t+1]} in tiles[i].
//
// A [16, 16] stored by rows: kTiles = 4 with the addresses of rows 0-7 and 8-15, then of the same rows 8 columns
// further. B [16, 8] stored by columns (its transpose [8, 16] by rows): kTiles = 2 with rows of the transpose, then 8
// further.
template <int kTiles>
__device__ __forceinline__ void ldmatrix(std::uint32_t (&tiles)[kTiles], const void* row) {
  static_assert(kTiles == 1 || kTiles == 2 || kTiles == 4);
#if defined(CAVIAR_CUDA_ON_CPU)
  cuda_on_cpu::load_matrices(tiles, kTiles, false, row);
#else
  const unsigned address = static_cast<unsigned>(__cvta_generic_to_shared(row));
  if constexpr (kTiles == 1) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%0}, [%1];\n" : "=r"(tiles[0]) : "r"(address) : "memory");
  } else if constexpr (kTiles == 2) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];\n"
                 : "=r"(tiles[0]), "=r"(tiles[1])
                 : "r"(address)
                 : "memory");
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];\n"
                 : "=r"(tiles[0]), "=r"(tiles[1]), "=r"(tiles[2]), "=r"(tiles[3])
                 : "r"(address)
                 : "memory");
  }
#endif
}

// The same tiles transposed: lane (g, t) gets {tile i [2t][g], tile i [2t+1][g]}. For B [16, 8] stored by rows.
template <int kTiles>
__device__ __forceinline__ void ldmatrix_trans(std::uint32_t (&tiles)[kTiles], const void* row) {
  static_assert(kTiles == 1 || kTiles == 2 || kTiles == 4);
#if defined(CAVIAR_CUDA_ON_CPU)
  cuda_on_cpu::load_matrices(tiles, kTiles, true, row);
#else
  const unsigned address = static_cast<unsigned>(__cvta_generic_to_shared(row));
  if constexpr (kTiles == 1) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x1.trans.shared.b16 {%0}, [%1];\n"
                 : "=r"(tiles[0])
                 : "r"(address)
                 : "memory");
  } else if constexpr (kTiles == 2) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];\n"
                 : "=r"(tiles[0]), "=r"(tiles[1])
                 : "r"(address)
                 : "memory");
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];\n"
                 : "=r"(tiles[0]), "=r"(tiles[1]), "=r"(tiles[2]), "=r"(tiles[3])
                 : "r"(address)
                 : "memory");
  }
#endif
}

}  // namespace caviar
