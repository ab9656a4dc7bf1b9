// Networks of golden cases, and one pass of our model over a batch, as the training step does it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/gather.h"
#include "kernels/loss.h"
#include "kernels/metrics.h"
#include "models/birnn.h"
#include "tests/support/cpu_model.h"
#include "tests/support/golden.h"

namespace caviar::test {

inline Cell golden_cell(const std::string& name) {
  if (name == "lstm") return Cell::kLstm;
  if (name == "gru") return Cell::kGru;
  if (name == "rnn_tanh") return Cell::kRnnTanh;
  if (name == "rnn_relu") return Cell::kRnnRelu;
  fail("no cell is named ", name);
}

inline Readout golden_readout(const std::string& name) {
  if (name == "last_step") return Readout::kLastStep;
  if (name == "final_states") return Readout::kFinalStates;
  if (name == "mean") return Readout::kMean;
  fail("no read-out is named ", name);
}

// The settings of a case, but for the sizes of its data.
inline BiRnnShape golden_shape(const GoldenCase& golden) {
  BiRnnShape shape;
  shape.cell = golden_cell(golden.word("cell"));
  shape.readout = golden_readout(golden.word("readout"));
  shape.hidden_size = static_cast<int>(golden.number("hidden"));
  shape.num_layers = static_cast<int>(golden.number("layers"));
  shape.bidirectional = golden.number("bidirectional") != 0;
  shape.classes = static_cast<int>(golden.number("classes"));
  return shape;
}

// The parameters of a case in the model's order. Throws Error when a name or a size is not PyTorch's.
inline std::vector<float> golden_params(const GoldenCase& golden, const Params& params) {
  std::vector<float> all;
  for (const ParamTensor& tensor : params.tensors()) {
    const std::vector<float> values = golden.array(tensor.name).floats();
    if (static_cast<std::int64_t>(values.size()) != tensor.size()) {
      fail(tensor.name, " has ", tensor.size(), " values, PyTorch's has ", values.size());
    }
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

struct Batch {
  std::vector<std::uint8_t> pixels, labels;  // [B, T, D], [B]
  int rows() const { return static_cast<int>(labels.size()); }
};

// Whole numbers of a golden array as bytes.
inline std::vector<std::uint8_t> golden_bytes(const GoldenArray& array) {
  return {array.values.begin(), array.values.end()};
}

// What a pass over a batch is asked for, beside the network and the parameters.
struct PassSettings {
  float label_smoothing = 0;
  float dropout = 0;
  std::uint64_t dropout_seed = 0;
  std::int64_t step = 0;
  int window_rows = 0;  // 0: as many as the model takes
};

struct PassResult {
  std::vector<float> logits;    // [B, C]
  double loss = 0;              // mean over the batch
  std::vector<float> gradient;  // [P]
};

// Gather, forward, loss and backward of a batch, a window of rows after another.
inline PassResult train_pass(const BiRnnShape& shape, const std::vector<float>& params, const Batch& batch,
                             const PassSettings& settings = {}) {
  constexpr Cpu kCpu;
  CpuModel<BiRnn<Cpu>> model(shape, batch.rows());
  const int rows = batch.rows(), step = settings.window_rows ? settings.window_rows : model->max_rows();
  SlotRow row;
  row.on = 1;
  row.rows = rows;
  row.step = settings.step;
  row.hyper.label_smoothing = settings.label_smoothing;
  row.hyper.dropout = settings.dropout;
  row.seeds.dropout = settings.dropout_seed;
  PassResult result;
  result.gradient.resize(params.size());
  std::vector<float> losses(batch.labels.size());
  std::vector<std::int32_t> labels(batch.labels.size()), correct(batch.labels.size());
  model->load(kCpu, {}, {params.data()}, true);
  for (int b0 = 0; b0 < rows; b0 += step) {
    const Window w{0, 1, b0, std::min(b0 + step, rows)};
    gather(kCpu, {w,
                  &row,
                  {batch.pixels.data(), batch.labels.data()},
                  {},
                  shape.steps,
                  shape.features,
                  model->input(),
                  {labels.data()}});
    model->forward(kCpu, w, &row, true);
    softmax_cross_entropy(kCpu, {w,
                                 &row,
                                 shape.classes,
                                 model->logits(),
                                 {labels.data()},
                                 {losses.data()},
                                 {correct.data()},
                                 model->grad_logits()});
    model->backward(kCpu, w, &row, {result.gradient.data()});
    for (int r = 0; r < w.rows(); ++r) {
      const float* logits = model->logits()[0] + r * padded(shape.classes);
      result.logits.insert(result.logits.end(), logits, logits + shape.classes);
    }
  }
  record_batch(kCpu, {{0, 1, 0, rows}, &row, {losses.data()}, {correct.data()}});
  result.loss = row.loss_sum / rows;
  return result;
}

// The largest magnitude.
inline double largest(const std::vector<double>& values) {
  double found = 0;
  for (double v : values) found = std::max(found, std::abs(v));
  return found;
}

// The largest |ours - golden| over golden's values; NaN when anything is.
inline double largest_difference(const float* ours, const std::vector<double>& golden) {
  double found = 0;
  for (std::size_t i = 0; i < golden.size(); ++i) {
    const double difference = std::abs(static_cast<double>(ours[i]) - golden[i]);
    if (!(difference <= found)) found = difference;
  }
  return found;
}

}  // namespace caviar::test
