// One data set, a copy of it on every GPU.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/cuda/gpu_pack.h"

namespace caviar {

struct GpuCopy {
  int gpu = 0;
  std::shared_ptr<const GpuData> data;
};

// Sends the data set to the first GPU and from there to the others with NCCL, which is found when there are two or more
// and loaded then; without it, or when it fails, every GPU is sent its copy by the host. In the order of `gpus`,
// without those that have no memory for it. `say` hears which these are and why NCCL failed; may be empty. Throws Error
// when no GPU has the memory, CudaError when a GPU fails.
std::vector<GpuCopy> send_to_gpus(const std::shared_ptr<const Dataset>& data, const std::vector<int>& gpus,
                                  const std::function<void(const std::string&)>& say = {});

}  // namespace caviar
