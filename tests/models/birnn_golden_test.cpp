// The recurrent classifier against PyTorch: logits, loss and every gradient of tests/golden/birnn.txt and
// birnn_large.txt, and ten steps of every optimizer (optimizers.txt) on gradients of our own.
//
// PyTorch's numbers are computed in float64, so a difference is the rounding of our float32. Bounds are twice the worst
// difference measured, which stands beside them.
#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include "kernels/clip.h"
#include "kernels/optimizer.h"
#include "models/birnn.h"
#include "tests/support/golden.h"
#include "tests/support/golden_birnn.h"
#include "tests/support/golden_hyper.h"

namespace caviar {
namespace {

using test::GoldenCase;
using test::largest;
using test::largest_difference;

std::vector<GoldenCase> read(const std::string& name) {
  return test::read_golden(CAVIAR_SOURCE_DIR "/tests/golden/" + name);
}

test::PassSettings settings_of(const GoldenCase& golden) {
  test::PassSettings settings;
  settings.label_smoothing = static_cast<float>(golden.number("label_smoothing"));
  if (golden.has("dropout")) {
    settings.dropout = static_cast<float>(golden.number("dropout"));
    settings.dropout_seed = static_cast<std::uint64_t>(golden.number("dropout_seed"));
    settings.step = static_cast<std::int64_t>(golden.number("dropout_step"));
  }
  return settings;
}

struct SmallCase {
  BiRnnShape shape;
  std::vector<float> params;
  test::Batch batch;
  test::PassSettings settings;
};

SmallCase small_case(const GoldenCase& golden) {
  SmallCase small;
  small.shape = test::golden_shape(golden);
  small.shape.steps = static_cast<int>(golden.array("pixels").dims.at(1));
  small.shape.features = static_cast<int>(golden.array("pixels").dims.at(2));
  small.params = test::golden_params(golden, birnn_params(small.shape));
  small.batch = {test::golden_bytes(golden.array("pixels")), test::golden_bytes(golden.array("labels"))};
  small.settings = settings_of(golden);
  return small;
}

// Measured: logits 2.7e-7 of 1 + the largest, loss 1.2e-7 of itself, gradients 3.2e-7 of the network's largest.
TEST(BiRnnGolden, SmallNetworksEqualPyTorchInLogitsLossAndEveryGradient) {
  for (const GoldenCase& golden : read("birnn.txt")) {
    SCOPED_TRACE(golden.name());
    const SmallCase small = small_case(golden);
    const test::PassResult ours = train_pass(small.shape, small.params, small.batch, small.settings);
    const std::vector<double>& logits = golden.array("logits").values;
    ASSERT_EQ(ours.logits.size(), logits.size());
    EXPECT_LE(largest_difference(ours.logits.data(), logits), 6e-7 * (1 + largest(logits)));
    EXPECT_NEAR(ours.loss, golden.scalar("loss"), 3e-7 * golden.scalar("loss"));

    const Params params = birnn_params(small.shape);
    double scale = 0;
    for (const ParamTensor& tensor : params.tensors()) {
      scale = std::max(scale, largest(golden.array("grad_" + tensor.name).values));
    }
    for (const ParamTensor& tensor : params.tensors()) {
      const std::vector<double>& gradient = golden.array("grad_" + tensor.name).values;
      EXPECT_LE(largest_difference(ours.gradient.data() + tensor.offset, gradient), 7e-7 * scale) << tensor.name;
    }
  }
}

// A batch may be cut into windows anywhere between blocks of rows: the same bits.
TEST(BiRnnGolden, TheCutIntoWindowsChangesNoBit) {
  int compared = 0;
  for (const GoldenCase& golden : read("birnn.txt")) {
    SmallCase small = small_case(golden);
    if (small.batch.rows() <= kRowBlock) continue;
    SCOPED_TRACE(golden.name());
    const test::PassResult whole = train_pass(small.shape, small.params, small.batch, small.settings);
    small.settings.window_rows = kRowBlock;
    const test::PassResult cut = train_pass(small.shape, small.params, small.batch, small.settings);
    EXPECT_EQ(whole.logits, cut.logits);
    EXPECT_EQ(whole.loss, cut.loss);
    EXPECT_EQ(whole.gradient, cut.gradient);
    ++compared;
  }
  EXPECT_GE(compared, 8);
}

// The sum, the norm and three weighted sums of a gradient: see birnn_large.txt.
std::vector<double> summary(const float* gradient, std::size_t size, std::uint32_t tensor) {
  std::vector<double> found(5);
  for (std::size_t i = 0; i < size; ++i) {
    const double g = static_cast<double>(gradient[i]);
    found[0] += g;
    found[1] += g * g;
  }
  found[1] = std::sqrt(found[1]);
  for (std::uint32_t j = 0; j < 3; ++j) {
    const std::vector<double> weights = test::parameter_values(1000 + 10 * tensor + j, size, 1.0);
    for (std::size_t i = 0; i < size; ++i) found[2 + j] += static_cast<double>(gradient[i]) * weights[i];
  }
  return found;
}

// Measured: logits 5.1e-7 (they are up to 1), loss 1e-8 of itself; of the norm of a tensor's gradient: its entries
// 4.3e-7, sums over up to 65,536 of them 4.7e-6.
TEST(BiRnnGolden, LargeNetworksEqualPyTorch) {
  for (const GoldenCase& golden : read("birnn_large.txt")) {
    SCOPED_TRACE(golden.name());
    BiRnnShape shape = test::golden_shape(golden);
    shape.steps = static_cast<int>(golden.number("steps"));
    shape.features = static_cast<int>(golden.number("inputs"));
    const int rows = static_cast<int>(golden.number("batch"));
    test::Batch batch;
    batch.pixels = test::pixel_values(static_cast<std::size_t>(rows * shape.steps * shape.features));
    for (int b = 0; b < rows; ++b) batch.labels.push_back(static_cast<std::uint8_t>(b * 7 % shape.classes));
    const Params params = birnn_params(shape);
    std::vector<float> values;
    for (std::uint32_t k = 0; const ParamTensor& tensor : params.tensors()) {
      const auto one = test::parameter_values(k++, static_cast<std::size_t>(tensor.size()), golden.number("scale"));
      values.insert(values.end(), one.begin(), one.end());
    }
    const test::PassResult ours = train_pass(shape, values, batch, settings_of(golden));

    const std::vector<double>& logits = golden.array("logits").values;
    ASSERT_EQ(ours.logits.size(), logits.size());
    EXPECT_LE(largest_difference(ours.logits.data(), logits), 1e-6);
    EXPECT_NEAR(ours.loss, golden.scalar("loss"), 1e-7);
    for (std::uint32_t k = 0; const ParamTensor& tensor : params.tensors()) {
      const std::size_t size = static_cast<std::size_t>(tensor.size());
      const float* gradient = ours.gradient.data() + tensor.offset;
      const std::vector<double>& expected = golden.array("summary_" + tensor.name).values;
      const std::vector<double> found = summary(gradient, size, k++);
      for (std::size_t j = 0; j < found.size(); ++j) {
        EXPECT_NEAR(found[j], expected[j], 1e-5 * expected[1]) << tensor.name << " number " << j;
      }
      const std::vector<double>& first = golden.array("first_" + tensor.name).values;
      const std::vector<double>& last = golden.array("last_" + tensor.name).values;
      EXPECT_LE(largest_difference(gradient, first), 1e-6 * expected[1]) << tensor.name;
      EXPECT_LE(largest_difference(gradient + size - last.size(), last), 1e-6 * expected[1]) << tensor.name;
    }
  }
}

// Measured: 1.5e-6 (rmsprop, which divides small gradients by their own size in its first steps), all others below
// 1e-6.
TEST(BiRnnGolden, TenStepsOfTrainingEqualPyTorchForEveryOptimizer) {
  const std::vector<GoldenCase> cases = read("optimizers.txt");
  const GoldenCase& start = test::find_case(cases, "start");
  const std::vector<std::int64_t>& dims = start.array("pixels").dims;  // [batches, B, T, D]
  BiRnnShape shape = test::golden_shape(start);
  shape.steps = static_cast<int>(dims.at(2));
  shape.features = static_cast<int>(dims.at(3));
  std::vector<test::Batch> batches;
  const std::vector<std::uint8_t> pixels = test::golden_bytes(start.array("pixels"));
  const std::vector<std::uint8_t> labels = test::golden_bytes(start.array("labels"));
  for (std::int64_t k = 0; k < dims.at(0); ++k) {
    const std::int64_t size = dims.at(1) * dims.at(2) * dims.at(3);
    batches.push_back({{pixels.begin() + k * size, pixels.begin() + (k + 1) * size},
                       {labels.begin() + k * dims.at(1), labels.begin() + (k + 1) * dims.at(1)}});
  }
  for (const GoldenCase& golden : cases) {
    if (golden.name() == "start") continue;
    SCOPED_TRACE(golden.name());
    std::vector<float> params = test::golden_params(start, birnn_params(shape)), averages = params;
    std::vector<float> state(2 * params.size());
    const std::int64_t size = static_cast<std::int64_t>(params.size());
    SlotRow row;
    row.on = 1;
    row.hyper = test::golden_hyper(golden, golden.array("parameters").dims.at(0));
    for (; row.step < row.hyper.total_steps; ++row.step) {
      const test::Batch& batch = batches[static_cast<std::size_t>(row.step) % batches.size()];
      const std::vector<float> gradient = train_pass(shape, params, batch).gradient;
      row.now = step_scalars(row.hyper, row.step, row.mu_product);
      clip(Cpu{}, {{}, &row, size, {gradient.data()}});
      update(Cpu{}, {{}, &row, size, {gradient.data()}, {params.data()}, {state.data()}, {averages.data()}});
      const auto begin = golden.array("parameters").values.begin() + row.step * size;
      EXPECT_LE(largest_difference(params.data(), {begin, begin + size}), 3e-6) << "step " << row.step;
    }
    if (golden.has("averages")) {
      const std::vector<double>& all = golden.array("averages").values;
      EXPECT_LE(largest_difference(averages.data(), {all.end() - size, all.end()}), 3e-6) << "averages";
    }
  }
}

}  // namespace
}  // namespace caviar
