#include "tuner/analysis/test_set.h"

#include <algorithm>
#include <cmath>
#include <string>

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

// Run r is wrong on example i with odds e^(quality_r + difficulty_i).
struct Population {
  double difficulty_mean, difficulty_sd, quality_sd;

  // The mean error rate of a run over all examples there could be.
  double error_rate(double quality) const {
    double sum = 0, weights = 0;
    for (double x = -8; x <= 8; x += 1.0 / 16) {
      const double weight = std::exp(-0.5 * x * x);
      sum += weight / (1 + std::exp(-(difficulty_mean + difficulty_sd * x + quality_sd * quality)));
      weights += weight;
    }
    return sum / weights;
  }

  double true_variance() const {
    double sum = 0, squares = 0, weights = 0;
    for (double x = -8; x <= 8; x += 1.0 / 16) {
      const double weight = std::exp(-0.5 * x * x), rate = error_rate(x);
      sum += weight * rate;
      squares += weight * rate * rate;
      weights += weight;
    }
    return squares / weights - sum / weights * (sum / weights);
  }

  ErrorTable draw(std::int64_t study, std::size_t runs, std::size_t examples) const {
    ErrorTable table(examples);
    std::vector<double> odds = test::scores_of(study, "examples", examples);
    for (double& x : odds) x = std::exp(difficulty_mean + difficulty_sd * x);
    const std::vector<double> qualities = test::scores_of(study, "runs", runs);
    std::vector<std::uint8_t> errors(examples);
    for (std::size_t run = 0; run < runs; ++run) {
      Draws draws(20261121, study, "errors" + std::to_string(run));
      const double factor = std::exp(quality_sd * qualities[run]);
      for (std::size_t i = 0; i < examples; ++i) {
        errors[i] = draws.unit() * (1 + factor * odds[i]) < factor * odds[i];
      }
      table.add(errors);
    }
    return table;
  }
};

TEST(TestSet, NoiseFloorsAreThoseOfTheTable) {
  struct Row {
    double error_rate;
    std::int64_t n;
    double binomial, binary, ten_classes;  // in points
  };
  for (const Row& row : {Row{0.01, 10000, 0.0995, 0.0707, 0.0316},
                         {0.02, 10000, 0.140, 0.100, 0.0447},
                         {0.055, 10000, 0.228, 0.166, 0.0742},
                         {0.1, 10000, 0.300, 0.224, 0.100},
                         {0.02, 1000, 0.443, 0.316, 0.1414}}) {
    EXPECT_NEAR(100 * binomial_sd(row.error_rate, row.n), row.binomial, 6e-4);
    EXPECT_NEAR(100 * jordan_binary_sd(row.error_rate, row.n), row.binary, 6e-4);
    EXPECT_NEAR(100 * jordan_floor_sd(row.error_rate, row.n, 10), row.ten_classes, 6e-5);
  }
  EXPECT_EQ(binomial_sd(0, 10), 0);
  EXPECT_EQ(binomial_sd(1, 10), 0);
  EXPECT_THROW(binomial_sd(1.1, 10), Error);
  EXPECT_THROW(jordan_binary_sd(0.1, 0), Error);
  EXPECT_THROW(jordan_floor_sd(0.1, 10, 1), Error);
}

TEST(TestSet, WilsonIntervalIsThatOfStatsmodels) {
  const std::vector<double> rows = golden("wilson").array("rows").values;
  for (std::size_t i = 0; i < rows.size(); i += 4) {
    const Interval found = wilson_interval(rows[i], static_cast<std::int64_t>(rows[i + 1]));
    EXPECT_NEAR(found.low, rows[i + 2], 1e-14);
    EXPECT_NEAR(found.high, rows[i + 3], 1e-14);
  }
  EXPECT_EQ(wilson_interval(0, 1).low, 0);
  EXPECT_EQ(wilson_interval(7, 7).high, 1);
  EXPECT_LT(wilson_interval(7, 7).low, 1);
  EXPECT_THROW(wilson_interval(8, 7), Error);
  EXPECT_THROW(wilson_interval(0, 0), Error);
}

