// Bidirectional recurrent networks: layers of LSTM, GRU or Elman cells, a read-out over time, a linear head.
//
// Parameters have PyTorch's names, order and layout (weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, the same with
// _reverse, the next layer, then fc.weight, fc.bias), both bias vectors included: 559,626 for 2 layers 28-128-10.
// Source: Schuster and Paliwal 1997; torch.nn.LSTM / GRU / RNN with batch_first.
#pragma once

#include <array>
#include <utility>
#include <vector>

#include "kernels/base/device.h"
#include "kernels/base/matrix.h"
#include "kernels/base/slab.h"
#include "kernels/dense.h"
#include "kernels/dropout.h"
#include "kernels/init.h"
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
  Precision precision = Precision::kFp32;
  int directions() const { return bidirectional ? 2 : 1; }
  // What layer `layer` reads: pixels, or the states of both directions below.
  Segments inputs(int layer) const;
  // The last layer's reverse direction is read after its first step only when the read-out is out[:, -1].
  int active_steps(int layer, int direction) const;
};

// The tensors of a network. Throws Error for sizes out of range.
Params birnn_params(const BiRnnShape& shape);

// Weights as ops read them (kernels/recurrent.h, kernels/dense.h): on a CPU packed anew for every step, on CUDA the
// parameters themselves.
template <class Device>
class BiRnnWeights;

template <>
class BiRnnWeights<Cpu> {
 public:
  BiRnnWeights(const BiRnnShape& shape, const Params& tensors, Arena& arena);
  void load(const Window& window, Slab<const float> params, bool training);
  const DirectionWeights& direction(int layer, int d) const { return at(layer, d).packed; }
  Slab<const float> head() const { return head_; }
  Slab<const float> head_back() const { return head_back_; }
  Slab<const float> head_bias() const { return head_bias_; }

 private:
  struct Packed {
    Slab<float> input, hidden, input_back, hidden_back, input_bias, hidden_bias;
    DirectionWeights packed;  // the same, to be read
  };
  const Packed& at(int layer, int d) const {
    return directions_[static_cast<std::size_t>(layer) * static_cast<std::size_t>(shape_.directions()) +
                       static_cast<std::size_t>(d)];
  }
  BiRnnShape shape_;
  Params tensors_;
  std::vector<Packed> directions_;  // [L, directions]
  Slab<float> head_, head_back_, head_bias_;
};

template <>
class BiRnnWeights<Cuda> {
 public:
  BiRnnWeights(const BiRnnShape& shape, const Params& tensors, Arena&) : shape_(shape), tensors_(tensors) {}
  void load(const Window&, Slab<const float> params, bool) { params_ = params; }
  DirectionWeights direction(int layer, int d) const {
    const int first = 4 * (layer * shape_.directions() + d);
    const Slab<const float> input = tensor(first), hidden = tensor(first + 1);
    return {input, hidden, input, hidden, tensor(first + 2), tensor(first + 3)};
  }
  Slab<const float> head() const { return tensor(head_tensor()); }
  Slab<const float> head_back() const { return head(); }
  Slab<const float> head_bias() const { return tensor(head_tensor() + 1); }

 private:
  int head_tensor() const { return 4 * shape_.num_layers * shape_.directions(); }
  Slab<const float> tensor(int i) const { return params_.from(tensors_[i].offset); }
  BiRnnShape shape_;
  Params tensors_;
  Slab<const float> params_;
};

// Rows of a window on a CPU: as many as keep its stash near the second-level cache, whatever the batch.
int birnn_window_rows(const Cpu&, const BiRnnShape& shape, int batch);
// On CUDA: the batch.
int birnn_window_rows(const Cuda&, const BiRnnShape& shape, int batch);

template <class Device>
class BiRnn {
 public:
  using Shape = BiRnnShape;
  using DeviceTag = Device;

