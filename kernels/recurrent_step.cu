// The recurrence step by step, for hidden sizes whose state and weights are too large for the walks of
// kernels/recurrent_walk_*.cuh: every time step is one grouped product and one pointwise kernel. The launches are many
// but their arguments are shapes alone, so that a graph holds them all.
#include <algorithm>

#include "kernels/base/launch.h"
#include "kernels/product.h"
#include "kernels/recurrent_fp32.h"
#include "kernels/recurrent_unit.cuh"

namespace caviar {

namespace {

constexpr int kThreads = 256;

// The unit and row of a thread. x: units, y: rows of B and directions, z: slots.
struct Place {
  int slot, direction, row, unit;
};

__device__ __forceinline__ bool find_place(const RecurrentArgs& a, int step, Place& p) {
  p.slot = a.window.s0 + static_cast<int>(blockIdx.z);
  p.direction = static_cast<int>(blockIdx.y) / a.window.rows();
  p.row = static_cast<int>(blockIdx.y) % a.window.rows();
  p.unit = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  return a.rows[p.slot].on && p.row < a.rows[p.slot].rows && p.unit < a.hidden &&
         step < a.direction[p.direction].active_steps;
}

// The row of step s in a [T, B, width] array.
__device__ __forceinline__ std::ptrdiff_t row_of(const RecurrentArgs& a, const Place& p, int step) {
  const int t = a.direction[p.direction].reverse ? a.steps - 1 - step : step;
  return static_cast<std::ptrdiff_t>(t) * a.window.rows() + p.row;
}

// From the pre-activations in `gates` to h. At step 0 nothing was added for the state before: its bias comes here.
template <Cell kCell>
__global__ void __launch_bounds__(kThreads) step_forward_kernel(RecurrentArgs a, int step) {
  constexpr int kGates = kGatesOf<kCell>, kStash = kStashOf<kCell>;
  Place p;
  if (!find_place(a, step, p)) return;
  const DirectionArgs& d = a.direction[p.direction];
  const int hp = padded(a.hidden);
  const std::ptrdiff_t now = row_of(a, p, step), before = step > 0 ? row_of(a, p, step - 1) : 0;
  float* gate = d.gates[p.slot] + now * a.gates_width + p.unit;
  float* h = a.h[p.slot] + p.direction * hp + p.unit;
  const float* bias = d.weights.hidden_bias[p.slot] + p.unit;

  float pre[kStash], carry = 0, stash[kStash];
#pragma unroll
  for (int g = 0; g < kGates; ++g) pre[g] = gate[g * hp];
  if constexpr (kCell == Cell::kGru) {
    pre[3] = step > 0 ? gate[3 * hp] : bias[2 * a.hidden];
    if (step > 0) carry = h[before * a.h_width];
  }
  if (step == 0) {
#pragma unroll
    for (int g = 0; g < (kCell == Cell::kGru ? 2 : kGates); ++g) pre[g] += bias[g * a.hidden];
  }
  if constexpr (kCell == Cell::kLstm) {
    if (step > 0) carry = d.cells[p.slot][before * hp + p.unit];
  }
  h[now * a.h_width] = unit_forward<kCell>(pre, carry, stash, a.cell == Cell::kRnnRelu);
  if constexpr (kCell == Cell::kLstm) d.cells[p.slot][now * hp + p.unit] = carry;
  if constexpr (kGates > 1) {
#pragma unroll
    for (int g = 0; g < kStash; ++g) gate[g * hp] = stash[g];
  }
}

// From dL/dh, complete in grad_h, to the gradients before the activations. dL/dc of the step before takes the place of
// c of this step, which nothing reads any more: the two directions then need no scratch memory of their own.
template <Cell kCell>
__global__ void __launch_bounds__(kThreads) step_backward_kernel(RecurrentArgs a, int step) {
  constexpr int kGates = kGatesOf<kCell>, kStash = kStashOf<kCell>;
  Place p;
  if (!find_place(a, step, p)) return;
  const DirectionArgs& d = a.direction[p.direction];
  const int hp = padded(a.hidden);
  const std::ptrdiff_t now = row_of(a, p, step), before = step > 0 ? row_of(a, p, step - 1) : 0;
  float* gate = d.gates[p.slot] + now * a.gates_width + p.unit;
  const float* h = a.h[p.slot] + p.direction * hp + p.unit;
  float* grad_h = a.grad_h[p.slot] + p.direction * hp + p.unit;

  float gates[kStash], hidden_gates[kGates], state_before = 0, state_after = 0, carry = 0;
  if constexpr (kGates > 1) {
#pragma unroll
    for (int g = 0; g < kStash; ++g) gates[g] = gate[g * hp];
  }
  if constexpr (kCell == Cell::kLstm) {
    float* cells = d.cells[p.slot] + p.unit;
    if (step > 0) state_before = cells[before * hp];
    if (step + 1 < d.active_steps) carry = cells[row_of(a, p, step + 1) * hp];
    state_after = cells[now * hp];
  } else if constexpr (kCell == Cell::kGru) {
    if (step > 0) state_before = h[before * a.h_width];
  } else {
    state_after = h[now * a.h_width];
  }
  unit_backward<kCell>(gates, hidden_gates, state_before, state_after, grad_h[now * a.h_width], carry,
                       a.cell == Cell::kRnnRelu);
#pragma unroll
  for (int g = 0; g < kStash; ++g) gate[g * hp] = gates[g];
  if constexpr (kCell == Cell::kLstm) d.cells[p.slot][now * hp + p.unit] = carry;
  if constexpr (kCell == Cell::kGru) {
    if (step > 0) grad_h[before * a.h_width] += carry;  // the direct path, before the product is added
  }
}

template <Cell kCell>
void launch_pointwise(void (*kernel)(RecurrentArgs, int), const Cuda& device, const RecurrentArgs& a, int step) {
  const dim3 grid(static_cast<unsigned>((a.hidden + kThreads - 1) / kThreads),
                  static_cast<unsigned>(a.window.rows() * a.directions),
                  static_cast<unsigned>(a.window.s1 - a.window.s0));
  launch(kernel, grid, dim3(kThreads), 0, device.stream, a, step);
}

int most_steps(const RecurrentArgs& a) {
  return std::max(a.direction[0].active_steps, a.directions > 1 ? a.direction[1].active_steps : 0);
}

std::int64_t floats_before(const RecurrentArgs& a, const DirectionArgs& d, int step, int width) {
  return static_cast<std::int64_t>(d.reverse ? a.steps - 1 - step : step) * a.window.rows() * width;
}

// gates of `step` += W_hh h + b_hh with h of the step before; gru's n part is kept apart in the fourth segment.
void add_hidden_product(const Cuda& device, const RecurrentArgs& a, int step) {
  GroupedProduct p;
  p.window = a.window;
  p.rows = a.rows;
  p.directions = a.directions;
  for (int i = 0; i < a.directions; ++i) {
    const DirectionArgs& d = a.direction[i];
    if (step < d.active_steps)
      p.direction[i] = {1, a.h.from(floats_before(a, d, step - 1, a.h_width) + i * padded(a.hidden)), d.weights.hidden,
                        d.weights.hidden_bias, d.gates.from(floats_before(a, d, step, a.gates_width))};
  }
  p.form = WeightForm::kRowIsOutput;
  p.a_stride = a.h_width;
  p.c_stride = a.gates_width;
  p.k = packed_segments(1, a.hidden);
  p.n = hidden_gate_segments(a.cell, a.hidden);
  p.finish = Finish::kAddBias;
  if (a.cell == Cell::kGru) p.stored_from = 2 * a.hidden;
  grouped_product(device, p);
}

// dL/dh of the step before += W_hh^T times the gradients of `step`.
void add_hidden_gradient(const Cuda& device, const RecurrentArgs& a, int step) {
  GroupedProduct p;
  p.window = a.window;
  p.rows = a.rows;
  p.directions = a.directions;
  for (int i = 0; i < a.directions; ++i) {
    const DirectionArgs& d = a.direction[i];
    if (step < d.active_steps)
      p.direction[i] = {1,
                        d.gates.from(floats_before(a, d, step, a.gates_width)),
                        d.weights.hidden_back,
                        {},
                        a.grad_h.from(floats_before(a, d, step - 1, a.h_width) + i * padded(a.hidden))};
  }
  p.form = WeightForm::kColumnIsOutput;
  p.a_stride = a.gates_width;
  p.c_stride = a.h_width;
  p.k = hidden_gate_segments(a.cell, a.hidden);
  p.n = packed_segments(1, a.hidden);
  p.finish = Finish::kAdd;
  grouped_product(device, p);
}

template <Cell kCell>
void forward_steps(const Cuda& device, const RecurrentArgs& a) {
  for (int step = 0; step < most_steps(a); ++step) {
    if (step > 0) add_hidden_product(device, a, step);
    launch_pointwise<kCell>(step_forward_kernel<kCell>, device, a, step);
  }
}

template <Cell kCell>
void backward_steps(const Cuda& device, const RecurrentArgs& a) {
  for (int step = most_steps(a) - 1; step >= 0; --step) {
    launch_pointwise<kCell>(step_backward_kernel<kCell>, device, a, step);
    if (step > 0) add_hidden_gradient(device, a, step);
  }
}

}  // namespace

void step_forward(const Cuda& device, const RecurrentArgs& a) {
  if (a.cell == Cell::kLstm)
    forward_steps<Cell::kLstm>(device, a);
  else if (a.cell == Cell::kGru)
    forward_steps<Cell::kGru>(device, a);
  else
    forward_steps<Cell::kRnnTanh>(device, a);
}

void step_backward(const Cuda& device, const RecurrentArgs& a) {
  if (a.cell == Cell::kLstm)
    backward_steps<Cell::kLstm>(device, a);
  else if (a.cell == Cell::kGru)
    backward_steps<Cell::kGru>(device, a);
  else
    backward_steps<Cell::kRnnTanh>(device, a);
}

}  // namespace caviar
