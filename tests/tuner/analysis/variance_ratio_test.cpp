#include "tuner/analysis/variance_ratio.h"

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tests/support/golden.h"
#include "tests/support/simulated_scores.h"
#include "tuner/analysis/sample.h"

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

// What a share of repetitions may come to with probability 0.001 when its expectation is `nominal`.
double upper_band(double nominal, int repetitions) {
  return nominal + 3.09 * std::sqrt(nominal * (1 - nominal) / repetitions);
}

TEST(VarianceRatio, MeetsRsVarTest) {
  int met = 0;
  for (const test::GoldenCase& golden : test::read_golden(CAVIAR_SOURCE_DIR "/tests/golden/variance.txt")) {
    if (!golden.has("f_low_high_p")) continue;
    ++met;
    const Groups groups = groups_of(golden);
    const std::vector<double> expected = golden.array("f_low_high_p").values;
    const VarianceRatio found = variance_ratio(groups[0], groups[1]);
    EXPECT_NEAR(found.ratio.value() / expected[0], 1, 1e-12) << golden.name();
    EXPECT_NEAR(found.interval->low / expected[1], 1, 1e-11) << golden.name();
    EXPECT_NEAR(found.interval->high / expected[2], 1, 1e-11) << golden.name();
    EXPECT_NEAR(found.p_two_sided.value(), expected[3], 1e-12) << golden.name();
    EXPECT_NEAR(found.p_a_is_greater.value(), expected[4], 1e-12) << golden.name();
  }
  EXPECT_EQ(met, 3);
}

TEST(VarianceRatio, BrownForsytheAndKruskalWallisMeetSciPy) {
  int met = 0;
  for (const test::GoldenCase& golden : test::read_golden(CAVIAR_SOURCE_DIR "/tests/golden/variance.txt")) {
    if (!golden.has("brown_forsythe")) continue;
    ++met;
    const Groups groups = groups_of(golden);
    const GroupTest spread = brown_forsythe(groups).value(), place = kruskal_wallis(groups).value();
    EXPECT_NEAR(spread.statistic, golden.array("brown_forsythe").values[0], 1e-12) << golden.name();
    EXPECT_NEAR(spread.p, golden.array("brown_forsythe").values[1], 1e-12) << golden.name();
    EXPECT_NEAR(place.statistic, golden.array("kruskal_wallis").values[0], 1e-12) << golden.name();
    EXPECT_NEAR(place.p, golden.array("kruskal_wallis").values[1], 1e-12) << golden.name();
  }
  EXPECT_EQ(met, 3);
}

// Two degrees of freedom: the tail of chi-square is exp(-H / 2), and H of three groups of three that do not
// overlap 7.2.
TEST(VarianceRatio, TheLeastPOfKruskalWallisIsThatOfGroupsThatDoNotOverlap) {
  EXPECT_NEAR(least_kruskal_wallis_p(std::vector<std::size_t>{3, 3, 3}), std::exp(-3.6), 1e-14);
  for (const std::vector<std::size_t>& sizes :
       std::vector<std::vector<std::size_t>>{{2, 2, 2, 2, 2, 2}, {1, 4, 2}, {4, 2, 1}, {5, 5}}) {
    Groups apart;
    double score = 0;
    for (const std::size_t size : sizes) {
      std::vector<double>& group = apart.emplace_back();
      while (group.size() < size) group.push_back(score += 1);
    }
    const double least = least_kruskal_wallis_p(sizes);
    EXPECT_NEAR(least, kruskal_wallis(apart).value().p, 1e-14);
    std::swap(apart[0][0], apart[1][0]);
    EXPECT_GT(kruskal_wallis(apart).value().p, least);
  }
  EXPECT_GT(least_kruskal_wallis_p(std::vector<std::size_t>(6, 2)), 0.05);
  EXPECT_LT(least_kruskal_wallis_p(std::vector<std::size_t>(7, 2)), 0.05);
}

// The figures the reproduced study is judged by: 210 runs against 210.
TEST(VarianceRatio, TwoHundredAndTenRunsTellAQuarterMoreVariance) {
  const std::vector<double> a = test::scores_of(1, "a", 210), b = test::scores_of(1, "b", 210);
  const VarianceRatio found = variance_ratio(a, b);
  EXPECT_NEAR(*found.ratio / found.interval->low, 1.312, 5e-4);
  EXPECT_NEAR(found.interval->high / *found.ratio, 1.312, 5e-4);
}

