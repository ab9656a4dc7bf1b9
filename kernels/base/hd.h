// Marks the pure value functions of kernels/math as usable on the host and on a CUDA device.
#pragma once

#if defined(__CUDACC__)
#define CAVIAR_HD __host__ __device__
#else
#define CAVIAR_HD
#endif
