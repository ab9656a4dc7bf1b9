// Dropout between layers: the mask is a function of (seed, step, layer, element) and is never stored.
#pragma once

#include <cstdint>

#include "kernels/base/device.h"

namespace caviar {

struct DropoutArgs {
  float probability = 0;  // of zeroing, in [0, 1)
  std::uint64_t seed = 0;
  std::uint32_t step = 0;        // optimizer updates done
  std::uint32_t layer = 0;       // the layer that reads the result: 1, 2, ...
  int steps = 0, rows = 0;       // T, B of the window
  int first_row = 0;             // of the window in the batch
  int segments = 2, length = 0;  // real features of a row: directions, H
  int width = 0;                 // floats of a row, >= segments padded(length)
  const float* in = nullptr;     // [T, B, width]
  float* out = nullptr;          // the same shape; may be `in`
};

// out = in * factor, element ((b T + t) segments + segment) padded(length) + j of the batch taking the factor of that
// number. The same call on gradients is the backward pass.
void dropout(const Cpu&, const DropoutArgs& args);

}  // namespace caviar
