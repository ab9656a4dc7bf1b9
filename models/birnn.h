// Bidirectional recurrent networks: layers of LSTM, GRU or Elman cells, a read-out over time, a linear head.
//
// Parameters have PyTorch's names, order and layout (weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, the same with
// _reverse, the next layer, then fc.weight, fc.bias), both bias vectors included: 559,626 for 2 layers 28-128-10.
// Source: Schuster and Paliwal 1997; torch.nn.LSTM / GRU / RNN with batch_first.
#pragma once

#include <array>
#include <vector>

#include "kernels/base/buffer.h"
#include "kernels/base/device.h"
#include "kernels/base/matrix.h"
#include "kernels/dense.h"
#include "kernels/dropout.h"
#include "kernels/readout.h"
#include "kernels/recurrent.h"
#include "models/model.h"

namespace caviar {

struct BiRnnShape {
  int steps = 28;     // T
  int features = 28;  // D
  int classes = 10;   // C, at most 256
  Cell cell = Cell::kLstm;
  int hidden_size = 128;  // H
  int num_layers = 2;
  bool bidirectional = true;
  Readout readout = Readout::kLastStep;
  int directions() const { return bidirectional ? 2 : 1; }
};

template <class Device>
class BiRnn;

// One CPU thread's instance.
template <>
class BiRnn<Cpu> {
 public:
  using Shape = BiRnnShape;
  using DeviceTag = Cpu;

  explicit BiRnn(const Shape& shape);

  static Params params_of(const Shape& shape);
  int max_rows() const { return max_rows_; }
  void load(const float* params, bool training);
  float* input() { return input_.data(); }
  void forward(const Window& window, const DropoutUse& dropout);
  const float* logits() const { return logits_.data(); }
  float* grad_logits() { return grad_logits_.data(); }
  void backward(const Window& window, const DropoutUse& dropout, float* gradient);

 private:
  // One direction of one layer: packed weights and the stash.
  struct Direction {
    Buffer<float> input, hidden, input_back, hidden_back, input_bias, hidden_bias;
    Buffer<float> gates, cells;
    int first_tensor = 0;  // weight_ih, weight_hh, bias_ih, bias_hh follow each other
  };
  struct Layer {
    std::array<Direction, 2> directions;
    Buffer<float> h;        // [T, rows, width_]
    Buffer<float> dropped;  // the same after dropout, what the next layer reads; made when first needed
  };

  int active_steps(int layer, int direction) const;
  Segments input_segments(int layer) const;
  int input_width(int layer) const;
  const float* layer_input(int layer, const DropoutUse& dropout) const;
  RecurrentArgs recurrent_args(int layer, int direction, const Window& window, const DropoutUse& dropout);
  ReadoutArgs readout_args(const Window& window);
  DenseArgs head_args(const Window& window);
  DropoutArgs dropout_args(int layer, const Window& window, const DropoutUse& dropout) const;

  Shape shape_;
  Params params_;
  int max_rows_;
  int hp_, width_;   // padded(H); floats of a row of both directions
  int gates_width_;  // floats of a row of the stash of one direction
  std::vector<Layer> layers_;
  int head_tensor_ = 0;
  Buffer<float> input_;
  Buffer<float> features_, logits_, grad_logits_, grad_features_;
  Buffer<float> head_, head_back_, head_bias_;
  Buffer<float> grad_above_, grad_below_, scratch_;  // [T, rows, width_] twice; [rows, hp_]
};

static_assert(Model<BiRnn<Cpu>>);

}  // namespace caviar