  BiRnn(const Shape& shape, int slots, int batch, Arena& arena)
      : shape_(shape),
        tensors_(birnn_params(shape)),
        max_rows_(birnn_window_rows(Device{}, shape, batch)),
        hp_(padded(shape.hidden_size)),
        width_(row_stride(shape.directions() * hp_)),
        gates_width_(row_stride(stash_segments(shape.cell) * hp_)),
        weights_(shape, tensors_, arena) {
    const int work = Device::kSlotsShareWork ? 1 : slots;
    const std::int64_t rows = static_cast<std::int64_t>(shape.steps) * max_rows_;
    layers_.resize(static_cast<std::size_t>(shape.num_layers));
    for (Layer& layer : layers_) {
      layer.h = arena.slab<float>(work, rows * width_);
      if (&layer != &layers_.back()) layer.dropped = arena.slab<float>(work, rows * width_);
      for (int d = 0; d < shape.directions(); ++d) {
        layer.gates[d] = arena.slab<float>(work, rows * gates_width_);
        if (shape.cell == Cell::kLstm) layer.cells[d] = arena.slab<float>(work, rows * hp_);
      }
    }
    const int cp = padded(shape.classes);
    input_ = arena.slab<float>(work, rows * padded(shape.features));
    features_ = arena.slab<float>(work, max_rows_ * width_);
    grad_features_ = arena.slab<float>(work, max_rows_ * width_);
    logits_ = arena.slab<float>(work, max_rows_ * cp);
    grad_logits_ = arena.slab<float>(work, max_rows_ * cp);
    grad_above_ = arena.slab<float>(work, rows * width_);
    if (shape.num_layers > 1) grad_below_ = arena.slab<float>(work, rows * width_);
    scratch_ = arena.slab<float>(work, max_rows_ * hp_);
  }

  static Params params_of(const Shape& shape) { return birnn_params(shape); }
  int max_rows() const { return max_rows_; }
  Slab<float> input() const { return input_; }
  Slab<float> logits() const { return logits_; }
  Slab<float> grad_logits() const { return grad_logits_; }

  void load(const Device&, const Window& window, Slab<const float> params, bool training) {
    weights_.load(window, params, training);
  }

  void forward(const Device& device, const Window& window, const SlotRow* rows, bool training) {
    for (int l = 0; l < shape_.num_layers; ++l) {
      recurrent_forward(device, layer_args(l, window, rows, training));
      if (training && l + 1 < shape_.num_layers)
        dropout(device, dropout_args(l + 1, window, rows, layers_[index(l)].h, layers_[index(l)].dropped));
    }
    readout_forward(device, readout_args(window, rows));
    dense_forward(device, head_args(window, rows, {}));
  }

  void backward(const Device& device, const Window& window, const SlotRow* rows, Slab<float> gradient) {
    dense_backward(device, head_args(window, rows, gradient));
    readout_backward(device, readout_args(window, rows));
    for (int l = shape_.num_layers - 1; l >= 0; --l) {
      if (l > 0)
        set_zero(device, {window, rows, grad_below_, static_cast<std::int64_t>(shape_.steps) * window.rows() * width_});
      recurrent_backward(device, backward_args(l, window, rows, gradient));
      if (l == 0) break;
      dropout(device, dropout_args(l, window, rows, grad_below_, grad_below_));
      std::swap(grad_above_, grad_below_);
    }
  }

 private:
  struct Layer {
    Slab<float> gates[2], cells[2];
    Slab<float> h;        // [T, rows, width_]
    Slab<float> dropped;  // the same after dropout, what the next layer reads when training
  };

  static std::size_t index(int i) { return static_cast<std::size_t>(i); }

