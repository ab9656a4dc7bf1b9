// The fake executor keeps the promises of engine/executor.h, so that what the tuner learns from it holds for the
// others.
#include "engine/fake_executor.h"

#include <bit>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "kernels/base/error.h"

namespace caviar {
namespace {

using std::chrono::milliseconds;

RunOrder order_of(std::int64_t run, std::int64_t steps = 45, float rate = 0.01f) {
  RunOrder order;
  order.run = run;
  order.hyper.learning_rate = rate + 0.001f * static_cast<float>(run);
  order.hyper.total_steps = steps;
  order.rung_steps = 10;
  order.seeds.init = static_cast<std::uint64_t>(run);
  return order;
}

struct Curve {
  std::vector<double> losses;
  Digest digest;
  bool operator==(const Curve&) const = default;
};

using Curves = std::map<std::int64_t, Curve>;

void collect(Curves& curves, const std::vector<Report>& reports) {
  for (const Report& report : reports) {
    Curve& curve = curves[report.run];
    EXPECT_EQ(report.rung, static_cast<int>(curve.losses.size()));
    curve.losses.push_back(report.validation.loss);
    if (report.last) curve.digest = report.digest;
  }
}

Curves carry_out(FakeExecutor& executor, Curves curves = {}) {
  while (true) {
    const auto reports = executor.advance(milliseconds(0));
    if (reports.empty()) return curves;
    collect(curves, reports);
  }
}

Curves eight_runs(FakeOptions options) {
  FakeExecutor executor(options);
  for (std::int64_t run = 0; run < 8; ++run) executor.submit(order_of(run));
  return carry_out(executor);
}

TEST(FakeExecutor, ReportsEveryRungAndTheLastStep) {
  const Curves curves = eight_runs({});
  ASSERT_EQ(curves.size(), 8u);
  for (const auto& [run, curve] : curves) EXPECT_EQ(curve.losses.size(), 5u);
}

TEST(FakeExecutor, ResultsDependOnTheOrderAloneArrivalsOnTheShuffleSeed) {
  const Curves expected = eight_runs({});
  std::set<std::int64_t> first_arrivals;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    FakeOptions options;
    options.shuffle_seed = seed;
    options.workers = 1 + static_cast<int>(seed % 5);
    EXPECT_EQ(eight_runs(options), expected);
    FakeExecutor executor(options);
    for (std::int64_t run = 0; run < 8; ++run) executor.submit(order_of(run));
    first_arrivals.insert(executor.advance(milliseconds(0)).at(0).run);
  }
  EXPECT_GT(first_arrivals.size(), 2u);
}

TEST(FakeExecutor, ARunPutDownAnywhereGoesOnToTheSameBits) {
  const Curves expected = eight_runs({});
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    FakeOptions options;
    options.shuffle_seed = seed;
    FakeExecutor executor(options);
    for (std::int64_t run = 0; run < 8; ++run) executor.submit(order_of(run));
    Curves curves;
    for (std::uint64_t i = 0; i < seed; ++i) collect(curves, executor.advance(milliseconds(0)));
    const std::vector<Parked> parked = executor.drain();
    EXPECT_TRUE(executor.advance(milliseconds(0)).empty());
    EXPECT_EQ(executor.room(), 8);
    FakeExecutor other(options);
    for (const Parked& run : parked) {
      RunOrder order = order_of(run.run);
      order.resume = run.state;
      other.submit(order);
    }
    EXPECT_EQ(carry_out(other, curves), expected) << seed;
  }
}

TEST(FakeExecutor, StatesOfReportsGoOnToTheSameBits) {
  const Curves expected = eight_runs({});
  FakeExecutor executor;
  executor.keep_states(true);
  executor.submit(order_of(3));
  const Report report = executor.advance(milliseconds(0)).at(0);
  ASSERT_FALSE(report.state.empty());
  FakeExecutor other;
  RunOrder order = order_of(3);
  order.resume = report.state;
  other.submit(order);
  Curves curves;
  collect(curves, {report});
  EXPECT_EQ(carry_out(other, curves).at(3), expected.at(3));
}

TEST(FakeExecutor, AStateThatLostAStepShowsInTheDigest) {
  const Curves expected = eight_runs({});
  FakeExecutor executor;
  executor.keep_states(true);
  executor.submit(order_of(3));
  Report report = executor.advance(milliseconds(0)).at(0);
  report.state[8] ^= std::byte{1};  // the running hash
  FakeExecutor other;
  RunOrder order = order_of(3);
  order.resume = report.state;
  other.submit(order);
  Curves curves;
  collect(curves, {report});
  EXPECT_NE(carry_out(other, curves).at(3).digest, expected.at(3).digest);
}

TEST(FakeExecutor, ASeedMovesTheCurveALittle) {
  FakeExecutor executor;
  RunOrder a = order_of(0), b = order_of(0);
  b.run = 1;
  b.seeds.init = 5;
  executor.submit(a);
  executor.submit(b);
  const Curves curves = carry_out(executor);
  EXPECT_NE(curves.at(0), curves.at(1));
  EXPECT_NEAR(curves.at(0).losses.back(), curves.at(1).losses.back(), 0.1);
}

TEST(FakeExecutor, AHighRateDivergesAtAStepOfItsOwnAndNeighboursDoNotNotice) {
  const Curves expected = eight_runs({});
  FakeExecutor executor;
  for (std::int64_t run = 0; run < 8; ++run) executor.submit(order_of(run, 45, run == 5 ? 10.0f : 0.01f));
  std::int64_t diverged = -1;
  Curves curves;
  while (true) {
    const auto reports = executor.advance(milliseconds(0));
    if (reports.empty()) break;
    for (const Report& report : reports) {
      if (report.run == 5) {
        if (report.diverged) diverged = report.step;
      } else {
        collect(curves, {report});
      }
    }
  }
  EXPECT_GE(diverged, 0);
  EXPECT_LT(diverged, 45);
  Curves others = expected;
  others.erase(5);
  EXPECT_EQ(curves, others);
}

TEST(FakeExecutor, AStoppedRunReportsNoMore) {
  FakeExecutor executor;
  executor.submit(order_of(0));
  executor.submit(order_of(1));
  executor.stop(0);
  executor.stop(77);
  const Curves curves = carry_out(executor);
  EXPECT_FALSE(curves.contains(0));
  EXPECT_TRUE(curves.contains(1));
}

TEST(FakeExecutor, RefusesWhatCannotBeTrained) {
  FakeExecutor executor;
  RunOrder order = order_of(0);
  order.key.batch_size = 1'000'000;
  EXPECT_THROW(executor.submit(order), Error);
  order = order_of(0);
  order.resume.assign(3, std::byte{0});
  EXPECT_THROW(executor.submit(order), Error);
  EXPECT_EQ(executor.room(), 8);
}

}  // namespace
}  // namespace caviar
