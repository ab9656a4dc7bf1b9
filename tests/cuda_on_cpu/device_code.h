// What device code says, given a meaning on the CPU: qualifiers, the indices of a thread, barriers, warp operations,
// integer atomics and the few intrinsics the kernels use. Static __shared__ variables are left out on purpose: shared
// memory is had through kernels/base/shared.h.
//
// Barriers and warp operations are the only places where the emulated device passes from one thread of a block to
// another. They take the place of the call for the message that names it when threads do not agree.
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>  // before __noinline__ becomes a macro: libstdc++ spells an attribute that way here
#include <type_traits>

#include "tests/cuda_on_cpu/types.h"

// NOLINTBEGIN(readability-identifier-naming,bugprone-reserved-identifier): the names are CUDA's.

#define __host__
#define __device__
#define __global__
#define __launch_bounds__(...)
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))

// The thread that is being carried out, its block and its grid.
extern constinit thread_local uint3 threadIdx;
extern constinit thread_local uint3 blockIdx;
extern constinit thread_local dim3 blockDim;
extern constinit thread_local dim3 gridDim;
inline constexpr int warpSize = 32;

namespace cuda_on_cpu {

// A place in the source, for messages.
struct Place {
  const char* file;
  int line;
};

// What a lane brings to an operation of its warp. It waits until every lane that `mask` names brought an operation of
// the same kind with the same mask; then `carry_out` is called once for all of them.
struct WarpOperation {
  const char* name;
  std::uint32_t mask;
  Place place;
  // lanes[i]: the operation of lane i, null where the mask does not name it. Throws caviar::Error.
  void (*carry_out)(WarpOperation* const* lanes);
};

// Waits for the other lanes of the mask.
void carry_out_together(WarpOperation& operation);

// Waits for all threads of the block.
void wait_for_block(Place place);

// The first byte of the block's dynamic shared memory, and its size.
std::byte* shared_memory();
std::size_t shared_memory_bytes();

// cp.async by the thread that is running: 16 bytes, both addresses 16-byte aligned, `to` in the block's shared memory;
// with `from_zeros` zeros are written and `from` is not read. Throws caviar::Error where an address is not so.
void issue_async_copy(void* to, const void* from, bool from_zeros);
void commit_async_copies();
void wait_for_async_copies(std::size_t groups_that_may_remain);

// mma.m16n8k16 and ldmatrix by the whole warp; see kernels/base/mma.h.
void mma_m16n8k16(float* d, const std::uint32_t* a, const std::uint32_t* b, const float* c);
void load_matrices(std::uint32_t* tiles, int count, bool transposed, const void* row);

enum class Shuffle { kIndex, kXor, kDown, kUp };
std::uint64_t shuffle(Shuffle how, std::uint32_t mask, std::uint64_t bits, int argument, int width, Place place);

// A bit for every lane of the mask whose predicate is true.
std::uint32_t ballot(const char* name, std::uint32_t mask, bool predicate, Place place);

template <class T>
T shuffle_value(Shuffle how, std::uint32_t mask, T value, int argument, int width, Place place) {
  static_assert(std::is_arithmetic_v<T> && (sizeof(T) == 4 || sizeof(T) == 8));
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  return std::bit_cast<T>(static_cast<Bits>(shuffle(how, mask, std::bit_cast<Bits>(value), argument, width, place)));
}

}  // namespace cuda_on_cpu

#define CAVIAR_CALLED_HERE const char *file = __builtin_FILE(), int line = __builtin_LINE()

inline void __syncthreads(CAVIAR_CALLED_HERE) { cuda_on_cpu::wait_for_block({file, line}); }

void __syncwarp(unsigned mask = 0xffffffffu, CAVIAR_CALLED_HERE);

template <class T>
T __shfl_sync(unsigned mask, T value, int lane, int width = 32, CAVIAR_CALLED_HERE) {
  return cuda_on_cpu::shuffle_value(cuda_on_cpu::Shuffle::kIndex, mask, value, lane, width, {file, line});
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = 32, CAVIAR_CALLED_HERE) {
  return cuda_on_cpu::shuffle_value(cuda_on_cpu::Shuffle::kXor, mask, value, lane_mask, width, {file, line});
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, CAVIAR_CALLED_HERE) {
  return cuda_on_cpu::shuffle_value(cuda_on_cpu::Shuffle::kDown, mask, value, int(delta), width, {file, line});
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, CAVIAR_CALLED_HERE) {
  return cuda_on_cpu::shuffle_value(cuda_on_cpu::Shuffle::kUp, mask, value, int(delta), width, {file, line});
}

