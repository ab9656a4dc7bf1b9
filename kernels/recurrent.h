// One bidirectional recurrent layer: forward and backpropagation through time.
//
// T steps, B rows of the window, H hidden units, Hp = padded(H), G gate segments (kernels/README.md). Rightmost
// fastest.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/base/device.h"
#include "kernels/base/matrix.h"
#include "kernels/base/precision.h"
#include "kernels/base/slab.h"
#include "kernels/base/window.h"
#include "kernels/slots.h"

namespace caviar {

// Widest hidden layer.
inline constexpr int kMaxHidden = 1024;

enum class Cell : std::int32_t { kLstm, kGru, kRnnTanh, kRnnRelu };

// Gates of a cell in PyTorch's order: lstm i, f, g, o; gru r, z, n; rnn one.
constexpr int gate_count(Cell cell) { return cell == Cell::kLstm ? 4 : cell == Cell::kGru ? 3 : 1; }

// Segments kept per step: the gates, and for gru a fourth with W_hn h + b_hn.
constexpr int stash_segments(Cell cell) { return cell == Cell::kGru ? 4 : gate_count(cell); }

// Weights of one direction of one layer as the device reads them. CPU: packed once per optimizer step. CUDA: PyTorch's
// tensors in place; input_back is input, hidden_back is hidden.
struct DirectionWeights {
  Slab<const float> input;        // CPU: W_ih^T, panels of G Hp columns, K = input features. CUDA: [G H, input]
  Slab<const float> hidden;       // CPU: W_hh^T, panels of G Hp columns, K = H. CUDA: [G H, H]
  Slab<const float> input_back;   // CPU: W_ih, panels of the input's columns, K = G H; null for the first layer
  Slab<const float> hidden_back;  // CPU: W_hh, panels of Hp columns, K = G H
  Slab<const float> input_bias;   // CPU: [G Hp]. CUDA: [G H]
  Slab<const float> hidden_bias;  // CPU: [G Hp]. CUDA: [G H]
};

// One direction of the layer. `gates` and `cells` carry the stash from forward to backward: on the CPU as described, on
// other devices as they like, in no more memory.
struct DirectionArgs {
  bool reverse = false;  // walks t = T-1, T-2, ...
  int active_steps = 0;  // S: steps whose output reaches the read-out; the others are skipped, exactly
  DirectionWeights weights;
  Slab<float> gates;  // [T, B, gates_width >= stash_segments Hp]; forward: activated gates; backward: gradients before
                      // activation
  Slab<float> cells;  // lstm: c [T, B, Hp]
  // backward only
  Slab<float> grad_input_weight;   // [G H, input], PyTorch's layout, added to
  Slab<float> grad_hidden_weight;  // [G H, H]
  Slab<float> grad_input_bias;     // [G H]
  Slab<float> grad_hidden_bias;    // [G H]; must start equal to grad_input_bias
};

// One layer over a window of B rows.
struct RecurrentArgs {
  Window window;
  const SlotRow* rows = nullptr;  // [S]
  Cell cell = Cell::kLstm;
  Precision precision = Precision::kFp32;
  int steps = 0;            // T
  int hidden = 0;           // H
  Segments input_segments;  // real features of a row of x
  Slab<const float> x;      // [T, B, x_width]
  int x_width = 0;
  int gates_width = 0;
  Slab<float> h;  // [T, B, h_width]: direction d from column d Hp on
  int h_width = 0;
  int directions = 0;
  DirectionArgs direction[2];
  // backward only
  Slab<float> grad_h;   // dL/dh from above, laid out as h; consumed
  Slab<float> scratch;  // [B, Hp]: dL/dc on its way back
  Slab<float> grad_x;   // dL/dx [T, B, x_width], added to, direction 0 first; null for the first layer
};

// h_t from x and h_{t-1} with h_{-1} = c_{-1} = 0: step s = 0 .. S-1 visits t = s, or T-1-s in reverse. Every
// pre-activation is (W_ih x + b_ih) + (W_hh h + b_hh); the product with the zero state is skipped and counts as +0.
// Writes h, gates and cells of the visited steps and leaves the others alone.
void recurrent_forward(const Cpu&, const RecurrentArgs& args);
void recurrent_forward(const Cuda&, const RecurrentArgs& args);

// The exact gradient, steps S-1 .. 0. dL/dh of a step is (from above + direct path) + W_hh^T product. Weight gradients
// are chained over s = S-1 .. 0, inside a step rows ascending, one chain per kRowBlock rows; W_hh has no term at s = 0.
// The stash is consumed.
void recurrent_backward(const Cpu&, const RecurrentArgs& args);
void recurrent_backward(const Cuda&, const RecurrentArgs& args);

}  // namespace caviar
