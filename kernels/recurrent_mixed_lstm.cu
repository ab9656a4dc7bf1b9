#include "kernels/recurrent_mixed_launch.cuh"

namespace caviar::mixed {

void lstm_forward_mixed(const Cuda& device, const RecurrentArgs& a, Projection projection) {
  forward_of<Family::kLstm>(device, a, projection);
}

void lstm_backward_mixed(const Cuda& device, const RecurrentArgs& a) { backward_of<Family::kLstm>(device, a); }

}  // namespace caviar::mixed
