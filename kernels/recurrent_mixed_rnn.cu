#include "kernels/recurrent_mixed_launch.cuh"

namespace caviar::mixed {

void rnn_forward_mixed(const Cuda& device, const RecurrentArgs& a, Projection projection) {
  forward_of<Family::kRnn>(device, a, projection);
}

void rnn_backward_mixed(const Cuda& device, const RecurrentArgs& a) { backward_of<Family::kRnn>(device, a); }

}  // namespace caviar::mixed
