// Launches: checked when they are enqueued, carried out by the executor of the thread that waits for them.
#include <algorithm>
#include <cstring>

#include "kernels/base/error.h"
#include "tests/cuda_on_cpu/runtime.h"
#include "tests/cuda_on_cpu/symbols.h"

namespace cuda_on_cpu {
namespace {

Executor& executor_of_this_thread() {
  thread_local Executor executor;
  return executor;
}

// An argument that points into memory of a device.
struct DevicePointer {
  int device;
  std::uint64_t serial;  // of the allocation
};

class KernelWork final : public Work {
 public:
  KernelWork(Runtime& runtime, std::shared_ptr<const Call> kernel, const Shape& shape)
      : kernel_(std::move(kernel)), shape_(shape) {
    struct Context {
      Runtime& runtime;
      std::vector<DevicePointer>& pointers;
    } context{runtime, pointers_};
    kernel_->for_each_argument(
        [](void* visited, const void* bytes, std::size_t size) {
          Context& found = *static_cast<Context*>(visited);
          for (std::size_t i = 0; i + sizeof(void*) <= size; i += sizeof(void*)) {
            const void* word;
            std::memcpy(&word, static_cast<const std::byte*>(bytes) + i, sizeof word);
            const Allocation* const allocation = found.runtime.find_allocation(word);
            if (allocation != nullptr) found.pointers.push_back({allocation->device, allocation->serial});
          }
        },
        &context);
  }

  void carry_out(Runtime& runtime, int device) const override {
    ++runtime.counters().launches;
    for (const DevicePointer& argument : pointers_) check(runtime, argument, device);
    try {
      executor_of_this_thread().run(*kernel_, shape_, runtime.options().order, runtime.next_seed());
    } catch (const caviar::Error& error) {
      throw DeviceFailure{cudaErrorLaunchFailure, error.what()};
    }
  }

 private:
  void check(const Runtime& runtime, const DevicePointer& argument, int device) const {
    const auto stop = [&](const auto&... what) {
      throw DeviceFailure{cudaErrorIllegalAddress,
                          caviar::cat("kernel ", function_name(kernel_->function()), " is given ", what...)};
    };
    if (!runtime.is_live(argument.serial)) stop("a pointer to memory that was freed since it was launched or captured");
    if (argument.device != device) stop("memory of device ", argument.device, " and carried out on device ", device);
  }

  std::shared_ptr<const Call> kernel_;
  Shape shape_;
  std::vector<DevicePointer> pointers_;
};

// Why a launch is refused, empty where it is not.
std::string wrong_shape(const cudaLaunchConfig_t& config, std::size_t shared_limit) {
  const dim3 grid = config.gridDim, block = config.blockDim;
  const std::uint64_t threads = std::uint64_t{block.x} * block.y * block.z;
  if (threads < 1 || threads > kMaxThreads || block.x > 1024 || block.y > 1024 || block.z > 64)
    return caviar::cat("a block of ", block.x, " x ", block.y, " x ", block.z, " threads; 1 to ", kMaxThreads,
                       " are possible");
  if (grid.x < 1 || grid.y < 1 || grid.z < 1 || grid.x > 0x7fffffffu || grid.y > 65535 || grid.z > 65535)
    return caviar::cat("a grid of ", grid.x, " x ", grid.y, " x ", grid.z, " blocks");
  if (config.dynamicSmemBytes > shared_limit)
    return caviar::cat(config.dynamicSmemBytes, " bytes of dynamic shared memory; the kernel may have ", shared_limit);
  return {};
}

}  // namespace

cudaError_t enqueue_call(const cudaLaunchConfig_t& config, std::shared_ptr<const Call> kernel) {
  return call([&](Runtime& runtime) {
    CUstream_st* const stream = runtime.find(config.stream);
    if (stream == nullptr) return cudaErrorInvalidResourceHandle;
    if (const cudaError_t error = runtime.sticky(stream->device); error != cudaSuccess) return error;
    if (runtime.caller().device != stream->device)
      return runtime.error(cudaErrorInvalidResourceHandle,
                           caviar::cat("a launch into a stream of device ", stream->device, " while device ",
                                       runtime.caller().device, " is current"));
    const auto& raised = runtime.device(stream->device).dynamic_shared_bytes;
    const auto found = raised.find(kernel->function());
    const std::size_t limit =
        std::max(kSharedBytes, found == raised.end() ? 0 : static_cast<std::size_t>(found->second));
    if (const std::string wrong = wrong_shape(config, limit); !wrong.empty())
      return runtime.error(cudaErrorInvalidConfiguration,
                           caviar::cat("kernel ", function_name(kernel->function()), ": ", wrong));
    const Shape shape{config.gridDim, config.blockDim, config.dynamicSmemBytes};
    return runtime.enqueue(stream, std::make_shared<KernelWork>(runtime, std::move(kernel), shape));
  });
}

}  // namespace cuda_on_cpu
