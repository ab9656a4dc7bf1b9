// The arithmetic of the matrix products of a pack.
#pragma once

#include <cstdint>

namespace caviar {

enum class Precision : std::int32_t {
  kFp32,   // fused multiply-adds in the one order of summation (kernels/README.md): the same bits on every device
  kMixed,  // fp16 operands on tensor cores, fp32 sums, fp32 weights and optimizer; CUDA only
};

}  // namespace caviar
