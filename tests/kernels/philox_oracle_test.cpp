// Philox4x32-10 against the known answers its authors publish (Random123, kat_vectors), and the floats made of its
// words.
#include <array>

#include <gtest/gtest.h>

#include "kernels/math/philox.h"
#include "tests/support/goodness_of_fit.h"

namespace caviar {
namespace {

using Words = std::array<std::uint32_t, 4>;

Words philox(Words c, std::uint32_t key_low, std::uint32_t key_high) {
  const Philox4 r = philox4x32(c[0], c[1], c[2], c[3], std::uint64_t{key_high} << 32 | key_low);
  return {r.x, r.y, r.z, r.w};
}

TEST(Philox, GivesThePublishedAnswers) {
  EXPECT_EQ(philox({0, 0, 0, 0}, 0, 0), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr std::uint32_t kOnes = 0xffffffff;
  EXPECT_EQ(philox({kOnes, kOnes, kOnes, kOnes}, kOnes, kOnes),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  // The digits of pi.
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0xa4093822, 0x299f31d0),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, LanesAreTheWordsInOrder) {
  const Philox4 r{10, 11, 12, 13};
  for (std::uint32_t lane = 0; lane < 4; ++lane) EXPECT_EQ(word(r, lane), 10 + lane);
}

TEST(Philox, UnitNumbersAreExactAndBelowOne) {
  EXPECT_EQ(unit_float(0), 0.0f);
  EXPECT_EQ(unit_float(0xff), 0.0f);
  EXPECT_EQ(unit_float(0x80000000u), 0.5f);
  EXPECT_EQ(unit_float(0xffffffffu), 1.0f - 0x1p-24f);
  EXPECT_EQ(unit_double(0, 0), 0.0);
  EXPECT_EQ(unit_double(0x80000000u, 0), 0.5);
  EXPECT_EQ(unit_double(0, 1u << 11), 0x1p-53);
  EXPECT_EQ(unit_double(0xffffffffu, 0xffffffffu), 1.0 - 0x1p-53);
}

TEST(Philox, UnitFloatsOfConsecutiveCountersAreUniformAndUncorrelated) {
  constexpr int kCells = 32, kDraws = 1 << 18;
  std::vector<double> pairs(kCells * kCells), expected(kCells * kCells, double{kDraws} / (kCells * kCells));
  std::vector<double> sample;
  int last = static_cast<int>(unit_float(philox({0, 0, 0, 9}, 1, 0)[0]) * kCells);
  for (std::uint32_t i = 1; i <= kDraws; ++i) {
    const float u = unit_float(philox({i, 0, 0, 9}, 1, 0)[0]);
    if (i <= 100000) sample.push_back(u);
    const int cell = static_cast<int>(u * kCells);
    ++pairs[static_cast<std::size_t>(last * kCells + cell)];
    last = cell;
  }
  EXPECT_GT(test::chi_squared_p(pairs, expected), test::kFailureProbability);
  EXPECT_GT(test::kolmogorov_smirnov_p(sample, [](double u) { return u; }), test::kFailureProbability);
}

// The yardsticks themselves, against values of scipy 1.10: stats.chi2.sf and stats.kstwobign.sf.
TEST(GoodnessOfFit, TailsAreThoseOfScipy) {
  EXPECT_NEAR(test::chi_squared_tail(3.0, 1), 0.08326451666355042, 1e-12);
  EXPECT_NEAR(test::chi_squared_tail(40.0, 23), 0.015369082400709319, 1e-12);
  EXPECT_NEAR(test::chi_squared_tail(900.0, 1023), 0.9976115659324613, 1e-10);
  EXPECT_NEAR(test::chi_squared_tail(1200.0, 1023) / 9.870605956167375e-05, 1.0, 1e-9);
  // 100 numbers squeezed into [0, 0.9]: D = 0.1045.
  std::vector<double> sample;
  for (int i = 0; i < 100; ++i) sample.push_back((i + 0.5) / 100 * 0.9);
  EXPECT_NEAR(test::kolmogorov_smirnov_p(sample, [](double u) { return u; }), 0.2123114388851839, 1e-9);
}

}  // namespace
}  // namespace caviar
