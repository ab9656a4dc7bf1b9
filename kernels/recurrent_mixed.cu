#include "kernels/base/error.h"
#include "kernels/recurrent_mixed.h"
#include "kernels/recurrent_mixed_launch.h"

namespace caviar {

void check_mixed(int hidden) {
  if (hidden < 1 || hidden > kMaxMixedHidden)
    fail("hidden_size ", hidden, " has no mixed form: its kernels go from 1 to ", kMaxMixedHidden,
         " units; use precision fp32");
}

namespace mixed {

namespace {
bool nothing_to_do(const RecurrentArgs& a) { return a.window.s1 == a.window.s0 || a.window.rows() == 0; }
}  // namespace

void forward(const Cuda& device, const RecurrentArgs& a, Projection projection) {
  if (nothing_to_do(a)) return;
  switch (a.cell) {
    case Cell::kLstm:
      return lstm_forward_mixed(device, a, projection);
    case Cell::kGru:
      return gru_forward_mixed(device, a, projection);
    case Cell::kRnnTanh:
    case Cell::kRnnRelu:
      return rnn_forward_mixed(device, a, projection);
  }
}

}  // namespace mixed

void recurrent_forward_mixed(const Cuda& device, const RecurrentArgs& a) {
  mixed::forward(device, a, mixed::Projection::kAuto);
}

void recurrent_backward_mixed(const Cuda& device, const RecurrentArgs& a) {
  if (mixed::nothing_to_do(a)) return;
  switch (a.cell) {
    case Cell::kLstm:
      mixed::lstm_backward_mixed(device, a);
      break;
    case Cell::kGru:
      mixed::gru_backward_mixed(device, a);
      break;
    case Cell::kRnnTanh:
    case Cell::kRnnRelu:
      mixed::rnn_backward_mixed(device, a);
      break;
  }
  mixed_weight_gradients(device, a);
  if (a.grad_x) mixed_input_gradient(device, a);
}

}  // namespace caviar