  RecurrentArgs layer_args(int l, const Window& window, const SlotRow* rows, bool training) const {
    const Layer& layer = layers_[index(l)];
    RecurrentArgs a;
    a.window = window;
    a.rows = rows;
    a.cell = shape_.cell;
    a.precision = shape_.precision;
    a.steps = shape_.steps;
    a.hidden = shape_.hidden_size;
    a.input_segments = shape_.inputs(l);
    a.x = l == 0 ? input_ : training ? layers_[index(l - 1)].dropped : layers_[index(l - 1)].h;
    a.x_width = l == 0 ? padded(shape_.features) : width_;
    a.gates_width = gates_width_;
    a.h = layer.h;
    a.h_width = width_;
    a.directions = shape_.directions();
    for (int d = 0; d < a.directions; ++d) {
      a.direction[d].reverse = d == 1;
      a.direction[d].active_steps = shape_.active_steps(l, d);
      a.direction[d].weights = weights_.direction(l, d);
      a.direction[d].gates = layer.gates[d];
      a.direction[d].cells = layer.cells[d];
    }
    return a;
  }

  RecurrentArgs backward_args(int l, const Window& window, const SlotRow* rows, Slab<float> gradient) const {
    RecurrentArgs a = layer_args(l, window, rows, true);
    a.grad_h = grad_above_;
    a.scratch = scratch_;
    if (l > 0) a.grad_x = grad_below_;
    for (int d = 0; d < a.directions; ++d) {
      const int first = 4 * (l * a.directions + d);  // weight_ih, weight_hh, bias_ih, bias_hh
      a.direction[d].grad_input_weight = gradient.from(tensors_[first].offset);
      a.direction[d].grad_hidden_weight = gradient.from(tensors_[first + 1].offset);
      a.direction[d].grad_input_bias = gradient.from(tensors_[first + 2].offset);
      a.direction[d].grad_hidden_bias = gradient.from(tensors_[first + 3].offset);
    }
    return a;
  }

  ReadoutArgs readout_args(const Window& window, const SlotRow* rows) const {
    ReadoutArgs a;
    a.window = window;
    a.rows = rows;
    a.kind = shape_.readout;
    a.steps = shape_.steps;
    a.directions = shape_.directions();
    a.direction_width = hp_;
    a.width = width_;
    a.h = layers_.back().h;
    a.features = features_;
    a.grad_features = grad_features_;
    a.grad_h = grad_above_;
    return a;
  }

  // gradient: empty for the forward pass.
  DenseArgs head_args(const Window& window, const SlotRow* rows, Slab<float> gradient) const {
    DenseArgs a;
    a.window = window;
    a.rows = rows;
    a.outputs = shape_.classes;
    a.inputs = packed_segments(shape_.directions(), shape_.hidden_size);
    a.width = width_;
    a.features = features_;
    a.weight = weights_.head();
    a.bias = weights_.head_bias();
    a.out = logits_;
    a.weight_back = weights_.head_back();
    a.grad_out = grad_logits_;
    a.grad_features = grad_features_;
    if (gradient) {
      const int head = 4 * shape_.num_layers * shape_.directions();
      a.grad_weight = gradient.from(tensors_[head].offset);
      a.grad_bias = gradient.from(tensors_[head + 1].offset);
    }
    return a;
  }

  DropoutArgs dropout_args(int layer, const Window& window, const SlotRow* rows, Slab<float> in,
                           Slab<float> out) const {
    DropoutArgs a;
    a.window = window;
    a.rows = rows;
    a.layer = static_cast<std::uint32_t>(layer);
    a.steps = shape_.steps;
    a.segments = shape_.directions();
    a.length = shape_.hidden_size;
    a.width = width_;
    a.in = in;
    a.out = out;
    return a;
  }

  Shape shape_;
  Params tensors_;
  int max_rows_;
  int hp_, width_;   // padded(H); floats of a row of both directions
  int gates_width_;  // floats of a row of the stash of one direction
  BiRnnWeights<Device> weights_;
  std::vector<Layer> layers_;
  Slab<float> input_, features_, logits_, grad_logits_, grad_features_;
  Slab<float> grad_above_, grad_below_, scratch_;  // [T, rows, width_] twice; [rows, hp_]
};

static_assert(Model<BiRnn<Cpu>> && Model<BiRnn<Cuda>>);

}  // namespace caviar
