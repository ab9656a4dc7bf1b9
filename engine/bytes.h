// Plain values to bytes and back: the form of a run's state. Little-endian, as all machines caviar runs on.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <type_traits>
#include <vector>

#include "kernels/base/error.h"

namespace caviar {

class ByteWriter {
 public:
  template <class T>
  void put(const T& value) {
    put_array(&value, 1);
  }
  template <class T>
  void put_array(const T* values, std::size_t count) {
    static_assert(std::is_trivially_copyable_v<T>);
    const auto* first = reinterpret_cast<const std::byte*>(values);
    bytes_.insert(bytes_.end(), first, first + count * sizeof(T));
  }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

// Throws Error when more is asked for than is there.
class ByteReader {
 public:
  explicit ByteReader(const std::vector<std::byte>& bytes) : bytes_(bytes) {}
  template <class T>
  T get() {
    T value;
    get_array(&value, 1);
    return value;
  }
  template <class T>
  void get_array(T* values, std::size_t count) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (count * sizeof(T) > bytes_.size() - at_)
      fail("A saved state of ", bytes_.size(), " bytes ends at byte ", at_, " where ", count * sizeof(T),
           " more are needed; it belongs to another model. Remove the checkpoint; the run then starts from its "
           "beginning.");
    if (count == 0) return;  // an empty array may have no address, which memcpy must not be given
    std::memcpy(values, bytes_.data() + at_, count * sizeof(T));
    at_ += count * sizeof(T);
  }
  // A vector of `count`, which a damaged count does not make too large for memory.
  template <class T>
  void get_array(std::vector<T>& values, std::size_t count) {
    values.resize(std::min(count, (bytes_.size() - at_) / sizeof(T) + 1));
    get_array(values.data(), count);
  }
  bool at_end() const { return at_ == bytes_.size(); }

 private:
  const std::vector<std::byte>& bytes_;
  std::size_t at_ = 0;
};

}  // namespace caviar
