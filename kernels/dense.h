// The linear layer: out = features W^T + b.
#pragma once

#include "kernels/base/device.h"
#include "kernels/base/matrix.h"
#include "kernels/base/slab.h"
#include "kernels/base/window.h"
#include "kernels/slots.h"

namespace caviar {

struct DenseArgs {
  Window window;
  const SlotRow* rows = nullptr;  // [S]
  int outputs = 0;                // C
  Segments inputs;                // real features of a row
  int width = 0;                  // floats of a row of features
  Slab<const float> features;     // [rows of the window, width]
  // W [C, inputs.total] as the device reads it. CPU: W^T packed as panels of padded(C) columns, bias [padded(C)]. CUDA:
  // PyTorch's tensors in place.
  Slab<const float> weight, bias;
  Slab<float> out;  // [rows, padded(C)]
  // backward
  Slab<const float> weight_back;  // CPU: W packed as panels of the input's columns, K = C. CUDA: W
  Slab<const float> grad_out;     // [rows, padded(C)]
  Slab<float> grad_features;      // [rows, width], overwritten
  Slab<float> grad_weight;        // [C, inputs.total], added to
  Slab<float> grad_bias;          // [C], added to
};

void dense_forward(const Cpu&, const DenseArgs& args);
void dense_forward(const Cuda&, const DenseArgs& args);
void dense_backward(const Cpu&, const DenseArgs& args);
void dense_backward(const Cuda&, const DenseArgs& args);

}  // namespace caviar
