// Tests of two arms, of many, and of failures against SciPy and statsmodels (tests/golden/statistics.txt), with their
// edges.
#include "tuner/analysis/compare.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tests/support/golden.h"
#include "tuner/analysis/failures.h"
#include "tuner/analysis/multiple.h"

namespace caviar {
namespace {

using Sample = std::vector<double>;

std::vector<test::GoldenCase> goldens(const std::string& kind) {
  std::vector<test::GoldenCase> found;
  for (const test::GoldenCase& golden : test::read_golden(CAVIAR_SOURCE_DIR "/tests/golden/statistics.txt")) {
    if (golden.word("kind") == kind) found.push_back(golden);
  }
  return found;
}

void expect_close(double found, double expected, double relative = 1e-10) {
  EXPECT_NEAR(found, expected, relative * std::abs(expected) + 1e-15);
}

Sample transformed(const Sample& x, double scale, double shift) {
  Sample y;
  for (const double value : x) y.push_back(scale * value + shift);
  return y;
}

TEST(Compare, ArmsMeetScipy) {
  ASSERT_EQ(goldens("arms").size(), 5u);
  for (const test::GoldenCase& golden : goldens("arms")) {
    SCOPED_TRACE(golden.name());
    const Sample &a = golden.array("a").values, &b = golden.array("b").values;
    const WelchTest welch = welch_test(a, b);
    EXPECT_FALSE(welch.exact);
    expect_close(*welch.t, golden.array("welch").values[0]);
    expect_close(*welch.freedom, golden.array("welch").values[1]);
    expect_close(*welch.p, golden.array("welch").values[2]);
    expect_close(welch.interval->low, golden.array("welch_interval").values[0]);
    expect_close(welch.interval->high, golden.array("welch_interval").values[1]);
    const RankTest ranks = rank_test(a, b);
    EXPECT_EQ(ranks.u, golden.array("ranks").values[0]);
    expect_close(*ranks.p, golden.array("ranks").values[1]);
    expect_close(*equivalence_p(a, b, golden.scalar("margin")), golden.scalar("equivalence"));
  }
}

TEST(Compare, PairsMeetScipy) {
  ASSERT_EQ(goldens("pairs").size(), 3u);
  for (const test::GoldenCase& golden : goldens("pairs")) {
    SCOPED_TRACE(golden.name());
    const PairedTest test = paired_test(golden.array("a").values, golden.array("b").values);
    expect_close(*test.t, golden.array("paired").values[0]);
    expect_close(*test.p, golden.array("paired").values[1]);
    expect_close(test.interval->low, golden.array("paired_interval").values[0]);
    expect_close(test.interval->high, golden.array("paired_interval").values[1]);
    expect_close(*test.correlation, golden.scalar("correlation"));
    if (golden.has("signed_rank")) expect_close(test.signed_rank_p, golden.scalar("signed_rank"));
  }
}

// shared/design's own numbers, from scipy 1.10.1.
TEST(Compare, TheGoldenPairOfTheDesign) {
  const Sample a = {.981, .979, .983, .980, .978}, b = {.984, .986, .983, .985, .987};
  EXPECT_NEAR(*welch_test(b, a).t, 4.310527248642617, 1e-12);
  EXPECT_NEAR(*welch_test(b, a).freedom, 7.711133400200602, 1e-11);
  EXPECT_NEAR(*welch_test(b, a).p, .002809812532327786, 1e-14);
  EXPECT_EQ(rank_test(b, a).u, 24.5);
  EXPECT_FALSE(rank_test(b, a).exact);
  EXPECT_NEAR(*rank_test(b, a).p, .015970696353780123, 1e-14);
  EXPECT_NEAR(*paired_test(b, a).t, 3.072885118389503, 1e-11);
  EXPECT_NEAR(*paired_test(b, a).p, .037188284953742434, 1e-13);
}

TEST(Compare, RankTestReachesItsLeastProbabilitiesAndRefusesThree) {
  EXPECT_FALSE(rank_test(Sample{1, 2, 3}, Sample{4, 5, 6, 7}).p);
  EXPECT_DOUBLE_EQ(*rank_test(Sample{1, 2, 3, 4}, Sample{5, 6, 7, 8}).p, 2.0 / 70);
  EXPECT_DOUBLE_EQ(*rank_test(Sample{1, 2, 3, 4, 5}, Sample{6, 7, 8, 9, 10}).p, 2.0 / 252);
  EXPECT_DOUBLE_EQ(*rank_test(Sample{6, 7, 8, 9, 10}, Sample{1, 2, 3, 4, 5}).p, 2.0 / 252);
  EXPECT_EQ(*rank_test(Sample{1, 4, 5, 8}, Sample{2, 3, 6, 7}).p, 1);
  EXPECT_EQ(*rank_test(Sample(4, 2.5), Sample(6, 2.5)).p, 1);
}

TEST(Compare, WithoutSpreadADifferenceIsExactAndHasNoProbability) {
  const WelchTest same = welch_test(Sample(3, 0.1), Sample(4, 0.1)), apart = welch_test(Sample(3, 0.3), Sample(4, 0.1));
  EXPECT_TRUE(same.exact && apart.exact);
  EXPECT_EQ(same.difference, 0);
  EXPECT_DOUBLE_EQ(apart.difference, 0.2);
  EXPECT_FALSE(same.p || same.t || same.interval || apart.p || apart.freedom || apart.interval);
  EXPECT_FALSE(equivalence_p(Sample(3, 0.3), Sample(4, 0.1), 1));

  const WelchTest lone = welch_test(Sample{2}, Sample{1, 2, 3});
  EXPECT_FALSE(lone.exact || lone.t || lone.p || lone.interval);
  EXPECT_EQ(lone.difference, 0);

  const WelchTest half = welch_test(Sample(3, 0.5), Sample{1, 2, 3});  // one arm without spread is no obstacle
  EXPECT_EQ(*half.freedom, 2);
  EXPECT_DOUBLE_EQ(*half.t, -1.5 / std::sqrt(1.0 / 3));
}

TEST(Compare, PairedDifferencesEqualButForRoundingAreEqual) {
  // 0.981 - 0.98, 0.982 - 0.981, ... differ in their last bits.
  const Sample a = {0.981, 0.982, 0.983, 0.984}, b = {0.98, 0.981, 0.982, 0.983};
  const PairedTest test = paired_test(a, b);
  EXPECT_TRUE(test.exact);
  EXPECT_NEAR(test.difference, 0.001, 1e-15);
  EXPECT_EQ(test.sd, 0.0);
  EXPECT_FALSE(test.t || test.p || test.interval);
  EXPECT_DOUBLE_EQ(test.signed_rank_p, 2.0 / 16);
  const PairedTest opposed = paired_test(Sample{0.981, 0.981}, Sample{0.98, 0.982});
  EXPECT_FALSE(opposed.exact);
  EXPECT_EQ(opposed.difference, 0);
  EXPECT_EQ(*opposed.p, 1);
}

TEST(Compare, OnePairHasADifferenceOnly) {
  const PairedTest test = paired_test(Sample{3}, Sample{1});
  EXPECT_EQ(test.difference, 2);
  EXPECT_EQ(test.signed_rank_p, 1);
  EXPECT_FALSE(test.exact || test.sd || test.t || test.p || test.interval || test.correlation);
  EXPECT_EQ(paired_test(Sample{3, 3, 3}, Sample{3, 3, 3}).signed_rank_p, 1);
}

TEST(Compare, SwappingTheArmsTurnsTheSigns) {
  for (const test::GoldenCase& golden : goldens("arms")) {
    const Sample &a = golden.array("a").values, &b = golden.array("b").values;
    EXPECT_EQ(*welch_test(a, b).t, -*welch_test(b, a).t);
    EXPECT_EQ(*welch_test(a, b).p, *welch_test(b, a).p);
    expect_close(welch_test(a, b).interval->low, -welch_test(b, a).interval->high);
    EXPECT_EQ(rank_test(a, b).u + rank_test(b, a).u, static_cast<double>(a.size() * b.size()));
    EXPECT_EQ(*rank_test(a, b).p, *rank_test(b, a).p);
    EXPECT_EQ(*equivalence_p(a, b, 0.7), *equivalence_p(b, a, 0.7));
  }
  for (const test::GoldenCase& golden : goldens("pairs")) {
    const Sample &a = golden.array("a").values, &b = golden.array("b").values;
    expect_close(*paired_test(a, b).t, -*paired_test(b, a).t);
    EXPECT_EQ(*paired_test(a, b).p, *paired_test(b, a).p);
    EXPECT_EQ(paired_test(a, b).signed_rank_p, paired_test(b, a).signed_rank_p);
  }
}

TEST(Compare, NeitherScaleNorOriginMatters) {
  for (const test::GoldenCase& golden : goldens("pairs")) {
    const Sample &a = golden.array("a").values, &b = golden.array("b").values;
    const Sample c = transformed(a, 0.125, 3), d = transformed(b, 0.125, 3);
    expect_close(*welch_test(c, d).p, *welch_test(a, b).p, 1e-9);
    expect_close(*paired_test(c, d).p, *paired_test(a, b).p, 1e-9);
    expect_close(paired_test(c, d).signed_rank_p, paired_test(a, b).signed_rank_p, 1e-9);
    expect_close(*rank_test(c, d).p, *rank_test(a, b).p);
    expect_close(*equivalence_p(c, d, 0.125), *equivalence_p(a, b, 1), 1e-9);
  }
}

TEST(Compare, RefusesWhatCannotBeCompared) {
  EXPECT_THROW(welch_test(Sample{}, Sample{1}), Error);
  EXPECT_THROW(rank_test(Sample{1, std::nan("")}, Sample{1}), Error);
  EXPECT_THROW(paired_test(Sample{1, 2}, Sample{1}), Error);
  EXPECT_THROW(equivalence_p(Sample{1, 2}, Sample{1, 2}, 0), Error);
  EXPECT_THROW(welch_test(Sample{1, 2}, Sample{1, 2}, 1), Error);
}

TEST(Multiple, MeetsStatsmodels) {
  ASSERT_EQ(goldens("multiple").size(), 2u);
  for (const test::GoldenCase& golden : goldens("multiple")) {
    const Sample& p = golden.array("p").values;
    const Sample by_holm = holm(p), by_rate = benjamini_hochberg(p);
    for (std::size_t i = 0; i < p.size(); ++i) {
      expect_close(by_holm[i], golden.array("holm").values[i]);
      expect_close(by_rate[i], golden.array("benjamini_hochberg").values[i]);
    }
  }
}

TEST(Multiple, KeepsTheOrderAndNeverGoesBelowItsOwn) {
  Sample p;
  for (int i = 0; i < 60; ++i) p.push_back(i * 37 % 61 / 61.0 * (i % 3) / 2);
  for (const Sample& adjusted : {holm(p), benjamini_hochberg(p)}) {
    for (std::size_t i = 0; i < p.size(); ++i) {
      EXPECT_GE(adjusted[i], p[i]);
      EXPECT_LE(adjusted[i], 1);
      for (std::size_t j = 0; j < p.size(); ++j) EXPECT_TRUE(p[i] > p[j] || adjusted[i] <= adjusted[j]);
    }
  }
  for (std::size_t i = 0; i < p.size(); ++i) EXPECT_GE(holm(p)[i], benjamini_hochberg(p)[i]);
  EXPECT_EQ(holm(Sample{0.03}), Sample{0.03});
  EXPECT_TRUE(holm(Sample{}).empty());
  EXPECT_TRUE(benjamini_hochberg(Sample{}).empty());
  EXPECT_THROW(holm(Sample{0.1, std::nan("")}), Error);
  EXPECT_THROW(benjamini_hochberg(Sample{1.1}), Error);
}

TEST(Failures, MeetScipy) {
  ASSERT_EQ(goldens("failures").size(), 4u);
  for (const test::GoldenCase& golden : goldens("failures")) {
    std::vector<std::int64_t> n;
    for (const double value : golden.array("counts").values) n.push_back(static_cast<std::int64_t>(value));
    const FailureTest test = failure_test(n[0], n[1], n[2], n[3]);
    expect_close(test.p, golden.scalar("p"));
    EXPECT_EQ(test.differ, golden.scalar("p") <= 0.05);
    EXPECT_NEAR(failure_test(n[2], n[3], n[0], n[1]).p, test.p, 1e-12);
  }
}

TEST(Failures, OfNoRunsOrNoFailuresSayNothing) {
  EXPECT_EQ(failure_test(0, 10, 0, 12).p, 1);
  EXPECT_EQ(failure_test(0, 0, 3, 12).p, 1);
  EXPECT_EQ(failure_test(4, 4, 12, 12).p, 1);
  EXPECT_FALSE(failure_test(0, 10, 0, 12).differ);
  EXPECT_FALSE(failure_test(0, 5, 3, 5).differ);
  EXPECT_TRUE(failure_test(0, 5, 4, 5).differ);
  EXPECT_THROW(failure_test(3, 2, 0, 5), Error);
  EXPECT_THROW(failure_test(-1, 2, 0, 5), Error);
}

TEST(Failures, CanBeCountedAsGuesses) {
  EXPECT_EQ(with_failures_at(Sample{0.9, 0.8}, 2, 0.1), (Sample{0.9, 0.8, 0.1, 0.1}));
  EXPECT_THROW(with_failures_at(Sample{}, 1, std::nan("")), Error);
}

}  // namespace
}  // namespace caviar
