// What the emulated device finds in kernels.
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/base/cuda_check.h"
#include "tests/cuda_on_cpu/control.h"
#include "tests/cuda_on_cpu/small_kernels.h"

namespace cuda_on_cpu {
namespace {

TEST(EmulatedKernels, EveryThreadRunsOnce) {
  reset();
  float* out = nullptr;
  ASSERT_EQ(cudaMalloc(&out, 128 * sizeof(float)), cudaSuccess);
  launch_fill({.grid = 2, .block = 64}, out, 3.0f);
  std::vector<float> host(128);
  ASSERT_EQ(cudaMemcpy(host.data(), out, 128 * sizeof(float), cudaMemcpyDeviceToHost), cudaSuccess);
  EXPECT_THAT(host, testing::Each(3.0f));
}

TEST(EmulatedKernels, SumWithBarriers) {
  for (const WarpOrder order : {WarpOrder::kForward, WarpOrder::kReverse, WarpOrder::kRandom}) {
    reset({.order = order});
    std::vector<float> in(256);
    for (int i = 0; i < 256; ++i) in[i] = float(i);
    float *device_in = nullptr, *out = nullptr;
    ASSERT_EQ(cudaMalloc(&device_in, 256 * sizeof(float)), cudaSuccess);
    ASSERT_EQ(cudaMalloc(&out, sizeof(float)), cudaSuccess);
    ASSERT_EQ(cudaMemcpy(device_in, in.data(), 256 * sizeof(float), cudaMemcpyHostToDevice), cudaSuccess);
    launch_sum({.block = 256}, device_in, out, true);
    float sum = 0;
    ASSERT_EQ(cudaMemcpy(&sum, out, sizeof(float), cudaMemcpyDeviceToHost), cudaSuccess);
    EXPECT_EQ(sum, 255 * 128);
  }
}

}  // namespace
}  // namespace cuda_on_cpu
