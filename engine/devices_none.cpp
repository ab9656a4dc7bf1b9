// A program without CUDA.
#include "engine/devices.h"
#include "engine/run.h"
#include "kernels/base/error.h"

namespace caviar {

namespace {
constexpr const char* kNone = "this program was built without the CUDA toolkit";
}  // namespace

GpuSearch find_gpus(bool) { return {{}, kNone, "nothing"}; }

std::string gpu_numerics(const std::string&, const std::vector<int>&) { fail("No GPU can be used: ", kNone, "."); }

void check_gpus(const std::vector<int>&) { fail("No GPU can be used: ", kNone, "."); }

GpuDemand gpu_demand(const PackKey&, const Dataset&, int) { fail("No GPU can be used: ", kNone, "."); }

std::unique_ptr<Executor> make_gpu_executor(const std::shared_ptr<const Dataset>&, const GpuOptions&) {
  fail("No GPU can be used: ", kNone, ". Use --device cpu, or build where nvcc is installed.");
}

}  // namespace caviar
