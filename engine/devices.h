// The GPUs of this machine, and training on them. Exactly one library defines these functions in a program: without the
// CUDA toolkit (engine/devices_none.cpp), with it (engine/cuda/), or the emulated device of the tests.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/data/dataset.h"
#include "engine/executor.h"
#include "engine/pack.h"

namespace caviar {

struct Gpu {
  int number = 0;  // as in --device cuda:NUMBER
  std::string name;
  int major = 0, minor = 0;  // compute capability
  int multiprocessors = 0;
  std::int64_t memory_bytes = 0;
  std::int64_t free_bytes = 0;  // when asked for
  std::string unusable;         // empty, or why caviar cannot use it
};

struct GpuSearch {
  std::vector<Gpu> gpus;
  std::string none;         // one sentence when there is none to use: why
  std::string compiled_in;  // what this program has for GPUs: "sm_80, sm_90 and PTX, toolkit 13.0" or "nothing"
};

// Asks the driver. Never throws: what is wrong is said in the result. Free memory is asked for on request only, for
// that takes some of the memory of every GPU.
GpuSearch find_gpus(bool free_memory = false);

// What the bits of a run trained on these GPUs in this precision depend on: "fp32/1" or "mixed/1/sm_90". Throws Error
// when the GPUs differ and the precision is mixed, whose bits belong to one architecture.
std::string gpu_numerics(const std::string& precision, const std::vector<int>& gpus);

// Throws Error unless there is at least one number, each once, of a GPU that is there and can be used.
void check_gpus(const std::vector<int>& gpus);

// What a pack of the key would take of this GPU, and how many of its slots fill it.
struct GpuDemand {
  PackMemory memory;
  int slots = 1;
};
GpuDemand gpu_demand(const PackKey& key, const Dataset& data, int gpu);

struct GpuOptions {
  std::vector<int> gpus;  // numbers, at least one
  bool graphs = true;     // false: launches one by one. Changes no bit
  int streams = 8;        // packs in flight on one GPU, each on its own stream, at least 1. Changes no bit
  std::function<void(const std::string&)> say;  // tells the user what happened, from any thread; may be empty
};

// Trains on the given GPUs: one thread and one copy of the data set each, runs given out as slots come free. A GPU
// without the memory for the data set is left out, and it is said. Throws Error when no GPU has it, or when one cannot
// be used. A GPU that is lost hands its runs back to the others.
std::unique_ptr<Executor> make_gpu_executor(const std::shared_ptr<const Dataset>& data, const GpuOptions& options);

}  // namespace caviar
