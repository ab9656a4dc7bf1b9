// A recurrent layer on CUDA: projections of the input and weight gradients as products over all steps, between them the
// walk through time.
#include <algorithm>

#include "kernels/product.h"
#include "kernels/recurrent.h"
#include "kernels/recurrent_fp32.h"
#include "kernels/recurrent_mixed.h"
#include "kernels/recurrent_walk.cuh"

namespace caviar {

namespace {

// First time of the visited range: it is contiguous in t.
int first_time(const RecurrentArgs& a, const DirectionArgs& d) { return d.reverse ? a.steps - d.active_steps : 0; }

// Floats before time t of an array whose rows are `width` floats.
std::int64_t floats_before(const RecurrentArgs& a, int t, int width) {
  return static_cast<std::int64_t>(t) * a.window.rows() * width;
}

// gates = W_ih x + b_ih for every step at once.
void project_input(const Cuda& device, const RecurrentArgs& a) {
  GroupedProduct p;
  p.window = a.window;
  p.rows = a.rows;
  p.directions = a.directions;
  for (int i = 0; i < a.directions; ++i) {
    const DirectionArgs& d = a.direction[i];
    const int t = first_time(a, d);
    p.direction[i] = {d.active_steps, a.x.from(floats_before(a, t, a.x_width)), d.weights.input, d.weights.input_bias,
                      d.gates.from(floats_before(a, t, a.gates_width))};
  }
  p.form = WeightForm::kRowIsOutput;
  p.a_stride = a.x_width;
  p.c_stride = a.gates_width;
  p.k = a.input_segments;
  p.n = packed_segments(gate_count(a.cell), a.hidden);
  p.finish = Finish::kStoreBias;
  grouped_product(device, p);
}

// Over s = S-1 .. 0: downwards in t, or upwards in reverse. W_hh meets the h of the step before: no term at s = 0.
void add_weight_gradients(const Cuda& device, const RecurrentArgs& a) {
  GroupedOuterProduct input, hidden;
  input.window = hidden.window = a.window;
  input.rows = hidden.rows = a.rows;
  input.directions = hidden.directions = a.directions;
  for (int i = 0; i < a.directions; ++i) {
    const DirectionArgs& d = a.direction[i];
    const int towards = d.reverse ? 1 : -1;
    const int t = d.reverse ? a.steps - d.active_steps : d.active_steps - 1;  // of the last step of the forward pass
    GroupedOuterProduct::Direction& x = input.direction[i];
    x.steps = x.product_steps = d.active_steps;
    x.a = d.gates.from(floats_before(a, t, a.gates_width));
    x.a_step = towards * floats_before(a, 1, a.gates_width);
    x.b = a.x.from(floats_before(a, t, a.x_width));
    x.b_step = towards * floats_before(a, 1, a.x_width);
    x.c = d.grad_input_weight;
    x.bias = d.grad_input_bias;
    GroupedOuterProduct::Direction& h = hidden.direction[i];
    h.product_steps = d.active_steps - 1;
    h.a = x.a;
    h.a_step = x.a_step;
    if (h.product_steps > 0) h.b = a.h.from(floats_before(a, t + towards, a.h_width) + i * padded(a.hidden));
    h.b_step = towards * floats_before(a, 1, a.h_width);
    h.c = d.grad_hidden_weight;
    if (a.cell == Cell::kGru) {
      h.steps = d.active_steps;
      h.bias = d.grad_hidden_bias;
    } else {  // the gates of W_ih and W_hh are the same, and so are the chains of their biases
      h.steps = h.product_steps;
      x.bias_copy = d.grad_hidden_bias;
    }
  }
  input.a_stride = hidden.a_stride = a.gates_width;
  input.b_stride = a.x_width;
  hidden.b_stride = a.h_width;
  input.i = packed_segments(gate_count(a.cell), a.hidden);
  hidden.i = hidden_gate_segments(a.cell, a.hidden);
  input.j = a.input_segments;
  hidden.j = packed_segments(1, a.hidden);
  grouped_outer_product(device, input);
  grouped_outer_product(device, hidden);
}

// One direction after the other: both add to the same elements.
void add_input_gradient(const Cuda& device, const RecurrentArgs& a) {
  for (int i = 0; i < a.directions; ++i) {
    const DirectionArgs& d = a.direction[i];
    const int t = first_time(a, d);
    GroupedProduct p;
    p.window = a.window;
    p.rows = a.rows;
    p.direction[0] = {d.active_steps,
                      d.gates.from(floats_before(a, t, a.gates_width)),
                      d.weights.input_back,
                      {},
                      a.grad_x.from(floats_before(a, t, a.x_width))};
    p.form = WeightForm::kColumnIsOutput;
    p.a_stride = a.gates_width;
    p.c_stride = a.x_width;
    p.k = packed_segments(gate_count(a.cell), a.hidden);
    p.n = a.input_segments;
    p.finish = Finish::kAdd;
    grouped_product(device, p);
  }
}

bool nothing_to_do(const RecurrentArgs& a) { return a.window.s1 == a.window.s0 || a.window.rows() == 0; }

}  // namespace

void recurrent_forward_fp32(const Cuda& device, const RecurrentArgs& a, RecurrentPath path) {
  if (nothing_to_do(a)) return;
  project_input(device, a);
  if (a.hidden > kMaxWalkedHidden || path == RecurrentPath::kStepwise) return step_forward(device, a);
  const bool streamed = path == RecurrentPath::kStreamed;
  if (a.cell == Cell::kLstm)
    walk_lstm_forward(device, a, streamed);
  else if (a.cell == Cell::kGru)
    walk_gru_forward(device, a, streamed);
  else
    walk_rnn_forward(device, a, streamed);
}

void recurrent_backward_fp32(const Cuda& device, const RecurrentArgs& a, RecurrentPath path) {
  if (nothing_to_do(a)) return;
  const bool streamed = path == RecurrentPath::kStreamed;
  if (a.hidden > kMaxWalkedHidden || path == RecurrentPath::kStepwise)
    step_backward(device, a);
  else if (a.cell == Cell::kLstm)
    walk_lstm_backward(device, a, streamed);
  else if (a.cell == Cell::kGru)
    walk_gru_backward(device, a, streamed);
  else
    walk_rnn_backward(device, a, streamed);
  add_weight_gradients(device, a);
  if (a.grad_x) add_input_gradient(device, a);
}

// Gated layers above 128 units walk with 161 KiB of shared memory at most: more than sm_86, sm_89 and sm_120 have for a
// block. There they go step by step, to the same bits.
RecurrentPath best_path(const RecurrentArgs& a) {
  constexpr std::size_t kWidestWalk = 161 * 1024;
  const bool wide = a.hidden > 128 && gate_count(a.cell) > 1;
  return wide && shared_bytes_of_block() < kWidestWalk ? RecurrentPath::kStepwise : RecurrentPath::kBest;
}

// The one place where the precision of a layer decides.
void recurrent_forward(const Cuda& device, const RecurrentArgs& a) {
  if (a.precision == Precision::kMixed) return recurrent_forward_mixed(device, a);
  recurrent_forward_fp32(device, a, best_path(a));
}

void recurrent_backward(const Cuda& device, const RecurrentArgs& a) {
  if (a.precision == Precision::kMixed) return recurrent_backward_mixed(device, a);
  recurrent_backward_fp32(device, a, best_path(a));
}

}  // namespace caviar
