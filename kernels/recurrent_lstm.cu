// The walks of lstm cells, one instance a bucket of hidden sizes.
#include "kernels/recurrent_fp32.h"
#include "kernels/recurrent_walk_backward.cuh"
#include "kernels/recurrent_walk_forward.cuh"

namespace caviar {

void walk_lstm_forward(const Cuda& device, const RecurrentArgs& args, bool streamed) {
  with_bucket(args.hidden, [&](auto bucket) { launch_walk_forward<Cell::kLstm, bucket>(device, args, streamed); });
}

void walk_lstm_backward(const Cuda& device, const RecurrentArgs& args, bool streamed) {
  with_bucket(args.hidden, [&](auto bucket) { launch_walk_backward<Cell::kLstm, bucket>(device, args, streamed); });
}

}  // namespace caviar
