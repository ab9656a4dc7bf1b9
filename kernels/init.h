// Initial weights, and clean memory.
#pragma once

#include <cstdint>

#include "kernels/base/device.h"
#include "kernels/base/slab.h"
#include "kernels/base/window.h"
#include "kernels/slots.h"

namespace caviar {

struct InitArgs {
  Window window;
  const SlotRow* rows = nullptr;  // [S]: seeds.init
  std::uint32_t tensor = 0;       // number of the tensor
  float bound = 0;
  std::int64_t size = 0;  // of the tensor
  Slab<float> weights;    // [size]
};

// weights[i] = initial_weight(seed, tensor, i, bound): kernels/math/init.h. Acts on the slots that are on.
void initialize(const Cpu&, const InitArgs& args);
void initialize(const Cuda&, const InitArgs& args);

struct ZeroArgs {
  Window window;
  const SlotRow* rows = nullptr;  // [S]
  Slab<float> values;
  std::int64_t size = 0;
};

// Sets [size] of the slots that are on to +0.
void set_zero(const Cpu&, const ZeroArgs& args);
void set_zero(const Cuda&, const ZeroArgs& args);

}  // namespace caviar
