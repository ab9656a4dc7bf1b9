// Every optimizer, penalty, clip and average against ten steps by PyTorch (tests/golden/optimizers.txt). The gradients
// are PyTorch's too, so that an error here is the update's own; whole trainings are compared in tests/models.
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/clip.h"
#include "kernels/optimizer.h"
#include "tests/support/golden.h"
#include "tests/support/golden_hyper.h"

namespace caviar {
namespace {

// Parameters go up to 2, so one rounding is up to 1.2e-7. Measured over ten steps: 4.9e-7 (sgd_clip_both).
constexpr double kTolerance = 6e-7;

// The arrays of one slot.
struct Slot {
  SlotRow row;
  std::vector<float> params, state, averages;

  Slot(const Hyper& hyper, const std::vector<float>& start) : params(start), state(2 * start.size()), averages(start) {
    row.on = 1;
    row.hyper = hyper;
  }

  // One step, as the training step takes it: scalars, norm, update.
  void step(const std::vector<float>& gradient) {
    const std::int64_t size = static_cast<std::int64_t>(gradient.size());
    row.now = step_scalars(row.hyper, row.step, row.mu_product);
    clip(Cpu{}, {{}, &row, size, {gradient.data()}});
    float* kept = row.hyper.polyak == Polyak::kNone ? nullptr : averages.data();
    update(Cpu{}, {{}, &row, size, {gradient.data()}, {params.data()}, {state.data()}, {kept}});
    ++row.step;
  }
};

// All parameters of the case `start`, one after another.
std::vector<float> start_parameters(const test::GoldenCase& start) {
  std::vector<float> all;
  for (const std::string& name : start.array_names()) {
    if (name == "pixels" || name == "labels") continue;
    const std::vector<float> values = start.array(name).floats();
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

// Row `row` of an array of rows.
std::vector<double> row_of(const test::GoldenArray& array, std::int64_t row) {
  const auto begin = array.values.begin() + row * array.dims.at(1);
  return {begin, begin + array.dims.at(1)};
}

double largest_difference(const std::vector<float>& ours, const std::vector<double>& golden) {
  EXPECT_EQ(ours.size(), golden.size());
  double largest = 0;
  for (std::size_t i = 0; i < golden.size(); ++i) {
    const double difference = std::abs(static_cast<double>(ours[i]) - golden[i]);
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}

TEST(OptimizerOracle, TenStepsAreThoseOfPyTorch) {
  const auto cases = test::read_golden(CAVIAR_SOURCE_DIR "/tests/golden/optimizers.txt");
  const std::vector<float> start = start_parameters(test::find_case(cases, "start"));
  for (const test::GoldenCase& golden : cases) {
    if (golden.name() == "start") continue;
    SCOPED_TRACE(golden.name());
    const std::int64_t steps = golden.array("gradients").dims.at(0);
    Slot slot(test::golden_hyper(golden, steps), start);
    for (std::int64_t step = 0; step < steps; ++step) {
      const std::vector<double> gradient = row_of(golden.array("gradients"), step);
      slot.step({gradient.begin(), gradient.end()});
      EXPECT_LE(largest_difference(slot.params, row_of(golden.array("parameters"), step)), kTolerance)
          << "step " << step;
      const std::int64_t averaged = step - slot.row.hyper.polyak_start_step;
      if (!golden.has("averages") || averaged < 0) continue;
      EXPECT_LE(largest_difference(slot.averages, row_of(golden.array("averages"), averaged)), kTolerance)
          << "average after step " << step;
    }
  }
}

TEST(OptimizerOracle, NanGradientsReachTheParameters) {
  for (Optimizer optimizer :
       {Optimizer::kSgd, Optimizer::kAdam, Optimizer::kAdamW, Optimizer::kNAdam, Optimizer::kRmsprop}) {
    Hyper hyper;
    hyper.optimizer = optimizer;
    hyper.clip_value = 1.0f;
    Slot slot(hyper, {1.0f, 1.0f});
    slot.step({std::nanf(""), 0.5f});
    EXPECT_TRUE(std::isnan(slot.params[0]));
    EXPECT_TRUE(std::isfinite(slot.params[1]));
  }
}

TEST(OptimizerOracle, ADivergedSlotIsLeftAlone) {
  Slot slot(Hyper{}, {1.0f});
  slot.row.diverged = 1;
  slot.step({0.5f});
  EXPECT_EQ(slot.params[0], 1.0f);
}

}  // namespace
}  // namespace caviar