TEST(TestSet, McNemarIsThatOfStatsmodels) {
  const std::vector<double> rows = golden("mcnemar").array("rows").values;
  for (std::size_t i = 0; i < rows.size(); i += 3) {
    const auto b = static_cast<std::int64_t>(rows[i]), c = static_cast<std::int64_t>(rows[i + 1]);
    EXPECT_NEAR(mcnemar_p(b, c), rows[i + 2], 1e-13) << b << " " << c;
    EXPECT_EQ(mcnemar_p(b, c), mcnemar_p(c, b));
  }
  EXPECT_THROW(mcnemar_p(-1, 2), Error);
}

ErrorTable golden_table(std::size_t first_run = 0) {
  const test::GoldenArray& errors = golden("errors").array("errors");
  const auto runs = static_cast<std::size_t>(errors.dims[0]), examples = static_cast<std::size_t>(errors.dims[1]);
  ErrorTable table(examples);
  for (std::size_t i = 0; i < runs; ++i) {
    const auto row = errors.values.begin() + static_cast<std::ptrdiff_t>((i + first_run) % runs * examples);
    table.add(std::vector<std::uint8_t>(row, row + static_cast<std::ptrdiff_t>(examples)));
  }
  return table;
}

// By NumPy from the bits themselves: variances over runs and examples, disagreement over all pairs of runs, and the
// jackknife with every run and every example really left out.
TEST(TestSet, TrueQualityIsThatOfNumPyFromTheBits) {
  const std::vector<double> expected = golden("errors").array("expected").values;
  const std::vector<double> interval = golden("errors").array("interval").values;
  const TrueQuality found = golden_table().quality();
  EXPECT_NEAR(found.test_set_variance, expected[0], 1e-15);
  EXPECT_NEAR(found.noise, expected[1], 1e-15);
  EXPECT_NEAR(found.variance, expected[2], 1e-15);
  EXPECT_NEAR(found.disagreement, expected[3], 1e-14);
  EXPECT_NEAR(found.sd.value(), std::sqrt(expected[2]), 1e-14);
  EXPECT_NEAR(found.interval->low, interval[0], 1e-11);
  EXPECT_NEAR(found.interval->high, interval[1], 1e-11);
  const ErrorTable table = golden_table();
  const TrueQuality counted = true_quality(table.errors_of_runs(), table.errors_of_examples());
  EXPECT_EQ(counted.variance, found.variance);
  EXPECT_FALSE(counted.interval.has_value());
}

TEST(TestSet, TheOrderOfRunsDoesNotMatter) {
  const TrueQuality one = golden_table().quality(), other = golden_table(5).quality();
  EXPECT_NEAR(one.variance, other.variance, 1e-16);
  EXPECT_NEAR(one.interval->high, other.interval->high, 1e-13);
}

TEST(TestSet, PredictionDisagreementIsThatOfAllPairs) {
  const std::vector<double>& rows = golden("votes").array("votes").values;
  const std::vector<std::int64_t> votes(rows.begin(), rows.end());
  EXPECT_NEAR(prediction_disagreement(votes, 3), golden("votes").scalar("disagreement"), 1e-14);
  EXPECT_EQ(prediction_disagreement(std::vector<std::int64_t>{4, 0, 0, 4}, 2), 0);
  EXPECT_EQ(prediction_disagreement(std::vector<std::int64_t>{1, 1, 1, 1}, 2), 1);
  EXPECT_THROW(prediction_disagreement(std::vector<std::int64_t>{4, 0, 0, 3}, 2), Error);
  EXPECT_THROW(prediction_disagreement(std::vector<std::int64_t>{1, 0}, 2), Error);
  EXPECT_THROW(prediction_disagreement(std::vector<std::int64_t>{4, 0, 1}, 2), Error);
}

