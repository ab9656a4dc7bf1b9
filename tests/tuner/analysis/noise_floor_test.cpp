// The floor under a ranking against closed forms, and how often it tells equal trials apart.
#include "tuner/analysis/noise_floor.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tuner/analysis/sample.h"
#include "tuner/numerics/draws.h"

namespace caviar {
namespace {

using ::testing::ElementsAre;

TEST(NoiseFloor, PoolsByDegreesOfFreedom) {
  const std::array<TrialSpread, 3> trials = {TrialSpread{1, 2.0, 3}, TrialSpread{5, 4.0, 2}, TrialSpread{9, {}, 1}};
  const auto floor = noise_floor(trials);
  ASSERT_TRUE(floor);
  EXPECT_DOUBLE_EQ(floor->freedom, 3);
  EXPECT_DOUBLE_EQ(floor->sd, std::sqrt((2 * 4.0 + 16.0) / 3));
}

TEST(NoiseFloor, IsNotKnownFromOneRunATrial) {
  const std::array<TrialSpread, 2> trials = {TrialSpread{1, {}, 1}, TrialSpread{2, {}, 1}};
  EXPECT_FALSE(noise_floor(trials));
  EXPECT_FALSE(noise_floor({}));
  EXPECT_THAT(like_the_first(trials), ElementsAre(true, true));
}

// t(0.975) for 4 degrees of freedom is 2.7764451051977987 (SciPy 1.10.1).
TEST(NoiseFloor, HidesADifferenceOfTwoMeansByStudentsLaw) {
  EXPECT_NEAR(hidden_difference({0.5, 4}, 3, 3), 2.7764451051977987 * 0.5 * std::sqrt(2.0 / 3), 1e-12);
  EXPECT_THROW(hidden_difference({0.5, 4}, 0, 3), Error);
}

// Two trials are one pair, so the rule is Student's test: at 4 degrees of freedom, s = 1, three runs each, a difference
// of 2.7764 sqrt(2 / 3) = 2.26696 is the last that is not told apart.
TEST(NoiseFloor, OfTwoTrialsIsStudentsTest) {
  const auto like = [](double difference) -> bool {
    const std::array<TrialSpread, 2> trials = {TrialSpread{0, 1.0, 3}, TrialSpread{difference, 1.0, 3}};
    return like_the_first(trials)[1];
  };
  EXPECT_TRUE(like(2.2669));
  EXPECT_FALSE(like(2.2670));
  EXPECT_TRUE(like(-2.2669));
  EXPECT_FALSE(like(-2.2670));
}

TEST(NoiseFloor, ATrialThatScattersIsNotJudgedByTheCalmOfTheOthers) {
  std::vector<TrialSpread> trials(20, TrialSpread{0, 0.01, 3});
  trials[18] = {-1, 1.0, 3};
  trials[19] = {-1, 0.01, 3};
  const std::vector<bool> like = like_the_first(trials);
  EXPECT_TRUE(like[18]);
  EXPECT_FALSE(like[19]);
}

// Ten trials of three runs have 20 degrees of freedom, so of 30 trials the last 20 say nothing of the floor.
TEST(NoiseFloor, IsThatOfTheFirstOfARanking) {
  std::vector<TrialSpread> trials(30, TrialSpread{0, 0.01, 3});
  trials[9].sd = 0.02;
  trials[10] = {-0.1, 0.5, 3};
  trials[29] = {-0.9, 0.5, 3};
  const auto floor = noise_floor(trials);
  ASSERT_TRUE(floor);
  EXPECT_DOUBLE_EQ(floor->freedom, 20);
  EXPECT_EQ(floor->trials, 10);
  EXPECT_DOUBLE_EQ(floor->sd, std::sqrt((9 * 0.0001 + 0.0004) / 10));
  trials[8].sd.reset();
  EXPECT_DOUBLE_EQ(noise_floor(trials)->sd, std::sqrt((8 * 0.0001 + 0.0004 + 0.25) / 10));
}

TEST(NoiseFloor, MoreTrialsMakeItHarderToTellOneApart) {
  std::vector<TrialSpread> trials = {{2.4, 1.0, 3}, {0, 1.0, 3}};
  EXPECT_FALSE(like_the_first(trials)[1]);
  trials.resize(40, TrialSpread{0, 1.0, 3});
  EXPECT_TRUE(like_the_first(trials)[1]);
}

// Two trials that are left of four are judged as pairs of four: Student's quantile at 1 - 0.05 / 12 for 4 degrees of
// freedom is 4.851 (two-sided 0.05 / 6), so 4.851 sqrt(2 / 3) = 3.961 is the last difference that is not told apart.
TEST(NoiseFloor, CountsTheTrialsThatWereLookedAtAndCannotBeCompared) {
  const auto like = [](double difference, std::int64_t looked_at) -> bool {
    const std::array<TrialSpread, 2> trials = {TrialSpread{difference, 1.0, 3}, TrialSpread{0, 1.0, 3}};
    return like_the_first(trials, 0.95, looked_at)[1];
  };
  EXPECT_FALSE(like(2.4, 0));
  EXPECT_TRUE(like(3.94, 4));
  EXPECT_FALSE(like(3.98, 4));
  EXPECT_FALSE(like(2.4, 2));
}

TEST(NoiseFloor, WithoutAnySpreadADifferenceIsADifference) {
  const std::array<TrialSpread, 3> trials = {TrialSpread{1, 0.0, 2}, TrialSpread{1, 0.0, 2}, TrialSpread{2, 0.0, 2}};
  EXPECT_THAT(like_the_first(trials), ElementsAre(true, true, false));
}

// How a trial scatters: its standard deviation, and the chance that a run loses 8.
enum class Kind { kNormal, kFifthWild, kOneWild, kCollapsed };

// Share of studies of equal trials in which one is told from the best.
double false_alarms(int trials, int runs, Kind kind, int studies) {
  int alarms = 0;
  for (int study = 0; study < studies; ++study) {
    Draws draws(static_cast<std::uint64_t>(study), 0, "noise floor");
    std::vector<TrialSpread> spreads;
    for (int i = 0; i < trials; ++i) {
      const double sd = (kind == Kind::kFifthWild && i % 5 == 4) || (kind == Kind::kOneWild && i == 0) ? 5 : 1;
      std::vector<double> scores;
      for (int k = 0; k < runs; ++k) {
        const bool collapses = kind == Kind::kCollapsed && draws.chance(0.05);
        scores.push_back(sd * draws.normal() - (collapses ? 8 : 0));
      }
      spreads.push_back({mean_of(scores), sd_of(scores), runs});
    }
    std::sort(spreads.begin(), spreads.end(), [](const auto& a, const auto& b) { return a.mean > b.mean; });
    const std::vector<bool> like = like_the_first(spreads);
    alarms += std::find(like.begin(), like.end(), false) != like.end();
  }
  return static_cast<double>(alarms) / studies;
}

// 0.05 and three standard errors of 1,000 studies are 0.071. Spreads that differ fivefold break the assumption:
// measured were 0.115 for a fifth of the trials, 0.11 for one; their bound is so that nothing gets worse unnoticed.
TEST(NoiseFloor, TellsEqualTrialsApartNoMoreOftenThanItSays) {
  for (const Kind kind : {Kind::kNormal, Kind::kCollapsed, Kind::kFifthWild, Kind::kOneWild}) {
    const double bound = kind == Kind::kNormal || kind == Kind::kCollapsed ? 0.071 : 0.15;
    for (const auto& [trials, runs] :
         {std::pair{2, 2}, {2, 3}, {6, 2}, {6, 3}, {20, 2}, {20, 3}, {20, 10}, {60, 3}, {300, 3}}) {
      EXPECT_LE(false_alarms(trials, runs, kind, 1000), bound)
          << trials << " trials on " << runs << " seeds, kind " << static_cast<int>(kind);
    }
  }
}

}  // namespace
}  // namespace caviar
