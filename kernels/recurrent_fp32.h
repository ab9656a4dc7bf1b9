// How CUDA carries out a recurrent layer in fp32; kernels/recurrent.h says what it computes, kernels/README.md which
// path a cell and a hidden size take. No path changes a bit.
#pragma once

#include "kernels/base/device.h"
#include "kernels/recurrent.h"

namespace caviar {

enum class RecurrentPath {
  kBest,      // as recurrent_forward and recurrent_backward choose
  kStreamed,  // one kernel walks all steps; W_hh comes from memory at every step, though it would fit on chip
  kStepwise,  // a product and a pointwise kernel a step; what hidden sizes above kMaxWalkedHidden take
};

// Widest layer whose steps are walked by one kernel.
inline constexpr int kMaxWalkedHidden = 256;

void recurrent_forward_fp32(const Cuda& device, const RecurrentArgs& args, RecurrentPath path);
void recurrent_backward_fp32(const Cuda& device, const RecurrentArgs& args, RecurrentPath path);

// What these consist of. The walks expect the input projections with their bias in `gates` and leave there what the
// backward pass or the weight gradients read; `streamed` as kStreamed. H at most kMaxWalkedHidden.
void walk_lstm_forward(const Cuda& device, const RecurrentArgs& args, bool streamed);
void walk_lstm_backward(const Cuda& device, const RecurrentArgs& args, bool streamed);
void walk_gru_forward(const Cuda& device, const RecurrentArgs& args, bool streamed);
void walk_gru_backward(const Cuda& device, const RecurrentArgs& args, bool streamed);
void walk_rnn_forward(const Cuda& device, const RecurrentArgs& args, bool streamed);
void walk_rnn_backward(const Cuda& device, const RecurrentArgs& args, bool streamed);
void step_forward(const Cuda& device, const RecurrentArgs& args);
void step_backward(const Cuda& device, const RecurrentArgs& args);

// The gate segments whose gradients belong to W_hh: gru's third lies apart, behind r_n's own.
inline Segments hidden_gate_segments(Cell cell, int hidden) {
  Segments s = packed_segments(gate_count(cell), hidden);
  if (cell == Cell::kGru) s.offset[2] = 3 * padded(hidden);
  return s;
}

}  // namespace caviar
