// --device: where the runs of a study train.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/data/dataset.h"
#include "engine/executor.h"

namespace caviar {

// The cores, or some GPUs.
struct DeviceChoice {
  std::vector<int> gpus;  // empty: the cores
  int threads = 1;        // of the cores
  std::string why;        // there is no GPU to train on, where one was looked for
  std::string note;       // one sentence when what was asked for is not there; else empty
};

// `text`: auto (all usable GPUs, else the cores), cpu, cuda (all usable GPUs), cuda:0,2 (those). Where the program has
// no CUDA or the machine no usable GPU, cuda means the cores, and the note says why. Throws Error for another text, or
// for a GPU that is not there among those that are.
DeviceChoice choose_devices(const std::string& text, int threads);

// "GPU cuda:0 (NVIDIA H200)", "2 GPUs (NVIDIA H200)" or "2 threads".
std::string show_devices(const DeviceChoice& choice);

// What bits depend on there (engine/run.h). Throws Error when the precision cannot be had.
std::string numerics_of(const DeviceChoice& choice, const std::string& precision);

std::unique_ptr<Executor> make_executor(const std::shared_ptr<const Dataset>& data, const DeviceChoice& choice);

}  // namespace caviar
