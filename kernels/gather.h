// Minibatches: which examples a step sees, and their pixels as floats.
#pragma once

#include <cstdint>

#include "kernels/base/device.h"
#include "kernels/base/window.h"
#include "kernels/math/permutation.h"

namespace caviar {

// Which examples of a set stand at consecutive positions. Position p means example p of the set after two keyed
// bijections, each of which may be absent: `order` shuffles the training examples of an epoch, `split` decides which
// examples of the file are for training (positions below train_examples) and which for validation (the rest).
struct ExampleOrder {
  bool shuffled = false, carved = false;
  Permutation order{}, split{};
  std::int64_t at(std::int64_t position) const {
    std::uint32_t p = static_cast<std::uint32_t>(position);
    if (shuffled) p = permute(order, p);
    return carved ? permute(split, p) : p;
  }
};

struct GatherArgs {
  const std::uint8_t* pixels = nullptr;  // [N, T, D]
  const std::uint8_t* labels = nullptr;  // [N]
  int steps = 0, features = 0;           // T, D
  ExampleOrder order;
  std::int64_t first = 0;  // position of the window's first row
  int rows = 0;            // B
  bool standardize = false;
  float mean = 0, std = 1;    // of pixels in [0, 1]
  float* x = nullptr;         // [T, B, padded(D)]; padding is left alone
  std::int32_t* y = nullptr;  // [B]
};

// x = pixel / 255, or (pixel / 255 - mean) / std: each operation rounded once.
void gather(const Cpu&, const GatherArgs& args);

}  // namespace caviar
