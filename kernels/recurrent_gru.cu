// The walks of gru cells, one instance a bucket of hidden sizes.
#include "kernels/recurrent_fp32.h"
#include "kernels/recurrent_walk_backward.cuh"
#include "kernels/recurrent_walk_forward.cuh"

namespace caviar {

void walk_gru_forward(const Cuda& device, const RecurrentArgs& args, bool streamed) {
  with_bucket(args.hidden, [&](auto bucket) { launch_walk_forward<Cell::kGru, bucket>(device, args, streamed); });
}

void walk_gru_backward(const Cuda& device, const RecurrentArgs& args, bool streamed) {
  with_bucket(args.hidden, [&](auto bucket) { launch_walk_backward<Cell::kGru, bucket>(device, args, streamed); });
}

}  // namespace caviar
