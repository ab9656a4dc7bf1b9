// Kernels that show tiles of halves as tensor cores see them. Each function launches one, one warp a block.
#pragma once

#include <cstddef>

#include "kernels/base/cuda.h"
#include "kernels/base/half.h"

namespace cuda_on_cpu {

// How B [16, 8] lies in memory.
enum class StoredBy { kRows, kColumns };

// d [16, 8] = a [16, 16] b + c [16, 8], a and b loaded to shared memory and by ldmatrix from there.
void launch_product(const caviar::Half* a, const caviar::Half* b, StoredBy b_stored, const float* c, float* d);
// The same with fragments filled element by element, from the formulas of the header.
void launch_product_by_element(const caviar::Half* a, const caviar::Half* b, const float* c, float* d);

// What each lane gets, [32][tiles] registers, from `tiles` tiles [8, 8] that follow each other in memory.
void launch_load(const caviar::Half* in, int tiles, bool transposed, std::uint32_t* out);
// Lane 3 passes the address of byte `offset` of 128 bytes of shared memory.
void launch_load_at(int offset);
// Half of the lanes load one tile, half two.
void launch_uneven_load();

}  // namespace cuda_on_cpu
