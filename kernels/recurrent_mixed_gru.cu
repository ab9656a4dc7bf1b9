#include "kernels/recurrent_mixed_launch.cuh"

namespace caviar::mixed {

void gru_forward_mixed(const Cuda& device, const RecurrentArgs& a, Projection projection) {
  forward_of<Family::kGru>(device, a, projection);
}

void gru_backward_mixed(const Cuda& device, const RecurrentArgs& a) { backward_of<Family::kGru>(device, a); }

}  // namespace caviar::mixed
