#include "engine/local_executor.h"

#include <functional>
#include <map>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tests/support/small_runs.h"

namespace caviar {
namespace {

using std::chrono::milliseconds;

std::string error_of(const std::function<void()>& what) {
  try {
    what();
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

TEST(LocalExecutor, ReportsEveryRungOnceAndInOrder) {
  const auto executor = make_local_executor(small_data(), 2);
  for (int run = 0; run < 6; ++run) executor->submit(small_order(run));
  std::map<std::int64_t, int> next;
  for (const Report& r : finish(*executor, 6)) {
    EXPECT_EQ(r.rung, next[r.run]++);
    EXPECT_EQ(r.step, 5 * next[r.run]);
    EXPECT_EQ(r.train.examples, 150);
    EXPECT_EQ(r.samples, 150);
    EXPECT_EQ(r.validation.examples, 50);
    EXPECT_EQ(r.averaged.examples, 50);
    EXPECT_EQ(r.last, r.rung == 2);
    EXPECT_EQ(r.test.examples, r.last ? 50 : 0) << "the test set is touched once, at the end";
    EXPECT_TRUE(r.state.empty());
  }
}

TEST(LocalExecutor, TrainingLearns) {
  RunOrder order = small_order(1);
  order.hyper.total_steps = 100;
  const std::vector<Report> reports = alone(order);
  EXPECT_LT(reports.back().train.loss, 0.5 * reports.front().train.loss);
  EXPECT_GT(reports.back().test.accuracy(), 0.9);
}

TEST(LocalExecutor, AStoppedRunReportsNoMore) {
  const auto executor = make_local_executor(small_data(), 2);
  for (int run = 0; run < 3; ++run) executor->submit(small_order(run));
  std::set<std::int64_t> over;
  while (over.size() < 3)
    for (const Report& r : executor->advance(milliseconds(60'000))) {
      EXPECT_FALSE(over.contains(r.run));
      if (r.last) over.insert(r.run);
      if (r.run == 1) {
        EXPECT_EQ(r.rung, 0);
        executor->stop(1);
        over.insert(1);
      }
    }
  EXPECT_TRUE(executor->advance(milliseconds(50)).empty());
}

TEST(LocalExecutor, ARunWaitsAtItsRungForADecision) {
  const auto executor = make_local_executor(small_data(), 1);
  executor->submit(small_order(1));
  EXPECT_EQ(executor->advance(milliseconds(60'000)).at(0).rung, 0);
  std::this_thread::sleep_for(milliseconds(100));
  executor->stop(1);
  EXPECT_TRUE(executor->advance(milliseconds(100)).empty()) << "it went on without being told to";
}

// A run that waits for a decision gives its slot away and comes back. Here its first worker is then busy with the long
// run, and the other one, when the middling run is over, is given it: it must not take the first one's order to stop.
TEST(LocalExecutor, AStoppedRunMayBeSubmittedAgainAtOnce) {
  for (int round = 0; round < 4; ++round) {
    const auto executor = make_local_executor(small_data(), 2);
    executor->keep_states(true);
    const RunOrder order = small_order(1);
    RunOrder middling = small_order(2), long_run = small_order(3);
    middling.hyper.total_steps = middling.rung_steps = 200;
    long_run.hyper.total_steps = long_run.rung_steps = 1000;
    for (const RunOrder& each : {middling, order, long_run}) executor->submit(each);
    std::string digest;
    for (int over = 0, rung = 0; over < 3;) {
      std::vector<Report> reports = executor->advance(milliseconds(20'000));
      ASSERT_FALSE(reports.empty()) << "a run is lost";
      for (Report& report : reports) {
        over += report.last;
        if (report.run != order.run) continue;
        EXPECT_EQ(report.rung, rung++);
        if (report.last) digest = to_string(report.digest);
        if (report.last || rung > 1) continue;
        executor->stop(order.run);
        RunOrder again = order;
        again.resume = std::move(report.state);
        executor->submit(std::move(again));
      }
    }
    EXPECT_EQ(digest, to_string(alone(order).back().digest));
  }
}

TEST(LocalExecutor, StoppingWhatWasNeverSubmittedIsIgnored) { make_local_executor(small_data(), 1)->stop(99); }

TEST(LocalExecutor, RoomNeverFallsBelowZero) {
  const auto executor = make_local_executor(small_data(), 1);
  EXPECT_GT(executor->room(), 0);
  for (int run = 0; run < 20; ++run) executor->submit(small_order(run));
  EXPECT_GE(executor->room(), 0);
  finish(*executor, 20);
  EXPECT_GT(executor->room(), 0);
}

TEST(LocalExecutor, ADrainHandsBackRunsThatNeverStarted) {
  const auto executor = make_local_executor(small_data(), 1);
  for (int run = 0; run < 5; ++run) {
    executor->submit(small_order(run));
  }
  const std::vector<Parked> parked = executor->drain();
  const std::vector<Report> reports = executor->advance(milliseconds(0));
  std::set<std::int64_t> seen;
  for (const Parked& p : parked) EXPECT_TRUE(seen.insert(p.run).second);
  for (const Report& r : reports)
    if (r.last) seen.insert(r.run);
  EXPECT_EQ(seen.size(), 5u);
  EXPECT_TRUE(executor->drain().empty()) << "the executor is empty afterwards";
}

TEST(LocalExecutor, ASmallestRunWorks) {
  // One training example, batch 1, hidden size 1, one step.
  RunOrder order = small_order(1);
  order.key.hidden_size = 1;
  order.key.batch_size = 1;
  order.data.validation_examples = 199;
  order.hyper.total_steps = 1;
  order.rung_steps = 1;
  const std::vector<Report> reports = alone(order);
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].train.examples, 1);
  EXPECT_EQ(reports[0].validation.examples, 199);
}

TEST(LocalExecutor, ValidatingOnTheTestSetTrainsOnEveryTrainingExample) {
  RunOrder order = small_order(1);
  order.data.validate_on_test = true;
  order.data.validation_examples = 0;
  order.rung_steps = 7;
  order.hyper.total_steps = 7;  // 200 / 32, rounded up
  const Report r = alone(order).back();
  EXPECT_EQ(r.train.examples, 200);
  EXPECT_EQ(r.validation.examples, 50);
  EXPECT_EQ(r.validation.loss, r.test.loss);
}

TEST(LocalExecutor, OrdersTheDataCannotServeAreRefusedBeforeAnythingStarts) {
  const auto executor = make_local_executor(small_data(), 1);
  const auto refusal = [&](const std::function<void(RunOrder&)>& change) {
    RunOrder order = small_order(1);
    change(order);
    return error_of([&] { executor->submit(order); });
  };
  EXPECT_THAT(refusal([](RunOrder& o) { o.key.batch_size = 151; }), ::testing::HasSubstr("batch_size is 151"));
  EXPECT_THAT(refusal([](RunOrder& o) { o.key.batch_size = 0; }), ::testing::HasSubstr("batch_size is 0"));
  EXPECT_THAT(refusal([](RunOrder& o) { o.data.validation_examples = 200; }), ::testing::HasSubstr("200"));
  EXPECT_THAT(refusal([](RunOrder& o) { o.data.validation_examples = 0; }), ::testing::HasSubstr("at least 1"));
  EXPECT_THAT(refusal([](RunOrder& o) { o.hyper.total_steps = 0; }), ::testing::HasSubstr("0 steps"));
  EXPECT_THAT(refusal([](RunOrder& o) { o.key.state_arrays = 1; }), ::testing::HasSubstr("state_arrays"));
  EXPECT_THAT(refusal([](RunOrder& o) { o.key.hidden_size = 2000; }), ::testing::HasSubstr("hidden_size is 2000"));
  EXPECT_THAT(refusal([](RunOrder& o) { o.key.precision = "mixed"; }), ::testing::HasSubstr("mixed"));
  EXPECT_THAT(refusal([](RunOrder& o) { o.key.family = "cnn"; }), ::testing::HasSubstr("cnn"));
}

TEST(LocalExecutor, AStateOfAnotherModelIsRefusedNotRead) {
  const auto pack = make_cpu_pack(small_order(1).key, small_data(), 1);
  pack->admit(0, small_order(1));
  RunOrder other = small_order(2);
  other.key.hidden_size = 9;
  other.resume = pack->save(0);
  const auto executor = make_local_executor(small_data(), 1);
  EXPECT_THAT(error_of([&] { executor->submit(other); }), ::testing::HasSubstr("checkpoint"));
  other.resume.resize(10);
  EXPECT_THAT(error_of([&] { executor->submit(other); }), ::testing::HasSubstr("checkpoint"));
}

TEST(LocalExecutor, NoThreadsIsAnError) {
  EXPECT_THAT(error_of([] { make_local_executor(small_data(), 0); }), ::testing::HasSubstr("threads is 0"));
}

}  // namespace
}  // namespace caviar
