#include "tuner/analysis/config_effect.h"

#include <cmath>
#include <string>

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tests/support/golden.h"
#include "tests/support/simulated_scores.h"

namespace caviar {
namespace {

using Groups = std::vector<std::vector<double>>;

Groups groups_of(const test::GoldenCase& golden) {
  Groups groups;
  while (golden.has("group" + std::to_string(groups.size()))) {
    groups.push_back(golden.array("group" + std::to_string(groups.size())).values);
  }
  return groups;
}

// Configs with standard deviation `config_sd` around 0, config i with counts[i] seeds of standard deviation 1.
Groups simulated(std::int64_t repetition, const std::vector<std::size_t>& counts, double config_sd,
                 bool collapsed = false) {
  const std::vector<double> configs = test::scores_of(repetition, "config", counts.size());
  Groups groups;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    groups.push_back(test::scores_of(repetition, "seeds" + std::to_string(i), counts[i], collapsed));
    for (double& score : groups.back()) score += config_sd * configs[i];
  }
  return groups;
}

// The interval's oracle solves the generalised least squares F statistic for the ratio.
TEST(ConfigEffect, MeetsRsAovAndTheGeneralisedLeastSquaresInterval) {
  const auto cases = test::read_golden(CAVIAR_SOURCE_DIR "/tests/golden/variance.txt");
  for (const char* name : {"effect_balanced", "effect_unequal", "effect_no_effect"}) {
    const test::GoldenCase& golden = test::find_case(cases, name);
    const ConfigEffect found = config_effect(groups_of(golden));
    const std::vector<double> aov = golden.array("aov").values, ends = golden.array("ratio_interval").values;
    EXPECT_NEAR(found.between_mean_square / aov[0], 1, 1e-11) << name;
    EXPECT_NEAR(found.within_mean_square / aov[1], 1, 1e-11) << name;
    EXPECT_NEAR(found.f.value() / aov[2], 1, 1e-11) << name;
    EXPECT_NEAR(found.p.value() / aov[3], 1, 1e-9) << name;
    EXPECT_NEAR(found.ratio_interval->low, ends[0], 1e-9 * (1 + ends[0])) << name;
    EXPECT_NEAR(found.ratio_interval->high, ends[1], 1e-9 * (1 + ends[1])) << name;
  }
}

TEST(ConfigEffect, VarianceComponentsAreThoseOfLme4) {
  const auto cases = test::read_golden(CAVIAR_SOURCE_DIR "/tests/golden/variance.txt");
  const test::GoldenCase& golden = test::find_case(cases, "effect_balanced");
  const ConfigEffect found = config_effect(groups_of(golden));
  const std::vector<double> lme4 = golden.array("lme4").values;
  EXPECT_NEAR(found.config_variance / lme4[0], 1, 1e-6);
  EXPECT_NEAR(found.seed_variance / lme4[1], 1, 1e-6);
  EXPECT_NEAR(found.intraclass.value(), lme4[0] / (lme4[0] + lme4[1]), 1e-6);
}

// Section 1.3's closed form for equal numbers of seeds, (f / F - 1) / K. The F law's quantiles for 7 and 32 degrees by
// scipy.stats.f.ppf of SciPy 1.10.1.
TEST(ConfigEffect, WithEqualNumbersTheIntervalIsTheClosedForm) {
  const auto cases = test::read_golden(CAVIAR_SOURCE_DIR "/tests/golden/variance.txt");
  const ConfigEffect found = config_effect(groups_of(test::find_case(cases, "effect_balanced")));
  EXPECT_NEAR(found.ratio_interval->low, (*found.f / 2.7149578345428176 - 1) / 5, 1e-9);
  EXPECT_NEAR(found.ratio_interval->high, (*found.f / 0.22993257317703436 - 1) / 5, 1e-9);
  EXPECT_EQ(found.runs_per_config, 5);
  EXPECT_DOUBLE_EQ(found.intraclass_interval->low, found.ratio_interval->low / (1 + found.ratio_interval->low));
}

TEST(ConfigEffect, UnequalNumbersCountAsTheirAverage) {
  const ConfigEffect found = config_effect(Groups{{1, 2}, {3, 4, 5}, {7}});
  EXPECT_EQ(found.runs, 6u);
  EXPECT_DOUBLE_EQ(found.runs_per_config, (6 - 14.0 / 6) / 2);
  EXPECT_EQ(found.freedom_within, 3);
}

TEST(ConfigEffect, ScaleAndShiftChangeNoRatio) {
  Groups groups = simulated(1, {3, 5, 4, 4}, 1);
  const ConfigEffect before = config_effect(groups);
  for (std::vector<double>& group : groups) {
    for (double& score : group) score = 0.001 * score + 5;
  }
  const ConfigEffect after = config_effect(groups);
  EXPECT_NEAR(*after.f / *before.f, 1, 1e-9);
  EXPECT_NEAR(after.ratio_interval->high / before.ratio_interval->high, 1, 1e-9);
  EXPECT_NEAR(after.config_variance / before.config_variance, 1e-6, 1e-14);
}

TEST(ConfigEffect, WithoutVariationNothingIsClaimed) {
  const ConfigEffect nothing = config_effect(Groups{{0.1, 0.1}, {0.1, 0.1, 0.1}});
  EXPECT_EQ(nothing.f, std::nullopt);
  EXPECT_EQ(nothing.intraclass, std::nullopt);
  EXPECT_FALSE(nothing.ratio_interval.has_value());
  EXPECT_EQ(nothing.config_variance, 0);
  const ConfigEffect only_configs = config_effect(Groups{{0.1, 0.1}, {0.7, 0.7}});
  EXPECT_EQ(only_configs.f, std::nullopt);
  EXPECT_EQ(only_configs.intraclass, 1);
  const ConfigEffect only_seeds = config_effect(Groups{{1, 2, 3}, {1, 2, 3}});
  EXPECT_LT(only_seeds.config_variance_raw, 0);
  EXPECT_EQ(only_seeds.config_variance, 0);
  EXPECT_EQ(only_seeds.intraclass, 0);
  EXPECT_EQ(only_seeds.f, 0);
  EXPECT_EQ(only_seeds.ratio_interval->high, 0);
}

TEST(ConfigEffect, WhatCannotBeToldApartIsRefused) {
  EXPECT_THROW(config_effect(Groups{{1, 2, 3}}), Error);
  EXPECT_THROW(config_effect(Groups{{1}, {2}, {3}}), Error);
  EXPECT_THROW(config_effect(Groups{{1, 2}, {}}), Error);
  EXPECT_THROW(config_effect(Groups{{1, 2}, {3, NAN}}), Error);
}

TEST(ConfigEffect, ReliabilityGrowsWithSeeds) {
  EXPECT_DOUBLE_EQ(reliability_of_mean(0.5, 1), 0.5);
  EXPECT_DOUBLE_EQ(reliability_of_mean(0.5, 4), 0.8);
  EXPECT_EQ(reliability_of_mean(0, 100), 0);
  EXPECT_EQ(reliability_of_mean(1, 1), 1);
  EXPECT_THROW(reliability_of_mean(1.1, 2), Error);
  EXPECT_THROW(reliability_of_mean(0.5, 0), Error);
}

// Normal: 95 % for any ratio and any numbers of seeds. Without an effect the interval's upper end is below 0 in 2.5 %
// of studies, and is 0 then.
TEST(ConfigEffect, TheIntervalHoldsTheTrueRatio) {
  constexpr int kRepetitions = 1000;
  for (const std::vector<std::size_t>& counts :
       {std::vector<std::size_t>{5, 5, 5, 5, 5, 5, 5, 5}, {2, 9, 3, 1, 6, 4, 20}}) {
    for (const double config_sd : {0.0, 0.7, 2.0}) {
      int covered = 0;
      for (int i = 0; i < kRepetitions; ++i) {
        const ConfigEffect found = config_effect(simulated(i, counts, config_sd));
        const double truth = config_sd * config_sd;
        covered += found.ratio_interval->low <= truth && truth <= found.ratio_interval->high;
      }
      EXPECT_GE(covered, 0.93 * kRepetitions) << counts.size() << " " << config_sd;
    }
  }
}

TEST(ConfigEffect, FalseAlarmsStayAtTheirLevel) {
  constexpr int kRepetitions = 4000;
  const double band = 0.05 + 3.09 * std::sqrt(0.05 * 0.95 / kRepetitions);  // exceeded with probability 0.001
  for (const bool collapsed : {false, true}) {
    for (const std::size_t seeds : {3, 5, 10}) {
      const std::vector<std::size_t> counts(10, seeds);
      int alarms = 0;
      for (int i = 0; i < kRepetitions; ++i) alarms += *config_effect(simulated(i, counts, 0, collapsed)).p < 0.05;
      EXPECT_LE(alarms, band * kRepetitions) << collapsed << seeds;
    }
  }
}

}  // namespace
}  // namespace caviar
