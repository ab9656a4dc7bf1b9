// What is read of a study of noise, and what the answers of its runs say.
#include "tuner/seeds/noise.h"

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tests/support/study_fixture.h"

namespace caviar {
namespace {

TEST(Noise, OfRunsThatAllDivergeThereAreCountsAndNoMetric) {
  Storage storage = Storage::open_to_write(":memory:");
  FakeStudy fake(storage, small_setup(std::nullopt, 4), {small_sweep(8)[6]});
  fake.study.carry_out();
  const NoiseScores scores = noise_scores(storage, 1);
  EXPECT_EQ(scores.runs, 4);
  EXPECT_EQ(scores.diverged, 4);
  EXPECT_EQ(scores.complete, 0);
  EXPECT_TRUE(scores.metrics.empty());
}

TEST(Noise, ScoresAreThoseOfTheLastReportsOfCompleteRuns) {
  Storage storage = Storage::open_to_write(":memory:");
  FakeStudy fake(storage, small_setup(std::nullopt, 7), {small_sweep(8)[0]});
  fake.study.carry_out();
  const NoiseScores scores = noise_scores(storage, 1);
  ASSERT_EQ(scores.complete, 7);
  ASSERT_EQ(scores.complete_runs.size(), 7u);
  double sum = 0;
  for (const std::int64_t run : scores.complete_runs) sum += storage.last_report(run)->validation.accuracy();
  const MetricNoise* accuracy = find_noise(scores, "val_accuracy");
  ASSERT_NE(accuracy, nullptr);
  EXPECT_EQ(accuracy->spread.n, 7u);
  EXPECT_NEAR(accuracy->spread.mean, sum / 7, 1e-12);
  EXPECT_EQ(find_noise(scores, "averaged_val_accuracy"), nullptr);
}

// Three runs, four examples of three classes; by hand.
TEST(Noise, AnswersSayHowOftenTwoRunsDisagree) {
  AnswerTable table({0, 1, 2, 0}, 3);
  table.add(std::vector<std::uint8_t>{0, 1, 2, 1});  // 1 wrong
  table.add(std::vector<std::uint8_t>{0, 1, 0, 2});  // 2 wrong
  table.add(std::vector<std::uint8_t>{0, 0, 2, 0});  // 1 wrong
  const TestSetNoise noise = table.noise();
  EXPECT_EQ(noise.runs, 3);
  EXPECT_EQ(noise.examples, 4);
  EXPECT_NEAR(noise.error_rate, 4.0 / 12, 1e-15);
  // Pairs that differ, of 3 for each example: in class 0, 2, 2, 3; in being right 0, 2, 2, 2.
  EXPECT_NEAR(noise.class_disagreement, 7.0 / 12, 1e-15);
  EXPECT_NEAR(noise.quality.disagreement, 6.0 / 12, 1e-15);
  // Error rates 1/4, 1/2, 1/4 have the variance 1/48.
  EXPECT_NEAR(noise.quality.test_set_variance, 1.0 / 48, 1e-15);
  EXPECT_NEAR(noise.binomial_sd, std::sqrt(1.0 / 3 * 2 / 3 / 4), 1e-15);
  EXPECT_NEAR(noise.jordan_sd, std::sqrt(1.0 / 3 / 12), 1e-15);
  EXPECT_THROW(table.add(std::vector<std::uint8_t>{0}), Error);
}

TEST(Noise, DifferencesArePlannedByTheUpperLimitOfThePilot) {
  const std::vector<double> pilot = {0.1, 0.3, 0.2, 0.5, 0.4};
  const Spread spread = spread_of(pilot, 1);
  const auto planned = plan_differences(spread, {});
  ASSERT_EQ(planned.size(), 3u);
  EXPECT_DOUBLE_EQ(planned[1].difference, *spread.sd);
  EXPECT_EQ(planned[1].plan.at_estimate, 17);  // statsmodels TTestIndPower at 1 sd, power 0.8
  EXPECT_GT(*planned[1].plan.at_upper_limit, 17);
  const auto asked = plan_differences(spread, std::vector<double>{0.02});
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].difference, 0.02);
  EXPECT_TRUE(plan_differences(spread_of(std::vector<double>{0.5, 0.5}, 1), {}).empty());
  EXPECT_TRUE(plan_differences(spread_of(std::vector<double>{0.5}, 1), {}).empty());
}

}  // namespace
}  // namespace caviar
