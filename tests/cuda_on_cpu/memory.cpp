// Memory of devices and pinned memory, copies and fills.
#include <algorithm>
#include <cstring>
#include <new>

#include "kernels/base/error.h"
#include "tests/cuda_on_cpu/runtime.h"
#include "tests/cuda_on_cpu/sanitizers.h"

namespace cuda_on_cpu {
namespace {

constexpr std::size_t kAlignment = 256;  // what cudaMalloc promises, and how memory is accounted
constexpr std::size_t kGuardBytes = 256;
constexpr int kGuard = 0xff;

std::size_t rounded(std::size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

bool is_guard(const std::byte* begin) {
  return std::all_of(begin, begin + kGuardBytes, [](std::byte b) { return b == std::byte{kGuard}; });
}

bool is_intact(const Allocation& allocation) {
  return kAddressSanitizer ||
         (is_guard(allocation.memory) && is_guard(allocation.memory + kGuardBytes + allocation.bytes));
}

// A range of bytes in a copy, with what is known of it.
struct End {
  const void* pointer;
  std::uint64_t serial;  // of the allocation it lies in; 0: host memory
};

void check_end(const Runtime& runtime, const End& end, int device, const char* what) {
  if (end.serial == 0) return;
  if (!runtime.is_live(end.serial))
    throw DeviceFailure{cudaErrorIllegalAddress, caviar::cat(what, " ", end.pointer, ", device memory that was freed")};
  const Allocation* const allocation = runtime.find_allocation(end.pointer);
  if (allocation->device != device)
    throw DeviceFailure{cudaErrorIllegalAddress,
                        caviar::cat(what, " memory of device ", allocation->device, " in a stream of device ", device)};
}

class CopyWork final : public Work {
 public:
  CopyWork(End to, End from, std::size_t bytes, cudaMemcpyKind kind)
      : to_(to), from_(from), bytes_(bytes), kind_(kind) {}

  // Reads the source now: what happens to it later does not matter.
  void stage() {
    const auto* const begin = static_cast<const std::byte*>(from_.pointer);
    staged_.assign(begin, begin + bytes_);
  }

  void carry_out(Runtime& runtime, int device) const override {
    check_end(runtime, to_, device, "a copy writes");
    check_end(runtime, from_, device, "a copy reads");
    std::memmove(const_cast<void*>(to_.pointer), staged_.empty() ? from_.pointer : staged_.data(), bytes_);
    Counters& counters = runtime.counters();
    if (kind_ == cudaMemcpyHostToDevice) {
      ++counters.copies_to_device;
      counters.bytes_to_device += static_cast<std::int64_t>(bytes_);
    } else if (kind_ == cudaMemcpyDeviceToHost) {
      ++counters.copies_to_host;
      counters.bytes_to_host += static_cast<std::int64_t>(bytes_);
    } else {
      ++counters.copies_on_device;
    }
  }

 private:
  End to_, from_;
  std::size_t bytes_;
  cudaMemcpyKind kind_;
  std::vector<std::byte> staged_;
};

class FillWork final : public Work {
 public:
  FillWork(End to, int value, std::size_t bytes) : to_(to), value_(value), bytes_(bytes) {}
  void carry_out(Runtime& runtime, int device) const override {
    check_end(runtime, to_, device, "a fill writes");
    std::memset(const_cast<void*>(to_.pointer), value_, bytes_);
  }

 private:
  End to_;
  int value_;
  std::size_t bytes_;
};

// Whether [pointer, pointer + bytes) lies in one allocation.
bool holds(const Allocation& allocation, const void* pointer, std::size_t bytes) {
  const auto offset =
      static_cast<std::size_t>(static_cast<const std::byte*>(pointer) - allocation.memory - kGuardBytes);
  return offset <= allocation.bytes && bytes <= allocation.bytes - offset;
}

}  // namespace

cudaError_t Runtime::allocate(void** pointer, std::size_t bytes) {
  const int index = caller().device;
  if (const cudaError_t error = sticky(index); error != cudaSuccess) return error;
  if (const cudaError_t error = forbidden_in_capture("cudaMalloc"); error != cudaSuccess) return error;
  *pointer = nullptr;
  if (bytes == 0) return cudaSuccess;
  if (allocations_until_failure_ > 0 && --allocations_until_failure_ == 0)
    return error(cudaErrorMemoryAllocation, caviar::cat("the test let this allocation of ", bytes, " bytes fail"));
  const std::size_t left = options_.memory_bytes - device(index).used_bytes;
  if (bytes > left || rounded(bytes) > left)
    return error(cudaErrorMemoryAllocation,
                 caviar::cat(bytes, " bytes asked for, ", left, " of ", options_.memory_bytes, " free"));

  auto* const memory = static_cast<std::byte*>(::operator new (bytes + 2 * kGuardBytes, std::align_val_t{kAlignment}));
  std::memset(memory, kGuard, kGuardBytes);
  std::memset(memory + kGuardBytes + bytes, kGuard, kGuardBytes);
  fill_with_nan(memory + kGuardBytes, bytes);
  forbid(memory, bytes + 2 * kGuardBytes);
  *pointer = memory + kGuardBytes;
  allocations_[memory + kGuardBytes] = {memory, bytes, index, next_serial_};
  live_.insert(next_serial_++);
  device(index).used_bytes += rounded(bytes);
  counters_.allocated_bytes += rounded(bytes);
  counters_.most_allocated_bytes = std::max(counters_.most_allocated_bytes, counters_.allocated_bytes);
  return cudaSuccess;
}

// As on a device, waits for everything that was enqueued before. A lost device still gives its memory back.
cudaError_t Runtime::release(void* pointer) {
  if (pointer == nullptr) return cudaSuccess;
  const auto found = allocations_.find(static_cast<const std::byte*>(pointer));
  if (found == allocations_.end())
    return error(cudaErrorInvalidValue, caviar::cat("cudaFree of ", pointer, ", which cudaMalloc did not return"));
  const int index = found->second.device;
  if (device_count() > 0 && device(index).sticky == cudaSuccess) synchronize_device(index);
  const Allocation allocation = found->second;
  allocations_.erase(found);
  live_.erase(allocation.serial);
  device(index).used_bytes -= rounded(allocation.bytes);
  counters_.allocated_bytes -= rounded(allocation.bytes);
  const bool intact = is_intact(allocation);
  allow(allocation.memory, allocation.bytes + 2 * kGuardBytes);
  fill_with_nan(allocation.memory + kGuardBytes, allocation.bytes);
  ::operator delete (allocation.memory, std::align_val_t{kAlignment});
  if (!intact)
    fail_device(index, {cudaErrorIllegalAddress,
                        caviar::cat("somebody wrote before or past an allocation of ", allocation.bytes, " bytes")});
  return sticky(index);
}

cudaError_t Runtime::allocate_pinned(void** pointer, std::size_t bytes) {
  if (const cudaError_t error = sticky(caller().device); error != cudaSuccess) return error;
  if (const cudaError_t error = forbidden_in_capture("cudaMallocHost"); error != cudaSuccess) return error;
  auto* const memory =
      static_cast<std::byte*>(::operator new (std::max<std::size_t>(bytes, 1), std::align_val_t{kAlignment}));
  fill_with_nan(memory, bytes);
  pinned_[memory] = bytes;
  *pointer = memory;
  return cudaSuccess;
}

cudaError_t Runtime::release_pinned(void* pointer) {
  if (pointer == nullptr) return cudaSuccess;
  const auto found = pinned_.find(static_cast<const std::byte*>(pointer));
  if (found == pinned_.end())
    return error(cudaErrorInvalidValue,
                 caviar::cat("cudaFreeHost of ", pointer, ", which cudaMallocHost did not return"));
  for (int i = 0; i < device_count(); ++i)
    if (device(i).sticky == cudaSuccess) synchronize_device(i);
  pinned_.erase(found);
  ::operator delete (pointer, std::align_val_t{kAlignment});
  return cudaSuccess;
}

void Runtime::open_memory() const {
  if (!kAddressSanitizer) return;
  for (const auto& [pointer, allocation] : allocations_) allow(pointer, allocation.bytes);
}

void Runtime::close_memory() const {
  if (!kAddressSanitizer) return;
  for (const auto& [pointer, allocation] : allocations_) forbid(pointer, allocation.bytes);
}

const Allocation* Runtime::find_allocation(const void* pointer) const {
  const auto after = allocations_.upper_bound(static_cast<const std::byte*>(pointer));
  if (after == allocations_.begin()) return nullptr;
  const auto& [begin, allocation] = *std::prev(after);
  return static_cast<const std::byte*>(pointer) < begin + allocation.bytes ? &allocation : nullptr;
}

bool Runtime::is_pinned(const void* pointer) const {
  const auto after = pinned_.upper_bound(static_cast<const std::byte*>(pointer));
  if (after == pinned_.begin()) return false;
  const auto& [begin, bytes] = *std::prev(after);
  return static_cast<const std::byte*>(pointer) < begin + bytes;
}

cudaError_t Runtime::copy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t handle,
                          bool wait) {
  CUstream_st* const stream = find(handle);
  if (stream == nullptr) return cudaErrorInvalidResourceHandle;
  if (const cudaError_t error = sticky(stream->device); error != cudaSuccess) return error;
  if (bytes == 0) return cudaSuccess;

  const Allocation* const to_device = find_allocation(to);
  const Allocation* const from_device = find_allocation(from);
  const cudaMemcpyKind actual = to_device != nullptr
                                    ? (from_device != nullptr ? cudaMemcpyDeviceToDevice : cudaMemcpyHostToDevice)
                                    : (from_device != nullptr ? cudaMemcpyDeviceToHost : cudaMemcpyHostToHost);
  if (kind != cudaMemcpyDefault && kind != actual)
    return error(cudaErrorInvalidValue, "a copy's kind does not fit where its pointers point");
  if ((to_device != nullptr && !holds(*to_device, to, bytes)) ||
      (from_device != nullptr && !holds(*from_device, from, bytes)))
    return error(cudaErrorInvalidValue, caviar::cat("a copy of ", bytes, " bytes leaves the allocation it begins in"));

  const bool pageable_source = from_device == nullptr && !is_pinned(from);
  const bool pageable_target = to_device == nullptr && !is_pinned(to);
  if (stream->capture != nullptr && (pageable_source || pageable_target)) {
    invalidate(stream);
    return error(cudaErrorStreamCaptureUnsupported, "a captured copy needs pinned memory");
  }
  auto work = std::make_shared<CopyWork>(End{to, to_device != nullptr ? to_device->serial : 0},
                                         End{from, from_device != nullptr ? from_device->serial : 0}, bytes, actual);
  if (pageable_source) work->stage();
  if (const cudaError_t error = enqueue(stream, std::move(work)); error != cudaSuccess) return error;
  return wait || pageable_target ? synchronize(stream) : cudaSuccess;
}

cudaError_t Runtime::fill(void* to, int value, std::size_t bytes, cudaStream_t handle, bool wait) {
  CUstream_st* const stream = find(handle);
  if (stream == nullptr) return cudaErrorInvalidResourceHandle;
  if (const cudaError_t error = sticky(stream->device); error != cudaSuccess) return error;
  if (bytes == 0) return cudaSuccess;
  const Allocation* const allocation = find_allocation(to);
  if (allocation == nullptr || !holds(*allocation, to, bytes))
    return error(cudaErrorInvalidValue, caviar::cat("a fill of ", bytes, " bytes at ", to, " leaves device memory"));
  const cudaError_t error = enqueue(stream, std::make_shared<FillWork>(End{to, allocation->serial}, value, bytes));
  return error == cudaSuccess && wait ? synchronize(stream) : error;
}

}  // namespace cuda_on_cpu

