// Whole trainings against PyTorch (tests/golden/training.txt): from seeds to metrics, weights and averages. The golden
// numbers make initial weights, order, split and masks a second time, so an agreement covers every stream, the last
// partial batch, schedules with warm-up, clipping, decay, averages and what a report counts.
#include <algorithm>
#include <cmath>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "engine/pack.h"
#include "tests/support/golden.h"
#include "tests/support/golden_birnn.h"
#include "tests/support/golden_hyper.h"

namespace caviar {
namespace {

using test::GoldenCase;

// PyTorch's numbers are in float64; a training rounds in every step and feeds the error on. Measured: losses below
// 1e-7, weights 2.4e-7.
constexpr double kLossTolerance = 2e-7;
constexpr double kWeightTolerance = 5e-7;

// The data of training.txt: pixels by formula, the label from the first pixel.
std::shared_ptr<const Dataset> golden_data() {
  auto data = std::make_shared<Dataset>();
  data->name = "golden";
  data->steps = 6;
  data->features = 5;
  data->classes = 4;
  data->train.count = 103;
  data->test.count = 37;
  const std::vector<std::uint8_t> pixels = test::pixel_values((103 + 37) * 30);
  const auto border = pixels.begin() + 103 * 30;
  data->train.features.assign(pixels.begin(), border);
  data->test.features.assign(border, pixels.end());
  for (Examples* part : {&data->train, &data->test}) {
    for (std::size_t i = 0; i < part->features.size(); i += 30) {
      part->labels.push_back(static_cast<std::uint8_t>(part->features[i] * 4 / 256));
    }
  }
  return data;
}

// Seeds use all 64 bits, which a double would not hold.
std::uint64_t seed(const GoldenCase& golden, const char* key) { return std::stoull(golden.word(key)); }

RunOrder golden_order(const GoldenCase& golden) {
  RunOrder order;
  order.key.cell = test::golden_cell(golden.word("cell"));
  order.key.readout = test::golden_readout(golden.word("readout"));
  order.key.hidden_size = static_cast<std::int32_t>(golden.number("hidden"));
  order.key.num_layers = static_cast<std::int32_t>(golden.number("layers"));
  order.key.bidirectional = golden.number("bidirectional") != 0;
  order.key.batch_size = static_cast<std::int32_t>(golden.number("batch"));
  order.hyper = test::golden_hyper(golden, static_cast<std::int64_t>(golden.number("total_steps")));
  order.key.state_arrays = state_arrays(order.hyper);
  order.key.averaged = order.hyper.polyak != Polyak::kNone;
  order.seeds = {seed(golden, "seed_init"), seed(golden, "seed_order"), seed(golden, "seed_dropout"), 0,
                 seed(golden, "seed_split")};
  order.data.validate_on_test = golden.number("validate_on_test") != 0;
  order.data.validation_examples = static_cast<std::int64_t>(golden.number("validation_examples"));
  order.rung_steps = static_cast<std::int64_t>(golden.number("rung_steps"));
  return order;
}

// A pair of loss and hits of the golden file against ours.
void expect_metrics(const Metrics& ours, double loss, double hits, const std::string& what) {
  EXPECT_NEAR(ours.loss, loss, kLossTolerance) << what;
  EXPECT_EQ(ours.correct, static_cast<std::int64_t>(hits)) << what;
}

void expect_report(const Report& ours, const double* golden, bool averaged) {
  EXPECT_EQ(ours.step, static_cast<std::int64_t>(golden[0]));
  EXPECT_FALSE(ours.diverged);
  expect_metrics(ours.train, golden[1], golden[2], "train");
  EXPECT_EQ(ours.train.examples, static_cast<std::int64_t>(golden[3]));
  expect_metrics(ours.validation, golden[4], golden[5], "validation");
  if (averaged) expect_metrics(ours.averaged, golden[6], golden[7], "averaged");
}

class TrainingGolden : public ::testing::TestWithParam<std::string> {};

TEST_P(TrainingGolden, EqualsPyTorchFromSeedsToMetrics) {
  const auto cases = test::read_golden(CAVIAR_SOURCE_DIR "/tests/golden/training.txt");
  const GoldenCase& golden = test::find_case(cases, GetParam());
  const RunOrder order = golden_order(golden);
  const std::unique_ptr<Pack> pack = make_cpu_pack(order.key, golden_data(), 1);
  pack->admit(0, order);

  const test::GoldenArray& reports = golden.array("reports");
  Report last;
  for (std::int64_t k = 0; k < reports.dims.at(0); ++k) {
    SCOPED_TRACE("report " + std::to_string(k));
    const std::vector<Report> found = pack->advance(false);
    ASSERT_EQ(found.size(), 1u);
    last = found[0];
    expect_report(last, reports.values.data() + k * reports.dims.at(1), order.key.averaged);
    pack->go_on(0);
  }
  ASSERT_TRUE(last.last);
  const std::vector<double>& on_test = golden.array("test").values;
  expect_metrics(last.test, on_test[0], on_test[1], "test");
  const std::vector<double>& params = golden.array("parameters").values;
  ASSERT_EQ(pack->read(0, false).size(), params.size());
  EXPECT_LE(test::largest_difference(pack->read(0, false).data(), params), kWeightTolerance);
  if (!order.key.averaged) return;
  const std::vector<double>& averaged_test = golden.array("averaged_test").values;
  expect_metrics(last.averaged_test, averaged_test[0], averaged_test[1], "averaged test");
  EXPECT_LE(test::largest_difference(pack->read(0, true).data(), golden.array("averages").values), kWeightTolerance);
}

INSTANTIATE_TEST_SUITE_P(Runs, TrainingGolden, ::testing::Values("lstm_adamw", "gru_sgd", "tanh_rmsprop", "relu_nadam"),
                         [](const auto& name) { return name.param; });

}  // namespace
}  // namespace caviar
