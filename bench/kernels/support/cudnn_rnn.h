// cuDNN's recurrent layer as a yardstick: the training of many runs, one call a run, as many at a time as help it.
//
// One layer, both directions, weights of PyTorch's layout, hx = cx = 0, sequences of full length: what
// recurrent_forward() and recurrent_backward() do. cuDNN also computes dL/dx, which it cannot leave out.
#pragma once

#include <cudnn.h>

#include <memory>
#include <vector>

#include "bench/kernels/support/harness.h"
#include "kernels/recurrent.h"

namespace caviar::bench {

// Throws Error unless `status` is success: "cuDNN cannot <attempt>: <cuDNN's text>".
void cudnn_check(cudnnStatus_t status, const char* attempt);

struct CudnnRnnShape {
  Cell cell = Cell::kLstm;
  Precision precision = Precision::kFp32;  // mixed: fp16 data and weights, fp32 arithmetic
  int steps = 28, batch = 64, input = 28, hidden = 64, directions = 2;
};

// Weights and input of one run in PyTorch's layout, on the host.
struct CudnnRnnInputs {
  struct Direction {
    const float* input_weight = nullptr;   // [G H, D]
    const float* hidden_weight = nullptr;  // [G H, H]
    const float* input_bias = nullptr;     // [G H]
    const float* hidden_bias = nullptr;    // [G H]
  };
  Direction direction[2];
  const float* x = nullptr;         // [T, B, D]
  const float* expected = nullptr;  // [T, B, directions H]: what it should give, to see that it does the same work
};

// Runs on `streams` streams, which fork from the stream of a call and join it again.
class CudnnRnn {
 public:
  // Throws Error where cuDNN does not support this algorithm at this shape.
  CudnnRnn(const CudnnRnnShape& shape, cudnnRNNAlgo_t algorithm, int runs, int streams);
  ~CudnnRnn();
  CudnnRnn(const CudnnRnn&) = delete;
  CudnnRnn& operator=(const CudnnRnn&) = delete;

  void set_inputs(const CudnnRnnInputs& inputs);  // of all runs

  void forward(cudaStream_t stream);
  // After a forward(): data and weight gradients, of a gradient of ones.
  void backward(cudaStream_t stream);

  std::vector<float> output(int run) const;  // [T, B, directions H]

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

enum class Direction { kForward, kBackward };

// cuDNN's fastest way to the same work: every algorithm that it supports at this shape, on 8 and 32 streams, called
// as it is and replayed as a CUDA graph. At most 32 runs are really computed; `share` accounts for the others. A peer
// whose outputs are not the expected ones says so in its name.
std::vector<Peer> cudnn_peers(const CudnnRnnShape& shape, const CudnnRnnInputs& inputs, Direction direction, int runs);

}  // namespace caviar::bench
