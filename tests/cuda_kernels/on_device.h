// Arrays of a pack on the host and on a device, for tests that hold a kernel against the CPU's op: the op runs slot by
// slot on one copy, the kernel over all slots on another, and every byte of the two must agree in the end, those that
// nobody should have touched too.
//
//   on_device([](const Cuda& device) {
//     PackArray<float> x(slots, steps, rows, width), want = x;
//     DeviceArray<float> y(x);
//     kernel(device, {..., y.slab()});
//     for (each slot that is on) {
//       SlotRows<float> part(want, slot, rows_of_slot);
//       op(Cpu{}, {{slot, slot + 1, 0, rows_of_slot}, ..., part.slab()});
//     }
//     EXPECT_TRUE(same_bits(want, y.read()));
//   });
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <ios>
#include <string>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/base/cuda.h"
#include "kernels/base/cuda_check.h"
#include "kernels/base/device.h"
#include "kernels/base/slab.h"
#include "kernels/slots.h"

#if defined(CAVIAR_CUDA_ON_CPU)
#include "tests/cuda_on_cpu/control.h"
#endif

namespace caviar::test {

// A stream of the current device.
class TestStream {
 public:
  TestStream() { cuda_check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "create a stream"); }
  ~TestStream() { static_cast<void>(cudaStreamDestroy(stream_)); }
  TestStream(const TestStream&) = delete;
  TestStream& operator=(const TestStream&) = delete;
  Cuda device() const { return {stream_}; }

 private:
  cudaStream_t stream_ = nullptr;
};

// Runs a test's body: on the emulated device once in every order of warps, each time on a new device; on a GPU once.
// Skips the test, with the reason, where there is no GPU.
template <class Body>
void on_device(const Body& body) {
#if defined(CAVIAR_CUDA_ON_CPU)
  using cuda_on_cpu::WarpOrder;
  constexpr const char* kNames[] = {"forward", "reverse", "random"};
  for (const WarpOrder order : {WarpOrder::kForward, WarpOrder::kReverse, WarpOrder::kRandom}) {
    SCOPED_TRACE(std::string("order of warps: ") + kNames[static_cast<int>(order)]);
    cuda_on_cpu::reset({.order = order});
    body(TestStream().device());
    if (testing::Test::HasFailure()) return;
  }
#else
  int devices = 0;
  const cudaError_t error = cudaGetDeviceCount(&devices);
  if (error != cudaSuccess) GTEST_SKIP() << "no GPU: " << cudaGetErrorString(error);
  if (devices == 0) GTEST_SKIP() << "no GPU";
  const TestStream stream;
  body(stream.device());
#endif
}

// [S, T, B, width] on the host. A row of a slot begins on a cache line, as the arena cuts it, and a line that belongs
// to nobody follows it, so that a write past its end is seen.
template <class T>
class PackArray {
 public:
  PackArray(int slots, int steps, int rows, std::int64_t width)
      : steps_(steps), rows_(rows), width_(width), stride_((size() + 2 * kLine - 1) / kLine * kLine) {
    storage_.resize(static_cast<std::size_t>(slots * stride_) + kLine);
    align();
  }
  PackArray(const PackArray& other) { *this = other; }
  PackArray& operator=(const PackArray& other) {
    if (this == &other) return *this;
    steps_ = other.steps_;
    rows_ = other.rows_;
    width_ = other.width_;
    stride_ = other.stride_;
    storage_.assign(other.storage_.size(), T{});
    align();
    std::copy_n(other.data(), other.count(), data());
    return *this;
  }

  int slots() const { return static_cast<int>(count() / stride_); }
  int steps() const { return steps_; }
  int rows() const { return rows_; }
  std::int64_t width() const { return width_; }
  std::int64_t size() const { return static_cast<std::int64_t>(steps_) * rows_ * width_; }  // of a slot
  std::int64_t stride() const { return stride_; }                                           // from slot to slot
  std::int64_t count() const { return static_cast<std::int64_t>(storage_.size()) - kLine; }
  T* data() { return storage_.data() + begin_; }
  const T* data() const { return storage_.data() + begin_; }
  Slab<T> slab() { return {data(), stride_}; }
  T* operator[](int slot) { return data() + slot * stride_; }
  const T* operator[](int slot) const { return data() + slot * stride_; }
  T& at(int slot, int step, int row, std::int64_t i) {
    return (*this)[slot][(static_cast<std::int64_t>(step) * rows_ + row) * width_ + i];
  }

  // Every element, those between the slots too, becomes draw().
  template <class Draw>
  PackArray& fill(const Draw& draw) {
    for (std::int64_t i = 0; i < count(); ++i) data()[i] = draw();
    return *this;
  }

  // Where element i of the storage is, in words.
  std::string place(std::int64_t i) const {
    const std::int64_t slot = i / stride_, in = i % stride_;
    if (in >= size()) return cat("behind the end of slot ", slot);
    return cat("slot ", slot, ", step ", in / (rows_ * width_), ", row ", in / width_ % rows_, ", element ",
               in % width_);
  }

