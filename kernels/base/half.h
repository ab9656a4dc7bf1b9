// Half: IEEE 754 binary16 as a storage type of our own, on host and device. It is converted to and from float, never
// calculated with: 1 sign bit, 5 exponent bits, 10 fraction bits; largest finite value 65504, smallest normal 2^-14,
// smallest subnormal 2^-24.
#pragma once

#include <cstdint>

#include "kernels/base/hd.h"

namespace caviar {

struct Half {
  std::uint16_t bits;
};

// To nearest, ties to even: subnormals are kept, 65520 and more in magnitude becomes an infinity, a NaN 0x7fff. The
// same bits on host and device (PTX: cvt.rn.f16.f32).
CAVIAR_HD inline Half to_half(float x) {
#if defined(__CUDA_ARCH__)
  Half result;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(result.bits) : "f"(x));
  return result;
#else
  constexpr std::uint32_t kInfinity = 0x7f800000, kTwoTo16 = 0x47800000, kTwoToMinus14 = 0x38800000;
  const std::uint32_t bits = __builtin_bit_cast(std::uint32_t, x);
  const std::uint32_t sign = bits >> 16 & 0x8000;
  std::uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > kInfinity) return {0x7fff};
  if (magnitude >= kTwoTo16) {
    magnitude = 0x7c00;
  } else if (magnitude < kTwoToMinus14) {
    // The sum with 0.5 has its last place at 2^-24, that of a subnormal Half: the addition rounds.
    const float shifted = __builtin_bit_cast(float, magnitude) + 0.5f;
    magnitude = __builtin_bit_cast(std::uint32_t, shifted) - 0x3f000000;
  } else {
    // Another exponent bias (15 for 127), and 13 fraction bits fewer: just under half a place is added, and the rest
    // where the last place that stays is odd. A carry out of the fraction counts the exponent up, at the end to
    // infinity.
    const std::uint32_t odd = magnitude >> 13 & 1;
    magnitude = (magnitude - ((127u - 15u) << 23) + 0xfff + odd) >> 13;
  }
  return {static_cast<std::uint16_t>(sign | magnitude)};
#endif
}

// Exact. A NaN stays one.
CAVIAR_HD inline float to_float(Half x) {
#if defined(__CUDA_ARCH__)
  float result;
  asm("cvt.f32.f16 %0, %1;" : "=f"(result) : "h"(x.bits));
  return result;
#else
  const std::uint32_t sign = static_cast<std::uint32_t>(x.bits & 0x8000) << 16;
  const std::uint32_t magnitude = static_cast<std::uint32_t>(x.bits & 0x7fff) << 13;
  constexpr std::uint32_t kExponent = 0x7c00u << 13;
  if ((magnitude & kExponent) == kExponent) return __builtin_bit_cast(float, sign | magnitude | 0x7f800000);
  const float scaled = __builtin_bit_cast(float, magnitude) * 0x1p112f;  // the other bias; normalises subnormals
  return __builtin_bit_cast(float, sign | __builtin_bit_cast(std::uint32_t, scaled));
#endif
}

// Two halves as tensor cores take them, in one register: `low`, the one of lower index, in the low 16 bits.
CAVIAR_HD inline std::uint32_t pack(Half low, Half high) {
  return static_cast<std::uint32_t>(high.bits) << 16 | low.bits;
}
CAVIAR_HD inline Half low_half(std::uint32_t packed) { return {static_cast<std::uint16_t>(packed & 0xffff)}; }
CAVIAR_HD inline Half high_half(std::uint32_t packed) { return {static_cast<std::uint16_t>(packed >> 16)}; }

// pack(to_half(low), to_half(high)), one instruction on the device.
CAVIAR_HD inline std::uint32_t pack_halves(float low, float high) {
#if defined(__CUDA_ARCH__)
  std::uint32_t result;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(result) : "f"(high), "f"(low));
  return result;
#else
  return pack(to_half(low), to_half(high));
#endif
}

}  // namespace caviar
