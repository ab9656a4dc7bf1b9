// Arrays of a benchmark, with one row a slot on the device and a few of them on the host.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "kernels/base/cuda.h"
#include "kernels/base/cuda_check.h"
#include "kernels/base/error.h"
#include "kernels/base/slab.h"

namespace caviar::bench {

// Memory of the current device, not initialised.
template <class T>
class DeviceArray {
 public:
  DeviceArray() = default;
  explicit DeviceArray(std::int64_t size) : size_(size) {
    void* memory = nullptr;
    cuda_check(cudaMalloc(&memory, bytes()), cat("allocate ", bytes(), " bytes"));
    data_.reset(static_cast<T*>(memory));
  }
  T* data() const { return data_.get(); }
  std::int64_t size() const { return size_; }
  std::size_t bytes() const { return static_cast<std::size_t>(size_) * sizeof(T); }

 private:
  struct Free {
    void operator()(T* memory) const { cudaFree(memory); }
  };
  std::unique_ptr<T, Free> data_;
  std::int64_t size_ = 0;
};

// Slots differ so that a kernel that mixes them up is noticed; more than a few different ones would only cost time.
inline constexpr int kDistinct = 3;

// [S, n] on the device, [min(S, kDistinct), n] on the host: row s of the device is made from row s mod kDistinct.
// The stride is that of Arena::slab(). The host's rows are what a CPU op reads and writes.
template <class T>
class Rows {
 public:
  Rows() = default;
  Rows(int slots, std::int64_t count)
      : slots_(slots),
        count_(count),
        stride_((count + kLine - 1) / kLine * kLine),
        host_(static_cast<std::size_t>(std::min(slots, kDistinct) * stride_)),
        device_(slots * stride_) {
    upload();
  }

  // Each element from value(slot, index), on both sides.
  template <class Value>
  Rows(int slots, std::int64_t count, const Value& value) : Rows(slots, count) {
    for (int s = 0; s < distinct(); ++s)
      for (std::int64_t i = 0; i < count; ++i) host_row(s)[i] = value(s, i);
    upload();
  }

  int slots() const { return slots_; }
  int distinct() const { return std::min(slots_, kDistinct); }
  std::int64_t count() const { return count_; }
  Slab<T> device() const { return {device_.data(), stride_}; }
  Slab<T> host() { return {host_.data(), stride_}; }
  T* host_row(int slot) { return host_.data() + slot * stride_; }

  // The host's rows into all rows of the device.
  void upload() {
    for (int s = 0; s < slots_; ++s)
      cuda_check(cudaMemcpy(device_.data() + s * stride_, host_row(s % kDistinct), row_bytes(), cudaMemcpyHostToDevice),
                 "copy a row to the device");
  }

  std::vector<T> download(int slot) const {
    std::vector<T> row(static_cast<std::size_t>(count_));
    cuda_check(cudaMemcpy(row.data(), device_.data() + slot * stride_, row.size() * sizeof(T), cudaMemcpyDeviceToHost),
               "copy a row from the device");
    return row;
  }

 private:
  static constexpr std::int64_t kLine = 64 / sizeof(T) > 0 ? 64 / sizeof(T) : 1;
  std::size_t row_bytes() const { return static_cast<std::size_t>(stride_) * sizeof(T); }

  int slots_ = 0;
  std::int64_t count_ = 0, stride_ = 0;
  std::vector<T> host_;
  DeviceArray<T> device_;
};

}  // namespace caviar::bench
