// Arrays with one row a slot, and the block of memory they are cut from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "kernels/base/hd.h"

namespace caviar {

// Slot s begins at data + s * stride. A stride of 0: all slots share one row (memory of a worker).
template <class T>
struct Slab {
  T* data = nullptr;
  std::int64_t stride = 0;  // elements from slot to slot

  CAVIAR_HD T* operator[](int slot) const { return data + slot * stride; }
  CAVIAR_HD explicit operator bool() const { return data != nullptr; }
  CAVIAR_HD Slab from(std::int64_t offset) const { return {data + offset, stride}; }
  template <class U = T>
  requires(!std::is_const_v<U>) CAVIAR_HD operator Slab<const U>()
      const {  // NOLINT(google-explicit-constructor): as T* becomes const T*
    return {data, stride};
  }
};

// Cuts one block of memory into arrays, one behind the other, each aligned to kAlignment bytes. Without a block it only
// counts: the same constructors then say how large the block must be.
class Arena {
 public:
  static constexpr std::size_t kAlignment = 256;  // of cudaMalloc

  Arena() = default;
  explicit Arena(std::byte* block) : block_(block) {}

  template <class T>
  T* take(std::int64_t count) {
    const std::size_t at = used_;
    used_ += (static_cast<std::size_t>(count) * sizeof(T) + kAlignment - 1) / kAlignment * kAlignment;
    return block_ ? reinterpret_cast<T*>(block_ + at) : nullptr;
  }

  // [rows, count]; a single row is shared by all slots.
  template <class T>
  Slab<T> slab(int rows, std::int64_t count) {
    constexpr std::int64_t kLine = 64 / sizeof(T);  // a row begins on a cache line
    const std::int64_t stride = (count + kLine - 1) / kLine * kLine;
    return {take<T>(rows * stride), rows == 1 ? 0 : stride};
  }

  std::size_t used() const { return used_; }

 private:
  std::byte* block_ = nullptr;
  std::size_t used_ = 0;
};

}  // namespace caviar
