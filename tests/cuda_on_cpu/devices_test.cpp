// Devices, memory and faults of the emulated device, and errors as callers see them.
#include <cstring>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cuda_on_cpu/device_array.h"
#include "tests/cuda_on_cpu/sanitizers.h"
#include "tests/cuda_on_cpu/small_kernels.h"

namespace cuda_on_cpu {
namespace {

using caviar::cuda_check;
using caviar::CudaError;
using testing::AllOf;
using testing::Each;
using testing::HasSubstr;
using Floats = std::vector<float>;

constexpr std::size_t kMiB = 1 << 20;

TEST(EmulatedDevices, AsManyAsATestAsksFor) {
  int count = -1;
  reset({.devices = 4, .memory_bytes = 3 * kMiB, .multiprocessors = 6});
  EXPECT_EQ(cudaGetDeviceCount(&count), cudaSuccess);
  EXPECT_EQ(count, 4);
  cudaDeviceProp properties;
  ASSERT_EQ(cudaGetDeviceProperties(&properties, 3), cudaSuccess);
  EXPECT_STREQ(properties.name, "device 3 emulated on the CPU");
  EXPECT_EQ(properties.totalGlobalMem, 3 * kMiB);
  EXPECT_EQ(properties.multiProcessorCount, 6);
  int value = 0;
  EXPECT_EQ(cudaDeviceGetAttribute(&value, cudaDevAttrMultiProcessorCount, 0), cudaSuccess);
  EXPECT_EQ(value, 6);
  EXPECT_EQ(cudaDeviceGetAttribute(&value, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0), cudaSuccess);
  EXPECT_EQ(value, 227 * 1024);
  EXPECT_EQ(cudaSetDevice(4), cudaErrorInvalidDevice);

  reset({.devices = 0});
  EXPECT_EQ(cudaGetDeviceCount(&count), cudaErrorNoDevice);
  EXPECT_EQ(count, 0);
  float* pointer = nullptr;
  EXPECT_EQ(cudaMalloc(&pointer, 4), cudaErrorNoDevice);
  EXPECT_EQ(cudaStreamSynchronize(nullptr), cudaErrorNoDevice);
  reset();
}

TEST(EmulatedDevices, EachThreadHasItsCurrentDevice) {
  reset({.devices = 2});
  ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
  int device = -1;
  std::thread([&] { cudaGetDevice(&device); }).join();
  EXPECT_EQ(device, 0);
  EXPECT_EQ(cudaGetDevice(&device), cudaSuccess);
  EXPECT_EQ(device, 1);
}

TEST(EmulatedDevices, ThreadsOfTheHostWorkOnDevicesSideBySide) {
  reset({.devices = 4});
  std::vector<float> sums(4);
  std::vector<std::thread> threads;
  for (int device = 0; device < 4; ++device) {
    threads.emplace_back([&sums, device] {
      cuda_check(cudaSetDevice(device), "choose a device");
      const Stream stream;
      const DeviceArray<float> in(Floats(128, 1.0f)), out(1);
      for (int i = 0; i < 50; ++i) {
        launch_add({.block = 128, .stream = stream}, in.data(), static_cast<float>(device));
        launch_sum({.block = 128, .stream = stream}, in.data(), out.data(), true);
        stream.wait();
      }
      sums[static_cast<std::size_t>(device)] = out.values()[0];
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int device = 0; device < 4; ++device) EXPECT_EQ(sums[device], 128.0f * (1 + 50 * device));
  EXPECT_EQ(counters().allocated_bytes, 0u);
}

TEST(EmulatedDevices, OccupancyIsBoundedByThreadsBlocksAndSharedMemory) {
  reset();
  void (*const kernel)() = [] {};
  const auto blocks = [&](int threads, std::size_t shared) {
    int count = -1;
    EXPECT_EQ(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&count, kernel, threads, shared), cudaSuccess);
    return count;
  };
  EXPECT_EQ(blocks(32, 0), 32);
  EXPECT_EQ(blocks(256, 0), 8);
  EXPECT_EQ(blocks(1000, 0), 2);
  EXPECT_EQ(blocks(32, 100 * 1024), 2);
  EXPECT_EQ(blocks(32, 227 * 1024), 1);
  EXPECT_EQ(blocks(32, 228 * 1024), 0);
  EXPECT_EQ(blocks(1025, 0), 0);
}

// --- memory ---------------------------------------------------------------------------------------------------------

TEST(EmulatedMemory, IsAccountedAndEnds) {
  reset({.devices = 2, .memory_bytes = kMiB});
  void *a = nullptr, *b = nullptr, *c = nullptr;
  std::size_t free_bytes = 0, total_bytes = 0;
  ASSERT_EQ(cudaMalloc(&a, kMiB / 2), cudaSuccess);
  ASSERT_EQ(cudaMalloc(&b, 1000), cudaSuccess);
  EXPECT_EQ(cudaMemGetInfo(&free_bytes, &total_bytes), cudaSuccess);
  EXPECT_EQ(free_bytes, kMiB / 2 - 1024);
  EXPECT_EQ(total_bytes, kMiB);
  EXPECT_EQ(cudaMalloc(&c, kMiB / 2), cudaErrorMemoryAllocation);
  EXPECT_EQ(c, nullptr);
  EXPECT_THAT(cudaGetErrorString(cudaErrorMemoryAllocation),
              HasSubstr("out of memory: 524288 bytes asked for, 523264"));
  EXPECT_EQ(cudaMalloc(&c, ~std::size_t{0}), cudaErrorMemoryAllocation);
  ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
  EXPECT_EQ(cudaMalloc(&c, kMiB), cudaSuccess) << "the other device has memory of its own";
  EXPECT_EQ(counters().allocated_bytes, kMiB + kMiB / 2 + 1024);
  for (void* const pointer : {a, b, c}) EXPECT_EQ(cudaFree(pointer), cudaSuccess);
  EXPECT_EQ(cudaFree(nullptr), cudaSuccess);
  EXPECT_EQ(counters().allocated_bytes, 0u);
  EXPECT_EQ(counters().most_allocated_bytes, kMiB + kMiB / 2 + 1024);
}

TEST(EmulatedMemory, TheAllocationATestNamesFails) {
  reset();
  fail_allocation(3);
  std::vector<void*> pointers(4);
  EXPECT_EQ(cudaMalloc(&pointers[0], 10), cudaSuccess);
  EXPECT_EQ(cudaMalloc(&pointers[1], 10), cudaSuccess);
  try {
    cuda_check(cudaMalloc(&pointers[2], 10), "allocate a pack");
    FAIL();
  } catch (const CudaError& error) {
    EXPECT_TRUE(error.is_out_of_memory());
    EXPECT_FALSE(error.is_sticky());
    EXPECT_THAT(error.what(), AllOf(HasSubstr("CUDA cannot allocate a pack: out of memory"),
                                    HasSubstr("(cudaErrorMemoryAllocation)")));
  }
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  EXPECT_EQ(cudaMalloc(&pointers[3], 10), cudaSuccess);
  for (void* const pointer : pointers) EXPECT_EQ(cudaFree(pointer), cudaSuccess);
}

void write_at(int index) {
  reset();
  const DeviceArray<float> data(64);
  launch_fill({.block = 1}, data.data() + index, 1);
  cuda_check(cudaDeviceSynchronize(), "wait");
}

TEST(EmulatedMemory, WriteOutsideAnAllocationIsCaught) {
  for (const int index : {64, -1}) {
    if (kAddressSanitizer) {
      EXPECT_DEATH(write_at(index), "AddressSanitizer");
    } else {
      write_at(index);
      EXPECT_THAT(failure_of(0), HasSubstr("wrote before or past an allocation of 256 bytes"));
    }
  }
  write_at(63);
  EXPECT_EQ(failure_of(0), "");
}

TEST(EmulatedMemory, AccessByTheHostIsCaught) {
  if (!kAddressSanitizer) GTEST_SKIP() << "only AddressSanitizer tells the host from the device";
  reset();
  const DeviceArray<float> data(Floats(64, 1.0f));
  EXPECT_DEATH(data.data()[3] = 1, "AddressSanitizer");
  EXPECT_DEATH(EXPECT_EQ(data.data()[3], 1), "AddressSanitizer");
  launch_fill({}, data.data(), 2);
  EXPECT_THAT(data.values(), Each(2.0f));
}

TEST(EmulatedMemory, CopiesStayInsideTheirAllocations) {
  reset();
  const DeviceArray<float> data(64);
  Floats host(64);
  EXPECT_EQ(cudaMemcpy(data.data(), host.data(), 256, cudaMemcpyHostToDevice), cudaSuccess);
  EXPECT_EQ(cudaMemcpy(data.data() + 1, host.data(), 256, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemcpy(host.data(), data.data(), 256, cudaMemcpyHostToDevice), cudaErrorInvalidValue) << "wrong kind";
  EXPECT_EQ(cudaMemsetAsync(data.data() + 1, 0, 256), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemsetAsync(host.data(), 0, 4), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFree(data.data() + 1), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemset(data.data(), 0, 256), cudaSuccess);
  EXPECT_THAT(data.values(), Each(0.0f));
  EXPECT_EQ(counters().copies_to_device, 1);
  EXPECT_EQ(counters().bytes_to_device, 256);
  EXPECT_EQ(counters().copies_to_host, 1);
}

TEST(EmulatedMemory, MemoryOfAnotherDeviceIsCaught) {
  reset({.devices = 2});
  const DeviceArray<float> here(64);
  ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
  const DeviceArray<float> there(64);
  EXPECT_THAT(error_of([&] {
                launch_copy({}, there.data(), here.data());
                cuda_check(cudaDeviceSynchronize(), "wait");
              }),
              AllOf(HasSubstr("copy_kernel is given memory of device 0 and carried out on device 1"),
                    HasSubstr("cudaErrorIllegalAddress")));
  EXPECT_EQ(cudaSetDevice(0), cudaSuccess) << "only device 1 has failed";
}

TEST(EmulatedMemory, GraphThatOutlivesItsMemoryIsCaught) {
  reset();
  const Stream stream;
  auto data = std::make_unique<DeviceArray<float>>(64);
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t exec = nullptr;
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), cudaSuccess);
  launch_fill({.stream = stream}, data->data(), 1);
  ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  ASSERT_EQ(cudaGraphInstantiate(&exec, graph), cudaSuccess);
  ASSERT_EQ(cudaGraphLaunch(exec, stream), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  data.reset();
  ASSERT_EQ(cudaGraphLaunch(exec, stream), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaErrorIllegalAddress);
  EXPECT_THAT(failure_of(0), HasSubstr("memory that was freed since it was launched or captured"));
}

TEST(EmulatedMemory, FreeWaitsForTheDevice) {
  reset();
  const Stream stream;
  float* data = nullptr;
  ASSERT_EQ(cudaMalloc(&data, 256), cudaSuccess);
  launch_fill({.stream = stream}, data, 1);
  ASSERT_EQ(cudaFree(data), cudaSuccess);
  EXPECT_EQ(counters().launches, 1);
}

// --- faults ---------------------------------------------------------------------------------------------------------

TEST(EmulatedFaults, LostDeviceFailsEveryCallAndNoOther) {
  reset({.devices = 2});
  const DeviceArray<float> data(64);
  const Stream stream;
  launch_fill({.stream = stream}, data.data(), 1);
  lose_device(0, 0, cudaErrorDevicesUnavailable);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaErrorDevicesUnavailable);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorDevicesUnavailable);
  EXPECT_TRUE(CudaError::is_sticky(cudaErrorDevicesUnavailable));
  try {
    launch_fill({.stream = stream}, data.data(), 1);
    FAIL();
  } catch (const CudaError& error) {
    EXPECT_TRUE(error.is_sticky());
    EXPECT_EQ(error.code(), cudaErrorDevicesUnavailable);
  }
  EXPECT_EQ(counters().launches, 0);
  ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
  const DeviceArray<float> other(64);
  launch_fill({}, other.data(), 2);
  EXPECT_THAT(other.values(), Each(2.0f));
}

TEST(EmulatedFaults, DeviceIsLostAfterAsManyOperationsAsATestSays) {
  reset();
  const DeviceArray<float> data(64);
  const Stream stream;
  lose_device(0, 3);
  for (int i = 0; i < 3; ++i) {
    launch_fill({.stream = stream}, data.data(), 1);
    EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  }
  launch_fill({.stream = stream}, data.data(), 1);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaErrorLaunchFailure);
}

