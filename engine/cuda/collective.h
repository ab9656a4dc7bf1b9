// One data set, a copy of it on every GPU.
#pragma once

#include <memory>
#include <vector>

#include "engine/cuda/gpu_pack.h"

namespace caviar {

// Sends the data set to the first GPU and from there to the others with NCCL, which is found when there are two or more
// and loaded then; without it every GPU is sent its copy by the host. The same order as `gpus`. Throws CudaError.
std::vector<std::shared_ptr<const GpuData>> send_to_gpus(const std::shared_ptr<const Dataset>& data,
                                                         const std::vector<int>& gpus);

}  // namespace caviar