TEST(VarianceRatio, SwappingTheArmsInvertsItAndShiftAndScaleChangeNothing) {
  const std::vector<double> a = test::scores_of(2, "a", 12), b = test::scores_of(2, "b", 9);
  std::vector<double> moved_a = a, moved_b = b;
  for (double& score : moved_a) score = 4 * score + 3;
  for (double& score : moved_b) score = 4 * score + 7;
  const VarianceRatio one = variance_ratio(a, b), other = variance_ratio(b, a),
                      moved = variance_ratio(moved_a, moved_b);
  EXPECT_NEAR(*one.ratio * *other.ratio, 1, 1e-14);
  EXPECT_NEAR(one.interval->low * other.interval->high, 1, 1e-12);
  EXPECT_NEAR(*one.p_two_sided, *other.p_two_sided, 1e-12);
  EXPECT_NEAR(*one.p_a_is_greater + *other.p_a_is_greater, 1, 1e-12);
  EXPECT_NEAR(*moved.ratio, *one.ratio, 1e-13);
  const Interval log_one = *log_variance_ratio_interval(a, b, 5),
                 log_moved = *log_variance_ratio_interval(moved_a, moved_b, 5);
  EXPECT_NEAR(log_moved.low, log_one.low, 1e-12);
  EXPECT_NEAR(log_moved.high, log_one.high, 1e-12);
  EXPECT_NEAR(log_one.low + log_one.high, 2 * std::log(*one.ratio), 1e-12);
  const Groups groups = {a, b}, swapped = {b, a}, moved_groups = {moved_a, moved_b};
  EXPECT_NEAR(brown_forsythe(groups)->p, brown_forsythe(swapped)->p, 1e-14);
  EXPECT_NEAR(brown_forsythe(groups)->p, brown_forsythe(moved_groups)->p, 1e-12);
  EXPECT_NEAR(kruskal_wallis(groups)->p, kruskal_wallis(swapped)->p, 1e-14);
}

TEST(VarianceRatio, WithoutVariationNothingIsClaimed) {
  const std::vector<double> flat = {0.1, 0.1, 0.1, 0.1, 0.1}, other_flat(5, 0.7), varied = {1, 2, 4, 3, 5};
  EXPECT_FALSE(variance_ratio(varied, flat).ratio.has_value());
  EXPECT_FALSE(variance_ratio(varied, flat).p_two_sided.has_value());
  EXPECT_EQ(variance_ratio(flat, varied).ratio, 0);
  EXPECT_EQ(variance_ratio(flat, varied).p_a_is_greater, 1);
  EXPECT_FALSE(log_variance_ratio_interval(varied, flat, 1).has_value());
  EXPECT_EQ(brown_forsythe(Groups{flat, other_flat}), std::nullopt);
  EXPECT_TRUE(brown_forsythe(Groups{flat, varied}).has_value());
  EXPECT_EQ(brown_forsythe(Groups{{1, 1, 3, 3}, {1, 1, 7, 7}}), std::nullopt);  // |x - median| is 1, and 3, everywhere
  EXPECT_EQ(kruskal_wallis(Groups{flat, flat}), std::nullopt);
  EXPECT_TRUE(kruskal_wallis(Groups{flat, other_flat}).has_value());
}

TEST(VarianceRatio, TooFewScoresAndNaNAreRefused) {
  const std::vector<double> one = {1}, two = {1, 2}, four = {1, 2, 3, 4}, five = {1, 2, 3, 4, 5};
  const std::vector<double> diverged = {1, 2, std::numeric_limits<double>::quiet_NaN()};
  EXPECT_THROW(variance_ratio(one, two), Error);
  EXPECT_THROW(variance_ratio(two, diverged), Error);
  EXPECT_THROW(brown_forsythe(Groups{two, five}), Error);
  EXPECT_THROW(brown_forsythe(Groups{five}), Error);
  EXPECT_THROW(kruskal_wallis(Groups{five, {}}), Error);
  EXPECT_FALSE(log_variance_ratio_interval(four, five, 1).has_value());
  EXPECT_THROW(log_variance_ratio_interval(five, five, 1, 1.5), Error);
}

TEST(VarianceRatio, TheSameSeedGivesTheSameInterval) {
  const std::vector<double> a = test::scores_of(3, "a", 10), b = test::scores_of(3, "b", 10);
  const Interval first = *log_variance_ratio_interval(a, b, 7), again = *log_variance_ratio_interval(a, b, 7);
  EXPECT_EQ(first.low, again.low);
  EXPECT_EQ(first.high, again.high);
  EXPECT_NE(first.high, log_variance_ratio_interval(a, b, 8)->high);
}

