// The sum of base/reduce.h by one block of 256 threads: thread j keeps partial j, the halving tree is left to one warp.
// Device code.
#pragma once

#include "kernels/base/cuda.h"
#include "kernels/base/reduce.h"

namespace caviar {

// The total of kPartials values in shared memory, the same bits as Partials::total(). Called by all lanes of one warp,
// after a barrier that follows the writes; every lane gets it. One barrier in all: a lane adds the partials of the
// upper three levels, which are 32 apart, in registers, shuffles do the rest. The two lanes of an exchange form the
// same sum, since a + b is b + a.
template <class T>
__device__ __forceinline__ T total_of_partials(const T* partials) {
  const T* p = partials + threadIdx.x % 32;
  T sum = ((p[0] + p[128]) + (p[64] + p[192])) + ((p[32] + p[160]) + (p[96] + p[224]));
  for (int half = 16; half > 0; half /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, half);
  return sum;
}

}  // namespace caviar
