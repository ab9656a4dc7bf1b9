#include "tests/cuda_on_cpu/control.h"

#include "kernels/base/error.h"
#include "tests/cuda_on_cpu/runtime.h"

namespace cuda_on_cpu {
namespace {

template <class Body>
auto locked(const Body& body) {
  Runtime& runtime = Runtime::instance();
  const std::lock_guard lock(runtime.mutex);
  return body(runtime);
}

Device& existing_device(Runtime& runtime, int index) {
  if (index < 0 || index >= runtime.device_count()) caviar::fail("there is no emulated device ", index);
  return runtime.device(index);
}

}  // namespace

void reset(const Options& options) {
  locked([&](Runtime& runtime) { runtime.reset(options); });
}

void set_warp_order(WarpOrder order) {
  locked([&](Runtime& runtime) { runtime.options().order = order; });
}

void set_seed(std::uint64_t seed) {
  locked([&](Runtime& runtime) { runtime.set_seed(seed); });
}

void fail_allocation(int k) {
  locked([&](Runtime& runtime) { runtime.fail_allocation(k); });
}

void lose_device(int index, int operations, cudaError_t error) {
  locked([&](Runtime& runtime) {
    Device& device = existing_device(runtime, index);
    device.operations_left = operations;
    device.loss = error;
    if (operations == 0) runtime.fail_device(index, {error, "the test lost this device"});
  });
}

std::string failure_of(int index) {
  return locked([&](Runtime& runtime) { return existing_device(runtime, index).failure; });
}

Counters counters() {
  return locked([](Runtime& runtime) { return runtime.counters(); });
}

}  // namespace cuda_on_cpu
