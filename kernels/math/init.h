// Initial weights: PyTorch's defaults for recurrent and linear layers.
#pragma once

#include <cstdint>

#include "kernels/base/hd.h"
#include "kernels/math/philox.h"

namespace caviar {

// Element `element` of tensor number `tensor`: uniform in [-bound, bound). nn.LSTM, nn.GRU and nn.RNN use bound =
// 1 / sqrt(hidden_size) for every weight and bias; nn.Linear 1 / sqrt(fan_in) for both.
CAVIAR_HD inline float initial_weight(std::uint64_t seed, std::uint32_t tensor, std::uint64_t element, float bound) {
  const std::uint64_t group = element / 4;
  const Philox4 r = philox4x32(static_cast<std::uint32_t>(group), static_cast<std::uint32_t>(group >> 32), tensor,
                               static_cast<std::uint32_t>(Stream::kInit), seed);
  return (2.0f * unit_float(word(r, static_cast<std::uint32_t>(element % 4))) - 1.0f) * bound;
}

}  // namespace caviar
