#include "models/birnn.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "kernels/base/error.h"

namespace caviar {

namespace {

constexpr Cpu kCpu;

std::size_t count(std::int64_t n) { return static_cast<std::size_t>(n); }

// Rows of a window: as many as keep the stash of a window near the second-level cache, for the recurrent weights are
// read again for every window. Tried 16 to 64 on Zen 4 (bench/train_speed.cpp).
int window_rows(const BiRnnShape& s) {
  const std::int64_t per_row =
      static_cast<std::int64_t>(s.steps) * padded(s.hidden_size) * (stash_segments(s.cell) + 2) * s.directions() * 4;
  constexpr std::int64_t kTarget = 1 << 20;
  const std::int64_t rows = kTarget / per_row / kRowBlock * kRowBlock;
  return static_cast<int>(std::clamp<std::int64_t>(rows, kRowBlock, 4 * kRowBlock));
}

void check(const BiRnnShape& s) {
  if (s.hidden_size < 1 || s.hidden_size > kMaxHidden)
    fail("hidden_size is ", s.hidden_size, "; it must be 1 to ", kMaxHidden, ".");
  if (s.num_layers < 1 || s.num_layers > 8) fail("num_layers is ", s.num_layers, "; it must be 1 to 8.");
  if (s.classes < 1 || s.classes > 256) fail("The data has ", s.classes, " classes; a model takes 1 to 256.");
  if (s.steps < 1 || s.features < 1)
    fail("A sample is ", s.steps, " steps of ", s.features, " features; both must be at least 1.");
}

// Copies G segments of `length` into padded segments; the padding stays 0.
void pack_bias(const float* bias, int segments, int length, float* out) {
  for (int i = 0; i < segments; ++i) std::copy_n(bias + i * length, length, out + i * padded(length));
}

}  // namespace

Params BiRnn<Cpu>::params_of(const Shape& s) {
  check(s);
  Params p;
  const int gates = gate_count(s.cell) * s.hidden_size;
  const float bound = 1.0f / std::sqrt(static_cast<float>(s.hidden_size));
  for (int layer = 0; layer < s.num_layers; ++layer)
    for (int d = 0; d < s.directions(); ++d) {
      const std::string suffix = "_l" + std::to_string(layer) + (d == 1 ? "_reverse" : "");
      p.add("weight_ih" + suffix, gates, layer == 0 ? s.features : s.directions() * s.hidden_size, bound);
      p.add("weight_hh" + suffix, gates, s.hidden_size, bound);
      p.add("bias_ih" + suffix, gates, 1, bound);
      p.add("bias_hh" + suffix, gates, 1, bound);
    }
  const int features = s.directions() * s.hidden_size;
  const float head_bound = 1.0f / std::sqrt(static_cast<float>(features));
  p.add("fc.weight", s.classes, features, head_bound);
  p.add("fc.bias", s.classes, 1, head_bound);
  return p;
}

BiRnn<Cpu>::BiRnn(const Shape& shape)
    : shape_(shape),
      params_(params_of(shape)),
      max_rows_(window_rows(shape)),
      hp_(padded(shape.hidden_size)),
      width_(row_stride(shape.directions() * hp_)),
      gates_width_(row_stride(stash_segments(shape.cell) * hp_)) {
  const std::int64_t rows = static_cast<std::int64_t>(shape_.steps) * max_rows_;
  const int gates = gate_count(shape_.cell), k = gates * shape_.hidden_size, panels = gates * hp_ / kLanes;
  int tensor = 0;
  layers_.resize(count(shape_.num_layers));
  for (int l = 0; l < shape_.num_layers; ++l) {
    Layer& layer = layers_[count(l)];
    layer.h = Buffer<float>(count(rows * width_));
    for (int d = 0; d < shape_.directions(); ++d) {
      Direction& direction = layer.directions[count(d)];
      direction.first_tensor = std::exchange(tensor, tensor + 4);
      direction.input = Buffer<float>(panel_size(input_segments(l).total(), panels));
      direction.hidden = Buffer<float>(panel_size(shape_.hidden_size, panels));
      if (l > 0) direction.input_back = Buffer<float>(panel_size(k, shape_.directions() * hp_ / kLanes));
      direction.hidden_back = Buffer<float>(panel_size(k, hp_ / kLanes));
      direction.input_bias = Buffer<float>(count(gates * hp_));
      direction.hidden_bias = Buffer<float>(count(gates * hp_));
      direction.gates = Buffer<float>(count(rows * gates_width_));
      if (shape_.cell == Cell::kLstm) direction.cells = Buffer<float>(count(rows * hp_));
    }
  }
  head_tensor_ = tensor;
  const int cp = padded(shape_.classes);
  input_ = Buffer<float>(count(rows * padded(shape_.features)));
  features_ = Buffer<float>(count(max_rows_ * width_));
  grad_features_ = Buffer<float>(count(max_rows_ * width_));
  logits_ = Buffer<float>(count(max_rows_ * cp));
  grad_logits_ = Buffer<float>(count(max_rows_ * cp));
  head_ = Buffer<float>(panel_size(shape_.directions() * shape_.hidden_size, cp / kLanes));
  head_back_ = Buffer<float>(panel_size(shape_.classes, shape_.directions() * hp_ / kLanes));
  head_bias_ = Buffer<float>(count(cp));
  grad_above_ = Buffer<float>(count(rows * width_));
  grad_below_ = Buffer<float>(count(shape_.num_layers > 1 ? rows * width_ : 0));
  scratch_ = Buffer<float>(count(max_rows_ * hp_));
}

void BiRnn<Cpu>::load(const float* params, bool training) {
  const int gates = gate_count(shape_.cell), h = shape_.hidden_size;
  for (int l = 0; l < shape_.num_layers; ++l)
    for (int d = 0; d < shape_.directions(); ++d) {
      Direction& direction = layers_[count(l)].directions[count(d)];
      const int first = direction.first_tensor;
      const float* input = params + params_[first].offset;
      const float* hidden = params + params_[first + 1].offset;
      pack_transposed(input, input_segments(l).total(), gates, h, direction.input.data());
      pack_transposed(hidden, h, gates, h, direction.hidden.data());
      pack_bias(params + params_[first + 2].offset, gates, h, direction.input_bias.data());
      pack_bias(params + params_[first + 3].offset, gates, h, direction.hidden_bias.data());
      if (!training) continue;
      if (l > 0) pack_direct(input, gates * h, shape_.directions(), h, direction.input_back.data());
      pack_direct(hidden, gates * h, 1, h, direction.hidden_back.data());
    }
  const float* head = params + params_[head_tensor_].offset;
  pack_transposed(head, shape_.directions() * h, 1, shape_.classes, head_.data());
  pack_bias(params + params_[head_tensor_ + 1].offset, 1, shape_.classes, head_bias_.data());
  if (training) pack_direct(head, shape_.classes, shape_.directions(), h, head_back_.data());
}

// The last layer's reverse direction is read after its first step only when the read-out is out[:, -1].
int BiRnn<Cpu>::active_steps(int layer, int direction) const {
  const bool read_at_once = layer == shape_.num_layers - 1 && direction == 1 && shape_.readout == Readout::kLastStep;
  return read_at_once ? 1 : shape_.steps;
}

Segments BiRnn<Cpu>::input_segments(int layer) const {
  return layer == 0 ? packed_segments(1, shape_.features) : packed_segments(shape_.directions(), shape_.hidden_size);
}

int BiRnn<Cpu>::input_width(int layer) const { return layer == 0 ? padded(shape_.features) : width_; }

const float* BiRnn<Cpu>::layer_input(int layer, const DropoutUse& dropout) const {
  if (layer == 0) return input_.data();
  const Layer& below = layers_[count(layer - 1)];
  return dropout.probability > 0 ? below.dropped.data() : below.h.data();
}

RecurrentArgs BiRnn<Cpu>::recurrent_args(int l, int d, const Window& window, const DropoutUse& dropout_use) {
  Layer& layer = layers_[count(l)];
  Direction& direction = layer.directions[count(d)];
  RecurrentArgs a;
  a.cell = shape_.cell;
  a.steps = shape_.steps;
  a.active_steps = active_steps(l, d);
  a.rows = window.rows();
  a.hidden = shape_.hidden_size;
  a.reverse = d == 1;
  a.input_segments = input_segments(l);
  a.x = layer_input(l, dropout_use);
  a.x_width = input_width(l);
  a.weights = {direction.input.data(),       direction.hidden.data(),     direction.input_back.data(),
               direction.hidden_back.data(), direction.input_bias.data(), direction.hidden_bias.data()};
  a.gates = direction.gates.data();
  a.gates_width = gates_width_;
  a.cells = direction.cells.data();
  a.h = layer.h.data() + d * hp_;
  a.h_width = width_;
  return a;
}

ReadoutArgs BiRnn<Cpu>::readout_args(const Window& window) {
  ReadoutArgs a;
  a.kind = shape_.readout;
  a.steps = shape_.steps;
  a.rows = window.rows();
  a.directions = shape_.directions();
  a.direction_width = hp_;
  a.width = width_;
  a.h = layers_.back().h.data();
  a.features = features_.data();
  a.grad_features = grad_features_.data();
  a.grad_h = grad_above_.data();
  return a;
}

DenseArgs BiRnn<Cpu>::head_args(const Window& window) {
  DenseArgs a;
  a.rows = window.rows();
  a.outputs = shape_.classes;
  a.inputs = packed_segments(shape_.directions(), shape_.hidden_size);
  a.width = width_;
  a.features = features_.data();
  a.weight = head_.data();
  a.bias = head_bias_.data();
  a.out = logits_.data();
  a.weight_back = head_back_.data();
  a.grad_out = grad_logits_.data();
  a.grad_features = grad_features_.data();
  return a;
}

DropoutArgs BiRnn<Cpu>::dropout_args(int layer, const Window& window, const DropoutUse& use) const {
  DropoutArgs a;
  a.probability = use.probability;
  a.seed = use.seed;
  a.step = use.step;
  a.layer = static_cast<std::uint32_t>(layer);
  a.steps = shape_.steps;
  a.rows = window.rows();
  a.first_row = window.b0;
  a.segments = shape_.directions();
  a.length = shape_.hidden_size;
  a.width = width_;
  return a;
}

void BiRnn<Cpu>::forward(const Window& window, const DropoutUse& use) {
  for (int l = 0; l < shape_.num_layers; ++l) {
    for (int d = 0; d < shape_.directions(); ++d) recurrent_forward(kCpu, recurrent_args(l, d, window, use));
    if (l + 1 == shape_.num_layers || !(use.probability > 0)) continue;
    Layer& layer = layers_[count(l)];
    if (layer.dropped.size() == 0) layer.dropped = Buffer<float>(layer.h.size());
    DropoutArgs a = dropout_args(l + 1, window, use);
    a.in = layer.h.data();
    a.out = layer.dropped.data();
    dropout(kCpu, a);
  }
  readout_forward(kCpu, readout_args(window));
  dense_forward(kCpu, head_args(window));
}

void BiRnn<Cpu>::backward(const Window& window, const DropoutUse& use, float* gradient) {
  DenseArgs head = head_args(window);
  head.grad_weight = gradient + params_[head_tensor_].offset;
  head.grad_bias = gradient + params_[head_tensor_ + 1].offset;
  dense_backward(kCpu, head);
  readout_backward(kCpu, readout_args(window));

  for (int l = shape_.num_layers - 1; l >= 0; --l) {
    if (l > 0)
      std::fill_n(grad_below_.data(), static_cast<std::ptrdiff_t>(shape_.steps) * window.rows() * width_, 0.0f);
    for (int d = 0; d < shape_.directions(); ++d) {
      RecurrentArgs a = recurrent_args(l, d, window, use);
      const int first = layers_[count(l)].directions[count(d)].first_tensor;
      a.grad_h = grad_above_.data() + d * hp_;
      a.scratch = scratch_.data();
      a.grad_x = l > 0 ? grad_below_.data() : nullptr;
      a.grad_input_weight = gradient + params_[first].offset;
      a.grad_hidden_weight = gradient + params_[first + 1].offset;
      a.grad_input_bias = gradient + params_[first + 2].offset;
      a.grad_hidden_bias = gradient + params_[first + 3].offset;
      recurrent_backward(kCpu, a);
    }
    if (l > 0 && use.probability > 0) {
      DropoutArgs a = dropout_args(l, window, use);
      a.in = a.out = grad_below_.data();
      dropout(kCpu, a);
    }
    if (l > 0) std::swap(grad_above_, grad_below_);
  }
}

}  // namespace caviar
