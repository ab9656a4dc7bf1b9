#include "kernels/recurrent.h"

#include <cassert>
#include <cstring>

#include "kernels/math/recurrent.h"

namespace caviar {

namespace {

// One direction of one slot, as plain pointers.
struct Direction {
  struct Weights {
    const float *input, *hidden, *input_back, *hidden_back, *input_bias, *hidden_bias;
  };
  Direction(const RecurrentArgs& a, int d, int slot);

  Cell cell;
  int steps, active_steps, rows, hidden;
  bool reverse;
  Segments input_segments;
  const float* x;
  int x_width;
  Weights weights;
  float* gates;
  int gates_width;
  float *cells, *h;
  int h_width;
  float *grad_h, *scratch, *grad_x;
  float *grad_input_weight, *grad_hidden_weight, *grad_input_bias, *grad_hidden_bias;
};

template <class T>
T* pointer(const Slab<T>& slab, int slot) {
  return slab ? slab[slot] : nullptr;
}

Direction::Direction(const RecurrentArgs& a, int d, int s)
    : cell(a.cell),
      steps(a.steps),
      active_steps(a.direction[d].active_steps),
      rows(a.window.rows()),
      hidden(a.hidden),
      reverse(a.direction[d].reverse),
      input_segments(a.input_segments),
      x(a.x[s]),
      x_width(a.x_width),
      weights{a.direction[d].weights.input[s],
              a.direction[d].weights.hidden[s],
              pointer(a.direction[d].weights.input_back, s),
              a.direction[d].weights.hidden_back[s],
              a.direction[d].weights.input_bias[s],
              a.direction[d].weights.hidden_bias[s]},
      gates(a.direction[d].gates[s]),
      gates_width(a.gates_width),
      cells(pointer(a.direction[d].cells, s)),
      h(a.h[s] + d * padded(a.hidden)),
      h_width(a.h_width),
      grad_h(a.grad_h ? a.grad_h[s] + d * padded(a.hidden) : nullptr),
      scratch(pointer(a.scratch, s)),
      grad_x(pointer(a.grad_x, s)),
      grad_input_weight(pointer(a.direction[d].grad_input_weight, s)),
      grad_hidden_weight(pointer(a.direction[d].grad_hidden_weight, s)),
      grad_input_bias(pointer(a.direction[d].grad_input_bias, s)),
      grad_hidden_bias(pointer(a.direction[d].grad_hidden_bias, s)) {}

// Sizes of one direction, said once.
struct Walk {
  explicit Walk(const Direction& a)
      : hp(padded(a.hidden)), stash(a.gates_width), block(static_cast<std::ptrdiff_t>(a.rows)) {}
  int hp;
  std::ptrdiff_t stash;  // floats of a row of gates
  std::ptrdiff_t block;  // rows of a time step
};

int time_of(const Direction& a, int step) { return a.reverse ? a.steps - 1 - step : step; }

// The gate segments that W_hh's gradient is taken over: gru's third lies apart, behind r_n's own.
Segments hidden_gates(Cell cell, int hidden) {
  Segments s = packed_segments(gate_count(cell), hidden);
  if (cell == Cell::kGru) s.offset[2] = 3 * padded(hidden);
  return s;
}

// gates += W_hh h + b_hh at time t; gru's n part is kept apart in the fourth segment. Without h: the bias alone.
void add_hidden_product(const Direction& a, const Walk& w, int t, const float* h_before) {
  float* gates = a.gates + t * w.block * w.stash;
  const int added = a.cell == Cell::kGru ? 2 : gate_count(a.cell);
  if (!h_before) {
    for (int r = 0; r < a.rows; ++r) {
      float* g = gates + static_cast<std::ptrdiff_t>(r) * w.stash;
      for (int j = 0; j < added * w.hp; ++j) g[j] += a.weights.hidden_bias[j];
      if (a.cell == Cell::kGru)
        std::memcpy(g + 3 * w.hp, a.weights.hidden_bias + 2 * w.hp, sizeof(float) * static_cast<std::size_t>(w.hp));
    }
    return;
  }
  RowProduct p;
  p.a = h_before;
  p.a_stride = a.h_width;
  p.k = packed_segments(1, a.hidden);
  p.panels = a.weights.hidden;
  p.rows = a.rows;
  p.vectors = added * w.hp / kLanes;
  p.c = gates;
  p.c_stride = w.stash;
  p.bias = a.weights.hidden_bias;
  row_product(p, Finish::kAddBias);
  if (a.cell == Cell::kGru) {
    p.panels += panel_size(a.hidden, p.vectors);
    p.bias += 2 * w.hp;
    p.vectors = w.hp / kLanes;
    p.c = gates + 3 * w.hp;
    row_product(p, Finish::kStoreBias);
  }
}

// What the first step sees as the state before it.
alignas(64) constexpr float kZeros[padded(kMaxHidden)] = {};

// Pointers of different parameters do not alias, which lets the loops over units vectorise. All rows of a time step in
// one call: the constants of the formulas then stay in registers.
void lstm_rows(int rows, int hp, std::ptrdiff_t stride, float* __restrict i, float* __restrict f, float* __restrict g,
               float* __restrict o, const float* __restrict c_before, std::ptrdiff_t before_stride, float* __restrict c,
               float* __restrict h, std::ptrdiff_t h_stride) {
  for (int r = 0; r < rows; ++r) {
    for (int j = 0; j < hp; ++j) {
      const std::ptrdiff_t k = r * stride + j;
      const LstmUnit<float> u = lstm_forward(i[k], f[k], g[k], o[k], c_before[r * before_stride + j]);
      i[k] = u.i;
      f[k] = u.f;
      g[k] = u.g;
      o[k] = u.o;
      c[r * hp + j] = u.c;
    }
    for (int j = 0; j < hp; ++j) h[r * h_stride + j] = lstm_output(o[r * stride + j], c[r * hp + j]);
  }
}

void gru_rows(int rows, int hp, std::ptrdiff_t stride, float* __restrict r, float* __restrict z, float* __restrict n,
              const float* __restrict h_n, const float* __restrict h_before, std::ptrdiff_t before_stride,
              float* __restrict h, std::ptrdiff_t h_stride) {
  for (int row = 0; row < rows; ++row)
    for (int j = 0; j < hp; ++j) {
      const std::ptrdiff_t k = row * stride + j;
      const GruUnit<float> u = gru_forward(r[k], z[k], n[k], h_n[k], h_before[row * before_stride + j]);
      r[k] = u.r;
      z[k] = u.z;
      n[k] = u.n;
      h[row * h_stride + j] = u.h;
    }
}

template <bool kTanh>
void rnn_rows(int rows, int hp, const float* __restrict gates, std::ptrdiff_t stride, float* __restrict h,
              std::ptrdiff_t h_stride) {
  for (int r = 0; r < rows; ++r)
    for (int j = 0; j < hp; ++j) {
      const float pre = gates[r * stride + j];
      h[r * h_stride + j] = kTanh ? rnn_tanh_forward(pre) : rnn_relu_forward(pre);
    }
}

// Activations of one time step.
void activate(const Direction& a, const Walk& w, int t, int before) {
  float* gates = a.gates + t * w.block * w.stash;
  float* h = a.h + t * w.block * a.h_width;
  switch (a.cell) {
    case Cell::kLstm:
      lstm_rows(a.rows, w.hp, w.stash, gates, gates + w.hp, gates + 2 * w.hp, gates + 3 * w.hp,
                before < 0 ? kZeros : a.cells + before * w.block * w.hp, before < 0 ? 0 : w.hp,
                a.cells + t * w.block * w.hp, h, a.h_width);
      break;
    case Cell::kGru:
      gru_rows(a.rows, w.hp, w.stash, gates, gates + w.hp, gates + 2 * w.hp, gates + 3 * w.hp,
               before < 0 ? kZeros : a.h + before * w.block * a.h_width, before < 0 ? 0 : a.h_width, h, a.h_width);
      break;
    case Cell::kRnnTanh:
      rnn_rows<true>(a.rows, w.hp, gates, w.stash, h, a.h_width);
      break;
    case Cell::kRnnRelu:
      rnn_rows<false>(a.rows, w.hp, gates, w.stash, h, a.h_width);
      break;
  }
}

void lstm_rows_back(int rows, int hp, std::ptrdiff_t stride, float* __restrict i, float* __restrict f,
                    float* __restrict g, float* __restrict o, const float* __restrict c_before,
                    std::ptrdiff_t before_stride, const float* __restrict c, const float* __restrict grad_h,
                    std::ptrdiff_t h_stride, float* __restrict grad_c) {
  for (int r = 0; r < rows; ++r)
    for (int j = 0; j < hp; ++j) {
      const std::ptrdiff_t k = r * stride + j;
      const LstmGradient<float> d = lstm_backward(i[k], f[k], g[k], o[k], c_before[r * before_stride + j],
                                                  c[r * hp + j], grad_h[r * h_stride + j], grad_c[r * hp + j]);
      i[k] = d.i;
      f[k] = d.f;
      g[k] = d.g;
      o[k] = d.o;
      grad_c[r * hp + j] = d.c;
    }
}

// grad_before: dL/dh of the step before, to which the direct path is added.
void gru_rows_back(int rows, int hp, std::ptrdiff_t stride, float* __restrict r, float* __restrict z,
                   float* __restrict n, float* __restrict h_n, const float* __restrict h_before,
                   std::ptrdiff_t before_stride, const float* __restrict grad_h, std::ptrdiff_t h_stride,
                   float* __restrict grad_before, std::ptrdiff_t grad_stride) {
  for (int row = 0; row < rows; ++row)
    for (int j = 0; j < hp; ++j) {
      const std::ptrdiff_t k = row * stride + j;
      const GruGradient<float> d =
          gru_backward(r[k], z[k], n[k], h_n[k], h_before[row * before_stride + j], grad_h[row * h_stride + j]);
      r[k] = d.r;
      z[k] = d.z;
      n[k] = d.x_n;
      h_n[k] = d.h_n;
      grad_before[row * grad_stride + j] += d.h;
    }
}

template <bool kTanh>
void rnn_rows_back(int rows, int hp, float* __restrict gates, std::ptrdiff_t stride, const float* __restrict h,
                   const float* __restrict grad_h, std::ptrdiff_t h_stride) {
  for (int r = 0; r < rows; ++r)
    for (int j = 0; j < hp; ++j) {
      const float out = h[r * h_stride + j], grad = grad_h[r * h_stride + j];
      gates[r * stride + j] = kTanh ? rnn_tanh_backward(out, grad) : rnn_relu_backward(out, grad);
    }
}

// Gradients before the activations of one time step.
void activate_back(const Direction& a, const Walk& w, int t, int before) {
  float* gates = a.gates + t * w.block * w.stash;
  const float* h = a.h + t * w.block * a.h_width;
  const float* grad_h = a.grad_h + t * w.block * a.h_width;
  switch (a.cell) {
    case Cell::kLstm:
      lstm_rows_back(a.rows, w.hp, w.stash, gates, gates + w.hp, gates + 2 * w.hp, gates + 3 * w.hp,
                     before < 0 ? kZeros : a.cells + before * w.block * w.hp, before < 0 ? 0 : w.hp,
                     a.cells + t * w.block * w.hp, grad_h, a.h_width, a.scratch);
      break;
    case Cell::kGru:
      gru_rows_back(a.rows, w.hp, w.stash, gates, gates + w.hp, gates + 2 * w.hp, gates + 3 * w.hp,
                    before < 0 ? kZeros : a.h + before * w.block * a.h_width, before < 0 ? 0 : a.h_width, grad_h,
                    a.h_width, before < 0 ? a.scratch : a.grad_h + before * w.block * a.h_width,
                    before < 0 ? w.hp : a.h_width);
      break;
    case Cell::kRnnTanh:
      rnn_rows_back<true>(a.rows, w.hp, gates, w.stash, h, grad_h, a.h_width);
      break;
    case Cell::kRnnRelu:
      rnn_rows_back<false>(a.rows, w.hp, gates, w.stash, h, grad_h, a.h_width);
      break;
  }
}

// First time of the visited range: they are contiguous in t.
int first_time(const Direction& a) { return a.reverse ? a.steps - a.active_steps : 0; }

void weight_gradients(const Direction& a, const Walk& w) {
  // The chain runs over s = S-1 .. 0: downwards in t, or upwards in reverse.
  const std::ptrdiff_t direction = a.reverse ? 1 : -1;
  const int t_last = time_of(a, a.active_steps - 1);
  const Segments gates = packed_segments(gate_count(a.cell), a.hidden);
  OuterProduct p;
  p.a = a.gates + t_last * w.block * w.stash;
  p.a_step = direction * w.block * w.stash;
  p.a_stride = w.stash;
  p.i = gates;
  p.b = a.x + t_last * w.block * a.x_width;
  p.b_step = direction * w.block * a.x_width;
  p.b_stride = a.x_width;
  p.j = a.input_segments;
  p.steps = a.active_steps;
  p.rows = a.rows;
  p.c = a.grad_input_weight;
  outer_product(p);
  outer_sum(p.a, p.a_step, p.a_stride, gates, a.active_steps, a.rows, a.grad_input_bias);

  p.i = hidden_gates(a.cell, a.hidden);
  if (a.cell == Cell::kGru)
    outer_sum(p.a, p.a_step, p.a_stride, p.i, a.active_steps, a.rows, a.grad_hidden_bias);
  else  // the same chains as for the input bias
    std::memcpy(a.grad_hidden_bias, a.grad_input_bias, sizeof(float) * static_cast<std::size_t>(gates.total()));
  p.b = a.h + (t_last + direction) * w.block * a.h_width;
  p.b_step = direction * w.block * a.h_width;
  p.b_stride = a.h_width;
  p.j = packed_segments(1, a.hidden);
  p.steps = a.active_steps - 1;
  p.c = a.grad_hidden_weight;
  if (p.steps > 0) outer_product(p);
}

void forward(const Direction& a) {
  const Walk w(a);
  const std::ptrdiff_t row0 = first_time(a) * w.block;
  RowProduct p;
  p.a = a.x + row0 * a.x_width;
  p.a_stride = a.x_width;
  p.k = a.input_segments;
  p.panels = a.weights.input;
  p.rows = a.active_steps * a.rows;
  p.vectors = gate_count(a.cell) * w.hp / kLanes;
  p.c = a.gates + row0 * w.stash;
  p.c_stride = w.stash;
  p.bias = a.weights.input_bias;
  row_product(p, Finish::kStoreBias);

  for (int s = 0; s < a.active_steps; ++s) {
    const int t = time_of(a, s), before = s == 0 ? -1 : time_of(a, s - 1);
    add_hidden_product(a, w, t, before < 0 ? nullptr : a.h + before * w.block * a.h_width);
    activate(a, w, t, before);
  }
}

void backward(const Direction& a) {
  assert(a.grad_h != nullptr);
  const Walk w(a);
  if (a.cell == Cell::kLstm || a.cell == Cell::kGru)
    std::memset(a.scratch, 0, sizeof(float) * static_cast<std::size_t>(a.rows) * static_cast<std::size_t>(w.hp));

  RowProduct p;
  p.a_stride = w.stash;
  p.k = hidden_gates(a.cell, a.hidden);
  p.panels = a.weights.hidden_back;
  p.rows = a.rows;
  p.vectors = w.hp / kLanes;
  p.c_stride = a.h_width;
  for (int s = a.active_steps - 1; s >= 0; --s) {
    const int t = time_of(a, s), before = s == 0 ? -1 : time_of(a, s - 1);
    activate_back(a, w, t, before);
    if (before < 0) continue;
    p.a = a.gates + t * w.block * w.stash;
    p.c = a.grad_h + before * w.block * a.h_width;
    row_product(p, Finish::kAdd);
  }

  weight_gradients(a, w);

  if (a.grad_x) {
    const std::ptrdiff_t row0 = first_time(a) * w.block;
    p.a = a.gates + row0 * w.stash;
    p.k = packed_segments(gate_count(a.cell), a.hidden);
    p.panels = a.weights.input_back;
    p.rows = a.active_steps * a.rows;
    p.vectors = a.input_segments.vectors();
    p.c = a.grad_x + row0 * a.x_width;
    p.c_stride = a.x_width;
    row_product(p, Finish::kAdd);
  }
}

}  // namespace

void recurrent_forward(const Cpu&, const RecurrentArgs& a) {
  for (int s = a.window.s0; s < a.window.s1; ++s)
    for (int d = 0; d < a.directions && a.rows[s].on; ++d) forward(Direction(a, d, s));
}

void recurrent_backward(const Cpu&, const RecurrentArgs& a) {
  for (int s = a.window.s0; s < a.window.s1; ++s)
    for (int d = 0; d < a.directions && a.rows[s].on; ++d) backward(Direction(a, d, s));
}

}  // namespace caviar