 private:
  static constexpr std::int64_t kLine = 64 / sizeof(T);

  void align() {
    begin_ = 0;
    while (reinterpret_cast<std::uintptr_t>(storage_.data() + begin_) % 64 != 0) ++begin_;
  }

  int steps_ = 0, rows_ = 0;
  std::int64_t width_ = 0, stride_ = 1;
  std::vector<T> storage_;
  std::int64_t begin_ = 0;  // of the first cache line
};

// The first `rows` rows of every step of one slot as the CPU's ops take them, [T, rows, width], copied out of the array
// of the pack and, when this goes, back into it.
template <class T>
class SlotRows {
 public:
  SlotRows(PackArray<T>& pack, int slot, int rows)
      : pack_(pack), slot_(slot), copy_(1, pack.steps(), rows, pack.width()) {
    for_each_step([](T* in_pack, T* here, std::int64_t n) { std::copy_n(in_pack, n, here); });
  }
  ~SlotRows() {
    for_each_step([](T* in_pack, T* here, std::int64_t n) { std::copy_n(here, n, in_pack); });
  }
  SlotRows(const SlotRows&) = delete;
  SlotRows& operator=(const SlotRows&) = delete;

  Slab<T> slab() { return {copy_.data(), 0}; }  // whatever the slot

 private:
  template <class Copy>
  void for_each_step(const Copy& copy) {
    for (int t = 0; t < copy_.steps(); ++t)
      copy(&pack_.at(slot_, t, 0, 0), &copy_.at(0, t, 0, 0), copy_.rows() * copy_.width());
  }

  PackArray<T>& pack_;
  int slot_;
  PackArray<T> copy_;
};

// Device memory that begins as a copy of host memory.
template <class T>
class DeviceVector {
 public:
  DeviceVector(const T* host, std::int64_t count) : count_(count) {
    cuda_check(cudaMalloc(&data_, bytes()), "allocate memory for a test");
    cuda_check(cudaMemcpy(data_, host, bytes(), cudaMemcpyHostToDevice), "copy to the device");
    cuda_check(cudaDeviceSynchronize(), "copy to the device");  // the copy may return before it has arrived
  }
  explicit DeviceVector(const std::vector<T>& host)
      : DeviceVector(host.data(), static_cast<std::int64_t>(host.size())) {}
  ~DeviceVector() { static_cast<void>(cudaFree(data_)); }
  DeviceVector(const DeviceVector&) = delete;
  DeviceVector& operator=(const DeviceVector&) = delete;

  T* data() const { return data_; }

  // Waits for the device.
  void read(T* host) const {
    cuda_check(cudaDeviceSynchronize(), "carry out the kernels of a test");
    cuda_check(cudaMemcpy(host, data_, bytes(), cudaMemcpyDeviceToHost), "copy from the device");
  }
  std::vector<T> read() const {
    std::vector<T> host(static_cast<std::size_t>(count_));
    read(host.data());
    return host;
  }

 private:
  std::size_t bytes() const { return static_cast<std::size_t>(count_) * sizeof(T); }

  T* data_ = nullptr;
  std::int64_t count_;
};

// The copy of a PackArray on the device.
template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(const PackArray<T>& host) : shape_(host), memory_(host.data(), host.count()) {}
  Slab<T> slab() const { return {memory_.data(), shape_.stride()}; }
  PackArray<T> read() const {
    PackArray<T> host = shape_;
    memory_.read(host.data());
    return host;
  }

 private:
  PackArray<T> shape_;
  DeviceVector<T> memory_;
};

// The same bits. NaN is NaN: which one an operation returns differs between processors, and nothing depends on it.
template <class T>
bool same_bits(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    if (a != a && b != b) return true;
  return std::memcmp(&a, &b, sizeof(T)) == 0;
}

// Every element, with the first that differs by its place.
template <class T>
testing::AssertionResult same_bits(const PackArray<T>& want, const PackArray<T>& got) {
  std::int64_t first = -1, differing = 0;
  for (std::int64_t i = want.count(); i-- > 0;)
    if (!same_bits(want.data()[i], got.data()[i])) {
      first = i;
      ++differing;
    }
  if (differing == 0) return testing::AssertionSuccess();
  return testing::AssertionFailure() << differing << " of " << want.count() << " differ, the first in "
                                     << want.place(first) << ": " << std::hexfloat << got.data()[first]
                                     << " instead of " << want.data()[first] << std::defaultfloat << " ("
                                     << want.data()[first] << ")";
}

// Every byte of the table.
inline testing::AssertionResult same_bits(const std::vector<SlotRow>& want, const std::vector<SlotRow>& got) {
  for (std::size_t s = 0; s < want.size(); ++s) {
    const char* a = reinterpret_cast<const char*>(&want[s]);
    const char* b = reinterpret_cast<const char*>(&got[s]);
    for (std::size_t i = 0; i < sizeof(SlotRow); ++i)
      if (a[i] != b[i]) return testing::AssertionFailure() << "row " << s << " of the table differs in byte " << i;
  }
  return testing::AssertionSuccess();
}

}  // namespace caviar::test