// Equal arms, normal or with a run in twenty collapsed: what a verdict on spread or place is decided by stays at its
// level. The F test of variances does not, which is why nothing is decided by it.
TEST(VarianceRatio, FalseAlarmsStayAtTheirLevel) {
  constexpr int kRepetitions = 4000;
  for (const bool collapsed : {false, true}) {
    for (const std::size_t n : {5, 10, 30}) {
      int spread = 0, place = 0, classical = 0;
      for (int i = 0; i < kRepetitions; ++i) {
        const Groups arms = {test::scores_of(i, "a", n, collapsed), test::scores_of(i, "b", n, collapsed),
                             test::scores_of(i, "c", n, collapsed)};
        const Groups two = {arms[0], arms[1]};
        spread += brown_forsythe(two)->p < 0.05;
        place += kruskal_wallis(arms)->p < 0.05;
        classical += *variance_ratio(arms[0], arms[1]).p_two_sided < 0.05;
      }
      EXPECT_LE(spread, kRepetitions * upper_band(0.05, kRepetitions)) << n << collapsed;
      EXPECT_LE(place, kRepetitions * upper_band(0.05, kRepetitions)) << n << collapsed;
      if (collapsed) {
        EXPECT_GE(classical, 0.25 * kRepetitions) << n;
      }
    }
  }
}

// The shapes `caviar signal` decides on: many configs of few seeds, equal seeds having a part in common, by place; one
// score a config against noise of another size, by spread. By place it errs far to the careful side: of 2,000 studies
// of ten equal configs on two seeds one is called different, on three seeds 40.
TEST(VarianceRatio, FalseAlarmsOfManyConfigsStayAtTheirLevel) {
  constexpr int kRepetitions = 2000;
  struct Design {
    std::size_t configs, seeds, noise;
  };
  for (const bool collapsed : {false, true}) {
    for (const Design& design : {Design{10, 2, 30}, {10, 3, 10}, {60, 2, 210}, {60, 3, 7}}) {
      int place = 0, place_shared = 0, spread = 0;
      for (int i = 0; i < kRepetitions; ++i) {
        const std::vector<double> all = test::scores_of(i, "signal", design.configs * design.seeds, collapsed);
        const std::vector<double> shared = test::scores_of(i, "seeds", design.seeds);
        Groups configs(design.configs), with_shared(design.configs);
        for (std::size_t c = 0; c < design.configs; ++c)
          for (std::size_t k = 0; k < design.seeds; ++k) {
            configs[c].push_back(all[c * design.seeds + k]);
            with_shared[c].push_back(configs[c].back() + shared[k]);
          }
        const std::vector<double> firsts(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(design.configs));
        place += kruskal_wallis(configs)->p < 0.05;
        place_shared += kruskal_wallis(with_shared)->p < 0.05;
        spread += brown_forsythe(Groups{firsts, test::scores_of(i, "noise", design.noise, collapsed)})->p < 0.05;
      }
      const double most = kRepetitions * upper_band(0.05, kRepetitions);
      EXPECT_LE(place, most) << design.configs << " " << design.seeds << collapsed;
      EXPECT_LE(place_shared, most) << design.configs << " " << design.seeds << collapsed;
      EXPECT_LE(spread, most) << design.configs << " " << design.noise << collapsed;
    }
  }
}

// Three times the spread; arms of unequal sizes too.
TEST(VarianceRatio, TheIntervalHoldsTheTrueRatio) {
  constexpr int kRepetitions = 1000;
  struct Sizes {
    std::size_t a, b;
  };
  for (const Sizes& sizes : {Sizes{5, 5}, {10, 10}, {30, 30}, {10, 40}}) {
    int covered = 0;
    for (int i = 0; i < kRepetitions; ++i) {
      const std::vector<double> a = test::scores_of(i, "a", sizes.a);
      std::vector<double> b = test::scores_of(i, "b", sizes.b);
      for (double& score : b) score *= 3;
      const Interval found = *log_variance_ratio_interval(a, b, static_cast<std::uint64_t>(i), 0.95, 600);
      covered += found.low <= -std::log(9.0) && -std::log(9.0) <= found.high;
    }
    EXPECT_GE(covered, 0.93 * kRepetitions) << sizes.a << " " << sizes.b;
  }
}

}  // namespace
}  // namespace caviar
