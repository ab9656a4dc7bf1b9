#include "tuner/analysis/winner.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tests/support/golden.h"
#include "tests/support/simulated_scores.h"
#include "tuner/analysis/sample.h"

namespace caviar {
namespace {

const test::GoldenCase& golden(const char* name) {
  static const auto cases = test::read_golden(CAVIAR_SOURCE_DIR "/tests/golden/variance.txt");
  return test::find_case(cases, name);
}

TEST(Winner, ExpectedMaximumIsThatOfSciPysQuadratureAndBlomIsNear) {
  const std::vector<double> rows = golden("maximum").array("rows").values;
  for (std::size_t i = 0; i < rows.size(); i += 3) {
    const auto n = static_cast<std::int64_t>(rows[i]);
    EXPECT_NEAR(expected_max_of_normals(n), rows[i + 1], 1e-12) << n;
    EXPECT_NEAR(blom_max_of_normals(n), rows[i + 2], 1e-12) << n;
    EXPECT_NEAR(blom_max_of_normals(n), expected_max_of_normals(n), 0.03) << n;
  }
}

// 1 / sqrt(pi) and 3 / (2 sqrt(pi)) are exact. For a million million the law of extremes is a check to two digits.
TEST(Winner, ExpectedMaximumHasClosedFormsAtTheEnds) {
  EXPECT_NEAR(expected_max_of_normals(1), 0, 1e-14);
  EXPECT_NEAR(expected_max_of_normals(2), 1 / std::sqrt(M_PI), 1e-13);
  EXPECT_NEAR(expected_max_of_normals(3), 1.5 / std::sqrt(M_PI), 1e-13);
  EXPECT_NEAR(expected_max_of_normals(1'000'000'000'000), blom_max_of_normals(1'000'000'000'000), 0.05);
  EXPECT_THROW(expected_max_of_normals(0), Error);
}

// The table of E[max] in units of one seed's standard deviation, to the digits it is given with, and by simulation.
TEST(Winner, TheBestOfEqualConfigsLooksBetterByTheTabulatedFigure) {
  struct Row {
    std::int64_t n;
    double bias;
  };
  for (const Row& row : {Row{10, 1.54},
                         {20, 1.87},
                         {50, 2.25},
                         {100, 2.51},
                         {210, 2.76},
                         {500, 3.04},
                         {1000, 3.24},
                         {10000, 3.85},
                         {100000, 4.38}}) {
    EXPECT_NEAR(naive_bias(row.n, 1, 0), row.bias, 0.0101) << row.n;
  }
  constexpr int kRepetitions = 4000;
  for (const std::int64_t n : {10, 50, 210}) {
    std::vector<double> best;
    for (int i = 0; i < kRepetitions; ++i) {
      const std::vector<double> scores = test::scores_of(i, "maximum", static_cast<std::size_t>(n));
      best.push_back(*std::max_element(scores.begin(), scores.end()));
    }
    const double standard_error = *sd_of(best) / std::sqrt(kRepetitions);
    EXPECT_NEAR(mean_of(best), expected_max_of_normals(n), 4 * standard_error) << n;
  }
}

// "bias of the naive best" of the four simulated searches.
TEST(Winner, NaiveBiasWithUnequalConfigsIsThatOfTheSimulatedSearches) {
  EXPECT_NEAR(naive_bias(20, 0.15, 0.15), 0.199, 0.003);
  EXPECT_NEAR(naive_bias(210, 0.15, 0.05), 0.393, 0.003);
  EXPECT_NEAR(naive_bias(210, 0.15, 0.15), 0.293, 0.003);
  EXPECT_NEAR(naive_bias(2000, 0.15, 0.15), 0.364, 0.003);
  EXPECT_EQ(naive_bias(100, 0, 0.3), 0);
  EXPECT_EQ(naive_bias(100, 0, 0), 0);
  EXPECT_THROW(naive_bias(100, -1, 0), Error);
}

// A search over n configs with one seed each; then the best five again, three seeds to pick by and five to score by.
TEST(Winner, ShrinkageAndAFreshBatchTakeTheBiasAway) {
  constexpr int kSearches = 3000;
  constexpr std::size_t kConfigs = 50;
  const double config_sd = 0.5;
  std::vector<double> naive, shrunken, picked_by, scored;
  int covered = 0;
  for (int search = 0; search < kSearches; ++search) {
    std::vector<double> truth = test::scores_of(search, "configs", kConfigs);
    for (double& config : truth) config *= config_sd;
    const std::vector<double> seeds = test::scores_of(search, "seeds", kConfigs);
    std::vector<std::size_t> order(kConfigs);
    std::vector<double> seen(kConfigs);
    for (std::size_t i = 0; i < kConfigs; ++i) {
      order[i] = i;
      seen[i] = truth[i] + seeds[i];
    }
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return seen[a] > seen[b]; });
    naive.push_back(seen[order[0]] - truth[order[0]]);
    shrunken.push_back(shrunken_best(seen[order[0]], mean_of(seen), config_sd, 1).value() - truth[order[0]]);
    std::vector<std::vector<double>> first, second;
    for (std::int64_t i = 0; i < 5; ++i) {
      first.push_back(test::scores_of(search * 5 + i, "first batch", 3));
      second.push_back(test::scores_of(search * 5 + i, "second batch", 5));
      const double config = truth[order[static_cast<std::size_t>(i)]];
      for (double& score : first.back()) score += config;
      for (double& score : second.back()) score += config;
    }
    const ConfirmedPick pick = pick_and_score(first, second);
    const double truly = truth[order[pick.winner]];
    picked_by.push_back(pick.picking_score - truly);
    scored.push_back(pick.score - truly);
    covered += pick.interval->low <= truly && truly <= pick.interval->high;
  }
  const auto error = [&](const std::vector<double>& bias) { return *sd_of(bias) / std::sqrt(kSearches); };
  EXPECT_NEAR(mean_of(naive), naive_bias(kConfigs, 1, config_sd), 4 * error(naive));
  EXPECT_GT(mean_of(naive), 100 * error(naive));
  EXPECT_NEAR(mean_of(shrunken), 0, 4 * error(shrunken));
  EXPECT_GT(mean_of(picked_by), 10 * error(picked_by));
  EXPECT_NEAR(mean_of(scored), 0, 4 * error(scored));
  EXPECT_GE(covered, 0.93 * kSearches);
}

