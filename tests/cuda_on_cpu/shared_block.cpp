#include "tests/cuda_on_cpu/shared_block.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <new>

#include "tests/cuda_on_cpu/sanitizers.h"

namespace cuda_on_cpu {
namespace {

constexpr std::align_val_t kAlignment{128};
constexpr std::size_t kMemoryBytes = kSharedBytesOptIn + 2 * SharedBlock::kGuardBytes;
constexpr int kGuard = 0xff;  // a NaN of every width

bool is_guard(const std::byte* begin) {
  std::uint64_t all = ~std::uint64_t{0};
  for (std::size_t i = 0; i < SharedBlock::kGuardBytes; i += sizeof all) {
    std::uint64_t word;
    std::memcpy(&word, begin + i, sizeof word);
    all &= word;
  }
  return all == ~std::uint64_t{0};
}

}  // namespace

void fill_with_nan(void* begin, std::size_t bytes) {
  constexpr std::uint32_t kPattern = 0x7fa17da1;
  auto* const to = static_cast<std::byte*>(begin);
  std::size_t i = 0;
  for (; i + sizeof kPattern <= bytes; i += sizeof kPattern) std::memcpy(to + i, &kPattern, sizeof kPattern);
  std::memcpy(to + i, &kPattern, bytes - i);
}

SharedBlock::SharedBlock()
    : memory_(static_cast<std::byte*>(::operator new(kMemoryBytes, kAlignment))), data_(memory_ + kGuardBytes) {
  if (!kAddressSanitizer) std::memset(memory_, kGuard, kMemoryBytes);
  forbid(memory_, kMemoryBytes);
}

SharedBlock::~SharedBlock() {
  allow(memory_, kMemoryBytes);
  ::operator delete(memory_, kAlignment);
}

void SharedBlock::renew(std::size_t bytes) {
  if (bytes != bytes_) {
    forbid(data_, bytes_);
    allow(data_, bytes);
    bytes_ = bytes;
  }
  fill_with_nan(data_, bytes);
  if (!kAddressSanitizer) {
    std::memset(memory_, kGuard, kGuardBytes);
    std::memset(data_ + bytes, kGuard, kGuardBytes);
  }
}

bool SharedBlock::holds(const void* begin, std::size_t bytes) const {
  const auto* const first = static_cast<const std::byte*>(begin);
  return first >= data_ && first + bytes <= data_ + bytes_;
}

bool SharedBlock::is_intact() const { return kAddressSanitizer || (is_guard(memory_) && is_guard(data_ + bytes_)); }

}  // namespace cuda_on_cpu
