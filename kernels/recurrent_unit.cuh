// One unit of one row of a recurrent layer, forward and backward, with its cell as a template parameter: from the
// values that a thread holds to those it hands on. The formulas are those of kernels/math/recurrent.h.
#pragma once

#include "kernels/base/cuda.h"
#include "kernels/math/recurrent.h"
#include "kernels/recurrent.h"

namespace caviar {

// gate_count and stash_segments where a device function may not call them.
template <Cell kCell>
inline constexpr int kGatesOf = gate_count(kCell);
template <Cell kCell>
inline constexpr int kStashOf = stash_segments(kCell);

// One unit of one row: from the pre-activations to h. pre: of every gate; of a gru r, z, and the two parts of n, W_in x
// + b_in and W_hn h + b_hn. carry: c of an lstm, h of a gru. stash: what the backward pass reads, in the order of the
// segments.
template <Cell kCell>
__device__ __forceinline__ float unit_forward(const float (&pre)[kStashOf<kCell>], float& carry,
                                              float (&stash)[kStashOf<kCell>], bool relu) {
  if constexpr (kCell == Cell::kLstm) {
    const LstmUnit<float> v = lstm_forward(pre[0], pre[1], pre[2], pre[3], carry);
    stash[0] = v.i;
    stash[1] = v.f;
    stash[2] = v.g;
    stash[3] = v.o;
    carry = v.c;
    return lstm_output(v.o, v.c);
  } else if constexpr (kCell == Cell::kGru) {
    const GruUnit<float> v = gru_forward(pre[0], pre[1], pre[2], pre[3], carry);
    stash[0] = v.r;
    stash[1] = v.z;
    stash[2] = v.n;
    stash[3] = pre[3];
    carry = v.h;
    return v.h;
  } else {
    stash[0] = pre[0];
    return relu ? rnn_relu_forward(pre[0]) : rnn_tanh_forward(pre[0]);
  }
}

// One unit of one row: from dL/dh to the gradients before the activations. gates: in, the stash; out, what the weight
// gradients read, in the order of the segments. hidden: those of W_hh, in the order of its chain. state: c before and
// after of an lstm, h before of a gru, h after of an rnn. carry: dL/dc of an lstm; of a gru, out, the direct path.
template <Cell kCell>
__device__ __forceinline__ void unit_backward(float (&gates)[kStashOf<kCell>], float (&hidden)[kGatesOf<kCell>],
                                              float before, float after, float grad_h, float& carry, bool relu) {
  if constexpr (kCell == Cell::kLstm) {
    const LstmGradient<float> v = lstm_backward(gates[0], gates[1], gates[2], gates[3], before, after, grad_h, carry);
    hidden[0] = gates[0] = v.i;
    hidden[1] = gates[1] = v.f;
    hidden[2] = gates[2] = v.g;
    hidden[3] = gates[3] = v.o;
    carry = v.c;
  } else if constexpr (kCell == Cell::kGru) {
    const GruGradient<float> v = gru_backward(gates[0], gates[1], gates[2], gates[3], before, grad_h);
    hidden[0] = gates[0] = v.r;
    hidden[1] = gates[1] = v.z;
    gates[2] = v.x_n;
    hidden[2] = gates[3] = v.h_n;
    carry = v.h;
  } else {
    hidden[0] = gates[0] = relu ? rnn_relu_backward(after, grad_h) : rnn_tanh_backward(after, grad_h);
  }
}

}  // namespace caviar
