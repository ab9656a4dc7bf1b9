// Half against the processor's own conversions (F16C), which are those of IEEE 754.
#include "kernels/base/half.h"

#include <immintrin.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace caviar {
namespace {

float widened(std::uint32_t bits) {
  const __m128i halves = _mm_cvtsi32_si128(static_cast<int>(bits));
  return _mm_cvtss_f32(_mm_cvtph_ps(halves));
}

std::uint32_t narrowed(float x) {
  const __m128i halves = _mm_cvtps_ph(_mm_set_ss(x), _MM_FROUND_TO_NEAREST_INT);
  return static_cast<std::uint32_t>(_mm_cvtsi128_si32(halves)) & 0xffff;
}

Half half_of(std::uint32_t bits) { return {static_cast<std::uint16_t>(bits)}; }

// The float just above (1) or below (-1) x in magnitude.
float beside(float x, int side) {
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) + static_cast<std::uint32_t>(side));
}

TEST(Half, EveryHalfWidensExactly) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float mine = to_float(half_of(bits)), theirs = widened(bits);
    if (std::isnan(theirs)) {
      EXPECT_TRUE(std::isnan(mine)) << bits;
    } else {
      EXPECT_EQ(std::bit_cast<std::uint32_t>(mine), std::bit_cast<std::uint32_t>(theirs)) << bits;
    }
  }
}

TEST(Half, EveryHalfSurvivesTheRoundTrip) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const bool nan = (bits & 0x7fff) > 0x7c00;
    EXPECT_EQ(to_half(to_float(half_of(bits))).bits, nan ? 0x7fff : bits);
  }
}

TEST(Half, MidpointsAndTheirNeighboursRoundToNearestEven) {
  for (std::uint32_t bits = 0; bits < 0x7c00; ++bits) {
    // Above the largest finite half the grid goes on: the midpoint is 65520.
    const float low = widened(bits), high = bits == 0x7bff ? 65536.0f : widened(bits + 1);
    const float middle = (low + high) / 2;  // exact
    for (const float x : {low, middle, high})
      for (const int side : {-1, 0, 1}) {
        if (x == 0 && side < 0) continue;
        const float y = beside(x, side);
        EXPECT_EQ(to_half(y).bits, narrowed(y)) << y;
        EXPECT_EQ(to_half(-y).bits, narrowed(-y)) << -y;
      }
    EXPECT_EQ(to_half(middle).bits & 1, 0) << middle;
  }
}

TEST(Half, FloatsOfEveryExponentRoundAsTheProcessorDoes) {
  for (std::uint32_t bits = 0; bits < 0x7f800000; bits += 1021) {  // prime: every exponent, all kinds of fractions
    const float x = std::bit_cast<float>(bits);
    ASSERT_EQ(to_half(x).bits, narrowed(x)) << x;
    ASSERT_EQ(to_half(-x).bits, narrowed(-x)) << -x;
  }
}

TEST(Half, SpecialValues) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(to_half(0.0f).bits, 0x0000);
  EXPECT_EQ(to_half(-0.0f).bits, 0x8000);
  EXPECT_EQ(to_half(1.0f).bits, 0x3c00);
  EXPECT_EQ(to_half(65504.0f).bits, 0x7bff);
  EXPECT_EQ(to_half(65519.996f).bits, 0x7bff);
  EXPECT_EQ(to_half(65520.0f).bits, 0x7c00);
  EXPECT_EQ(to_half(kInfinity).bits, 0x7c00);
  EXPECT_EQ(to_half(-kInfinity).bits, 0xfc00);
  EXPECT_EQ(to_half(0x1p-24f).bits, 0x0001);
  EXPECT_EQ(to_half(0x1p-25f).bits, 0x0000);
  EXPECT_EQ(to_half(0x1.8p-25f).bits, 0x0001);
  EXPECT_EQ(to_half(std::numeric_limits<float>::quiet_NaN()).bits, 0x7fff);
  EXPECT_EQ(to_half(std::numeric_limits<float>::signaling_NaN()).bits, 0x7fff);
}

TEST(Half, TwoInARegisterKeepTheirOrder) {
  EXPECT_EQ(pack(Half{0x1234}, Half{0xabcd}), 0xabcd1234u);
  EXPECT_EQ(low_half(0xabcd1234u).bits, 0x1234);
  EXPECT_EQ(high_half(0xabcd1234u).bits, 0xabcd);
  EXPECT_EQ(pack_halves(1.0f, -2.0f), pack(to_half(1.0f), to_half(-2.0f)));
}

}  // namespace
}  // namespace caviar
