// Dropout masks: the share of zeros, their independence between neighbours, steps and layers, and the scale.
#include <cmath>

#include <gtest/gtest.h>

#include "kernels/math/dropout.h"
#include "tests/support/goodness_of_fit.h"

namespace caviar {
namespace {

constexpr std::uint32_t kGroups = 50000;

// P(X >= count or more extreme), X binomial, by chi-squared of kept and dropped.
double binomial_p(double dropped, double all, double p) {
  return test::chi_squared_p({dropped, all - dropped}, {all * p, all * (1 - p)});
}

TEST(DropoutOracle, ValuesAreZeroWithTheirProbabilityAndElseScaled) {
  for (float p : {0.1f, 0.25f, 0.5f, 0.9f}) {
    const float scale = 1.0f / (1.0f - p);
    double zeros = 0;
    for (std::uint32_t group = 0; group < kGroups; ++group) {
      const DropoutFactors f = dropout_factors(9, 4, 1, group, p, scale);
      for (float value : f.value) {
        ASSERT_TRUE(value == 0.0f || value == scale);
        zeros += value == 0.0f;
      }
    }
    EXPECT_GT(binomial_p(zeros, 4.0 * kGroups, static_cast<double>(p)), test::kFailureProbability) << p;
  }
}

TEST(DropoutOracle, NothingIsDroppedAtProbabilityZero) {
  for (std::uint32_t group = 0; group < 1000; ++group) {
    for (float value : dropout_factors(9, 4, 1, group, 0.0f, 1.0f).value) ASSERT_EQ(value, 1.0f);
  }
}

// The 16 patterns of four neighbours, each of two halves dropped with probability 1/2: equally likely when independent.
TEST(DropoutOracle, NeighboursAreIndependent) {
  std::vector<double> counts(16), expected(16, kGroups / 16.0);
  for (std::uint32_t group = 0; group < kGroups; ++group) {
    const DropoutFactors f = dropout_factors(1, 0, 0, group, 0.5f, 2.0f);
    std::size_t pattern = 0;
    for (float value : f.value) pattern = 2 * pattern + (value == 0.0f);
    ++counts[pattern];
  }
  EXPECT_GT(test::chi_squared_p(counts, expected), test::kFailureProbability);
}

// The same element at another step, in another layer or under another seed agrees half of the time.
TEST(DropoutOracle, StepsLayersAndSeedsAreIndependent) {
  double step = 0, layer = 0, seed = 0;
  for (std::uint32_t group = 0; group < kGroups; ++group) {
    const float one = dropout_factors(1, 0, 0, group, 0.5f, 2.0f).value[0];
    step += one == dropout_factors(1, 1, 0, group, 0.5f, 2.0f).value[0];
    layer += one == dropout_factors(1, 0, 1, group, 0.5f, 2.0f).value[0];
    seed += one == dropout_factors(2, 0, 0, group, 0.5f, 2.0f).value[0];
  }
  for (double same : {step, layer, seed}) EXPECT_GT(binomial_p(same, kGroups, 0.5), test::kFailureProbability);
}

}  // namespace
}  // namespace caviar
