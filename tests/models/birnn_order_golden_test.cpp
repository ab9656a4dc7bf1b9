// The one order of summation: the recurrent classifier equals plain loops in the promised order, bit for bit, at sizes
// that leave remainders in every tile, block and window.
#include <algorithm>
#include <ostream>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/golden_birnn.h"
#include "tests/support/plain_birnn.h"

namespace caviar {
namespace {

struct Sizes {
  int steps, features, hidden, layers, classes, rows;
  bool bidirectional;
};

std::ostream& operator<<(std::ostream& out, const Sizes& s) {
  return out << "T" << s.steps << " D" << s.features << " H" << s.hidden << " L" << s.layers << " C" << s.classes
             << " B" << s.rows << (s.bidirectional ? " both ways" : " one way");
}

constexpr Sizes kSizes[] = {
    {1, 1, 1, 1, 2, 1, true},     {3, 5, 7, 2, 3, 5, true},     {4, 28, 8, 2, 10, 16, true},
    {5, 9, 13, 1, 11, 17, true},  {6, 28, 32, 1, 10, 37, true}, {3, 17, 24, 3, 9, 33, true},
    {7, 12, 19, 2, 4, 70, false}, {2, 3, 41, 2, 17, 50, true},
};

// dL/dlogits is not part of this test: any numbers do.
void expect_same_bits(const BiRnnShape& shape, int rows) {
  const Params tensors = birnn_params(shape);
  const auto numbers = [](std::uint32_t tensor, std::size_t n, double scale) {
    const std::vector<double> values = test::parameter_values(tensor, n, scale);
    return std::vector<float>(values.begin(), values.end());
  };
  const std::size_t features = static_cast<std::size_t>(shape.features),
                    classes = static_cast<std::size_t>(shape.classes);
  const std::size_t all_rows = static_cast<std::size_t>(rows);
  const std::vector<float> params = numbers(1, static_cast<std::size_t>(tensors.size()), 0.5);
  const std::vector<float> x = numbers(2, static_cast<std::size_t>(shape.steps) * all_rows * features, 1.0);
  const std::vector<float> grad_logits = numbers(3, all_rows * classes, 0.25);

  constexpr Cpu kCpu;
  test::CpuModel<BiRnn<Cpu>> model(shape, rows);
  SlotRow row;
  row.on = 1;
  row.rows = rows;
  model->load(kCpu, {}, {params.data()}, true);
  std::vector<float> logits, gradient(params.size());
  const std::size_t in_width = static_cast<std::size_t>(padded(shape.features));
  const std::size_t out_width = static_cast<std::size_t>(padded(shape.classes));
  for (Window w{0, 1, 0, 0}; w.b0 < rows; w.b0 = w.b1) {
    w.b1 = std::min(rows, w.b0 + model->max_rows());
    const std::size_t first = static_cast<std::size_t>(w.b0), window_rows = static_cast<std::size_t>(w.rows());
    for (std::size_t t = 0; t < static_cast<std::size_t>(shape.steps); ++t) {
      for (std::size_t b = 0; b < window_rows; ++b) {
        std::copy_n(x.data() + (t * all_rows + first + b) * features, features,
                    model->input()[0] + (t * window_rows + b) * in_width);
      }
    }
    model->forward(kCpu, w, &row, true);
    for (std::size_t b = 0; b < window_rows; ++b) {
      logits.insert(logits.end(), model->logits()[0] + b * out_width, model->logits()[0] + b * out_width + classes);
      std::copy_n(grad_logits.data() + (first + b) * classes, classes, model->grad_logits()[0] + b * out_width);
    }
    model->backward(kCpu, w, &row, {gradient.data()});
  }

  test::PlainBiRnn plain(shape, params);
  EXPECT_EQ(logits, plain.forward(x, rows));
  const std::vector<float> expected = plain.backward(grad_logits);
  for (const ParamTensor& tensor : tensors.tensors()) {
    const float *ours = gradient.data() + tensor.offset, *theirs = expected.data() + tensor.offset;
    EXPECT_EQ(std::vector<float>(ours, ours + tensor.size()), std::vector<float>(theirs, theirs + tensor.size()))
        << tensor.name;
  }
}

class SummationOrder : public ::testing::TestWithParam<std::tuple<Cell, Sizes>> {};

TEST_P(SummationOrder, IsThatOfPlainLoops) {
  const auto& [cell, sizes] = GetParam();
  for (Readout readout : {Readout::kLastStep, Readout::kFinalStates, Readout::kMean}) {
    SCOPED_TRACE("read-out " + std::to_string(static_cast<int>(readout)));
    BiRnnShape shape;
    shape.cell = cell;
    shape.readout = readout;
    shape.steps = sizes.steps;
    shape.features = sizes.features;
    shape.hidden_size = sizes.hidden;
    shape.num_layers = sizes.layers;
    shape.classes = sizes.classes;
    shape.bidirectional = sizes.bidirectional;
    expect_same_bits(shape, sizes.rows);
  }
}

INSTANTIATE_TEST_SUITE_P(Cells, SummationOrder,
                         ::testing::Combine(::testing::Values(Cell::kLstm, Cell::kGru, Cell::kRnnTanh, Cell::kRnnRelu),
                                            ::testing::ValuesIn(kSizes)));

}  // namespace
}  // namespace caviar
