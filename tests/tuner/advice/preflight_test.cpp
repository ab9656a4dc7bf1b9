// What is tried before a sweep: the verdicts on numbers made by hand, and the trials on a small data set with the real
// executor.
#include "tuner/advice/preflight.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/local_executor.h"
#include "kernels/math/philox.h"
#include "tests/support/small_runs.h"

namespace caviar {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Two layers with everything that preflight switches off somewhere.
BoundConfig small_config() {
  const RunOrder order = small_order(0);
  BoundConfig config;
  config.key = order.key;
  config.hyper = order.hyper;
  config.hyper.clip_norm = 0;
  config.hyper.label_smoothing = 0.1f;
  config.hyper.weight_decay = 0.01f;
  config.hyper.schedule = Schedule::kCosine;
  config.hyper.warmup_steps = 1000;
  config.seeds = order.seeds;
  return config;
}

Dataset labelled(const std::vector<std::uint8_t>& labels, int classes) {
  Dataset data;
  data.steps = 1;
  data.features = 2;
  data.classes = classes;
  data.train.count = static_cast<std::int64_t>(labels.size());
  data.train.labels = labels;
  for (std::size_t i = 0; i < 2 * labels.size(); ++i) data.train.features.push_back(static_cast<std::uint8_t>(i));
  return data;
}

// ---- data

TEST(Preflight, DataWithoutClassesOrContrastIsNoted) {
  EXPECT_EQ(check_data(labelled({0, 1, 2, 1}, 3)).grade, Grade::kPass);
  EXPECT_THAT(check_data(labelled({0, 1, 2, 1}, 3)).sentence, HasSubstr("4 training examples, 1 to 2 in each of 3"));
  EXPECT_EQ(check_data(labelled({0, 2, 0, 2}, 3)).grade, Grade::kWarn);
  EXPECT_EQ(check_data(labelled({2, 2, 2}, 3)).grade, Grade::kFail);
  Dataset grey = labelled({0, 1}, 2);
  grey.train.features = {7, 7, 7, 7};
  EXPECT_THAT(check_data(grey).sentence, HasSubstr("every pixel is 7"));
  EXPECT_EQ(check_data(grey).grade, Grade::kFail);
}

TEST(Preflight, FewExamplesAreOfAllClasses) {
  const auto few = few_examples(labelled({0, 0, 0, 0, 1, 1, 2, 0}, 3), 5);
  EXPECT_THAT(few->train.labels, ElementsAre(0, 1, 2, 0, 1));
  EXPECT_THAT(few->train.features, ElementsAre(0, 1, 8, 9, 12, 13, 2, 3, 10, 11));
  EXPECT_EQ(few->test.labels, few->train.labels);
  EXPECT_EQ(few_examples(labelled({0, 1}, 2), 20)->train.count, 2);
}

TEST(Preflight, SpreadExamplesAreFromAllOver) {
  const auto spread = spread_examples(labelled({0, 1, 2, 3, 4, 5, 6, 7, 8}, 9), 3);
  EXPECT_THAT(spread->train.labels, ElementsAre(0, 3, 6));
  EXPECT_EQ(spread->test.count, 1);
  EXPECT_EQ(spread_examples(labelled({0, 1}, 2), 20)->train.count, 2);
}

// ---- initial loss

TEST(Preflight, TheInitialLossIsThatOfChance) {
  EXPECT_EQ(judge_initial_loss(2.302585, 10).grade, Grade::kPass);  // ln 10
  EXPECT_THAT(judge_initial_loss(2.4, 10).sentence, HasSubstr("ln 10 = 2.303"));
  EXPECT_EQ(judge_initial_loss(2.0, 10).grade, Grade::kWarn) << "knowing before learning is odd, too";
  EXPECT_EQ(judge_initial_loss(2.9, 10).grade, Grade::kWarn);
  EXPECT_EQ(judge_initial_loss(4.0, 10).grade, Grade::kFail);
  EXPECT_EQ(judge_initial_loss(std::numeric_limits<double>::quiet_NaN(), 10).grade, Grade::kFail);
}

TEST(Preflight, AnUntrainedNetworkIsMeasuredWithoutRegularisation) {
  const auto data = spread_examples(*small_data(), 200);
  const auto executor = make_local_executor(data, 1);
  const double loss = initial_loss(*executor, small_config(), *data);
  EXPECT_NEAR(loss, std::log(4.0), 0.1);
  BoundConfig plain = small_config();
  plain.hyper.dropout = plain.hyper.label_smoothing = 0;
  EXPECT_EQ(loss, initial_loss(*executor, plain, *data));
}

// ---- learning rates

// A test that starts at 2 and ends at these losses for rates 1e-6, 2e-6, ...; infinity: diverged.
RangeTest test_of(std::vector<double> losses) {
  RangeTest test;
  test.start = 2;
  test.steps = 100;
  const std::vector<double> rates = range_test_rates();
  losses.resize(rates.size(), losses.back());
  for (std::size_t i = 0; i < rates.size(); ++i) test.rates.push_back({rates[i], losses[i], std::isinf(losses[i])});
  return test;
}

constexpr double kGone = std::numeric_limits<double>::infinity();

TEST(Preflight, TheUsableRatesLieAroundTheBest) {
  // The best fall is 1 at 5e-5; a tenth of it is reached from 1e-5 to 1e-4; at 2e-4 it rises, at 5e-4 it is gone.
  const auto range = usable_rates(test_of({2, 2, 1.95, 1.9, 1.5, 1, 1.4, 2.5, kGone}));
  ASSERT_TRUE(range);
  EXPECT_EQ(range->min, 1e-5);
  EXPECT_EQ(range->best, 5e-5);
  EXPECT_EQ(range->max, 1e-4);
  EXPECT_EQ(range->rises_at, 2e-4);
}

// Beyond the turn of the curve: 1e-4 keeps 0.3 of the best fall of 1.
TEST(Preflight, ARateThatKeepsLessThanHalfOfTheFallIsNoneToUseAboveTheBest) {
  const auto range = usable_rates(test_of({2, 2, 1.95, 1.9, 1.5, 1, 1.7, 2.5, kGone}));
  ASSERT_TRUE(range);
  EXPECT_EQ(range->max, 5e-5);
}

// From a start above chance the loss falls to it at once, and nothing is learned.
TEST(Preflight, RatesAreMeasuredAgainstChance) {
  RangeTest test = test_of({2, 1.9, 1.6, 1.59, 1.61, 1.62, 1.7, kGone});
  EXPECT_TRUE(usable_rates(test));
  test.chance = 1.6;
  EXPECT_FALSE(usable_rates(test));
  const Finding finding = judge_rates(test, std::vector{1e-6, 5e-6});
  EXPECT_EQ(finding.grade, Grade::kWarn);
  EXPECT_THAT(finding.sentence, AllOf(HasSubstr("below chance, 1.6"), HasSubstr("best 1.59")));
  test.rates[3].loss = 1.0;
  ASSERT_TRUE(usable_rates(test));
  EXPECT_EQ(usable_rates(test)->min, 1e-5) << "5e-6 comes down to chance and no further";
  EXPECT_EQ(usable_rates(test)->max, 1e-5);
}

TEST(Preflight, LongRunsUseLowerRates) {
  RangeTest test = test_of({2, 2, 2, 2, 2, 2, 1.95, 1, 1.4, 2.5, kGone});  // 2e-4 to 5e-4, in 100 steps
  test.run_steps = 100;
  EXPECT_EQ(usable_rates(test)->min, 2e-4);
  test.run_steps = 200;
  EXPECT_EQ(usable_rates(test)->min, 1e-4);
  test.run_steps = 1000;
  EXPECT_EQ(usable_rates(test)->min, 2e-5);
  test.run_steps = 1'000'000'000;
  EXPECT_EQ(usable_rates(test)->min, 1e-6) << "the lowest that was tried";
  EXPECT_EQ(usable_rates(test)->max, 5e-4);
}

TEST(Preflight, APlateauBelowTheBestRateIsCrossed) {
  const auto range = usable_rates(test_of({2, 1.5, 2.01, 1, 2.01, 1.2, kGone}));
  ASSERT_TRUE(range);
  EXPECT_EQ(range->min, 2e-6);
  EXPECT_EQ(range->max, 1e-5) << "above the best it is an edge";
}

TEST(Preflight, ARiseEndsTheUsableRates) {
  const auto range = usable_rates(test_of({1.5, 2.1, 1.4, 1, 2.1, 1.2, kGone}));
  ASSERT_TRUE(range);
  EXPECT_EQ(range->min, 5e-6);
  EXPECT_EQ(range->max, 1e-5);
  EXPECT_EQ(range->rises_at, 2e-5);
}

TEST(Preflight, WhereNothingFallsThereIsNoRange) {
  EXPECT_FALSE(usable_rates(test_of({2, 1.97, 2, kGone})));
  EXPECT_FALSE(usable_rates(test_of({kGone})));
  EXPECT_TRUE(usable_rates(test_of({2, 1.95, 2, kGone})));
  const std::vector<double> rates = {0.1};
  EXPECT_EQ(judge_rates(test_of({2, 1.97, 2, kGone}), rates).grade, Grade::kFail);
}

TEST(Preflight, TheSweepsRatesAreHeldAgainstTheUsable) {
  const RangeTest test = test_of({2, 2, 1.95, 1.9, 1.5, 1, 1.4, 2.5, kGone});  // 1e-5 to 1e-4
  const auto grade = [&](std::vector<double> rates) { return judge_rates(test, rates).grade; };
  EXPECT_EQ(grade({10, 50, 100}), Grade::kFail) << "all of them diverge";
  EXPECT_EQ(grade({1e-4, 1e-2, 1}), Grade::kWarn) << "most of them rise";
  EXPECT_EQ(grade({1e-8, 1e-7}), Grade::kWarn) << "none is of use";
  EXPECT_EQ(grade({1e-6, 5e-5}), Grade::kPass);
  EXPECT_EQ(grade({5e-5}), Grade::kPass);
  EXPECT_THAT(judge_rates(test, std::vector{1e-6, 5e-5}).sentence,
              AllOf(HasSubstr("of use from 1e-05 to 0.0001"), HasSubstr("fastest at 5e-05"), HasSubstr("50 %")));
}

TEST(Preflight, TheSizeOfTheTestIsBounded) {
  Dataset data;
  data.steps = data.features = 28;
  data.classes = 10;
  data.train.count = 60000;
  BoundConfig config;
  config.key.hidden_size = 10;
  config.key.batch_size = 64;
  // 22 rates, 5,970 parameters, T = 28: 100 steps of 64 are 2.4e10.
  EXPECT_EQ(range_test_size(config, data).steps, 100);
  EXPECT_EQ(range_test_size(config, data).batch_size, 64);
  config.key.hidden_size = 1024;
  EXPECT_EQ(range_test_size(config, data).steps, 40);
  EXPECT_EQ(range_test_size(config, data).batch_size, 16);
}

TEST(Preflight, RatesAreTriedSideBySideAndTheSameOnAnyNumberOfThreads) {
  const RangeTestSize size{100, 20};
  const auto data = spread_examples(*small_data(), size.examples());
  const auto test_on = [&](int threads) {
    const auto executor = make_local_executor(data, threads);
    BoundConfig config = small_config();
    config.key.num_layers = 1;
    return test_rates(*executor, config, size);
  };
  const RangeTest one = test_on(1), three = test_on(3);
  ASSERT_EQ(one.rates.size(), 22u);
  for (std::size_t i = 0; i < 22; ++i) {
    EXPECT_EQ(one.rates[i].diverged, three.rates[i].diverged);
    if (one.rates[i].diverged) continue;
    EXPECT_EQ(one.rates[i].loss, three.rates[i].loss) << one.rates[i].rate;
  }
  const auto range = usable_rates(one);
  ASSERT_TRUE(range);
  EXPECT_LE(range->min, 0.01);
  EXPECT_GE(range->max, 0.01) << "adam's usual rate for a small network";
  EXPECT_EQ(judge_rates(one, std::vector{10.0, 30.0, 100.0}).grade, Grade::kFail);
}

TEST(Preflight, TheRatesOfASweepFollowItsLaw) {
  const SweepSpec spec = parse_sweep(
      "method: random\nparameters:\n  lr: {distribution: log_uniform_values, min: 1e-4, max: 1}\n", "s.yaml");
  const Config config = {{"lr", 0.1}};
  const ParameterSpec* parameter = rate_parameter(spec, config);
  ASSERT_NE(parameter, nullptr);
  const auto rates = rates_of(parameter, {});
  EXPECT_EQ(rates.size(), 64u);
  EXPECT_EQ(std::count_if(rates.begin(), rates.end(), [](double r) { return r < 1e-2; }), 32) << "half of the decades";
  EXPECT_EQ(rate_parameter(parse_sweep("method: grid\nparameters: {cell: {value: gru}}\n", "s.yaml"), {}), nullptr);
  EXPECT_THAT(rates_of(nullptr, {}), ElementsAre(0.003f));
}

// ---- by heart

TEST(Preflight, ANetworkLearnsTwentyExamplesByHeartEvenWithShuffledLabels) {
  Dataset shuffled = *small_data();
  for (std::size_t i = 0; i < shuffled.train.labels.size(); ++i)
    shuffled.train.labels[i] = static_cast<std::uint8_t>(philox4x32(static_cast<std::uint32_t>(i), 0, 0, 0, 5).x % 4);
  for (const Dataset* data : {small_data().get(), static_cast<const Dataset*>(&shuffled)}) {
    const auto few = few_examples(*data, 20);
    const auto executor = make_local_executor(few, 2);
    const ByHeart result = learn_by_heart(*executor, small_config(), few->train.count, std::vector{0.01, 0.03, 0.1});
    EXPECT_EQ(judge_by_heart(result).grade, Grade::kPass) << judge_by_heart(result).sentence;
    EXPECT_EQ(result.accuracy, 1);
    EXPECT_GE(result.rate, 0.01);
  }
}

TEST(Preflight, ANetworkThatCannotMoveFails) {
  const auto few = few_examples(*small_data(), 20);
  const auto executor = make_local_executor(few, 1);
  const ByHeart result = learn_by_heart(*executor, small_config(), few->train.count, std::vector{0.0});
  EXPECT_EQ(result.steps, 900) << "it had the time";
  EXPECT_EQ(judge_by_heart(result).grade, Grade::kFail);
  EXPECT_NEAR(result.loss, std::log(4.0), 0.2);
}

TEST(Preflight, KnowingEveryLabelSlowlyIsAWarning) {
  EXPECT_EQ(judge_by_heart({20, 900, 0.1, 0.02, 1.0}).grade, Grade::kWarn);
  EXPECT_EQ(judge_by_heart({20, 900, 0.1, 0.02, 0.95}).grade, Grade::kFail);
  EXPECT_EQ(judge_by_heart({20, 100, 0.1, 0.009, 1.0}).grade, Grade::kPass);
}

}  // namespace
}  // namespace caviar
