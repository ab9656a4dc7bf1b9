// CUDA without a GPU: the part of the CUDA runtime and of its device language that caviar uses, given a meaning on the
// CPU, so that kernels and the host code around them are tested on a machine without GPU and toolkit. Included by
// kernels/base/cuda.h where CAVIAR_CUDA_ON_CPU is defined; the same .cu files are then compiled as C++.
//
// Names, error codes and semantics are CUDA's. Where CUDA leaves something open, this device does what is least
// convenient: streams are carried out as late as possible and in seeded random interleavings, fresh memory holds
// signalling NaN, threads run in the order a test asks for (control.h). Where CUDA leaves something undefined, it stops
// with an error that names kernel, block and thread.
//
// What it is not: fast, or parallel (one lock guards everything); a model of caches, of memory order between threads
// that run at once, of registers or time.
#pragma once

#include "tests/cuda_on_cpu/device_code.h"
#include "tests/cuda_on_cpu/runtime_api.h"
#include "tests/cuda_on_cpu/types.h"
