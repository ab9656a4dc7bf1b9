// The dynamic shared memory of one block: exactly as large as asked for, filled with signalling NaN, guarded on both
// sides.
#pragma once

#include <cstddef>

namespace cuda_on_cpu {

inline constexpr std::size_t kSharedBytes = 48 * 1024;        // without an attribute of the kernel
inline constexpr std::size_t kSharedBytesOptIn = 227 * 1024;  // with it, on sm_90

// Fills with words that are a signalling NaN as float, NaNs as two halves, and far out of range as an index.
void fill_with_nan(void* begin, std::size_t bytes);

// AddressSanitizer reports any access outside at once. Without it a write within kGuardBytes of either end is found by
// is_intact(); what is read there is NaN.
class SharedBlock {
 public:
  static constexpr std::size_t kGuardBytes = 1024;

  SharedBlock();
  ~SharedBlock();
  SharedBlock(const SharedBlock&) = delete;
  SharedBlock& operator=(const SharedBlock&) = delete;

  // Fresh memory for the next block, at most kSharedBytesOptIn.
  void renew(std::size_t bytes);
  std::byte* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  bool holds(const void* begin, std::size_t bytes) const;
  bool is_intact() const;

 private:
  std::byte* memory_;  // guard, data, guard
  std::byte* data_;
  std::size_t bytes_ = 0;
};

}  // namespace cuda_on_cpu