TEST(TestSet, EqualRunsHaveNoVarianceAndFewRunsNoInterval) {
  ErrorTable same(4);
  for (int run = 0; run < 12; ++run) same.add(std::vector<std::uint8_t>{1, 0, 0, 1});
  const TrueQuality found = same.quality();
  EXPECT_EQ(found.variance, 0);
  EXPECT_EQ(found.sd, 0);
  EXPECT_EQ(found.disagreement, 0);
  EXPECT_FALSE(found.interval.has_value());
  // As many errors in every run, on other examples: the estimate is negative.
  ErrorTable shifted(12);
  for (std::size_t run = 0; run < 12; ++run) {
    std::vector<std::uint8_t> errors(12);
    errors[run] = 1;
    shifted.add(errors);
  }
  EXPECT_LT(shifted.quality().variance, 0);
  EXPECT_EQ(shifted.quality().truncated, 0);
  EXPECT_EQ(shifted.quality().sd, std::nullopt);
  EXPECT_FALSE(shifted.quality().interval.has_value());
  EXPECT_FALSE((Population{-1, 1, 1}.draw(1, 9, 100).quality().interval.has_value()));
}

TEST(TestSet, CountsThatCannotBeAreRefused) {
  using Counts = std::vector<std::int64_t>;
  EXPECT_THROW(true_quality(Counts{1}, Counts{1, 0}), Error);
  EXPECT_THROW(true_quality(Counts{1, 1}, Counts{1, 0}), Error);
  EXPECT_THROW(true_quality(Counts{1, 2}, Counts{3, 0}), Error);
  EXPECT_THROW(true_quality(Counts{1, -1}, Counts{0, 0}), Error);
  ErrorTable table(3);
  EXPECT_THROW(table.add(std::vector<std::uint8_t>{0, 1}), Error);
  EXPECT_THROW(table.add(std::vector<std::uint8_t>{0, 1, 2}), Error);
  EXPECT_EQ(table.runs(), 0u);
  EXPECT_THROW(ErrorTable(0), Error);
}

// Section 1.3's check of S9: 30 runs on 2,000 examples, 400 studies, most of what is seen on the test set being noise.
TEST(TestSet, TheEstimateIsUnbiasedAndItsIntervalHoldsTheTruth) {
  const Population population{-4, 3, 0.06};
  constexpr int kStudies = 400;
  const double truth = population.true_variance();
  std::vector<double> estimates, raw;
  int negative = 0, covered = 0;
  for (int study = 0; study < kStudies; ++study) {
    const TrueQuality found = population.draw(study, 30, 2000).quality();
    estimates.push_back(found.variance);
    raw.push_back(found.test_set_variance);
    negative += found.variance < 0;
    covered += found.interval->low <= truth && truth <= found.interval->high;
  }
  const double standard_error = *sd_of(estimates) / std::sqrt(kStudies);
  EXPECT_NEAR(mean_of(estimates), truth, 3.3 * standard_error);  // further off with probability 0.001
  EXPECT_GT(mean_of(raw), 2.5 * truth);
  EXPECT_GT(negative, 0);
  EXPECT_LT(negative, 0.3 * kStudies);
  EXPECT_GE(covered, 0.93 * kStudies);
}

TEST(TestSet, TheIntervalHoldsTheTruthWhereRunsDifferMuchOrNotAtAll) {
  constexpr int kStudies = 400;
  struct Row {
    double quality_sd;
    std::size_t runs, examples;
  };
  for (const Row& row : {Row{0, 10, 300}, {0.3, 10, 300}, {0.3, 100, 300}, {0.5, 30, 1000}}) {
    const Population population{-4, 3, row.quality_sd};
    const double truth = std::max(0.0, population.true_variance());
    int covered = 0;
    for (int study = 0; study < kStudies; ++study) {
      const Interval found = *population.draw(study, row.runs, row.examples).quality().interval;
      covered += found.low <= truth * (1 + 1e-9) + 1e-15 && truth <= found.high;
    }
    EXPECT_GE(covered, 0.93 * kStudies) << row.quality_sd << " " << row.runs << " " << row.examples;
  }
}

}  // namespace
}  // namespace caviar
