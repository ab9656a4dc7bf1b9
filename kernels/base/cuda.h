// The one place that includes CUDA. Where CAVIAR_CUDA_ON_CPU is defined it is the device emulated on the CPU, which
// needs no toolkit: there .cu files are compiled as C++.
#pragma once

#if defined(CAVIAR_CUDA_ON_CPU)
#include "tests/cuda_on_cpu/cuda.h"
#else
#include <cuda_runtime.h>
#endif
