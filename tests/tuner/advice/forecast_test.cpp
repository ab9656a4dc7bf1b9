// What a sweep costs: which shapes its trials have, and how seconds of a few become seconds of all.
#include "tuner/advice/forecast.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/local_executor.h"
#include "kernels/base/error.h"
#include "tests/support/small_runs.h"
#include "tuner/registry.h"

namespace caviar {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const DataShape kShape = {200, 50, "d"};

DataUse forty() {
  DataUse use;
  use.validation_examples = 40;
  return use;
}

TrialSample sample_of(const std::string& text, std::optional<std::int64_t> trials, std::int64_t most) {
  const SweepSpec spec = parse_sweep(text, "s.yaml");
  const SearchSpace space(spec);
  const auto sampler = make_sampler(spec, space, {});
  return sample_trials(space, *sampler, trials, most, forty(), kShape, "fp32");
}

TEST(Forecast, CountsTheShapesOfAGridExactly) {
  // 160 training examples: 8 steps of 20, or 2 of 100, an epoch.
  const TrialSample sample = sample_of(
      "method: grid\nparameters:\n  lr: {values: [0.1, 0.01, 0.001]}\n  batch_size: {values: [20, 100, 1000]}\n"
      "  epochs: {value: 3}\n  polyak: {value: uniform}\n",
      9, 100);
  EXPECT_EQ(sample.looked_at, 9);
  EXPECT_EQ(sample.untrainable, 3);
  EXPECT_THAT(sample.why, HasSubstr("batch_size is 1000"));
  ASSERT_EQ(sample.shapes.size(), 2u);
  EXPECT_EQ(sample.shapes[0].trials, 3);
  EXPECT_EQ(sample.shapes[0].steps, 24);
  EXPECT_EQ(sample.shapes[1].steps, 6);
  EXPECT_EQ(sample.most_reports, 3);
  // Raw and averaged weights: 40 validation examples at every one of 3 reports, 50 test examples at the last.
  EXPECT_EQ(sample.shapes[0].measured, 2 * (3 * 40 + 50));
}

// adam reads no momentum, so that of its four points two repeat the others; of sgd's none does.
TEST(Forecast, TrialsThatRepeatATrainingAreCountedWhereAllAreKnown) {
  const std::string text =
      "method: grid\nparameters:\n  optimizer: {values: [adam, sgd]}\n  momentum: {values: [0.5, 0.9]}\n"
      "  lr: {values: [0.1, 0.01]}\n  batch_size: {value: 20}\n  epochs: {value: 1}\n";
  const TrialSample whole = sample_of(text, 8, 100);
  EXPECT_TRUE(whole.is_whole);
  EXPECT_EQ(whole.repeats, 2);
  EXPECT_EQ(whole.trainings(8), 6);
  std::int64_t trials = 0;
  for (const ShapeShare& shape : whole.shapes) trials += shape.trials;
  EXPECT_EQ(trials, 6);
  const TrialSample part = sample_of(text, 8, 4);
  EXPECT_FALSE(part.is_whole);
  EXPECT_EQ(part.trainings(8), 8) << "at most";
}

TEST(Forecast, LooksAllOverALongGrid) {
  // In order of the grid hidden_size varies slowest: the first 50 of 1000 points have one size of ten.
  const TrialSample sample = sample_of(
      "method: grid\nparameters:\n  hidden_size: {min: 1, max: 10}\n  lr: {value: 0.1}\n  seed: {min: 1, max: 100}\n",
      1000, 50);
  ASSERT_EQ(sample.shapes.size(), 10u);
  for (const ShapeShare& shape : sample.shapes) EXPECT_EQ(shape.trials, 5);
}

// 4 members in 5 generations are 4 whole trainings, not 20.
TEST(Forecast, MembersOfAPopulationAreTrainedOnceNotAnewEachGeneration) {
  const std::string text =
      "method: random\nparameters: {lr: {min: 0.01, max: 0.1}, batch_size: {value: 20}, epochs: {value: 10}}\n";
  const TrialSample whole = sample_of(text, 20, 20);
  const TrialSample part = sample_of(text + "caviar: {sampler: {name: pbt, population: 4, interval: 2}}\n", 20, 20);
  EXPECT_EQ(whole.share, 1);
  EXPECT_EQ(whole.population, 0);
  EXPECT_EQ(part.population, 4);
  EXPECT_DOUBLE_EQ(part.share, 0.2);
  ASSERT_EQ(part.shapes.size(), 1u);
  EXPECT_DOUBLE_EQ(5 * part.shapes[0].steps, whole.shapes[0].steps);
  EXPECT_DOUBLE_EQ(5 * part.shapes[0].measured, whole.shapes[0].measured);
  EXPECT_EQ(part.shapes[0].most_steps, whole.shapes[0].most_steps) << "generations follow one another";
}

TEST(Forecast, ASamplerThatWaitsIsNotAsked) {
  class Waits final : public Sampler {
   public:
    std::int64_t needs(std::int64_t number) const override { return number - 1; }

   private:
    std::optional<Config> propose(std::int64_t, int) override { fail("asked too early"); }
  } sampler;
  const SweepSpec spec = parse_sweep("method: random\nparameters: {hidden_size: {min: 1, max: 4}}\n", "s.yaml");
  const TrialSample sample = sample_trials(SearchSpace(spec), sampler, 100, 100, forty(), kShape, "fp32");
  EXPECT_TRUE(sample.drawn_evenly);
  EXPECT_EQ(sample.shapes.size(), 4u);
}

std::vector<ShapeShare> shapes(const std::vector<std::int64_t>& trials) {
  std::vector<ShapeShare> all;
  for (const std::int64_t n : trials) {
    ShapeShare shape;
    shape.trials = n;
    shape.steps = 100;
    shape.measured = 1000;
    shape.example.key.batch_size = 10;
    all.push_back(shape);
  }
  return all;
}

TEST(Forecast, MeasuresShapesSpreadOverTheWork) {
  const std::vector<std::int64_t> parameters = {50, 10, 40, 20, 30};
  EXPECT_THAT(shapes_to_measure(shapes({1, 1, 1, 1, 1}), parameters, 9), ElementsAre(0, 1, 2, 3, 4));
  // In order of work 10 20 30 40 50; the middles of two halves fall in 20 and 40.
  EXPECT_THAT(shapes_to_measure(shapes({1, 1, 1, 1, 1}), parameters, 2), ElementsAre(2, 3));
  // Nearly all trials have 50 parameters.
  EXPECT_THAT(shapes_to_measure(shapes({96, 1, 1, 1, 1}), parameters, 1), ElementsAre(0));
}

TEST(Forecast, ShapesNotMeasuredGoAsTheNearest) {
  const auto all = shapes({1, 1, 1});
  const std::vector<std::optional<Speed>> measured = {Speed{1.0, 0.5, 7}, std::nullopt, Speed{8.0, 1.0, 3}};
  const auto speeds = all_speeds(all, {100, 200, 1000}, measured);
  EXPECT_EQ(speeds[0].steps, 7);
  EXPECT_DOUBLE_EQ(speeds[1].step_seconds, 2.0);  // twice the parameters of the first
  EXPECT_DOUBLE_EQ(speeds[1].example_seconds, 1.0);
  EXPECT_EQ(speeds[1].steps, 0) << "not measured";
}

TEST(Forecast, SecondsAreWorkAtFullSpeedAndNeverLessThanTheLongestRun) {
  const auto all = shapes({3, 1});
  // A run of the first costs 100 * 0.01 + 1000 * 0.001 = 2 s, of the second 100 * 0.05 + 0 = 5 s.
  const std::vector<Speed> speeds = {{0.01, 0.001, 1}, {0.05, 0, 1}};
  EXPECT_DOUBLE_EQ(forecast_seconds(all, speeds, 400, 4), 300 * 2.0 + 100 * 5.0);
  EXPECT_DOUBLE_EQ(forecast_seconds(all, speeds, 1, 4), 4 * 5.0);
}

TEST(Forecast, MeasuresARealExecutorAndLeavesItEmpty) {
  const auto executor = make_local_executor(small_data(), 2);
  BoundConfig config;
  config.key = small_order(0).key;
  config.hyper = small_order(0).hyper;
  const Speed speed = measure_speed(*executor, config, 2, std::chrono::milliseconds(100), 50);
  EXPECT_GT(speed.steps, 0);
  EXPECT_GT(speed.step_seconds, 0);
  EXPECT_LT(speed.step_seconds, 0.1);
  EXPECT_GE(speed.example_seconds, 0);
  EXPECT_LT(speed.example_seconds, 0.1);
  EXPECT_TRUE(executor->drain().empty());
}

}  // namespace
}  // namespace caviar
