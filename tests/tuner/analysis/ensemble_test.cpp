#include "tuner/analysis/ensemble.h"

#include <cmath>
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tuner/analysis/laws.h"
#include "tuner/numerics/draws.h"

namespace caviar {
namespace {

using Labels = std::vector<std::uint8_t>;
using Table = std::vector<float>;

// `up` examples only the one has right, `down` only the other, `both` both; the losses are equal.
std::pair<ExampleScores, ExampleScores> pair_of(int up, int down, int both) {
  ExampleScores one, other;
  const auto add = [&](int count, std::uint8_t first, std::uint8_t second) {
    for (int i = 0; i < count; ++i) {
      one.right.push_back(first);
      other.right.push_back(second);
      one.losses.push_back(1);
      other.losses.push_back(1);
    }
  };
  add(up, 1, 0);
  add(down, 0, 1);
  add(both, 1, 1);
  return {one, other};
}

TEST(Ensemble, IntervalAndTestMayDisagreeNearTheLimitAndNowhereElse) {
  const auto gain = [](int up, int down) {
    const auto [one, other] = pair_of(up, down, 200 - up - down);
    return gain_over(one, other);
  };
  const PairedGain near = gain(11, 3);
  EXPECT_NEAR(near.p, 0.057373046875, 1e-12);  // 2 (1 + 14 + 91 + 364) / 2^14
  EXPECT_GT(near.accuracy_interval.low, 0);
  EXPECT_FALSE(near.interval_and_test_agree());
  EXPECT_FALSE(gain(3, 11).interval_and_test_agree());
  for (const auto& [up, down] : {std::pair(5, 5), {30, 5}, {5, 30}, {0, 0}})
    EXPECT_TRUE(gain(up, down).interval_and_test_agree()) << up << " " << down;
}

TEST(Ensemble, TheMeanOfTwoCanBeRightWhereEachIsWrong) {
  const Labels labels = {1, 0};
  ProbabilityMean mean(labels, 3);
  mean.add(Table{0.5F, 0.375F, 0.125F, 0.75F, 0.25F, 0});
  mean.add(Table{0, 0.375F, 0.625F, 0.25F, 0.25F, 0.5F});
  const ExampleScores scores = mean.scores();
  EXPECT_EQ(mean.networks(), 2u);
  EXPECT_EQ(scores.right, (Labels{1, 1}));
  EXPECT_EQ(scores.accuracy(), 1);
  EXPECT_NEAR(scores.losses[0], -std::log(0.375), 1e-15);
  EXPECT_NEAR(scores.losses[1], -std::log(0.5), 1e-15);
  EXPECT_NEAR(scores.loss(), -0.5 * std::log(0.375 * 0.5), 1e-15);
}

TEST(Ensemble, OfOneNetworkSaysWhatTheNetworkSays) {
  const Labels labels = {1, 0, 1};
  const Table table = {0.25F, 0.75F, 0.5F, 0.5F, 0.875F, 0.125F};
  ProbabilityMean mean(labels, 2);
  mean.add(table);
  const ExampleScores alone = example_scores(table, Labels{1, 0, 0}, labels, 2);
  EXPECT_EQ(mean.scores().right, alone.right) << "the first of equal classes is the answer";
  EXPECT_EQ(mean.scores().losses, alone.losses);
  EXPECT_DOUBLE_EQ(alone.accuracy(), 2.0 / 3);
}

TEST(Ensemble, ALabelThatWasGivenNoChanceHasAFiniteLoss) {
  const ExampleScores scores = example_scores(Table{1, 0}, Labels{0}, Labels{1}, 2);
  EXPECT_NEAR(scores.losses[0], 126 * std::log(2.0), 1e-12);
}

TEST(Ensemble, RefusesWhatIsNoTableOfProbabilities) {
  const Labels labels = {0, 1};
  ProbabilityMean mean(labels, 2);
  EXPECT_THROW(mean.scores(), Error);
  EXPECT_THROW(mean.add(Table{1, 0}), Error);
  EXPECT_THROW(mean.add(Table{1, 0, std::numeric_limits<float>::quiet_NaN(), 0}), Error);
  EXPECT_THROW(ProbabilityMean(Labels{}, 2), Error);
  EXPECT_THROW(gain_over(pair_of(1, 1, 1).first, pair_of(1, 1, 2).first), Error);
}

// By hand: p = 27 / 50, q = 5 / 50, d = 0.44, root of (0.64 - 0.1936) / 50 = 0.09448810, times 1.95996398.
TEST(Ensemble, TheIntervalOfAGainIsThatOfBonettAndPrice) {
  const auto [one, other] = pair_of(26, 4, 18);
  const PairedGain gain = gain_over(one, other);
  EXPECT_EQ(gain.only_one, 26);
  EXPECT_EQ(gain.only_other, 4);
  EXPECT_DOUBLE_EQ(gain.accuracy, 22.0 / 48);
  EXPECT_NEAR(gain.accuracy_interval.low, 0.25480672, 1e-7);
  EXPECT_NEAR(gain.accuracy_interval.high, 0.62519328, 1e-7);
  EXPECT_NEAR(gain.p, 2 * laws::binomial_cdf(4, 30, 0.5), 1e-12);
  const PairedGain back = gain_over(other, one);
  EXPECT_DOUBLE_EQ(back.accuracy, -gain.accuracy);
  EXPECT_DOUBLE_EQ(back.accuracy_interval.low, -gain.accuracy_interval.high);
  EXPECT_EQ(back.p, gain.p);
}

TEST(Ensemble, TwoThatNeverDifferHaveAGainOfNothing) {
  const auto [one, other] = pair_of(0, 0, 100);
  const PairedGain gain = gain_over(one, other);
  EXPECT_EQ(gain.accuracy, 0);
  EXPECT_EQ(gain.p, 1);
  EXPECT_LT(gain.accuracy_interval.low, 0);
  EXPECT_GT(gain.accuracy_interval.high, 0);
  EXPECT_EQ(gain.loss_interval.low, 0);
  EXPECT_EQ(gain.loss_interval.high, 0);
}

// Exact: over all outcomes, with their multinomial probabilities.
double coverage(int n, double up, double down) {
  double covered = 0;
  for (int b = 0; b <= n; ++b) {
    const double mass = laws::binomial_mass(b, n, up);
    for (int c = 0; mass > 1e-9 && c <= n - b; ++c) {
      const double d = (b - c) / (n + 2.0), s = (b + c + 2) / (n + 2.0);
      const double reach = 1.959963984540054 * std::sqrt((s - d * d) / (n + 2));
      if (std::abs(d - (up - down)) <= reach) covered += mass * laws::binomial_mass(c, n - b, down / (1 - up));
    }
  }
  return covered;
}

TEST(Ensemble, TheIntervalOfAGainCovers) {
  for (const int n : {30, 100, 300})
    for (const double up : {0.005, 0.02, 0.1, 0.3})
      for (const double share : {0.1, 0.5, 1.0}) EXPECT_GE(coverage(n, up, up * share), 0.93) << n << " " << up;
}

TEST(Ensemble, TheIntervalOfALossCoversSkewedDifferences) {
  constexpr int kStudies = 1000;
  int covered = 0;
  for (int study = 0; study < kStudies; ++study) {
    Draws draws(20261121, study, "losses");
    auto [one, other] = pair_of(1, 1, 398);
    for (double& loss : one.losses) loss = 1 - std::log(1 - draws.unit());
    const PairedGain gain = gain_over(one, other);
    covered += gain.loss_interval.low <= 1 && 1 <= gain.loss_interval.high;
  }
  EXPECT_GE(covered, 930);
  EXPECT_LE(covered, 970);
}

}  // namespace
}  // namespace caviar
