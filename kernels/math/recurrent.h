// One unit of a recurrent cell at one time step, and its gradient. Pure functions of values; loops and matrix products
// live in kernels/recurrent. Templates on the value type, so that tests can take central differences in double.
//
// Every pre-activation is (W_ih x + b_ih) + (W_hh h + b_hh), the two brackets formed first, as PyTorch does.
#pragma once

#include "kernels/base/hd.h"
#include "kernels/math/elementary.h"

namespace caviar {

// --- LSTM (Hochreiter and Schmidhuber 1997 with forget gates, no peepholes; PyTorch's gate order i, f, g, o)
// ----------

template <class F>
struct LstmUnit {
  F i, f, g, o;  // gates after their activations
  F c;
};

// c' = f c + i g, from the four pre-activations and the cell state before.
template <class F>
CAVIAR_HD inline LstmUnit<F> lstm_forward(F pre_i, F pre_f, F pre_g, F pre_o, F c) {
  LstmUnit<F> u;
  u.i = sigmoid(pre_i);
  u.f = sigmoid(pre_f);
  u.g = tanh_of(pre_g);
  u.o = sigmoid(pre_o);
  u.c = fma_of(u.f, c, u.i * u.g);
  return u;
}

// h' = o tanh c'. Apart, because a processor overlaps two short chains better than one long one.
template <class F>
CAVIAR_HD inline F lstm_output(F o, F c) {
  return o * tanh_of(c);
}

// Gradients with respect to the pre-activations and the cell state before.
template <class F>
struct LstmGradient {
  F i, f, g, o, c;
};

// From dL/dh' and the dL/dc' that came back from the next step. c: state before, c_next: state after.
template <class F>
CAVIAR_HD inline LstmGradient<F> lstm_backward(F i, F f, F g, F o, F c, F c_next, F grad_h, F grad_c_next) {
  const F t = tanh_of(c_next);
  const F grad_c = fma_of(grad_h * o, fma_of(-t, t, F(1)), grad_c_next);
  LstmGradient<F> d;
  d.i = grad_c * g * (i * (F(1) - i));
  d.f = grad_c * c * (f * (F(1) - f));
  d.g = grad_c * i * fma_of(-g, g, F(1));
  d.o = grad_h * t * (o * (F(1) - o));
  d.c = grad_c * f;
  return d;
}

// --- GRU (Cho et al. 2014, the variant of cuDNN and PyTorch: reset after the product; gate order r, z, n)
// -------------

template <class F>
struct GruUnit {
  F r, z, n;
  F h;
};

// h' = (1 - z) n + z h with n = tanh(x_n + r h_n); x_n = W_in x + b_in and h_n = W_hn h + b_hn stay apart.
template <class F>
CAVIAR_HD inline GruUnit<F> gru_forward(F pre_r, F pre_z, F x_n, F h_n, F h) {
  GruUnit<F> u;
  u.r = sigmoid(pre_r);
  u.z = sigmoid(pre_z);
  u.n = tanh_of(fma_of(u.r, h_n, x_n));
  u.h = fma_of(u.z, h - u.n, u.n);
  return u;
}

// Gradients with respect to pre_r, pre_z, x_n, h_n, and to h by the direct path z h only.
template <class F>
struct GruGradient {
  F r, z, x_n, h_n, h;
};

template <class F>
CAVIAR_HD inline GruGradient<F> gru_backward(F r, F z, F n, F h_n, F h, F grad_h) {
  GruGradient<F> d;
  d.x_n = grad_h * (F(1) - z) * fma_of(-n, n, F(1));
  d.h_n = d.x_n * r;
  d.r = d.x_n * h_n * (r * (F(1) - r));
  d.z = grad_h * (h - n) * (z * (F(1) - z));
  d.h = grad_h * z;
  return d;
}

// --- Elman RNN: h' = tanh(pre) or max(pre, 0)
// -------------------------------------------------------------------------

template <class F>
CAVIAR_HD inline F rnn_tanh_forward(F pre) {
  return tanh_of(pre);
}
template <class F>
CAVIAR_HD inline F rnn_tanh_backward(F h, F grad_h) {
  return grad_h * fma_of(-h, h, F(1));
}
// NaN stays NaN, so that a diverging run is noticed.
template <class F>
CAVIAR_HD inline F rnn_relu_forward(F pre) {
  return pre < F(0) ? F(0) : pre;
}
// The gradient at 0 is 0, as PyTorch's.
template <class F>
CAVIAR_HD inline F rnn_relu_backward(F h, F grad_h) {
  return h > F(0) ? grad_h : F(0);
}

}  // namespace caviar
