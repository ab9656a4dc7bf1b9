// The linear layer: out = features W^T + b.
#pragma once

#include "kernels/base/device.h"
#include "kernels/base/matrix.h"

namespace caviar {

struct DenseArgs {
  int rows = 0;                     // B of the window
  int outputs = 0;                  // C
  Segments inputs;                  // real features of a row
  int width = 0;                    // floats of a row of features
  const float* features = nullptr;  // [B, width]
  const float* weight = nullptr;    // W^T packed: panels of padded(C) columns
  const float* bias = nullptr;      // [padded(C)]
  float* out = nullptr;             // [B, padded(C)]
  // backward
  const float* weight_back = nullptr;  // W packed: panels of the input's columns, K = C
  const float* grad_out = nullptr;     // [B, padded(C)]
  float* grad_features = nullptr;      // [B, width], overwritten
  float* grad_weight = nullptr;        // [C, inputs.total], added to
  float* grad_bias = nullptr;          // [C], added to
};

void dense_forward(const Cpu&, const DenseArgs& args);
void dense_backward(const Cpu&, const DenseArgs& args);

}  // namespace caviar
