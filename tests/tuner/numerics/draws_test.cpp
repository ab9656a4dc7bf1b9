// Random numbers of decisions: their law, their independence, and that they never change.
#include "tuner/numerics/draws.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace caviar {
namespace {

// Computed by a program in Python from the definitions: FNV-1a and Philox-4x32-10 as their authors publish them (both
// checked there against the published answers), the counter as draws.h has it.
TEST(Draws, AreThoseOfTheDefinition) {
  Draws draws(42, 7, "learning_rate");
  EXPECT_EQ(draws.unit(), 0.11569463736055163);
  EXPECT_EQ(draws.unit(), 0.06331058082438368);
  EXPECT_EQ(draws.unit(), 0.7909251285639951);
  EXPECT_EQ(Draws((std::uint64_t{1} << 63) + 1, (std::int64_t{1} << 40) + 3, "x").unit(), 0.8162476753837508);
}

TEST(Draws, BeginWithTheDrawOfTheSampler) {
  for (std::int64_t trial = 0; trial < 100; ++trial) {
    EXPECT_EQ(Draws(9, trial, "hidden_size").unit(), sampler_unit(9, trial, "hidden_size"));
  }
}

TEST(Draws, TwoMadeAlikeGiveTheSameSequence) {
  Draws one(1, 2, "step"), other(1, 2, "step");
  for (int i = 0; i < 100; ++i) EXPECT_EQ(one.unit(), other.unit());
}

TEST(Draws, SequencesOfOtherSeedsTrialsAndPurposesShareNoNumber) {
  std::set<double> seen;
  for (std::uint64_t seed : {0u, 1u}) {
    for (std::int64_t trial : {0, 1}) {
      for (const char* purpose : {"x", "y"}) {
        Draws draws(seed, trial, purpose);
        for (int i = 0; i < 100; ++i) EXPECT_TRUE(seen.insert(draws.unit()).second);
      }
    }
  }
}

// Kolmogorov and Smirnov: of n uniform draws, the distribution function is nowhere off by more than 2.2 / sqrt(n) but
// with probability 2 exp(-2 2.2^2) = 1.2e-4.
TEST(Draws, AreUniformAlongASequenceAndAcrossTrials) {
  constexpr std::size_t kDraws = 20000;
  for (const bool along : {true, false}) {
    std::vector<double> units;
    Draws sequence(3, 0, "u");
    for (std::size_t i = 0; i < kDraws; ++i) {
      units.push_back(along ? sequence.unit() : sampler_unit(3, static_cast<std::int64_t>(i), "u"));
    }
    std::sort(units.begin(), units.end());
    ASSERT_GE(units.front(), 0);
    ASSERT_LT(units.back(), 1);
    double off = 0;
    for (std::size_t i = 0; i < kDraws; ++i) off = std::max(off, std::abs(units[i] - (i + 0.5) / kDraws));
    EXPECT_LT(off, 2.2 / std::sqrt(kDraws)) << along;
  }
}

TEST(Draws, NormalsHaveMeanZeroAndVarianceOne) {
  constexpr int kDraws = 20000;
  Draws draws(5, 0, "n");
  double sum = 0, squares = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double z = draws.normal();
    sum += z;
    squares += z * z;
  }
  EXPECT_LT(std::abs(sum / kDraws), 4 / std::sqrt(kDraws));  // four standard deviations of each
  EXPECT_LT(std::abs(squares / kDraws - 1), 4 * std::sqrt(2.0 / kDraws));
}

TEST(Draws, BelowGivesEveryNumberAsOften) {
  constexpr int kDraws = 14000;
  Draws draws(6, 0, "b");
  std::vector<int> counts(7, 0);
  for (int i = 0; i < kDraws; ++i) {
    const std::int64_t number = draws.below(7);
    ASSERT_TRUE(number >= 0 && number < 7);
    ++counts[static_cast<std::size_t>(number)];
  }
  for (const int count : counts) EXPECT_NEAR(count, kDraws / 7, 4 * std::sqrt(kDraws * 6.0 / 49));
  EXPECT_EQ(draws.below(1), 0);
}

TEST(Draws, ChanceComesAsOftenAsSaid) {
  constexpr int kDraws = 20000;
  Draws draws(7, 0, "c");
  int yes = 0;
  for (int i = 0; i < kDraws; ++i) yes += draws.chance(0.2);
  EXPECT_NEAR(yes, 0.2 * kDraws, 4 * std::sqrt(kDraws * 0.16));
  EXPECT_FALSE(draws.chance(0));
  EXPECT_TRUE(draws.chance(1));
}

}  // namespace
}  // namespace caviar
