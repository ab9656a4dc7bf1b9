#include "engine/devices.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "engine/cuda/collective.h"
#include "engine/cuda/gpu_worker.h"
#include "engine/executor_of.h"
#include "engine/packer.h"

// The build says for which architectures kernels were compiled.
#ifndef CAVIAR_GPU_CODE
#define CAVIAR_GPU_CODE "emulated"
#endif

namespace caviar {

namespace {

// mma.sync on fp16 with fp32 sums and cp.async begin there.
constexpr int kOldestMajor = 8;

std::string version(int number) { return cat(number / 1000, ".", number % 1000 / 10); }

std::string compiled_in() {
  int toolkit = 0;
  (void)cudaRuntimeGetVersion(&toolkit);
  return cat(CAVIAR_GPU_CODE, ", CUDA ", version(toolkit));
}

Gpu ask(int number, bool free_memory) {
  Gpu gpu;
  gpu.number = number;
  cudaDeviceProp properties{};
  std::size_t free = 0, total = 0;
  try {
    cuda_check(cudaGetDeviceProperties(&properties, number), "ask for the properties of a GPU");
    gpu.name = properties.name;
    gpu.major = properties.major;
    gpu.minor = properties.minor;
    gpu.multiprocessors = properties.multiProcessorCount;
    gpu.memory_bytes = static_cast<std::int64_t>(properties.totalGlobalMem);
    if (gpu.major < kOldestMajor) {
      gpu.unusable = cat("it is sm_", gpu.major, gpu.minor, "; caviar needs sm_", kOldestMajor, "0 or later");
      return gpu;
    }
    if (!free_memory) return gpu;
    use_gpu(number);
    cuda_check(cudaMemGetInfo(&free, &total), "ask for the free memory of a GPU");
    gpu.free_bytes = static_cast<std::int64_t>(free);
  } catch (const CudaError& error) {
    gpu.unusable = error.what();
  }
  return gpu;
}

Gpu usable(int number) {
  const GpuSearch found = find_gpus();
  const auto it = std::find_if(found.gpus.begin(), found.gpus.end(), [&](const Gpu& g) { return g.number == number; });
  if (it == found.gpus.end())
    fail("There is no GPU cuda:", number, "; ",
         found.gpus.empty() ? found.none
                            : cat("there are ", found.gpus.size(), ", numbered from 0 (`caviar devices` lists them)"),
         ".");
  if (!it->unusable.empty()) fail("GPU cuda:", number, " cannot be used: ", it->unusable, ".");
  return *it;
}

}  // namespace

GpuSearch find_gpus(bool free_memory) {
  GpuSearch found;
  found.compiled_in = compiled_in();
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  (void)cudaGetLastError();
  if (error == cudaErrorInsufficientDriver || error == cudaErrorNoDevice || (error == cudaSuccess && count == 0))
    found.none = error == cudaErrorInsufficientDriver
                     ? "there is no NVIDIA driver, or it is older than this program's CUDA"
                     : "there is no NVIDIA GPU";
  else if (error != cudaSuccess)
    found.none = cat("the NVIDIA driver says: ", cudaGetErrorString(error));
  for (int i = 0; i < count && found.none.empty(); ++i) found.gpus.push_back(ask(i, free_memory));
  if (found.none.empty() &&
      std::all_of(found.gpus.begin(), found.gpus.end(), [](const Gpu& g) { return !g.unusable.empty(); }))
    found.none = cat("no GPU can be used: ", found.gpus.front().unusable);
  return found;
}

void check_gpus(const std::vector<int>& gpus) {
  if (gpus.empty()) fail("No GPU is chosen; at least one is needed.");
  for (const int gpu : gpus) {
    if (std::count(gpus.begin(), gpus.end(), gpu) > 1) fail("GPU cuda:", gpu, " is chosen twice; choose each once.");
    usable(gpu);
  }
}

std::string gpu_numerics(const std::string& precision, const std::vector<int>& gpus) {
  if (precision != "mixed") return kNumericsFp32;
  const Gpu first = usable(gpus.at(0));
  for (const int number : gpus) {
    const Gpu gpu = usable(number);
    if (gpu.major != first.major || gpu.minor != first.minor)
      fail("GPUs cuda:", first.number, " (sm_", first.major, first.minor, ") and cuda:", gpu.number, " (sm_", gpu.major,
           gpu.minor,
           ") differ; in mixed precision the bits of a run belong to one architecture. Choose equal GPUs or "
           "precision fp32.");
  }
  return cat(kNumericsMixed, "/sm_", first.major, first.minor);
}

GpuDemand gpu_demand(const PackKey& key, const Dataset& data, int gpu) {
  const PackSize one = gpu_pack_size(key, data, 1), two = gpu_pack_size(key, data, 2);
  const auto slot = static_cast<std::int64_t>(two.bytes - one.bytes);
  return {{static_cast<std::int64_t>(one.bytes) - slot, slot},
          slots_to_fill(usable(gpu).multiprocessors, one.blocks_per_slot)};
}

std::unique_ptr<Executor> make_gpu_executor(const std::shared_ptr<const Dataset>& data, const GpuOptions& options) {
  check_gpus(options.gpus);
  if (options.streams < 1) fail("streams is ", options.streams, "; at least 1 is needed.");
  std::vector<ExecutorOf<GpuWorker>::MakeWorker> workers;
  for (const GpuCopy& copy : send_to_gpus(data, options.gpus, options.say))
    workers.emplace_back(
        [copy = copy.data, worker = GpuWorkerOptions{copy.gpu, options.graphs, options.streams, options.say}] {
          return std::make_unique<GpuWorker>(copy, worker);
        });
  return std::make_unique<ExecutorOf<GpuWorker>>(
      std::move(workers), [data](const RunOrder& order) { check_gpu_order(order, *data); }, options.say);
}

}  // namespace caviar
