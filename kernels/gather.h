// Minibatches: the examples a pass sees, and their pixels as floats.
#pragma once

#include <cstdint>

#include "kernels/base/device.h"
#include "kernels/base/hd.h"
#include "kernels/base/slab.h"
#include "kernels/base/window.h"
#include "kernels/slots.h"

namespace caviar {

// Examples in the memory of the device.
struct ExampleArray {
  const std::uint8_t* pixels = nullptr;  // [N, T, D]
  const std::uint8_t* labels = nullptr;  // [N]
};

struct GatherArgs {
  Window window;
  const SlotRow* rows = nullptr;  // [S]: order, first, rows, from_test; hyper.standardize and the pixel moments
  ExampleArray train, test;
  int steps = 0, features = 0;  // T, D
  Slab<float> x;                // [T, rows of the window, padded(D)]; padding is left alone
  Slab<std::int32_t> labels;    // [B], of the whole batch
};

// x = pixel / 255, or (pixel / 255 - mean) / std: each operation rounded once.
CAVIAR_HD inline float unit_pixel(std::uint8_t pixel) { return static_cast<float>(pixel) / 255.0f; }
CAVIAR_HD inline float standardized(float x, float mean, float std) { return (x - mean) / std; }

void gather(const Cpu&, const GatherArgs& args);
void gather(const Cuda&, const GatherArgs& args);

}  // namespace caviar
