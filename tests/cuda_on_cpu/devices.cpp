// The emulated devices: how many, what they are, and their limits.
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "kernels/base/error.h"
#include "tests/cuda_on_cpu/runtime.h"

namespace cuda_on_cpu {
namespace {

// The limits of compute capability 9.0 (CUDA C++ Programming Guide, technical specifications).
constexpr int kThreadsPerMultiprocessor = 2048;
constexpr int kBlocksPerMultiprocessor = 32;
constexpr std::size_t kSharedPerMultiprocessor = 228 * 1024;
constexpr std::size_t kReservedPerBlock = 1024;
constexpr int kRegisters = 65536;
constexpr int kL2Bytes = 50 << 20;
constexpr int kMajor = 9, kMinor = 0;
constexpr int kVersion = CUDART_VERSION;

}  // namespace

Runtime& Runtime::instance() {
  static Runtime* const runtime = new Runtime;  // never destroyed: threads may end after main does
  return *runtime;
}

void Runtime::reset(const Options& options) {
  free_everything();
  options_ = options;
  counters_ = {};
  random_ = Random(options.seed);
  ++generation_;
  allocations_until_failure_ = 0;
  devices_.assign(static_cast<std::size_t>(options.devices), Device{});
  for (int i = 0; i < options.devices; ++i) device(i).null_stream = add_stream(i, true);
}

void Runtime::free_everything() {
  for (const auto& [pointer, allocation] : std::map(allocations_)) release(const_cast<std::byte*>(pointer));
  for (const auto& [pointer, bytes] : std::map(pinned_)) release_pinned(const_cast<std::byte*>(pointer));
  for (CUstream_st* const stream : streams_) delete stream;
  for (CUevent_st* const event : events_) delete event;
  for (CUgraph_st* const graph : graphs_) delete graph;
  for (CUgraphExec_st* const exec : graph_execs_) delete exec;
  streams_.clear();
  events_.clear();
  graphs_.clear();
  graph_execs_.clear();
}

void Runtime::set_seed(std::uint64_t seed) { random_ = Random(seed); }

cudaError_t set_function_attribute(const void* function, cudaFuncAttribute attribute, int value) {
  return call([&](Runtime& runtime) {
    const int device = runtime.caller().device;
    if (const cudaError_t error = runtime.sticky(device); error != cudaSuccess) return error;
    if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;
    if (value < 0 || static_cast<std::size_t>(value) > kSharedBytesOptIn)
      return runtime.error(cudaErrorInvalidValue, caviar::cat("a block has at most ", kSharedBytesOptIn,
                                                              " bytes of shared memory, not ", value));
    runtime.device(device).dynamic_shared_bytes[function] = value;
    return cudaSuccess;
  });
}

cudaError_t get_function_attributes(cudaFuncAttributes* attributes, const void* function) {
  return call([&](Runtime& runtime) {
    const int device = runtime.caller().device;
    if (const cudaError_t error = runtime.sticky(device); error != cudaSuccess) return error;
    const auto& raised = runtime.device(device).dynamic_shared_bytes;
    const auto found = raised.find(function);
    *attributes = {};
    attributes->maxThreadsPerBlock = kMaxThreads;
    attributes->ptxVersion = attributes->binaryVersion = kMajor * 10 + kMinor;
    attributes->maxDynamicSharedSizeBytes = found == raised.end() ? static_cast<int>(kSharedBytes) : found->second;
    return cudaSuccess;
  });
}

cudaError_t max_active_blocks(int* blocks, const void*, int threads, std::size_t dynamic_shared_bytes) {
  return call([&](Runtime& runtime) {
    if (const cudaError_t error = runtime.sticky(runtime.caller().device); error != cudaSuccess) return error;
    if (threads < 1) return runtime.error(cudaErrorInvalidValue, "a block has at least one thread");
    if (threads > kMaxThreads || dynamic_shared_bytes > kSharedBytesOptIn) {
      *blocks = 0;
      return cudaSuccess;
    }
    const int whole_warps = (threads + kLanesOfWarp - 1) / kLanesOfWarp * kLanesOfWarp;
    const auto by_shared = static_cast<int>(kSharedPerMultiprocessor / (dynamic_shared_bytes + kReservedPerBlock));
    *blocks = std::min({kBlocksPerMultiprocessor, kThreadsPerMultiprocessor / whole_warps, by_shared});
    return cudaSuccess;
  });
}

}  // namespace cuda_on_cpu

using cuda_on_cpu::call;
using cuda_on_cpu::Runtime;

