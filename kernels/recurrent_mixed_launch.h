// Where the host code of the mixed recurrence meets its kernels: one translation unit per family of cells instantiates
// the closed list of hidden sizes (kMixedHidden).
#pragma once

#include "kernels/recurrent_mixed.h"

namespace caviar::mixed {

// A choice of how the input projection is made; the bits are the same.
//   kAuto     in the recurrence's kernel where W_ih fits shared memory, else ahead of it
//   kApart    ahead of it always: for tests
enum class Projection { kAuto, kApart };

void lstm_forward_mixed(const Cuda&, const RecurrentArgs&, Projection);
void gru_forward_mixed(const Cuda&, const RecurrentArgs&, Projection);
void rnn_forward_mixed(const Cuda&, const RecurrentArgs&, Projection);
void lstm_backward_mixed(const Cuda&, const RecurrentArgs&);
void gru_backward_mixed(const Cuda&, const RecurrentArgs&);
void rnn_backward_mixed(const Cuda&, const RecurrentArgs&);

// recurrent_forward_mixed with the projection made as told.
void forward(const Cuda&, const RecurrentArgs&, Projection);

}  // namespace caviar::mixed
