// What the emulated device does with kernels, and what it finds in wrong ones.
#include <cmath>
#include <cstring>
#include <numeric>
#include <set>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cuda_on_cpu/device_array.h"
#include "tests/cuda_on_cpu/sanitizers.h"
#include "tests/cuda_on_cpu/small_kernels.h"

namespace cuda_on_cpu {
namespace {

using testing::AllOf;
using testing::Each;
using testing::HasSubstr;
using Floats = std::vector<float>;

constexpr unsigned kWholeWarp = 0xffffffff;

std::vector<float> bits_matter(std::size_t size) {  // sums of these depend on their order
  std::vector<float> values(size);
  for (std::size_t i = 0; i < size; ++i)
    values[i] = std::ldexp(1.0f + 0.37f * static_cast<float>(i % 7), static_cast<int>(i % 23));
  return values;
}

// The error of a launch and of waiting for it.
std::string error_of_kernel(const std::function<void()>& launch_it) {
  return error_of([&] {
    launch_it();
    caviar::cuda_check(cudaDeviceSynchronize(), "wait for a kernel");
  });
}

TEST(EmulatedKernels, EveryThreadOfEveryBlockRunsOnceInEveryOrder) {
  const auto results = in_every_order<std::vector<unsigned>>([] {
    const DeviceArray<uint3> out(2 * 5 * 3 * 2 * 7 * 3 * 4);
    launch_indices({.grid = {5, 3, 2}, .block = {7, 3, 4}}, out.data());
    std::vector<unsigned> flat;
    for (const uint3& index : out.values()) flat.insert(flat.end(), {index.x, index.y, index.z});
    return flat;
  });
  EXPECT_TRUE(all_equal(results));
  std::set<std::vector<unsigned>> seen;
  for (std::size_t i = 0; i < results[0].size(); i += 6) {
    EXPECT_THAT(std::vector(&results[0][i], &results[0][i + 6]),
                testing::ElementsAre(testing::Lt(7), testing::Lt(3), testing::Lt(4), testing::Lt(5), testing::Lt(3),
                                     testing::Lt(2)));
    seen.insert(std::vector(&results[0][i], &results[0][i + 6]));
  }
  EXPECT_EQ(seen.size(), 5u * 3 * 2 * 7 * 3 * 4);
}

TEST(EmulatedKernels, RemovedBarrierIsCaught) {
  const auto sums = [](bool with_barriers) {
    return in_every_order<Floats>([&] {
      const DeviceArray<float> in(bits_matter(512)), out(2);
      launch_sum({.grid = 2, .block = 256}, in.data(), out.data(), with_barriers);
      return out.values();
    });
  };
  EXPECT_TRUE(all_equal(sums(true)));
  EXPECT_FALSE(all_equal(sums(false)));
}

TEST(EmulatedKernels, RemovedWarpBarrierIsCaught) {
  const auto sums = [](bool with_barriers) {
    return in_every_order<Floats>([&] {
      const DeviceArray<float> in(bits_matter(32)), out(1);
      launch_warp_sum({}, in.data(), out.data(), with_barriers);
      return out.values();
    });
  };
  EXPECT_TRUE(all_equal(sums(true)));
  EXPECT_FALSE(all_equal(sums(false)));
}

TEST(EmulatedKernels, ShufflesReadTheLaneTheyName) {
  for (const By by : {By::kXor, By::kDown, By::kUp, By::kIndex}) {
    const auto results = in_every_order<std::vector<int>>([&] {
      std::vector<int> values(128);
      std::iota(values.begin(), values.end(), 1);
      const DeviceArray<int> in(values), out(128);
      launch_shuffle_sum({.block = 128}, in.data(), out.data(), by);
      return out.values();
    });
    EXPECT_TRUE(all_equal(results));
    for (int i = 0; i < 128; ++i) EXPECT_EQ(results[0][i], 32 * (i / 32 * 32) + 33 * 16) << static_cast<int>(by);
  }
}

TEST(EmulatedKernels, VotesCountEveryLane) {
  std::vector<int> values(96, 0);
  values[3] = values[31] = 1;
  std::fill(values.begin() + 64, values.end(), 1);
  const auto results = in_every_order<std::vector<std::uint64_t>>([&] {
    const DeviceArray<int> in(values);
    const DeviceArray<std::uint64_t> out(96);
    launch_votes({.block = 96}, in.data(), out.data());
    return out.values();
  });
  EXPECT_TRUE(all_equal(results));
  EXPECT_EQ(results[0][0], 0x1'80000008u);
  EXPECT_EQ(results[0][63], 0u);
  EXPECT_EQ(results[0][64], 0x3'ffffffffu);
}

TEST(EmulatedKernels, WrongWarpMaskIsCaught) {
  const auto error_of_shuffle = [](unsigned mask, int lanes, int from, unsigned block = 32) {
    reset();
    const DeviceArray<float> out(32);
    return error_of_kernel([&] { launch_masked_shuffle({.block = block}, out.data(), mask, lanes, from); });
  };
  EXPECT_EQ(error_of_shuffle(kWholeWarp, 32, 5), "");
  EXPECT_EQ(error_of_shuffle(0xffff, 16, 5), "");
  EXPECT_THAT(error_of_shuffle(kWholeWarp, 16, 5), AllOf(HasSubstr("wrong warp mask"), HasSubstr("which has ended")));
  EXPECT_THAT(error_of_shuffle(0xfffe, 16, 5),
              AllOf(HasSubstr("wrong warp mask"), HasSubstr("does not name"), HasSubstr("masked_shuffle_kernel"),
                    HasSubstr("block (0, 0, 0)"), HasSubstr("thread (0, 0, 0)"), HasSubstr("small_kernels.cu:")));
  EXPECT_THAT(error_of_shuffle(0xffff, 16, 20), HasSubstr("lane 0 reads lane 20"));
  EXPECT_THAT(error_of_shuffle(kWholeWarp, 32, 5, 24), HasSubstr("names lane 24, which the block does not have"));
}

TEST(EmulatedKernels, LanesInDifferentWarpOperationsAreADeadlock) {
  reset();
  const DeviceArray<float> out(32);
  EXPECT_THAT(error_of_kernel([&] { launch_disagreement({.block = 32}, out.data()); }),
              AllOf(HasSubstr("deadlock"), HasSubstr("__any_sync"), HasSubstr("__syncwarp")));
}

TEST(EmulatedKernels, DivergentBarrierIsCaught) {
  for (const WarpOrder order : {WarpOrder::kForward, WarpOrder::kReverse, WarpOrder::kRandom}) {
    reset({.order = order});
    const DeviceArray<float> out(64);
    EXPECT_EQ(error_of_kernel([&] { launch_partial_barrier({}, out.data(), 64); }), "");
    EXPECT_EQ(error_of_kernel([&] { launch_partial_barrier({}, out.data(), 0); }), "");
    EXPECT_THAT(error_of_kernel([&] { launch_partial_barrier({}, out.data(), 33); }),
                AllOf(HasSubstr("partial_barrier_kernel"), HasSubstr("divergent barrier"),
                      HasSubstr("33 of 64 threads wait at __syncthreads()")));
  }
  reset();
  const DeviceArray<float> out(64);
  EXPECT_THAT(error_of_kernel([&] { launch_split_barrier({}, out.data()); }), HasSubstr("divergent barrier"));
}

TEST(EmulatedKernels, ErrorInAKernelNamesKernelBlockAndThread) {
  reset();
  const std::string text = error_of_kernel([] { launch_throwing({.grid = 3}, 1, 5); });
  EXPECT_THAT(text, AllOf(HasSubstr("unspecified launch failure"), HasSubstr("throwing_kernel"),
                          HasSubstr("block (1, 0, 0), thread (5, 0, 0): the label is 17, of 10 classes")));
  EXPECT_THAT(failure_of(0), HasSubstr("the label is 17"));
  // Sticky: the device is lost for every further call.
  float* pointer = nullptr;
  EXPECT_EQ(cudaMalloc(&pointer, 4), cudaErrorLaunchFailure);
  EXPECT_EQ(cudaGetLastError(), cudaErrorLaunchFailure);
  EXPECT_EQ(cudaGetLastError(), cudaErrorLaunchFailure);
}

TEST(EmulatedKernels, AfterAFailedKernelTheFibresWorkAsBefore) {
  for (int round = 0; round < 3; ++round) {
    reset();
    EXPECT_NE(error_of_kernel([] { launch_throwing({.block = 256}, 0, 200); }), "");
    reset();
    const DeviceArray<float> in(bits_matter(256)), out(1);
    launch_sum({.block = 256}, in.data(), out.data(), true);
    float expected[256];
    std::ranges::copy(bits_matter(256), expected);
    for (int half = 128; half > 0; half /= 2)
      for (int i = 0; i < half; ++i) expected[i] += expected[i + half];
    EXPECT_EQ(out.values()[0], expected[0]);
  }
}

void write_past_shared_memory(int index) {
  reset();
  const DeviceArray<float> out(64);
  const std::string text = error_of_kernel([&] { launch_shared_write({}, out.data(), index); });
  ASSERT_THAT(text, AllOf(HasSubstr("shared_write_kernel"), HasSubstr("outside the 256 bytes")));
}

TEST(EmulatedKernels, IndexPastSharedMemoryIsCaught) {
  reset();
  {
    const DeviceArray<float> out(64);
    launch_shared_write({}, out.data(), 63);
    EXPECT_EQ(out.values()[63], 2);
  }
  for (const int index : {64, 100, -1}) {
    if (kAddressSanitizer) {
      EXPECT_DEATH(write_past_shared_memory(index), "use-after-poison|buffer-overflow|AddressSanitizer");
    } else {
      write_past_shared_memory(index);
    }
  }
}

TEST(EmulatedKernels, ReadingPastSharedMemoryIsCaught) {
  const auto read = [] {
    reset();
    const DeviceArray<float> out(64);
    launch_shared_read({}, out.data(), 64);
    return out.values()[1];
  };
  if (kAddressSanitizer) {
    EXPECT_DEATH(read(), "use-after-poison|buffer-overflow|AddressSanitizer");
  } else {
    EXPECT_TRUE(std::isnan(read()));
  }
}

TEST(EmulatedKernels, FreshMemoryIsSignallingNaN) {
  reset();
  const DeviceArray<float> out(64), untouched(3);
  launch_fresh_shared({}, out.data());
  Floats all = out.values();
  for (const float value : untouched.values()) all.push_back(value);
  for (const float value : all) {
    std::uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    EXPECT_TRUE(std::isnan(value));
    EXPECT_EQ(bits & 0x00400000, 0u) << "the quiet bit";
  }
}

TEST(EmulatedKernels, SharedMemoryIsBounded) {
  reset();
  const DeviceArray<float> out(1);
  for (const std::size_t bytes : {1, 48 * 1024, 48 * 1024 + 1, 227 * 1024}) {
    launch_with_shared({}, out.data(), bytes);
    EXPECT_EQ(out.values()[0], 3);
  }
  EXPECT_THAT(error_of([&] { launch_with_shared({}, out.data(), 227 * 1024 + 1); }), HasSubstr("232449"));
  cudaLaunchConfig_t config{};
  config.dynamicSmemBytes = 48 * 1024 + 1;
  void (*const empty)(int) = [](int) {};
  EXPECT_EQ(cudaLaunchKernelEx(&config, empty, 1), cudaErrorInvalidConfiguration);
  EXPECT_EQ(cudaFuncSetAttribute(empty, cudaFuncAttributeMaxDynamicSharedMemorySize, 50'000), cudaSuccess);
  EXPECT_EQ(cudaLaunchKernelEx(&config, empty, 1), cudaSuccess);
}

TEST(EmulatedKernels, BlocksAndGridsAreBounded) {
  reset();
  const DeviceArray<float> out(2048);
  launch_fill({.block = 1024}, out.data(), 1);
  EXPECT_THAT(error_of([&] { launch_fill({.block = 1025}, out.data(), 1); }), HasSubstr("1025"));
  EXPECT_THAT(error_of([&] { launch_fill({.block = {2, 2, 65}}, out.data(), 1); }), HasSubstr("65"));
  EXPECT_NE(error_of([&] { launch_fill({.grid = 0}, out.data(), 1); }), "");
  EXPECT_NE(error_of([&] { launch_fill({.grid = {1, 65536}}, out.data(), 1); }), "");
  EXPECT_NE(error_of([&] { launch_fill({.block = 0}, out.data(), 1); }), "");
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess) << "a refused launch is no failure of the device";
}

TEST(EmulatedKernels, MissingWaitForAnAsynchronousCopyIsCaught) {
  const auto copies = [](bool with_wait) {
    return in_every_order<std::vector<std::uint32_t>>([&] {
      const DeviceArray<float> in(bits_matter(128)), out(128);
      launch_async_copy({.block = 32}, in.data(), out.data(), with_wait);
      std::vector<std::uint32_t> bits(128);
      std::memcpy(bits.data(), out.values().data(), out.bytes());
      return bits;
    });
  };
  const auto right = copies(true);
  EXPECT_TRUE(all_equal(right));
  EXPECT_EQ(std::memcmp(right[0].data(), bits_matter(128).data(), 512), 0);
  EXPECT_FALSE(all_equal(copies(false)));
}

TEST(EmulatedKernels, MissingBarrierBeforeABufferIsFilledAgainIsCaught) {
  const auto sums = [](bool with_barrier) {
    return in_every_order<Floats>([&] {
      const DeviceArray<float> in(bits_matter(6 * 4 * 64)), out(64);
      launch_pipeline({}, in.data(), out.data(), 6, with_barrier);
      return out.values();
    });
  };
  EXPECT_TRUE(all_equal(sums(true)));
  EXPECT_FALSE(all_equal(sums(false)));
}

TEST(EmulatedKernels, AsynchronousCopyOfZerosReadsNothing) {
  reset();
  const DeviceArray<float> in(Floats(128, 5.0f)), out(128);
  launch_async_zeros({.block = 32}, in.data(), out.data());
  for (std::size_t i = 0; i < 128; ++i) EXPECT_EQ(out.values()[i], i / 4 % 2 == 0 ? 5.0f : 0.0f);
}

TEST(EmulatedKernels, UnalignedAsynchronousCopyIsCaught) {
  reset();
  const DeviceArray<float> in(4);
  EXPECT_THAT(error_of_kernel([&] { launch_unaligned_async_copy({}, in.data()); }), HasSubstr("multiples of 16"));
}

TEST(EmulatedKernels, BarrierOutsideOfAKernelIsAnError) {
  EXPECT_THAT(error_of([] { __syncthreads(); }), HasSubstr("outside of a kernel"));
}

}  // namespace
}  // namespace cuda_on_cpu
