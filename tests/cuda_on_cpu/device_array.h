// For tests: an array in the memory of the current device.
#pragma once

#include <functional>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/base/cuda_check.h"
#include "tests/cuda_on_cpu/control.h"

namespace cuda_on_cpu {

template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(std::size_t size) : size_(size) {
    caviar::cuda_check(cudaMalloc(&data_, size * sizeof(T)), "allocate an array");
  }
  explicit DeviceArray(const std::vector<T>& values) : DeviceArray(values.size()) {
    caviar::cuda_check(cudaMemcpy(data_, values.data(), size_ * sizeof(T), cudaMemcpyHostToDevice), "fill an array");
  }
  // After a failure of the device, or a reset, there is nothing left to free.
  ~DeviceArray() { static_cast<void>(cudaFree(data_)); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  T* data() const { return data_; }
  std::size_t size() const { return size_; }
  std::size_t bytes() const { return size_ * sizeof(T); }

  // Waits for the whole device, then copies.
  std::vector<T> values() const {
    std::vector<T> result(size_);
    caviar::cuda_check(cudaDeviceSynchronize(), "wait for the device");
    caviar::cuda_check(cudaMemcpy(result.data(), data_, bytes(), cudaMemcpyDeviceToHost), "read an array");
    return result;
  }

 private:
  T* data_ = nullptr;
  std::size_t size_;
};

// A stream of the current device that keeps no order with the null stream.
class Stream {
 public:
  Stream() { caviar::cuda_check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "make a stream"); }
  ~Stream() { static_cast<void>(cudaStreamDestroy(stream_)); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  operator cudaStream_t() const { return stream_; }
  void wait() const { caviar::cuda_check(cudaStreamSynchronize(stream_), "wait for a stream"); }

 private:
  cudaStream_t stream_ = nullptr;
};

class Event {
 public:
  Event() { caviar::cuda_check(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "make an event"); }
  ~Event() { static_cast<void>(cudaEventDestroy(event_)); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  operator cudaEvent_t() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

class PinnedArray {
 public:
  explicit PinnedArray(std::size_t size) : size_(size) {
    caviar::cuda_check(cudaMallocHost(&data_, size * sizeof(float)), "allocate pinned memory");
  }
  ~PinnedArray() { static_cast<void>(cudaFreeHost(data_)); }
  PinnedArray(const PinnedArray&) = delete;
  PinnedArray& operator=(const PinnedArray&) = delete;
  float* data() const { return data_; }
  std::size_t bytes() const { return size_ * sizeof(float); }
  float& operator[](std::size_t i) const { return data_[i]; }

 private:
  float* data_ = nullptr;
  std::size_t size_;
};

// What `run` returns when threads are carried out forward, in reverse, and in three random orders, on fresh devices.
template <class T>
std::vector<T> in_every_order(const std::function<T()>& run) {
  std::vector<T> results;
  const auto add = [&](WarpOrder order, std::uint64_t seed) {
    reset({.seed = seed, .order = order});
    results.push_back(run());
  };
  add(WarpOrder::kForward, 1);
  add(WarpOrder::kReverse, 1);
  for (const std::uint64_t seed : {1, 2, 3}) add(WarpOrder::kRandom, seed);
  return results;
}

// What `run` returns for each of several seeds of the interleaving of streams, on fresh devices.
template <class T>
std::vector<T> in_many_interleavings(const std::function<T()>& run) {
  std::vector<T> results;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    reset({.seed = seed});
    results.push_back(run());
  }
  return results;
}

template <class T>
bool all_equal(const std::vector<T>& results) {
  for (const T& result : results)
    if (result != results.front()) return false;
  return true;
}

// The text of the error that `body` throws, empty where it throws none.
inline std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const caviar::Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace cuda_on_cpu
