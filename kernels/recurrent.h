// One bidirectional recurrent layer: forward and backpropagation through time.
//
// T steps, B rows of the window, H hidden units, Hp = padded(H), G gate segments (kernels/README.md). Rightmost
// fastest.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/base/device.h"
#include "kernels/base/matrix.h"
#include "kernels/base/window.h"

namespace caviar {

// Widest hidden layer.
inline constexpr int kMaxHidden = 1024;

enum class Cell : std::int32_t { kLstm, kGru, kRnnTanh, kRnnRelu };

// Gates of a cell in PyTorch's order: lstm i, f, g, o; gru r, z, n; rnn one.
constexpr int gate_count(Cell cell) { return cell == Cell::kLstm ? 4 : cell == Cell::kGru ? 3 : 1; }

// Segments kept per step: the gates, and for gru a fourth with W_hn h + b_hn.
constexpr int stash_segments(Cell cell) { return cell == Cell::kGru ? 4 : gate_count(cell); }

// Weights of one direction of one layer, packed for the CPU once per optimizer step from PyTorch's tensors.
struct PackedDirection {
  float* input = nullptr;        // W_ih^T: panels of G Hp columns, K = input features
  float* hidden = nullptr;       // W_hh^T: panels of G Hp columns, K = H
  float* input_back = nullptr;   // W_ih: panels of the input's columns, K = G H; null for the first layer
  float* hidden_back = nullptr;  // W_hh: panels of Hp columns, K = G H
  float* input_bias = nullptr;   // [G Hp]
  float* hidden_bias = nullptr;  // [G Hp]
};

// One direction of one layer over a window. `gates` and `cells` carry the stash from forward to backward.
struct RecurrentArgs {
  Cell cell = Cell::kLstm;
  int steps = 0;             // T
  int active_steps = 0;      // S: steps whose output reaches the read-out; the others are skipped, exactly
  int rows = 0;              // B of this window
  int hidden = 0;            // H
  bool reverse = false;      // walks t = T-1, T-2, ...
  Segments input_segments;   // real features of a row of x
  const float* x = nullptr;  // [T, B, x_width]
  int x_width = 0;
  PackedDirection weights;
  float* gates = nullptr;  // [T, B, gates_width >= stash_segments Hp]; forward: activated gates; backward: gradients
                           // before activation
  int gates_width = 0;
  float* cells = nullptr;  // lstm: c [T, B, Hp]
  float* h = nullptr;      // first column of this direction in the layer's output [T, B, h_width]
  int h_width = 0;
  // backward only
  float* grad_h = nullptr;   // dL/dh from above, laid out as h; overwritten with the full gradient of every step
  float* scratch = nullptr;  // [B, Hp]; lstm: dL/dc on its way back
  float* grad_x = nullptr;   // dL/dx [T, B, x_width], added to; null for the first layer
  float* grad_input_weight = nullptr;   // [G H, input], PyTorch's layout, added to
  float* grad_hidden_weight = nullptr;  // [G H, H]
  float* grad_input_bias = nullptr;     // [G H]
  float* grad_hidden_bias = nullptr;    // [G H]; must start equal to grad_input_bias
};

// h_t from x and h_{t-1} with h_{-1} = c_{-1} = 0: step s = 0 .. S-1 visits t = s, or T-1-s in reverse. Every
// pre-activation is (W_ih x + b_ih) + (W_hh h + b_hh); the product with the zero state is skipped and counts as +0.
// Writes h, gates and cells of the visited steps and leaves the others alone.
void recurrent_forward(const Cpu&, const RecurrentArgs& args);

// The exact gradient, steps S-1 .. 0. dL/dh of a step is (from above + direct path) + W_hh^T product. Weight gradients
// are chained over s = S-1 .. 0, inside a step rows ascending, one chain per kRowBlock rows; W_hh has no term at s = 0.
// The stash is consumed.
void recurrent_backward(const Cpu&, const RecurrentArgs& args);

}  // namespace caviar
