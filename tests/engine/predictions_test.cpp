// predict(): what it says of each example adds up to what the run reported.
#include "engine/predictions.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/local_executor.h"
#include "engine/slot_state.h"
#include "kernels/base/error.h"
#include "tests/support/small_runs.h"

namespace caviar {
namespace {

struct Trained {
  Report last;
  std::vector<float> raw, averages;
};

Trained train(const RunOrder& order) {
  const auto pack = make_cpu_pack(order.key, small_data(), 1);
  const std::atomic<bool> never = false;
  pack->admit(0, order);
  Trained trained;
  do {
    trained.last = pack->advance(never).at(0);
    pack->go_on(0);
  } while (!trained.last.last);
  trained.raw = pack->read(0, false);
  if (order.key.averaged) trained.averages = pack->read(0, true);
  return trained;
}

void expect_same(const Metrics& ours, const Metrics& reported) {
  EXPECT_EQ(ours.loss, reported.loss);
  EXPECT_EQ(ours.correct, reported.correct);
  EXPECT_EQ(ours.examples, reported.examples);
}

// The metrics once more, from the probabilities alone: answers against labels, and -log p in double.
void expect_adds_up(const Predictions& p) {
  ASSERT_EQ(p.probabilities.size(), p.labels.size() * static_cast<std::size_t>(p.classes));
  std::int64_t correct = 0;
  double loss = 0;
  for (std::size_t i = 0; i < p.labels.size(); ++i) {
    const float* row = p.probabilities.data() + i * static_cast<std::size_t>(p.classes);
    correct += p.answers[i] == p.labels[i];
    EXPECT_EQ(row[p.answers[i]], *std::max_element(row, row + p.classes));
    double sum = 0;
    for (int c = 0; c < p.classes; ++c) sum += static_cast<double>(row[c]);
    EXPECT_NEAR(sum, 1, 4 * 6e-8);  // four quotients, each rounded once to 24 bits
    loss -= std::log(static_cast<double>(row[p.labels[i]]));
  }
  EXPECT_EQ(correct, p.metrics.correct);
  EXPECT_NEAR(loss / static_cast<double>(p.labels.size()), p.metrics.loss, 1e-6 * (1 + p.metrics.loss));
}

TEST(Predictions, AddUpToTheMetricsTheRunReported) {
  std::vector<RunOrder> orders = mixed_orders(12);
  orders[2].hyper.standardize = 1;
  orders[3].hyper.label_smoothing = 0.2f;
  orders[5].data.validate_on_test = true;
  for (const RunOrder& order : orders) {
    const Trained trained = train(order);
    const Predictions validation = predict(order, trained.raw, *small_data(), Part::kValidation);
    const Predictions test = predict(order, trained.raw, *small_data(), Part::kTest);
    expect_same(validation.metrics, trained.last.validation);
    expect_same(test.metrics, trained.last.test);
    expect_adds_up(validation);
    expect_adds_up(test);
    if (!order.key.averaged) continue;
    expect_same(predict(order, trained.averages, *small_data(), Part::kValidation).metrics, trained.last.averaged);
    expect_same(predict(order, trained.averages, *small_data(), Part::kTest).metrics, trained.last.averaged_test);
  }
}

TEST(Predictions, SayWhichExampleTheyAreOf) {
  const RunOrder order = small_order(1);
  const Trained trained = train(order);
  const Predictions validation = predict(order, trained.raw, *small_data(), Part::kValidation);
  EXPECT_EQ(std::set<std::int64_t>(validation.examples.begin(), validation.examples.end()).size(), 50u);
  for (std::size_t i = 0; i < validation.examples.size(); ++i)
    EXPECT_EQ(validation.labels[i], small_data()->train.labels.at(static_cast<std::size_t>(validation.examples[i])));
  const Predictions test = predict(order, trained.raw, *small_data(), Part::kTest);
  for (std::size_t i = 0; i < 50; ++i) {
    EXPECT_EQ(test.examples[i], static_cast<std::int64_t>(i));
    EXPECT_EQ(test.labels[i], small_data()->test.labels[i]);
  }
  // Of runs that differ in every seed but the split's, the examples are the same.
  EXPECT_EQ(predict(small_order(2), trained.raw, *small_data(), Part::kValidation).examples, validation.examples);
}

TEST(Predictions, AreTheSameBitsOnEveryThread) {
  const RunOrder order = small_order(3);
  const Trained trained = train(order);
  std::vector<Predictions> all(6);
  std::vector<std::thread> threads;
  for (Predictions& one : all)
    threads.emplace_back([&] { one = predict(order, trained.raw, *small_data(), Part::kTest); });
  for (std::thread& thread : threads) thread.join();
  for (const Predictions& one : all) EXPECT_EQ(one.probabilities, all.front().probabilities);
}

TEST(Weights, OfTheLastReportAreThoseOfTheRunAndHaveItsDigest) {
  std::vector<RunOrder> orders = mixed_orders(6), adaptive = hypergradient_orders(6);
  orders.insert(orders.end(), adaptive.begin(), adaptive.end());
  const auto executor = make_local_executor(small_data(), 2);
  executor->keep_states(true);
  for (const RunOrder& order : orders) executor->submit(order);
  for (const Report& report : finish(*executor, orders.size())) {
    const Weights weights = weights_of(report.state);
    if (!report.last) continue;
    const RunOrder& order = orders[static_cast<std::size_t>(report.run)];
    const Trained trained = train(order);
    EXPECT_EQ(weights.params, trained.raw);
    EXPECT_EQ(weights.averages, trained.averages);
    EXPECT_EQ(digest_of(report.state), report.digest);
    EXPECT_EQ(predict(order, weights.params, *small_data(), Part::kTest).metrics.correct, report.test.correct);
    if (order.key.state_arrays == 0) continue;
    RunOrder again = order;
    again.resume = report.state;
    EXPECT_THROW(executor->submit(again), Error) << "the optimizer's numbers are gone";
  }
}

TEST(Weights, OfADamagedStateAreAnError) {
  const auto executor = make_local_executor(small_data(), 1);
  executor->keep_states(true);
  executor->submit(small_order(1));
  std::vector<std::byte> state = finish(*executor, 1).back().state;
  EXPECT_THROW(weights_of({state.begin(), state.end() - 9}), Error);
  state[14] ^= std::byte{0x40};  // of the number of parameters, which memory could not hold
  EXPECT_THROW(weights_of(state), Error);
}

std::string refusal(const RunOrder& order, const std::vector<float>& weights, const Dataset& data, Part part) {
  try {
    predict(order, weights, data, part);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Predictions, WeightsOfAnotherShapeAndAPartWithoutExamplesAreRefused) {
  const RunOrder order = small_order(1);
  const std::vector<float> weights(static_cast<std::size_t>(parameters_of(order.key, *small_data())));
  EXPECT_THAT(refusal(order, std::vector<float>(7), *small_data(), Part::kTest), testing::HasSubstr("are 7 numbers"));
  Dataset no_test = *small_data();
  no_test.test = {};
  EXPECT_THAT(refusal(order, weights, no_test, Part::kTest), testing::HasSubstr("no test examples"));
  EXPECT_EQ(refusal(order, weights, no_test, Part::kValidation), "");
}

TEST(Predictions, AreComputedInFp32OfARunTrainedInMixedPrecision) {
  RunOrder order = small_order(1);
  const Trained trained = train(order);
  const Predictions fp32 = predict(order, trained.raw, *small_data(), Part::kTest);
  order.key.precision = "mixed";
  EXPECT_EQ(predict(order, trained.raw, *small_data(), Part::kTest).probabilities, fp32.probabilities);
}

}  // namespace
}  // namespace caviar
