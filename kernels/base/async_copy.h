// Asynchronous copies from global to shared memory that bypass the registers: cp.async of PTX (sm_80 and later).
//
// A thread issues copies, commits those since the last commit as a group, and waits until at most n of its newest
// groups are still under way. What a thread waited for is visible to itself; the others of the block see it after a
// __syncthreads() that follows the wait. Without the wait the bytes may arrive at any time, or not yet.
#pragma once

#include "kernels/base/cuda.h"

namespace caviar {

// Copies 16 bytes. `to`: dynamic shared memory, `from`: global memory, both 16-byte aligned. Goes through the
// second-level cache only (cp.async.cg).
__device__ __forceinline__ void async_copy_16(void* to, const void* from) {
#if defined(CAVIAR_CUDA_ON_CPU)
  cuda_on_cpu::issue_async_copy(to, from, false);
#else
  const unsigned shared = static_cast<unsigned>(__cvta_generic_to_shared(to));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;\n" ::"r"(shared), "l"(from) : "memory");
#endif
}

// The same where `valid`; otherwise writes 16 zero bytes and reads nothing, though `from` must still be an aligned
// address of global memory.
__device__ __forceinline__ void async_copy_16_or_zero(void* to, const void* from, bool valid) {
#if defined(CAVIAR_CUDA_ON_CPU)
  cuda_on_cpu::issue_async_copy(to, from, !valid);
#else
  const unsigned shared = static_cast<unsigned>(__cvta_generic_to_shared(to));
  const int bytes = valid ? 16 : 0;
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(shared), "l"(from), "r"(bytes) : "memory");
#endif
}

// Makes a group of the copies this thread issued since its last commit; there may be none.
__device__ __forceinline__ void async_copy_commit() {
#if defined(CAVIAR_CUDA_ON_CPU)
  cuda_on_cpu::commit_async_copies();
#else
  asm volatile("cp.async.commit_group;\n" ::: "memory");
#endif
}

// Waits until at most kGroups of this thread's newest groups are under way.
template <int kGroups>
__device__ __forceinline__ void async_copy_wait() {
#if defined(CAVIAR_CUDA_ON_CPU)
  cuda_on_cpu::wait_for_async_copies(kGroups);
#else
  asm volatile("cp.async.wait_group %0;\n" ::"n"(kGroups) : "memory");
#endif
}

}  // namespace caviar