TEST(EmulatedFaults, StreamsOfOtherDevicesGoOnWhenOneIsLost) {
  reset({.devices = 2});
  const DeviceArray<float> data(64);
  const Stream stream;
  const Event event;
  launch_fill({.stream = stream}, data.data(), 1);
  cuda_check(cudaEventRecord(event, stream), "record an event");
  ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
  const Stream other;
  const DeviceArray<float> here(64);
  cuda_check(cudaStreamWaitEvent(other, event), "wait for an event");
  launch_fill({.stream = other}, here.data(), 5);
  lose_device(0);
  EXPECT_EQ(cudaStreamSynchronize(other), cudaSuccess);
  EXPECT_THAT(here.values(), Each(5.0f));
}

TEST(EmulatedFaults, LastErrorIsTheThreadsOwnAndForgottenOnceRead) {
  reset();
  EXPECT_EQ(cudaSetDevice(9), cudaErrorInvalidDevice);
  cudaError_t elsewhere = cudaErrorUnknown;
  std::thread([&] { elsewhere = cudaGetLastError(); }).join();
  EXPECT_EQ(elsewhere, cudaSuccess);
  EXPECT_EQ(cudaPeekAtLastError(), cudaErrorInvalidDevice);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidDevice);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  EXPECT_STREQ(cudaGetErrorName(cudaErrorIllegalAddress), "cudaErrorIllegalAddress");
  EXPECT_STREQ(cudaGetErrorString(cudaErrorIllegalAddress), "an illegal memory access was encountered");
}

}  // namespace
}  // namespace cuda_on_cpu
