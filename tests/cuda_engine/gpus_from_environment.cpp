// How many GPUs the program on emulated devices sees: EMULATED_GPUS, 1 when it is not set.
#include <cstdlib>

#include "tests/cuda_on_cpu/control.h"

namespace {

const bool reset_at_start = [] {
  const char* text = std::getenv("EMULATED_GPUS");
  cuda_on_cpu::reset({.devices = text ? std::atoi(text) : 1});
  return true;
}();

}  // namespace