namespace {

cudaError_t check_index(Runtime& runtime, int device) {
  if (runtime.device_count() == 0) return runtime.error(cudaErrorNoDevice);
  if (device >= 0 && device < runtime.device_count()) return cudaSuccess;
  return runtime.error(cudaErrorInvalidDevice,
                       caviar::cat("there is no device ", device, ", only ", runtime.device_count()));
}

}  // namespace

cudaError_t cudaDriverGetVersion(int* version) {
  *version = cuda_on_cpu::kVersion;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = cuda_on_cpu::kVersion;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int* count) {
  return call([&](Runtime& runtime) {
    *count = runtime.device_count();
    return *count == 0 ? runtime.error(cudaErrorNoDevice) : cudaSuccess;
  });
}

cudaError_t cudaSetDevice(int device) {
  return call([&](Runtime& runtime) {
    if (const cudaError_t error = check_index(runtime, device); error != cudaSuccess) return error;
    runtime.caller().device = device;
    return runtime.sticky(device);
  });
}

cudaError_t cudaGetDevice(int* device) {
  return call([&](Runtime& runtime) {
    *device = runtime.caller().device;
    return runtime.device_count() == 0 ? runtime.error(cudaErrorNoDevice) : cudaSuccess;
  });
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  return call([&](Runtime& runtime) {
    if (const cudaError_t error = check_index(runtime, device); error != cudaSuccess) return error;
    using namespace cuda_on_cpu;
    switch (attribute) {
      case cudaDevAttrMaxThreadsPerBlock:
        *value = kMaxThreads;
        break;
      case cudaDevAttrMaxSharedMemoryPerBlock:
        *value = static_cast<int>(kSharedBytes);
        break;
      case cudaDevAttrWarpSize:
        *value = kLanesOfWarp;
        break;
      case cudaDevAttrMaxRegistersPerBlock:
      case cudaDevAttrMaxRegistersPerMultiprocessor:
        *value = kRegisters;
        break;
      case cudaDevAttrMultiProcessorCount:
        *value = runtime.options().multiprocessors;
        break;
      case cudaDevAttrConcurrentKernels:
        *value = 1;
        break;
      case cudaDevAttrL2CacheSize:
        *value = kL2Bytes;
        break;
      case cudaDevAttrMaxThreadsPerMultiProcessor:
        *value = kThreadsPerMultiprocessor;
        break;
      case cudaDevAttrComputeCapabilityMajor:
        *value = kMajor;
        break;
      case cudaDevAttrComputeCapabilityMinor:
        *value = kMinor;
        break;
      case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
        *value = static_cast<int>(kSharedPerMultiprocessor);
        break;
      case cudaDevAttrMaxSharedMemoryPerBlockOptin:
        *value = static_cast<int>(kSharedBytesOptIn);
        break;
      case cudaDevAttrMaxBlocksPerMultiprocessor:
        *value = kBlocksPerMultiprocessor;
        break;
      case cudaDevAttrReservedSharedMemoryPerBlock:
        *value = static_cast<int>(kReservedPerBlock);
        break;
    }
    return cudaSuccess;
  });
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  return call([&](Runtime& runtime) {
    if (const cudaError_t error = check_index(runtime, device); error != cudaSuccess) return error;
    using namespace cuda_on_cpu;
    cudaDeviceProp& p = *properties;
    p = {};
    std::snprintf(p.name, sizeof p.name, "device %d emulated on the CPU", device);
    std::snprintf(p.uuid.bytes, sizeof p.uuid.bytes, "emulated %d", device);
    p.totalGlobalMem = runtime.options().memory_bytes;
    p.sharedMemPerBlock = kSharedBytes;
    p.regsPerBlock = p.regsPerMultiprocessor = kRegisters;
    p.warpSize = kLanesOfWarp;
    p.maxThreadsPerBlock = kMaxThreads;
    constexpr int kThreadsDim[3] = {1024, 1024, 64};
    constexpr int kGridSize[3] = {0x7fffffff, 65535, 65535};
    std::copy_n(kThreadsDim, 3, p.maxThreadsDim);
    std::copy_n(kGridSize, 3, p.maxGridSize);
    p.major = kMajor;
    p.minor = kMinor;
    p.multiProcessorCount = runtime.options().multiprocessors;
    p.concurrentKernels = 1;
    p.pciBusID = device + 1;
    p.asyncEngineCount = 2;
    p.l2CacheSize = kL2Bytes;
    p.maxThreadsPerMultiProcessor = kThreadsPerMultiprocessor;
    p.sharedMemPerMultiprocessor = kSharedPerMultiprocessor;
    p.sharedMemPerBlockOptin = kSharedBytesOptIn;
    p.maxBlocksPerMultiProcessor = kBlocksPerMultiprocessor;
    p.reservedSharedMemPerBlock = kReservedPerBlock;
    return cudaSuccess;
  });
}