TEST(Winner, ShrinkageHasItsTwoEnds) {
  EXPECT_DOUBLE_EQ(shrunken_best(0.9, 0.8, 0.1, 0).value(), 0.9);
  EXPECT_DOUBLE_EQ(shrunken_best(0.9, 0.8, 0, 0.1).value(), 0.8);
  EXPECT_DOUBLE_EQ(shrunken_best(0.9, 0.8, 0.1, 0.1).value(), 0.85);
  EXPECT_EQ(shrunken_best(0.9, 0.9, 0, 0), std::nullopt);
}

// Every k-tuple and every k-subset of six scores, by brute force.
TEST(Winner, ExpectedBestOfIsTheMeanOverAllTuplesAndSubsets) {
  const std::vector<double> scores = golden("best_of").array("scores").values;
  const std::vector<double> means = golden("best_of").array("mean").values;
  const std::vector<double> unbiased = golden("best_of").array("unbiased").values;
  const std::vector<ExpectedBest> curve = expected_best_of(scores, 7);
  ASSERT_EQ(curve.size(), 7u);
  for (std::size_t i = 0; i < curve.size(); ++i) {
    EXPECT_EQ(curve[i].k, static_cast<std::int64_t>(i + 1));
    EXPECT_NEAR(curve[i].mean, means[i], 1e-14);
    ASSERT_EQ(curve[i].unbiased.has_value(), i < unbiased.size());
    if (curve[i].unbiased) {
      EXPECT_NEAR(*curve[i].unbiased, unbiased[i], 1e-14);
    }
  }
}

// Of 4 values the maximum of one draw is each with probability 1/4; of two, the smallest two or below with 1/4.
TEST(Winner, TheBandHoldsItsShareOfMaxima) {
  const std::vector<double> scores = {3, 1, 4, 2};
  const std::vector<ExpectedBest> curve = expected_best_of(scores, 2, 0.5);
  EXPECT_EQ(curve[0].band.low, 1);
  EXPECT_EQ(curve[0].band.high, 3);
  EXPECT_EQ(curve[1].band.low, 2);
  EXPECT_EQ(curve[1].band.high, 4);
}

TEST(Winner, ExpectedBestOfEqualScoresIsThatScore) {
  const std::vector<double> scores(7, 0.1);
  for (const ExpectedBest& best : expected_best_of(scores, 9)) {
    EXPECT_EQ(best.mean, 0.1);
    EXPECT_EQ(best.band.low, 0.1);
    EXPECT_EQ(best.band.high, 0.1);
  }
  const std::vector<double> one = {5};
  EXPECT_EQ(expected_best_of(one, 1)[0].unbiased, 5);
  EXPECT_THROW(expected_best_of({}, 1), Error);
  const std::vector<double> diverged = {1, std::numeric_limits<double>::quiet_NaN()};
  EXPECT_THROW(expected_best_of(diverged, 1), Error);
}

TEST(Winner, PickAndScoreTakesTheFirstOfEqualsAndNoIntervalFromOneRun) {
  const std::vector<std::vector<double>> to_pick = {{1, 2}, {1.5}, {1}}, to_score = {{7}, {8, 9}, {9}};
  const ConfirmedPick pick = pick_and_score(to_pick, to_score);
  EXPECT_EQ(pick.winner, 0u);
  EXPECT_EQ(pick.picking_score, 1.5);
  EXPECT_EQ(pick.score, 7);
  EXPECT_EQ(pick.runs_to_score, 1u);
  EXPECT_FALSE(pick.interval.has_value());
  const std::vector<std::vector<double>> short_of_one = {{1}, {2}}, empty = {{1, 2}, {1.5}, {}};
  EXPECT_THROW(pick_and_score(to_pick, short_of_one), Error);
  EXPECT_THROW(pick_and_score(to_pick, empty), Error);
}

}  // namespace
}  // namespace caviar