using cuda_on_cpu::call;
using cuda_on_cpu::Runtime;

cudaError_t cudaMalloc(void** pointer, std::size_t bytes) {
  return call([&](Runtime& runtime) { return runtime.allocate(pointer, bytes); });
}

cudaError_t cudaFree(void* pointer) {
  return call([&](Runtime& runtime) {
    if (const cudaError_t error = runtime.forbidden_in_capture("cudaFree"); error != cudaSuccess) return error;
    return runtime.release(pointer);
  });
}

cudaError_t cudaMallocHost(void** pointer, std::size_t bytes) {
  return call([&](Runtime& runtime) { return runtime.allocate_pinned(pointer, bytes); });
}

cudaError_t cudaHostAlloc(void** pointer, std::size_t bytes, unsigned) { return cudaMallocHost(pointer, bytes); }

cudaError_t cudaFreeHost(void* pointer) {
  return call([&](Runtime& runtime) {
    if (const cudaError_t error = runtime.forbidden_in_capture("cudaFreeHost"); error != cudaSuccess) return error;
    return runtime.release_pinned(pointer);
  });
}

cudaError_t cudaMemGetInfo(std::size_t* free_bytes, std::size_t* total_bytes) {
  return call([&](Runtime& runtime) {
    const int device = runtime.caller().device;
    if (const cudaError_t error = runtime.sticky(device); error != cudaSuccess) return error;
    *total_bytes = runtime.options().memory_bytes;
    *free_bytes = *total_bytes - runtime.device(device).used_bytes;
    return cudaSuccess;
  });
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  return call([&](Runtime& runtime) { return runtime.copy(to, from, bytes, kind, stream, false); });
}

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  return call([&](Runtime& runtime) {
    if (const cudaError_t error = runtime.forbidden_in_capture("cudaMemcpy"); error != cudaSuccess) return error;
    return runtime.copy(to, from, bytes, kind, nullptr, true);
  });
}

cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t stream) {
  return call([&](Runtime& runtime) { return runtime.fill(to, value, bytes, stream, false); });
}

cudaError_t cudaMemset(void* to, int value, std::size_t bytes) {
  return call([&](Runtime& runtime) {
    if (const cudaError_t error = runtime.forbidden_in_capture("cudaMemset"); error != cudaSuccess) return error;
    return runtime.fill(to, value, bytes, nullptr, true);
  });
}
