#include "models/birnn.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "kernels/base/error.h"

namespace caviar {

namespace {

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

Segments BiRnnShape::inputs(int layer) const {
  return layer == 0 ? packed_segments(1, features) : packed_segments(directions(), hidden_size);
}

int BiRnnShape::active_steps(int layer, int direction) const {
  const bool read_at_once = layer == num_layers - 1 && direction == 1 && readout == Readout::kLastStep;
  return read_at_once ? 1 : steps;
}

Params birnn_params(const BiRnnShape& s) {
  check(s);
  Params p;
  const int gates = gate_count(s.cell) * s.hidden_size;
  const float bound = 1.0f / std::sqrt(static_cast<float>(s.hidden_size));
  for (int layer = 0; layer < s.num_layers; ++layer)
    for (int d = 0; d < s.directions(); ++d) {
      const std::string suffix = "_l" + std::to_string(layer) + (d == 1 ? "_reverse" : "");
      p.add("weight_ih" + suffix, gates, s.inputs(layer).total(), bound);
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

// The recurrent weights are read again for every window. Tried 16 to 64 on Zen 4 (bench/train_speed.cpp).
int birnn_window_rows(const Cpu&, const BiRnnShape& s, int) {
  const std::int64_t per_row =
      static_cast<std::int64_t>(s.steps) * padded(s.hidden_size) * (stash_segments(s.cell) + 2) * s.directions() * 4;
  constexpr std::int64_t kTarget = 1 << 20;
  const std::int64_t rows = kTarget / per_row / kRowBlock * kRowBlock;
  return static_cast<int>(std::clamp<std::int64_t>(rows, kRowBlock, 4 * kRowBlock));
}

int birnn_window_rows(const Cuda&, const BiRnnShape&, int batch) {
  return (batch + kRowBlock - 1) / kRowBlock * kRowBlock;
}

BiRnnWeights<Cpu>::BiRnnWeights(const BiRnnShape& shape, const Params& tensors, Arena& arena)
    : shape_(shape), tensors_(tensors) {
  const int h = shape.hidden_size, hp = padded(h), gates = gate_count(shape.cell), columns = gates * hp / kLanes;
  const auto panels = [&](int k, int vectors) {
    return arena.slab<float>(1, static_cast<std::int64_t>(panel_size(k, vectors)));
  };
  for (int l = 0; l < shape.num_layers; ++l)
    for (int d = 0; d < shape.directions(); ++d) {
      Packed p;
      p.input = panels(shape.inputs(l).total(), columns);
      p.hidden = panels(h, columns);
      if (l > 0) p.input_back = panels(gates * h, shape.directions() * hp / kLanes);
      p.hidden_back = panels(gates * h, hp / kLanes);
      p.input_bias = arena.slab<float>(1, gates * hp);
      p.hidden_bias = arena.slab<float>(1, gates * hp);
      p.packed = {p.input, p.hidden, p.input_back, p.hidden_back, p.input_bias, p.hidden_bias};
      directions_.push_back(p);
    }
  const int cp = padded(shape.classes);
  head_ = panels(shape.directions() * h, cp / kLanes);
  head_back_ = panels(shape.classes, shape.directions() * hp / kLanes);
  head_bias_ = arena.slab<float>(1, cp);
}

void BiRnnWeights<Cpu>::load(const Window& window, Slab<const float> params, bool training) {
  const int gates = gate_count(shape_.cell), h = shape_.hidden_size;
  const auto tensor = [&](int i) { return params[window.s0] + tensors_[i].offset; };
  int first = 0;
  for (int l = 0; l < shape_.num_layers; ++l)
    for (int d = 0; d < shape_.directions(); ++d, first += 4) {
      const Packed& p = at(l, d);
      pack_transposed(tensor(first), shape_.inputs(l).total(), gates, h, p.input[0]);
      pack_transposed(tensor(first + 1), h, gates, h, p.hidden[0]);
      pack_bias(tensor(first + 2), gates, h, p.input_bias[0]);
      pack_bias(tensor(first + 3), gates, h, p.hidden_bias[0]);
      if (!training) continue;
      if (l > 0) pack_direct(tensor(first), gates * h, shape_.directions(), h, p.input_back[0]);
      pack_direct(tensor(first + 1), gates * h, 1, h, p.hidden_back[0]);
    }
  pack_transposed(tensor(first), shape_.directions() * h, 1, shape_.classes, head_[0]);
  pack_bias(tensor(first + 1), 1, shape_.classes, head_bias_[0]);
  if (training) pack_direct(tensor(first), shape_.classes, shape_.directions(), h, head_back_[0]);
}

}  // namespace caviar
