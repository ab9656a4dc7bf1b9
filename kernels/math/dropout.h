// Inverted dropout (Srivastava et al. 2014): kept values are scaled by 1 / (1 - p), so evaluation needs no change.
#pragma once

#include <cstdint>

#include "kernels/base/hd.h"
#include "kernels/math/philox.h"

namespace caviar {

// The factors of elements 4 group .. 4 group + 3 of the input of layer `layer` at optimizer step `step`: 0 with
// probability p, else scale = 1 / (1 - p). Elements are counted over [B, T, width], rightmost fastest.
struct DropoutFactors {
  float value[4];
};
CAVIAR_HD inline DropoutFactors dropout_factors(std::uint64_t seed, std::uint32_t step, std::uint32_t layer,
                                                std::uint32_t group, float p, float scale) {
  const Philox4 r = philox4x32(group, step, layer, static_cast<std::uint32_t>(Stream::kDropout), seed);
  DropoutFactors f;
  for (std::uint32_t lane = 0; lane < 4; ++lane) f.value[lane] = unit_float(word(r, lane)) < p ? 0.0f : scale;
  return f;
}

}  // namespace caviar
