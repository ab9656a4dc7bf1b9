// How a batch is cut into windows is a matter of speed: gradients and logits must not move by a bit.
#include <cstring>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/init.h"
#include "kernels/math/philox.h"
#include "models/birnn.h"
#include "tests/support/cpu_model.h"

namespace caviar {
namespace {

struct Passes {
  std::vector<float> logits, gradient;
};

// Forward and backward over `rows` samples in windows of at most `most` rows, with a made-up dL/dlogits.
Passes passes(const BiRnnShape& shape, int rows, int most) {
  constexpr Cpu kCpu;
  test::CpuModel<BiRnn<Cpu>> model(shape, rows);
  const Params params = birnn_params(shape);
  SlotRow row_of_table;
  row_of_table.on = 1;
  row_of_table.rows = rows;
  row_of_table.step = 2;
  row_of_table.hyper.dropout = 0.3f;
  row_of_table.seeds = {.init = 5, .dropout = 7};
  std::vector<float> weights(static_cast<std::size_t>(params.size()));
  for (std::size_t i = 0; i < params.tensors().size(); ++i) {
    const ParamTensor& t = params.tensors()[i];
    initialize(kCpu,
               {{}, &row_of_table, static_cast<std::uint32_t>(i), t.bound, t.size(), {weights.data() + t.offset}});
  }
  model->load(kCpu, {}, {weights.data()}, true);
  Passes out;
  out.gradient.resize(weights.size());
  const int width = padded(shape.features), classes = padded(shape.classes);
  for (Window w{0, 1, 0, 0}; w.b0 < rows; w.b0 = w.b1) {
    w.b1 = std::min(rows, w.b0 + most);
    for (int t = 0; t < shape.steps; ++t)
      for (int row = 0; row < w.rows(); ++row)
        for (int j = 0; j < shape.features; ++j)
          model->input()[0][(t * w.rows() + row) * width + j] =
              unit_float(philox4x32(static_cast<std::uint32_t>(w.b0 + row), static_cast<std::uint32_t>(t),
                                    static_cast<std::uint32_t>(j), 0, 1)
                             .x);
    model->forward(kCpu, w, &row_of_table, true);
    out.logits.insert(out.logits.end(), model->logits()[0], model->logits()[0] + w.rows() * classes);
    for (int row = 0; row < w.rows(); ++row)
      for (int c = 0; c < shape.classes; ++c)
        model->grad_logits()[0][row * classes + c] =
            unit_float(philox4x32(static_cast<std::uint32_t>(w.b0 + row), static_cast<std::uint32_t>(c), 9, 0, 1).x) -
            0.5f;
    model->backward(kCpu, w, &row_of_table, {out.gradient.data()});
  }
  return out;
}

bool same(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

class BiRnnWindow : public ::testing::TestWithParam<std::tuple<Cell, Readout, bool>> {};

TEST_P(BiRnnWindow, CuttingTheBatchChangesNoBit) {
  const auto [cell, readout, bidirectional] = GetParam();
  BiRnnShape shape;
  shape.steps = 5;
  shape.features = 9;
  shape.classes = 6;
  shape.cell = cell;
  shape.hidden_size = 11;
  shape.num_layers = 2;
  shape.bidirectional = bidirectional;
  shape.readout = readout;
  ASSERT_GE(birnn_window_rows(Cpu{}, shape, 45), 3 * kRowBlock) << "nothing to cut";
  const Passes whole = passes(shape, 45, 3 * kRowBlock);
  for (const int most : {kRowBlock, 2 * kRowBlock}) {
    const Passes cut = passes(shape, 45, most);
    EXPECT_TRUE(same(cut.logits, whole.logits)) << most;
    EXPECT_TRUE(same(cut.gradient, whole.gradient)) << most;
  }
  // A cut inside a block of sixteen rows is another order of summation: the comparison above can fail.
  EXPECT_FALSE(same(passes(shape, 45, 5).gradient, whole.gradient));
}

INSTANTIATE_TEST_SUITE_P(EveryCellAndReadout, BiRnnWindow,
                         ::testing::Combine(::testing::Values(Cell::kLstm, Cell::kGru, Cell::kRnnTanh, Cell::kRnnRelu),
                                            ::testing::Values(Readout::kLastStep, Readout::kFinalStates,
                                                              Readout::kMean),
                                            ::testing::Bool()));

TEST(BiRnn, ParameterCountIsPyTorchs) {
  BiRnnShape shape;  // 2 layers 28-128-10
  EXPECT_EQ(birnn_params(shape).size(), 559'626);
  shape.hidden_size = 10;
  EXPECT_EQ(birnn_params(shape).size(), 5'970);
  shape.hidden_size = 200;
  shape.num_layers = 4;
  EXPECT_EQ(birnn_params(shape).size(), 3'261'610);
}

TEST(BiRnn, SizesOutsideTheRangeAreErrorsThatNameTheValue) {
  for (const auto& [member, value] : {std::pair{&BiRnnShape::hidden_size, 0},
                                      {&BiRnnShape::hidden_size, 1025},
                                      {&BiRnnShape::num_layers, 9},
                                      {&BiRnnShape::classes, 257}}) {
    BiRnnShape shape;
    shape.*member = value;
    try {
      birnn_params(shape);
      FAIL() << value;
    } catch (const std::exception& e) {
      EXPECT_NE(std::string(e.what()).find(std::to_string(value)), std::string::npos) << e.what();
    }
  }
}

}  // namespace
}  // namespace caviar
