// What the device can do, measured: the three lines a kernel's time is held against.
#pragma once

#include "kernels/base/cuda.h"
#include "kernels/base/precision.h"

namespace caviar::bench {

struct Roofline {
  double copy_bytes_per_second = 0;         // read and written, arrays far beyond the caches
  double fp32_operations_per_second = 0;    // FFMA, a multiply-add counting two
  double tensor_operations_per_second = 0;  // mma.sync m16n8k16, fp16 operands, fp32 sums

  double peak(Precision precision) const {
    return precision == Precision::kMixed ? tensor_operations_per_second : fp32_operations_per_second;
  }
};

// Measures the current device, in about a quarter of a second.
Roofline measure_roofline(cudaStream_t stream);

// Throws Error when one of the three kernels, on small arrays, computes something else than it should: then its time
// would mean nothing.
void check_roofline_kernels(cudaStream_t stream);

}  // namespace caviar::bench