inline unsigned __ballot_sync(unsigned mask, int predicate, CAVIAR_CALLED_HERE) {
  return cuda_on_cpu::ballot("__ballot_sync", mask, predicate != 0, {file, line});
}
inline int __any_sync(unsigned mask, int predicate, CAVIAR_CALLED_HERE) {
  return cuda_on_cpu::ballot("__any_sync", mask, predicate != 0, {file, line}) != 0;
}
inline int __all_sync(unsigned mask, int predicate, CAVIAR_CALLED_HERE) {
  return cuda_on_cpu::ballot("__all_sync", mask, predicate != 0, {file, line}) == mask;
}

#undef CAVIAR_CALLED_HERE

// Between two scheduling points a thread runs alone: fences and atomics have nothing left to do.
inline void __threadfence() {}
inline void __threadfence_block() {}

template <class T>
T atomicAdd(T* address, std::type_identity_t<T> value) {
  static_assert(std::is_integral_v<T>, "float atomics depend on the order of threads: not in this project");
  const T old = *address;
  *address = T(old + value);
  return old;
}
template <class T>
T atomicMax(T* address, std::type_identity_t<T> value) {
  static_assert(std::is_integral_v<T>);
  const T old = *address;
  *address = old > value ? old : value;
  return old;
}
template <class T>
T atomicMin(T* address, std::type_identity_t<T> value) {
  static_assert(std::is_integral_v<T>);
  const T old = *address;
  *address = old < value ? old : value;
  return old;
}
template <class T>
T atomicOr(T* address, std::type_identity_t<T> value) {
  static_assert(std::is_integral_v<T>);
  const T old = *address;
  *address = T(old | value);
  return old;
}
template <class T>
T atomicExch(T* address, std::type_identity_t<T> value) {
  const T old = *address;
  *address = value;
  return old;
}
template <class T>
T atomicCAS(T* address, std::type_identity_t<T> compare, std::type_identity_t<T> value) {
  const T old = *address;
  if (old == compare) *address = value;
  return old;
}

template <class T>
T __ldg(const T* address) {
  return *address;
}

inline unsigned __float_as_uint(float x) { return std::bit_cast<unsigned>(x); }
inline int __float_as_int(float x) { return std::bit_cast<int>(x); }
inline float __uint_as_float(unsigned x) { return std::bit_cast<float>(x); }
inline float __int_as_float(int x) { return std::bit_cast<float>(x); }
inline int __popc(unsigned x) { return std::popcount(x); }
inline int __clz(int x) { return std::countl_zero(static_cast<unsigned>(x)); }
inline int __ffs(int x) { return x == 0 ? 0 : std::countr_zero(static_cast<unsigned>(x)) + 1; }
inline unsigned __umulhi(unsigned x, unsigned y) { return unsigned((std::uint64_t(x) * y) >> 32); }
inline float __fmaf_rn(float x, float y, float z) { return std::fma(x, y, z); }
inline float __fadd_rn(float x, float y) { return x + y; }
inline float __fmul_rn(float x, float y) { return x * y; }
inline float __fdiv_rn(float x, float y) { return x / y; }
inline float __fsqrt_rn(float x) { return std::sqrt(x); }

// CUDA has min and max of numbers in the global namespace.
template <class T, class U>
requires(std::is_arithmetic_v<T>&& std::is_arithmetic_v<U>) constexpr std::common_type_t<T, U> min(T a, U b) {
  using Common = std::common_type_t<T, U>;
  if constexpr (std::is_floating_point_v<Common>) return std::fmin(Common(a), Common(b));
  return Common(b) < Common(a) ? Common(b) : Common(a);
}
template <class T, class U>
requires(std::is_arithmetic_v<T>&& std::is_arithmetic_v<U>) constexpr std::common_type_t<T, U> max(T a, U b) {
  using Common = std::common_type_t<T, U>;
  if constexpr (std::is_floating_point_v<Common>) return std::fmax(Common(a), Common(b));
  return Common(a) < Common(b) ? Common(b) : Common(a);
}

// NOLINTEND(readability-identifier-naming,bugprone-reserved-identifier)
