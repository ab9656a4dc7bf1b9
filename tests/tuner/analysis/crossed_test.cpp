#include "tuner/analysis/crossed.h"

#include <array>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tests/support/golden.h"
#include "tests/support/simulated_scores.h"

namespace caviar {
namespace {

const test::GoldenCase& golden(const char* name) {
  static const auto cases = test::read_golden(CAVIAR_SOURCE_DIR "/tests/golden/variance.txt");
  return test::find_case(cases, name);
}

void meets_lme4(const Decomposition& found, const std::vector<double>& lme4) {
  ASSERT_EQ(found.components.size(), lme4.size());
  for (std::size_t i = 0; i < lme4.size(); ++i) {
    ASSERT_GT(found.components[i].raw, 0) << i;  // else REML answers another question
    EXPECT_NEAR(found.components[i].raw / lme4[i], 1, 1e-5) << i;
  }
}

TEST(Crossed, BalancedComponentsAreThoseOfLme4sRestrictedLikelihood) {
  meets_lme4(decompose(golden("crossed_three").array("scores").values, {6, 5, 7}, 1),
             golden("crossed_three").array("lme4").values);
  meets_lme4(decompose_replicated(golden("crossed_two_replicated").array("scores").values, {7, 6}, 3, 1),
             golden("crossed_two_replicated").array("lme4").values);
  meets_lme4(decompose_replicated(golden("crossed_two").array("scores").values, {7, 6}, 1, 1),
             golden("crossed_two").array("lme4").values);
}

// Standard deviations of the effects of a three-factor study, in the order of Decomposition.
struct Truth {
  std::array<double, 7> sds;
  std::array<std::size_t, 3> levels;

  std::vector<double> draw(std::int64_t study, bool collapsed = false) const {
    const auto [rows, columns, layers] = levels;
    const auto effects = [&](const char* name, std::size_t n) { return test::scores_of(study, name, n); };
    const std::vector<double> a = effects("a", rows), b = effects("b", columns), c = effects("c", layers);
    const std::vector<double> ab = effects("ab", rows * columns), ac = effects("ac", rows * layers);
    const std::vector<double> bc = effects("bc", columns * layers);
    std::vector<double> scores = test::scores_of(study, "cell", rows * columns * layers, collapsed);
    for (std::size_t i = 0, cell = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < columns; ++j) {
        for (std::size_t k = 0; k < layers; ++k, ++cell) {
          scores[cell] = sds[0] * a[i] + sds[1] * b[j] + sds[2] * c[k] + sds[3] * ab[i * columns + j] +
                         sds[4] * ac[i * layers + k] + sds[5] * bc[j * layers + k] + sds[6] * scores[cell];
        }
      }
    }
    return scores;
  }
};

// Effects that sum to nothing over every level, so that no mean square sees another's: 2 of a, 1 of b, 0.5 of the cell.
TEST(Crossed, ADesignByHandComesApartExactly) {
  std::vector<double> scores;
  for (const double a : {-2.0, 2.0}) {
    for (const double b : {-1.0, 1.0}) {
      for (const double c : {-1.0, 1.0}) scores.push_back(10 + a + b + 0.5 * (a / 2) * b * c);
    }
  }
  const Decomposition found = decompose(scores, {2, 2, 2}, 1);
  const std::array<double, 7> squares = {32, 8, 0, 0, 0, 0, 2};  // sums of squares, one degree of freedom each
  for (std::size_t i = 0; i < 7; ++i) {
    EXPECT_NEAR(found.components[i].mean_square, squares[i], 1e-12) << i;
    EXPECT_EQ(found.components[i].freedom, 1) << i;
  }
  EXPECT_NEAR(found.components[0].raw, (32 - 0 - 0 + 2) / 4.0, 1e-12);
  EXPECT_NEAR(found.components[2].raw, 2 / 4.0, 1e-12);
  EXPECT_NEAR(found.components[3].raw, -2 / 2.0, 1e-12);
  EXPECT_EQ(found.components[3].variance, 0);
  EXPECT_EQ(found.components[3].factors, 3u);
  EXPECT_NEAR(found.total, 8.5 + 2.5 + 0.5 + 2, 1e-12);
  EXPECT_FALSE(found.enough_levels);
  EXPECT_FALSE(found.components[0].interval.has_value());
}

TEST(Crossed, ScaleSquaresAndShiftAndTheOrderOfLevelsChangeNothing) {
  const Truth truth{{1, 0.5, 0.3, 0.4, 0.4, 0.4, 1}, {5, 6, 5}};
  const std::vector<double> scores = truth.draw(1);
  std::vector<double> moved(scores.size());
  for (std::size_t i = 0; i < 5; ++i) {  // levels of the first factor in reverse
    for (std::size_t rest = 0; rest < 30; ++rest) moved[(4 - i) * 30 + rest] = 3 + 0.1 * scores[i * 30 + rest];
  }
  const Decomposition one = decompose(scores, truth.levels, 1), other = decompose(moved, truth.levels, 1);
  for (std::size_t i = 0; i < 7; ++i) {
    EXPECT_NEAR(other.components[i].raw, 0.01 * one.components[i].raw, 1e-12) << i;
    EXPECT_NEAR(*other.components[i].share, *one.components[i].share, 1e-10) << i;
    EXPECT_NEAR(other.components[i].interval->high, 0.01 * one.components[i].interval->high, 1e-10) << i;
  }
}

TEST(Crossed, FailedCellsAndShortDesignsAreRefused) {
  std::vector<double> scores = Truth{{1, 1, 1, 1, 1, 1, 1}, {5, 5, 5}}.draw(1);
  scores[7] = std::numeric_limits<double>::quiet_NaN();
  scores[9] = std::numeric_limits<double>::infinity();
  try {
    decompose(scores, {5, 5, 5}, 1);
    FAIL() << "two failed cells were not noticed";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("2 of 125 crossed runs"), std::string::npos) << error.what();
  }
  const std::vector<double> eight(8, 1.0);
  EXPECT_THROW(decompose(eight, {2, 2, 3}, 1), Error);
  EXPECT_THROW(decompose(eight, {8, 1, 1}, 1), Error);
  EXPECT_THROW(decompose_replicated(eight, {1, 2}, 4, 1), Error);
  EXPECT_THROW(decompose_replicated(eight, {2, 4}, 0, 1), Error);
}

