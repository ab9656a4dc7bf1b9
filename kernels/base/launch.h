// Kernel launches. Not <<<>>>, which only nvcc understands: a call that the emulated device understands too.
#pragma once

#include <cstddef>
#include <type_traits>

#include "kernels/base/cuda.h"
#include "kernels/base/cuda_check.h"

namespace caviar {

// What a block may have of dynamic shared memory on every device without asking for more.
inline constexpr std::size_t kSharedBytesWithoutAsking = 48 * 1024;

// Enqueues kernel(arguments...) on the stream, which must belong to the current device; returns before it has run.
//
// grid, block                  blocks, and threads of a block (at most 1024)
// dynamic_shared_bytes         what dynamic_shared<T>() points to; more than 48 KiB is asked for with the kernel's
//                              attribute, and refused where the device has less
// arguments                    trivially copyable, copied now: a captured launch keeps these values
//
// Throws CudaError when the launch is refused, or when work that was enqueued earlier has failed.
template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, std::size_t dynamic_shared_bytes, cudaStream_t stream,
            const Arguments&... arguments) {
  static_assert(sizeof...(Parameters) == sizeof...(Arguments), "a launch passes every parameter of the kernel");
  static_assert((std::is_trivially_copyable_v<Parameters> && ...), "kernel parameters are copied as bytes");
  if (dynamic_shared_bytes > kSharedBytesWithoutAsking)
    cuda_check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                    static_cast<int>(dynamic_shared_bytes)),
               "give a kernel more than 48 KiB of shared memory");
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = dynamic_shared_bytes;
  config.stream = stream;
  cuda_check(cudaLaunchKernelEx(&config, kernel, arguments...), "launch a kernel");
}

}  // namespace caviar
