#include "kernels/recurrent.h"

#include <cstring>

#include "kernels/math/recurrent.h"

namespace caviar {

namespace {

// Sizes and addresses of one direction, said once.
struct Walk {
  explicit Walk(const RecurrentArgs& a)
      : hp(padded(a.hidden)), stash(a.gates_width), block(static_cast<std::ptrdiff_t>(a.rows)) {}
  int hp;
  std::ptrdiff_t stash;  // floats of a row of gates
  std::ptrdiff_t block;  // rows of a time step
};

int time_of(const RecurrentArgs& a, int step) { return a.reverse ? a.steps - 1 - step : step; }

// The gate segments that W_hh's gradient is taken over: gru's third lies apart, behind r_n's own.
Segments hidden_gates(Cell cell, int hidden) {
  Segments s = packed_segments(gate_count(cell), hidden);
  if (cell == Cell::kGru) s.offset[2] = 3 * padded(hidden);
  return s;
}

// gates += W_hh h + b_hh at time t; gru's n part is kept apart in the fourth segment. Without h: the bias alone.
void add_hidden_product(const RecurrentArgs& a, const Walk& w, int t, const float* h_before) {
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

// The restrict-qualified rows let the compiler vectorise over units.
void lstm_row(int hp, float* __restrict i, float* __restrict f, float* __restrict g, float* __restrict o,
              const float* __restrict c_before, float* __restrict c, float* __restrict h) {
  for (int j = 0; j < hp; ++j) {
    const LstmUnit<float> u = lstm_forward(i[j], f[j], g[j], o[j], c_before[j]);
    i[j] = u.i;
    f[j] = u.f;
    g[j] = u.g;
    o[j] = u.o;
    c[j] = u.c;
    h[j] = u.h;
  }
}

void gru_row(int hp, float* __restrict r, float* __restrict z, float* __restrict n, const float* __restrict h_n,
             const float* __restrict h_before, float* __restrict h) {
  for (int j = 0; j < hp; ++j) {
    const GruUnit<float> u = gru_forward(r[j], z[j], n[j], h_n[j], h_before[j]);
    r[j] = u.r;
    z[j] = u.z;
    n[j] = u.n;
    h[j] = u.h;
  }
}

template <bool kTanh>
void rnn_row(int hp, const float* __restrict gates, float* __restrict h) {
  for (int j = 0; j < hp; ++j) h[j] = kTanh ? rnn_tanh_forward(gates[j]) : rnn_relu_forward(gates[j]);
}

// Activations of one time step.
void activate(const RecurrentArgs& a, const Walk& w, int t, int before) {
  for (int r = 0; r < a.rows; ++r) {
    const std::ptrdiff_t row = t * w.block + r, row_before = before * w.block + r;
    float* gates = a.gates + row * w.stash;
    float* h = a.h + row * a.h_width;
    switch (a.cell) {
      case Cell::kLstm:
        lstm_row(w.hp, gates, gates + w.hp, gates + 2 * w.hp, gates + 3 * w.hp,
                 before < 0 ? kZeros : a.cells + row_before * w.hp, a.cells + row * w.hp, h);
        break;
      case Cell::kGru:
        gru_row(w.hp, gates, gates + w.hp, gates + 2 * w.hp, gates + 3 * w.hp,
                before < 0 ? kZeros : a.h + row_before * a.h_width, h);
        break;
      case Cell::kRnnTanh:
        rnn_row<true>(w.hp, gates, h);
        break;
      case Cell::kRnnRelu:
        rnn_row<false>(w.hp, gates, h);
        break;
    }
  }
}

void lstm_row_back(int hp, float* __restrict i, float* __restrict f, float* __restrict g, float* __restrict o,
                   const float* __restrict c_before, const float* __restrict c, const float* __restrict grad_h,
                   float* __restrict grad_c) {
  for (int j = 0; j < hp; ++j) {
    const LstmGradient<float> d = lstm_backward(i[j], f[j], g[j], o[j], c_before[j], c[j], grad_h[j], grad_c[j]);
    i[j] = d.i;
    f[j] = d.f;
    g[j] = d.g;
    o[j] = d.o;
    grad_c[j] = d.c;
  }
}

// grad_before: dL/dh of the step before, to which the direct path is added.
void gru_row_back(int hp, float* __restrict r, float* __restrict z, float* __restrict n, float* __restrict h_n,
                  const float* __restrict h_before, const float* __restrict grad_h, float* __restrict grad_before) {
  for (int j = 0; j < hp; ++j) {
    const GruGradient<float> d = gru_backward(r[j], z[j], n[j], h_n[j], h_before[j], grad_h[j]);
    r[j] = d.r;
    z[j] = d.z;
    n[j] = d.x_n;
    h_n[j] = d.h_n;
    grad_before[j] += d.h;
  }
}

template <bool kTanh>
void rnn_row_back(int hp, float* __restrict gates, const float* __restrict h, const float* __restrict grad_h) {
  for (int j = 0; j < hp; ++j)
    gates[j] = kTanh ? rnn_tanh_backward(h[j], grad_h[j]) : rnn_relu_backward(h[j], grad_h[j]);
}

// Gradients before the activations of one time step.
void activate_back(const RecurrentArgs& a, const Walk& w, int t, int before) {
  for (int r = 0; r < a.rows; ++r) {
    const std::ptrdiff_t row = t * w.block + r, row_before = before * w.block + r;
    float* gates = a.gates + row * w.stash;
    const float* grad_h = a.grad_h + row * a.h_width;
    float* scratch = a.scratch + static_cast<std::ptrdiff_t>(r) * w.hp;
    switch (a.cell) {
      case Cell::kLstm:
        lstm_row_back(w.hp, gates, gates + w.hp, gates + 2 * w.hp, gates + 3 * w.hp,
                      before < 0 ? kZeros : a.cells + row_before * w.hp, a.cells + row * w.hp, grad_h, scratch);
        break;
      case Cell::kGru:
        gru_row_back(w.hp, gates, gates + w.hp, gates + 2 * w.hp, gates + 3 * w.hp,
                     before < 0 ? kZeros : a.h + row_before * a.h_width, grad_h,
                     before < 0 ? scratch : a.grad_h + row_before * a.h_width);
        break;
      case Cell::kRnnTanh:
        rnn_row_back<true>(w.hp, gates, a.h + row * a.h_width, grad_h);
        break;
      case Cell::kRnnRelu:
        rnn_row_back<false>(w.hp, gates, a.h + row * a.h_width, grad_h);
        break;
    }
  }
}

// First time of the visited range: they are contiguous in t.
int first_time(const RecurrentArgs& a) { return a.reverse ? a.steps - a.active_steps : 0; }

void weight_gradients(const RecurrentArgs& a, const Walk& w) {
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
  outer_sum(p.a, p.a_step, p.a_stride, p.i, a.active_steps, a.rows, a.grad_hidden_bias);
  p.b = a.h + (t_last + direction) * w.block * a.h_width;
  p.b_step = direction * w.block * a.h_width;
  p.b_stride = a.h_width;
  p.j = packed_segments(1, a.hidden);
  p.steps = a.active_steps - 1;
  p.c = a.grad_hidden_weight;
  if (p.steps > 0) outer_product(p);
}

}  // namespace

void recurrent_forward(const Cpu&, const RecurrentArgs& a) {
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

void recurrent_backward(const Cpu&, const RecurrentArgs& a) {
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

}  // namespace caviar
