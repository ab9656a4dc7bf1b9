// Dropout between layers: the mask is a function of (seed, step, layer, element) and is never stored.
#pragma once

#include <cstdint>

#include "kernels/base/device.h"
#include "kernels/base/slab.h"
#include "kernels/base/window.h"
#include "kernels/slots.h"

namespace caviar {

struct DropoutArgs {
  Window window;
  const SlotRow* rows = nullptr;  // [S]: hyper.dropout, seeds.dropout, step
  std::uint32_t layer = 0;        // the layer that reads the result: 1, 2, ...
  int steps = 0;                  // T
  int segments = 2, length = 0;   // real features of a row: directions, H
  int width = 0;                  // floats of a row, >= segments padded(length)
  Slab<const float> in;           // [T, rows of the window, width]
  Slab<float> out;                // the same shape; may be `in`
};

// out = in * factor, element ((b T + t) segments + segment) padded(length) + j of the batch taking the factor of that
// number. The same call on gradients is the backward pass. A slot with probability 0: out = in.
void dropout(const Cpu&, const DropoutArgs& args);
void dropout(const Cuda&, const DropoutArgs& args);

}  // namespace caviar