TEST(Crossed, WithoutVariationNothingIsClaimed) {
  const Decomposition found = decompose(std::vector<double>(125, 0.1), {5, 5, 5}, 1);
  EXPECT_EQ(found.total, 0);
  for (const VarianceComponent& component : found.components) {
    EXPECT_EQ(component.raw, 0);
    EXPECT_EQ(component.share, std::nullopt);
    EXPECT_FALSE(component.interval.has_value());
  }
}

TEST(Crossed, IntervalsNeedFiveLevelsOfEverySource) {
  const Decomposition four = decompose(Truth{{1, 1, 1, 1, 1, 1, 1}, {4, 9, 9}}.draw(1), {4, 9, 9}, 1);
  EXPECT_EQ(four.fewest_levels, 4u);
  EXPECT_FALSE(four.enough_levels);
  for (const VarianceComponent& component : four.components) EXPECT_FALSE(component.interval.has_value());
  // Replicates are no source: two are enough.
  std::vector<double> scores = test::scores_of(1, "scores", 50);
  const Decomposition replicated = decompose_replicated(scores, {5, 5}, 2, 1);
  EXPECT_TRUE(replicated.enough_levels);
  for (const VarianceComponent& component : replicated.components) {
    EXPECT_LE(component.interval->low, component.variance);
    EXPECT_GE(component.interval->high, component.variance);
  }
}

// What training gives: the whole combination is nearly everything. And one where a source matters; and one where a run
// in 20 collapses, its variance 1 + 64 * 0.05 * 0.95.
TEST(Crossed, IntervalsHoldTheTrueComponents) {
  constexpr int kStudies = 500;
  struct Row {
    Truth truth;
    bool collapsed;
  };
  for (const Row& row : {Row{{{0.1, 0.2, 0, 0.1, 0.1, 0, 1}, {6, 6, 6}}, false},
                         Row{{{1, 0.7, 0.4, 0.5, 0.5, 0.5, 1}, {8, 8, 6}}, false},
                         Row{{{0.5, 0.5, 0.2, 0.5, 0.5, 0.5, 1}, {6, 6, 6}}, true}}) {
    std::array<int, 7> covered{};
    for (int study = 0; study < kStudies; ++study) {
      const Decomposition found = decompose(row.truth.draw(study, row.collapsed), row.truth.levels, 1, 0.95, 500);
      for (std::size_t i = 0; i < 7; ++i) {
        double variance = row.truth.sds[i] * row.truth.sds[i];
        if (i == 6 && row.collapsed) variance *= 1 + 64 * 0.05 * 0.95;
        covered[i] += found.components[i].interval->low <= variance && variance <= found.components[i].interval->high;
      }
    }
    for (std::size_t i = 0; i < 7; ++i) EXPECT_GE(covered[i], 0.93 * kStudies) << row.truth.levels[0] << " " << i;
  }
}

}  // namespace
}  // namespace caviar
