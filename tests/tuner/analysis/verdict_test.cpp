// The probability of outperforming, its intervals and the verdict made from them: published numbers, binomial laws,
// edges. Whether its false alarms are as rare as promised: calibration_test.cpp.
#include "tuner/analysis/verdict.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tests/support/golden.h"
#include "tuner/analysis/laws.h"
#include "tuner/analysis/proportion.h"

namespace caviar {
namespace {

using Sample = std::vector<double>;

// n different values from `first` on.
Sample ladder(std::size_t n, double first, double step = 1) {
  Sample sample;
  for (std::size_t i = 0; i < n; ++i) sample.push_back(first + step * static_cast<double>(i));
  return sample;
}

TEST(Proportion, IntervalsMeetStatsmodels) {
  int cases = 0;
  for (const test::GoldenCase& golden : test::read_golden(CAVIAR_SOURCE_DIR "/tests/golden/statistics.txt")) {
    if (golden.word("kind") != "wins") continue;
    ++cases;
    const double wins = golden.array("counts").values[0], n = golden.array("counts").values[1];
    const Interval exact = clopper_pearson(wins, n);
    const Interval score = score_interval(wins / n, n, laws::normal_quantile(0.975));
    EXPECT_NEAR(exact.low, golden.array("clopper_pearson").values[0], 1e-12);
    EXPECT_NEAR(exact.high, golden.array("clopper_pearson").values[1], 1e-12);
    EXPECT_NEAR(score.low, golden.array("wilson").values[0], 1e-12);
    EXPECT_NEAR(score.high, golden.array("wilson").values[1], 1e-12);
  }
  EXPECT_EQ(cases, 3);
  EXPECT_THROW(clopper_pearson(4, 3), Error);
  EXPECT_THROW(score_interval(0.5, 0, 2), Error);
}

TEST(Outperform, CountsWinsAndHalfTies) {
  const Sample a = {1, 2, 3, 4}, b = {0, 2, 5, 3};
  EXPECT_EQ(outperforming_in_pairs(a, b).share, 2.5 / 4);
  EXPECT_EQ(outperforming(a, b).share, (1 + 1.5 + 2.5 + 3) / 16);
  EXPECT_EQ(outperforming_in_pairs(a, a).share, 0.5);
  EXPECT_EQ(outperforming(a, a).share, 0.5);
}

TEST(Outperform, TwoDirectionsAddToOne) {
  const Sample arms[] = {ladder(7, 0), ladder(9, 3.5, 0.5), ladder(7, 20), {1, 1, 1, 2, 2, 2, 2}, Sample(5, 1)};
  for (const Sample& a : arms) {
    for (const Sample& b : arms) {
      const Outperformance there = outperforming(a, b), back = outperforming(b, a);
      EXPECT_NEAR(there.share + back.share, 1, 1e-15);
      EXPECT_NEAR(there.interval.low, 1 - back.interval.high, 1e-12);
      EXPECT_NEAR(there.compared, back.compared, 1e-9);
      EXPECT_LE(there.interval.low, there.share);
      EXPECT_GE(there.interval.high, there.share);
      if (a.size() != b.size()) continue;
      const Outperformance pairs = outperforming_in_pairs(a, b), returned = outperforming_in_pairs(b, a);
      EXPECT_NEAR(pairs.share + returned.share, 1, 1e-15);
      EXPECT_NEAR(pairs.interval.low, 1 - returned.interval.high, 1e-12);
    }
  }
}

TEST(Outperform, OnlyOrderMatters) {
  const Sample a = {0.1, 0.7, 0.35, 2, 5}, b = {0.2, 0.1, 0.05, 0.9, 1.1, 4};
  Sample c, d;
  for (const double x : a) c.push_back(std::exp(3 * x) - 7);
  for (const double x : b) d.push_back(std::exp(3 * x) - 7);
  EXPECT_EQ(outperforming(a, b).interval.low, outperforming(c, d).interval.low);
  EXPECT_EQ(outperforming(a, b).share, outperforming(c, d).share);
}

TEST(Outperform, AlwaysWinningDoesNotMakeItCertain) {
  for (const std::size_t n : {2, 5, 10, 50}) {
    const Outperformance all = outperforming(ladder(n, 100), ladder(n, 0));
    const Outperformance pairs = outperforming_in_pairs(ladder(n, 100), ladder(n, 0));
    EXPECT_EQ(all.share, 1);
    EXPECT_EQ(all.interval.high, 1);
    EXPECT_LT(all.interval.low, 0.99);
    EXPECT_EQ(pairs.interval.high, 1);
    EXPECT_DOUBLE_EQ(pairs.interval.low, std::pow(0.025, 1.0 / static_cast<double>(n)));
  }
  EXPECT_EQ(outperforming(Sample{2}, Sample{1}).interval.low, 0);
  EXPECT_EQ(outperforming(Sample{2}, Sample{1, 1.5}).interval.high, 1);
}

TEST(Outperform, NoethersSizesArePublished) {  // Bouthillier et al. 2021, appendix C.3, and the same formula elsewhere
  EXPECT_EQ(noether_size(0.75), 29);
  EXPECT_EQ(noether_size(0.75, 0.05, 0.9), 23);
  EXPECT_EQ(noether_size(0.75, 0.05, 0.8), 17);
  EXPECT_EQ(noether_size(0.7), 46);
  EXPECT_EQ(noether_size(0.7, 0.05, 0.9), 36);
  EXPECT_EQ(noether_size(0.7, 0.05, 0.8), 26);
  EXPECT_EQ(noether_size(0.6), 181);
  EXPECT_EQ(noether_size(0.25), 29);
  EXPECT_FALSE(noether_size(0.5));
  EXPECT_THROW(noether_size(1), Error);
}

// The power of the rule itself, from the interval it looks at.
double power_of_pairs(std::int64_t n, double share) {
  double power = 0;
  for (std::int64_t wins = 0; wins <= n; ++wins) {
    const Interval interval = clopper_pearson(static_cast<double>(wins), static_cast<double>(n));
    if (interval.low > 0.5) power += laws::binomial_mass(wins, n, share);
  }
  return power;
}

TEST(Outperform, PairsNeededIsTheFirstSizeWithThePower) {
  for (const double share : {0.62, 0.7, 0.75, 0.9, 0.99}) {
    const std::optional<std::int64_t> needed = pairs_needed(share);
    ASSERT_TRUE(needed);
    EXPECT_EQ(pairs_needed(1 - share), needed);
    for (std::int64_t n = 1; n < *needed; ++n) EXPECT_LT(power_of_pairs(n, share), 0.8) << share << ' ' << n;
    EXPECT_GE(power_of_pairs(*needed, share), 0.8) << share;
  }
  EXPECT_EQ(pairs_needed(0.999), 6);
  EXPECT_FALSE(pairs_needed(0.5));
  EXPECT_FALSE(pairs_needed(0.501));
  EXPECT_FALSE(pairs_needed(0.62, 0.8, 0.95, 20));
  EXPECT_THROW(pairs_needed(0), Error);
}

TEST(Verdict, HasThreeClassesAndTwoDirections) {
  EXPECT_EQ(judge({0.4, 0.9}).finding, Conclusion::kCouldBeNoise);
  EXPECT_EQ(judge({0.5, 0.9}).finding, Conclusion::kCouldBeNoise);
  EXPECT_EQ(judge({0.1, 0.5}).finding, Conclusion::kCouldBeNoise);
  EXPECT_EQ(judge({0.4, 0.9}).favours, 0);
  EXPECT_EQ(judge({0.51, 0.75}).finding, Conclusion::kRealNotMeaningful);
  EXPECT_EQ(judge({0.51, 0.76}).finding, Conclusion::kRealAndMeaningful);
  EXPECT_EQ(judge({0.51, 0.76}).favours, 1);
  EXPECT_EQ(judge({0.25, 0.49}).finding, Conclusion::kRealNotMeaningful);
  EXPECT_EQ(judge({0.24, 0.49}).finding, Conclusion::kRealAndMeaningful);
  EXPECT_EQ(judge({0.24, 0.49}).favours, -1);
  EXPECT_EQ(judge({0.51, 0.76}, 0.8).finding, Conclusion::kRealNotMeaningful);
}

TEST(Verdict, FiveClearRunsAnArmAreEnoughAndFourAreNot) {
  const Sample low = ladder(5, 0), high = ladder(5, 100);
  EXPECT_EQ(compare_arms({high}, {low}).finding, Conclusion::kRealAndMeaningful);
  EXPECT_EQ(compare_arms({high}, {low}).favours, 1);
  EXPECT_EQ(compare_arms({low}, {high}).favours, -1);
  EXPECT_EQ(compare_pairs({high}, {low}).finding, Conclusion::kRealAndMeaningful);
  EXPECT_FALSE(compare_pairs({high}, {low}).in_pairs);
  const Comparison four = compare_arms({ladder(4, 100)}, {ladder(4, 0)});
  EXPECT_EQ(four.finding, Conclusion::kCouldBeNoise);
  EXPECT_EQ(four.favours, 0);
  EXPECT_EQ(four.all_pairs.share, 1);
  ASSERT_TRUE(four.further_seeds);
  EXPECT_GE(*four.further_seeds, 1);
  EXPECT_LE(*four.further_seeds, 10);
}

TEST(Verdict, IsByPairsFromSixSharedSeedsOn) {
  const Comparison six = compare_pairs({ladder(6, 100)}, {ladder(6, 0)});
  EXPECT_TRUE(six.in_pairs);
  EXPECT_EQ(six.finding, Conclusion::kRealAndMeaningful);
  // Seeds matter far more than arms, and A wins on each: only the pairs can tell.
  const Comparison paired = compare_pairs({ladder(12, 0.3)}, {ladder(12, 0)});
  EXPECT_EQ(paired.finding, Conclusion::kRealAndMeaningful);
  EXPECT_EQ(paired.favours, 1);
  EXPECT_NEAR(*paired.paired->correlation, 1, 1e-12);
  EXPECT_EQ(compare_arms({ladder(12, 0.3)}, {ladder(12, 0)}).finding, Conclusion::kCouldBeNoise);
}

TEST(Verdict, SmallButSureIsNotMeaningful) {
  // 400 pairs of which A wins 240: 0.6, within 0.55 and 0.65.
  Sample a(400, 0), b(400, 0);
  for (std::size_t i = 0; i < 400; ++i) (i < 240 ? a : b)[i] = 1;
  const Comparison found = compare_pairs({a}, {b});
  EXPECT_EQ(found.finding, Conclusion::kRealNotMeaningful);
  EXPECT_EQ(found.favours, 1);
  EXPECT_FALSE(found.further_seeds);
}

TEST(Verdict, EqualArmsAskForNoFurtherSeeds) {
  const Comparison same = compare_pairs({Sample(8, 0.5)}, {Sample(8, 0.5)});
  EXPECT_EQ(same.finding, Conclusion::kCouldBeNoise);
  EXPECT_FALSE(same.further_seeds);
  EXPECT_TRUE(same.welch.exact);
  EXPECT_EQ(*same.ranks.p, 1);
  const Comparison lone = compare_pairs({Sample{2}}, {Sample{1}});
  EXPECT_EQ(lone.finding, Conclusion::kCouldBeNoise);
  ASSERT_TRUE(lone.further_seeds);
  EXPECT_GE(*lone.further_seeds, 5);
}

TEST(Verdict, FurtherSeedsAreWhatTheRuleNeedsForTheMeasuredShare) {
  // 7 wins of 10: 0.7.
  Sample a(10, 0), b(10, 0);
  for (std::size_t i = 0; i < 10; ++i) (i < 7 ? a : b)[i] = 1 + static_cast<double>(i) * 0.01;
  const Comparison pairs = compare_pairs({a}, {b});
  EXPECT_EQ(pairs.finding, Conclusion::kCouldBeNoise);
  EXPECT_EQ(pairs.further_seeds, *pairs_needed(0.7) - 10);
  const Comparison arms = compare_arms({ladder(10, 0.6)}, {ladder(12, 0)});
  ASSERT_EQ(arms.finding, Conclusion::kCouldBeNoise);
  if (arms.further_seeds) {
    EXPECT_EQ(arms.further_seeds, *noether_size(arms.all_pairs.share, 0.025, 0.8) - 10);
  }
  // Three shared seeds are judged as if unpaired, but what is planned will be judged in pairs.
  const Sample e{1, 2, 3}, f{2.5, 0, 0.5};  // 7 of 9
  const Comparison three = compare_arms({e}, {f}, 0.95, true);
  ASSERT_NEAR(three.all_pairs.share, 7.0 / 9, 1e-12);
  EXPECT_EQ(three.further_seeds, *pairs_needed(7.0 / 9) - 3);
  EXPECT_LT(*compare_arms({e}, {f}).further_seeds, *three.further_seeds);
  // 51 of 100: thousands, so none.
  Sample c(100, 0), d(100, 0);
  for (std::size_t i = 0; i < 100; ++i) (i < 51 ? c : d)[i] = 1;
  EXPECT_FALSE(compare_pairs({c}, {d}).further_seeds);
}

TEST(Verdict, WarnsWhereFailuresDiffer) {
  EXPECT_TRUE(compare_arms({ladder(10, 0), 0}, {ladder(10, 0), 8}).failures.differ);
  EXPECT_FALSE(compare_arms({ladder(10, 0), 1}, {ladder(10, 0), 2}).failures.differ);
  const FailureTest failures = compare_arms({ladder(10, 0), 1}, {ladder(9, 0), 2}).failures;
  EXPECT_EQ(failures.runs_a, 11);
  EXPECT_EQ(failures.runs_b, 11);
  EXPECT_EQ(failures.failed_b, 2);
}

TEST(Verdict, RefusesArmsWithoutScores) {
  EXPECT_THROW(compare_arms({Sample{}, 5}, {ladder(5, 0)}), Error);
  EXPECT_THROW(compare_pairs({ladder(4, 0)}, {ladder(5, 0)}), Error);
  EXPECT_THROW(compare_arms({Sample{std::nan("")}}, {ladder(5, 0)}), Error);
}

}  // namespace
}  // namespace caviar
