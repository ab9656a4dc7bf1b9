#include "tuner/analysis/planner.h"

#include <cmath>

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tests/support/golden.h"

namespace caviar {
namespace {

void meets_statsmodels(const char* name, Pairing pairing) {
  const auto cases = test::read_golden(CAVIAR_SOURCE_DIR "/tests/golden/variance.txt");
  const test::GoldenCase& golden = test::find_case(cases, name);
  const std::vector<double> plans = golden.array("plans").values, powers = golden.array("powers").values;
  for (std::size_t i = 0; i < plans.size(); i += 3) {
    EXPECT_EQ(seeds_needed(plans[i], 1, pairing, plans[i + 1]), static_cast<std::int64_t>(plans[i + 2]))
        << plans[i] << " " << plans[i + 1];
  }
  for (std::size_t i = 0; i < powers.size(); i += 3) {
    EXPECT_NEAR(power_of(static_cast<std::int64_t>(powers[i]), powers[i + 1], 1, pairing), powers[i + 2],
                1e-9);  // Boost 1.74 is off by up to 4e-10
  }
}

TEST(Planner, UnpairedSeedsAreThoseOfStatsmodels) { meets_statsmodels("seeds_unpaired", Pairing::kUnpaired); }

TEST(Planner, PairedSeedsAreThoseOfStatsmodels) { meets_statsmodels("seeds_paired", Pairing::kPaired); }

TEST(Planner, SixTenthsOfAPointTakesTwelveSixOrFourSeeds) {
  EXPECT_EQ(seeds_needed(0.006, 0.005, Pairing::kUnpaired), 12);
  EXPECT_EQ(seeds_needed(0.006, 0.003, Pairing::kUnpaired), 6);
  EXPECT_EQ(seeds_needed(-0.006, 0.002, Pairing::kUnpaired), 4);
}

TEST(Planner, EdgesHaveAnswers) {
  EXPECT_EQ(seeds_needed(0, 1, Pairing::kUnpaired), std::nullopt);
  EXPECT_EQ(seeds_needed(1e-6, 1, Pairing::kUnpaired), std::nullopt);
  EXPECT_EQ(seeds_needed(0.001, 0, Pairing::kPaired), 2);
  EXPECT_EQ(seeds_needed(1e300, 1e-300, Pairing::kUnpaired), 2);
  EXPECT_EQ(seeds_needed(1000, 1, Pairing::kPaired), 2);
  EXPECT_EQ(detectable_difference(10, 0, Pairing::kPaired), 0);
  EXPECT_THROW(seeds_needed(NAN, 1, Pairing::kPaired), Error);
  EXPECT_THROW(seeds_needed(1, -1, Pairing::kPaired), Error);
  EXPECT_THROW(seeds_needed(1, 1, Pairing::kPaired, 0.01), Error);
  EXPECT_THROW(power_of(1, 1, 1, Pairing::kPaired), Error);
  EXPECT_THROW(sd_of_differences(1, 1.5), Error);
}

TEST(Planner, TheFewestSeedsAreEnoughAndOneLessIsNot) {
  for (const Pairing pairing : {Pairing::kUnpaired, Pairing::kPaired}) {
    for (double ratio = 0.003; ratio < 20; ratio *= 1.7) {
      const std::int64_t n = seeds_needed(ratio, 1, pairing, 0.9).value();
      EXPECT_GE(power_of(n, ratio, 1, pairing), 0.9) << ratio;
      if (n > 2) {
        EXPECT_LT(power_of(n - 1, ratio, 1, pairing), 0.9) << ratio;
      }
    }
  }
}

TEST(Planner, TheDetectableDifferenceIsDetectedWithThatPowerAndScales) {
  for (const std::int64_t n : {2, 5, 50, 5000}) {
    const double difference = detectable_difference(n, 0.3, Pairing::kUnpaired, 0.8);
    EXPECT_NEAR(power_of(n, difference, 0.3, Pairing::kUnpaired), 0.8, 1e-7) << n;
    EXPECT_NEAR(detectable_difference(n, 0.6, Pairing::kUnpaired, 0.8), 2 * difference, 1e-8) << n;
  }
}

TEST(Planner, PairingPaysWithTheCorrelation) {
  EXPECT_DOUBLE_EQ(sd_of_differences(2, 0), 2 * std::sqrt(2.0));
  EXPECT_DOUBLE_EQ(sd_of_differences(2, 0.5), 2);
  EXPECT_EQ(sd_of_differences(2, 1), 0);
  EXPECT_LT(seeds_needed(0.5, sd_of_differences(1, 0.5), Pairing::kPaired), seeds_needed(0.5, 1, Pairing::kUnpaired));
}

// The factor 2.87 of five runs is that of section 1.3: sqrt(4 / 0.4844).
TEST(Planner, APilotIsTakenAtItsUpperLimit) {
  const SeedPlan plan = plan_seeds(0.6, 0.2, 5, Pairing::kUnpaired);
  EXPECT_NEAR(plan.upper_sigma, 0.2 * 2.8736, 1e-4);
  EXPECT_EQ(plan.at_estimate, 4);
  EXPECT_EQ(plan.at_upper_limit, seeds_needed(0.6, plan.upper_sigma, Pairing::kUnpaired));
  EXPECT_GT(plan.at_upper_limit, plan.at_estimate);
}

}  // namespace
}  // namespace caviar
