// The recurrent layer in mixed precision: operands of products are halves on tensor cores, sums and everything else is
// float, weights and optimizer stay fp32 (kernels/base/precision.h). The same argument struct, arrays and meaning as
// recurrent_forward and recurrent_backward (kernels/recurrent.h); only the stash is laid out otherwise.
//
//   h_t, c_t             computed in float; c stays in a thread's registers through all steps. The product of the next
//                        step reads h_t rounded to a half; the array h holds the float
//   W_ih, W_hh           PyTorch's fp32 tensors, rounded where they are read
//   stash                activated gates as halves (kernels/mixed_product.h). c as float: the memory is there, it is
//                        the one value that grows with time, and the backward pass then sees the forward's tanh c
//   dL/d(gate)           times gradient_scale(batch_size), rounded to a half: operand of W_hh^T, of the weight
//                        gradients and of dL/dx. dL/dh and dL/dc between steps are floats without the scale. A gradient
//                        that is too large for a half becomes infinite and marks its run as diverged
//
// One kernel walks all steps of 16 (or 32) rows of one direction of one slot. Hidden sizes are padded up to the next of
// kMixedHidden with exact zeros. Where W_hh as halves fits the registers of a block it stays there through all steps:
// every warp owns 16 units, all gates of them. A wider gated layer (lstm and gru above 128) reads W_hh from the
// second-level cache in every step, as floats, since there is no memory for a copy of halves: the documented slow path.
// The input projection is made in the same kernel where W_hh is in registers and W_ih fits shared memory, else by a
// product ahead of it; its bits are the same either way.
//
// Every sum has one order, a function of the layer's shape: a run has the same bits alone and in any slot of any pack,
// on one architecture (`mixed/1/sm_xx`).
#pragma once

#include "kernels/mixed_product.h"
#include "kernels/recurrent.h"

namespace caviar {

// Hidden sizes the kernels are compiled for.
inline constexpr int kMixedHidden[] = {16, 32, 64, 128, 256};
inline constexpr int kMaxMixedHidden = 256;

// Throws Error unless a layer of this hidden size has a mixed form. To be asked before anything is started.
void check_mixed(int hidden);

void recurrent_forward_mixed(const Cuda&, const RecurrentArgs& args);
void recurrent_backward_mixed(const Cuda&, const RecurrentArgs& args);

}  // namespace caviar
