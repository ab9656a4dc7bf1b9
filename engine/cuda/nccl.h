// NCCL, loaded when it is first needed: a program that trains on cores or one GPU starts without it.
#pragma once

#include <memory>

#if defined(CAVIAR_CUDA_ON_CPU)
#include "tests/cuda_on_cpu/nccl.h"
#define CAVIAR_KNOWS_NCCL 1
#elif __has_include(<nccl.h>)
#include <nccl.h>
#define CAVIAR_KNOWS_NCCL 1
#else
#define CAVIAR_KNOWS_NCCL 0
#endif

namespace caviar {

#if CAVIAR_KNOWS_NCCL
// The calls that are used.
struct Nccl {
  decltype(&ncclCommInitAll) init_all = nullptr;
  decltype(&ncclCommDestroy) destroy = nullptr;
  decltype(&ncclGroupStart) group_start = nullptr;
  decltype(&ncclGroupEnd) group_end = nullptr;
  decltype(&ncclBroadcast) broadcast = nullptr;
  decltype(&ncclGetErrorString) error_string = nullptr;
};

// Null where the library is not on this machine.
const Nccl* find_nccl();
#endif

}  // namespace caviar
