// NCCL's broadcast between emulated devices.
#include "tests/cuda_on_cpu/nccl.h"

#include <memory>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cuda_on_cpu/device_array.h"
#include "tests/cuda_on_cpu/small_kernels.h"

namespace cuda_on_cpu {
namespace {

using testing::Each;
using testing::HasSubstr;
using Floats = std::vector<float>;

constexpr std::size_t kSize = 64;

// A communicator, a stream and an array on each of several devices.
class Ranks {
 public:
  explicit Ranks(int count) : communicators(static_cast<std::size_t>(count)) {
    EXPECT_EQ(ncclCommInitAll(communicators.data(), count, nullptr), ncclSuccess);
    for (int device = 0; device < count; ++device) {
      caviar::cuda_check(cudaSetDevice(device), "choose a device");
      streams.push_back(std::make_unique<Stream>());
      arrays.push_back(std::make_unique<DeviceArray<float>>(kSize));
    }
    caviar::cuda_check(cudaSetDevice(0), "choose a device");
  }
  ~Ranks() {
    for (ncclComm_t const communicator : communicators) ncclCommDestroy(communicator);
  }
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  ncclResult_t broadcast(std::size_t rank, int root = 0, std::size_t count = kSize) const {
    return ncclBroadcast(arrays[rank]->data(), arrays[rank]->data(), count, ncclFloat32, root, communicators[rank],
                         *streams[rank]);
  }
  Floats received(std::size_t rank) const {
    caviar::cuda_check(cudaSetDevice(static_cast<int>(rank)), "choose a device");
    return arrays[rank]->values();
  }

  std::vector<ncclComm_t> communicators;
  std::vector<std::unique_ptr<Stream>> streams;
  std::vector<std::unique_ptr<DeviceArray<float>>> arrays;
};

TEST(EmulatedNccl, BroadcastReachesEveryRankInStreamOrder) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    reset({.devices = 4, .seed = seed});
    const Ranks ranks(4);
    launch_fill({.stream = *ranks.streams[0]}, ranks.arrays[0]->data(), 6);
    ASSERT_EQ(ncclGroupStart(), ncclSuccess);
    for (std::size_t rank = 0; rank < 4; ++rank) ASSERT_EQ(ranks.broadcast(rank), ncclSuccess);
    ASSERT_EQ(ncclGroupEnd(), ncclSuccess);
    EXPECT_EQ(counters().broadcasts, 0) << "enqueued, not carried out";
    for (std::size_t rank = 0; rank < 4; ++rank) EXPECT_THAT(ranks.received(rank), Each(6.0f));
    EXPECT_EQ(counters().broadcasts, 1);
  }
}

TEST(EmulatedNccl, EveryRankHasToTakePart) {
  reset({.devices = 3});
  const Ranks ranks(3);
  ASSERT_EQ(ncclGroupStart(), ncclSuccess);
  ASSERT_EQ(ranks.broadcast(0), ncclSuccess);
  ASSERT_EQ(ranks.broadcast(2), ncclSuccess);
  EXPECT_EQ(ncclGroupEnd(), ncclInvalidUsage);
  EXPECT_THAT(ncclGetLastError(nullptr), HasSubstr("rank 1 of 3 takes no part"));
  EXPECT_EQ(ranks.broadcast(0), ncclInvalidUsage) << "without a group it would wait for the others for ever";
  EXPECT_EQ(ncclGroupEnd(), ncclInvalidUsage);
}

TEST(EmulatedNccl, RanksHaveToAgree) {
  reset({.devices = 2});
  const Ranks ranks(2);
  const auto group = [&](int root, std::size_t count) {
    EXPECT_EQ(ncclGroupStart(), ncclSuccess);
    EXPECT_EQ(ranks.broadcast(0), ncclSuccess);
    EXPECT_EQ(ranks.broadcast(1, root, count), ncclSuccess);
    return ncclGroupEnd();
  };
  EXPECT_EQ(group(0, kSize), ncclSuccess);
  EXPECT_EQ(group(1, kSize), ncclInvalidUsage);
  EXPECT_EQ(group(0, kSize - 1), ncclInvalidUsage);
  ncclComm_t twice[2];
  const int same[2] = {1, 1};
  EXPECT_EQ(ncclCommInitAll(twice, 2, same), ncclInvalidUsage);
}

TEST(EmulatedNccl, DoesNotStartWhenATestSaysSo) {
  reset({.devices = 2, .nccl_starts = false});
  ncclComm_t communicators[2];
  EXPECT_EQ(ncclCommInitAll(communicators, 2, nullptr), ncclSystemError);
}

TEST(EmulatedNccl, LostDeviceIsReportedToTheOthers) {
  reset({.devices = 2});
  const Ranks ranks(2);
  ASSERT_EQ(ncclGroupStart(), ncclSuccess);
  for (std::size_t rank = 0; rank < 2; ++rank) ASSERT_EQ(ranks.broadcast(rank), ncclSuccess);
  ASSERT_EQ(ncclGroupEnd(), ncclSuccess);
  lose_device(0);
  EXPECT_EQ(cudaSetDevice(1), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(*ranks.streams[1]), cudaSuccess);
  ncclResult_t result = ncclSuccess;
  EXPECT_EQ(ncclCommGetAsyncError(ranks.communicators[1], &result), ncclSuccess);
  EXPECT_EQ(result, ncclRemoteError);
  ASSERT_EQ(ncclGroupStart(), ncclSuccess);
  for (std::size_t rank = 0; rank < 2; ++rank) static_cast<void>(ranks.broadcast(rank));
  EXPECT_EQ(ncclGroupEnd(), ncclUnhandledCudaError);
}

}  // namespace
}  // namespace cuda_on_cpu
