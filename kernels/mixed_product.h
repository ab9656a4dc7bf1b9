// The products of a recurrent layer over all its steps and rows at once, on tensor cores: the mixed precision's input
// projection, weight gradients and gradient of the input (kernels/recurrent_mixed.h has the recurrence itself).
//
// Every product takes halves (fp32 operands are rounded to nearest even on their way to shared memory) and sums in
// float. An output is one chain of mma.m16n8k16 in ascending k, whatever the tile it lies in: a function of the shape
// of the layer, never of the pack, so that a run has the same bits in every slot (`mixed/1/sm_xx`: on one
// architecture).
//
// The stash, in mixed precision: the row of (t, b) in `gates` is read as halves [2 gates_width]; gate g of unit j is at
// g Hp + j. Gates are those of stash_segments(cell): lstm i, f, g, o; gru r, z, n and W_hn h + b_hn; rnn one. After the
// backward recurrence it holds the gradients before the activations, times gradient_scale(batch_size).
#pragma once

#include "kernels/base/hd.h"
#include "kernels/recurrent.h"

namespace caviar {

// By what gate gradients are multiplied before they become halves, and results divided when they leave as floats: 2^8
// times the least power of two >= batch_size. The loss is a mean over the batch, so this brings dL/d(gate) near 2^8
// times that of one example's own loss: far from 2^-24, where halves end, and as far from 65504. A function of the
// run's batch size alone, not of the rows of its last batch; a power of two, so that it comes out again exactly.
CAVIAR_HD constexpr float gradient_scale(int batch_size) {
  float scale = 256.0f;
  for (int power = 1; power < batch_size; power *= 2) scale *= 2.0f;
  return scale;
}

// Where column `c` of a row of 16 features goes inside a k = 16 tile of a product: features 4q .. 4q+3 are those that
// lane q of each quad of lanes holds (mma.h: A's and B's k indices 2q, 2q+1, 2q+8, 2q+9), so that a lane loads and
// stores four neighbours at once. The input projection has the same order inside the recurrence and outside of it.
CAVIAR_HD constexpr int place_in_tile(int c) { return c / 4 * 2 + c % 2 + (c % 4 >= 2 ? 8 : 0); }

// gates[t, b, g Hp + j] (as floats: G segments of Hp) = bias + W_ih x for the visited steps of every direction and the
// rows the slot has. The bias is b_ih + b_hh, for gru's n b_ih alone. The sum begins with the bias. Padding units get
// 0.
void mixed_input_projection(const Cuda&, const RecurrentArgs& args);

// From the gradients in the stash, added to grad_input_weight, grad_hidden_weight and both biases of every direction:
// sums over the visited steps, t ascending, inside a step rows ascending. W_hh has no term at s = 0.
void mixed_weight_gradients(const Cuda&, const RecurrentArgs& args);

// From the gradients in the stash, added to grad_x: direction 0 first, in one chain.
void mixed_input_gradient(const Cuda&, const RecurrentArgs& args);

}  // namespace caviar
