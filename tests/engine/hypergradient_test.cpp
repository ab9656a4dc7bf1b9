// What a learning rate that adapts itself is for, and what the engine refuses.
#include <cmath>

#include <gtest/gtest.h>

#include "engine/slot_state.h"
#include "kernels/base/error.h"
#include "tests/support/small_runs.h"

namespace caviar {
namespace {

// From rates a hundred times too small the loss falls faster than with the rate left where it began.
TEST(Hypergradient, FromATooSmallRateTheLossFallsFaster) {
  for (RunOrder order : hypergradient_orders(0)) {
    order.key.num_layers = 1;
    order.key.readout = Readout::kMean;
    order.hyper.total_steps = 300;
    RunOrder fixed = order;
    fixed.hyper.hypergradient_rate = 0;
    fixed.key.state_arrays = state_arrays(fixed.hyper);
    const double adapted = alone(order).back().train.loss, stayed = alone(fixed).back().train.loss;
    EXPECT_LT(adapted, stayed - 0.01) << "run " << order.run;
    if (order.run > 0) {  // plain sgd falls slowly at any rate
      EXPECT_LT(adapted, 0.5 * stayed) << "run " << order.run;
    }
  }
}

TEST(Hypergradient, AnOptimizerThatCannotAdaptItsRateIsRefused) {
  for (const Optimizer optimizer : {Optimizer::kNAdam, Optimizer::kRmsprop}) {
    RunOrder order = small_order(1);
    order.hyper.optimizer = optimizer;
    order.hyper.hypergradient_rate = 1e-3f;
    order.key.state_arrays = state_arrays(order.hyper);
    EXPECT_THROW(check_order(order, *small_data()), Error);
    order.hyper.hypergradient_rate = 0;
    EXPECT_NO_THROW(check_order(order, *small_data()));
  }
}

// The first update has no direction before it to follow (r_1 = r_0); each later one moves the rate, and what the run
// reports is what the next device would go on with. The schedule is no part of it.
TEST(Hypergradient, TheRateIsReported) {
  for (RunOrder order : hypergradient_orders(0)) {
    SCOPED_TRACE(order.run);
    order.rung_steps = 1;
    const std::vector<Report> reports = alone(order);
    ASSERT_EQ(reports.size(), 15u);
    const auto first = static_cast<double>(order.hyper.learning_rate);
    EXPECT_EQ(reports[0].learning_rate, first);
    EXPECT_NE(reports[1].learning_rate, first);
    // From a rate far too small it rises: 15 steps end above the first.
    EXPECT_GT(reports.back().learning_rate, first);
    order.rung_steps = 5;
    EXPECT_EQ(alone(order).back().learning_rate, reports.back().learning_rate);
    order.hyper.hypergradient_rate = 0;
    order.key.state_arrays = state_arrays(order.hyper);
    for (const Report& report : alone(order)) EXPECT_TRUE(std::isnan(report.learning_rate));
  }
}

TEST(Hypergradient, ReportedIsTheFirstRateAndWhatHasBeenAdded) {
  const RunOrder order = hypergradient_orders(0).front();
  Slot slot = make_slot(order, *small_data());
  SlotRow row = make_row(order, *small_data());
  row.rate_change = 0.25;
  EXPECT_EQ(finish_rung(slot, row).learning_rate, static_cast<double>(0.001f) + 0.25);
}

// The weights of two runs may agree by chance of rounding; their rates then still tell them apart.
TEST(Hypergradient, TheRateIsPartOfTheDigest) {
  const RunOrder order = hypergradient_orders(0).front();
  const Slot slot = make_slot(order, *small_data());
  SlotRow row = make_row(order, *small_data());
  const Digest before = final_digest(slot, row, {});
  row.rate_change = 1e-12;
  EXPECT_NE(final_digest(slot, row, {}), before);
  row.hyper.hypergradient_rate = 0;
  const Digest without = final_digest(slot, row, {});
  row.rate_change = 0;
  EXPECT_EQ(final_digest(slot, row, {}), without) << "runs without it keep the digests they had";
}

}  // namespace
}  // namespace caviar
