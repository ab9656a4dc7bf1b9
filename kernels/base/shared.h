// The dynamic shared memory of a block: the only shared memory kernels use.
#pragma once

#include "kernels/base/cuda.h"

namespace caviar {

// The first byte as a T*, at least 16-byte aligned; as many bytes as the launch asked for. Its content is undefined
// when a block begins (NaN on the emulated device). Every call in a block gives the same address: a kernel that keeps
// several arrays adds offsets.
template <class T>
__device__ __forceinline__ T* dynamic_shared() {
#if defined(CAVIAR_CUDA_ON_CPU)
  return reinterpret_cast<T*>(cuda_on_cpu::shared_memory());
#else
  extern __shared__ __align__(16) unsigned char bytes[];
  return reinterpret_cast<T*>(bytes);
#endif
}

}  // namespace caviar
