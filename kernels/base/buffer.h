// Memory of a slot or a worker: zero-filled, aligned to a cache line, not copied by accident.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>

namespace caviar {

template <class T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t size) : data_(allocate(size)), size_(size) {}

  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  std::size_t size() const { return size_; }
  std::size_t bytes() const { return size_ * sizeof(T); }
  T& operator[](std::size_t i) { return data_.get()[i]; }
  const T& operator[](std::size_t i) const { return data_.get()[i]; }
  void fill(T value) { std::fill_n(data_.get(), size_, value); }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Free {
    void operator()(T* p) const { ::operator delete[](p, kAlignment); }
  };
  static T* allocate(std::size_t size) {
    T* p = static_cast<T*>(::operator new[](std::max<std::size_t>(size, 1) * sizeof(T), kAlignment));
    std::fill_n(p, size, T{});
    return p;
  }

  std::unique_ptr<T[], Free> data_;
  std::size_t size_ = 0;
};

}  // namespace caviar
