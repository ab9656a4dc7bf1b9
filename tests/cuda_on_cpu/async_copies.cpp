#include "tests/cuda_on_cpu/async_copies.h"

#include <cstring>

#include "kernels/base/error.h"
#include "tests/cuda_on_cpu/executor.h"

namespace cuda_on_cpu {
namespace {

constexpr std::size_t kCopyBytes = 16;

void carry_out_one(const AsyncCopies::Copy& copy) {
  if (copy.from == nullptr) {
    std::memset(copy.to, 0, copy.bytes);
  } else {
    std::memcpy(copy.to, copy.from, copy.bytes);
  }
}

bool is_aligned(const void* address) { return reinterpret_cast<std::uintptr_t>(address) % kCopyBytes == 0; }

}  // namespace

void AsyncCopies::wait(std::size_t may_remain) {
  if (group_ends_.size() <= may_remain) return;
  const std::size_t groups = group_ends_.size() - may_remain;
  const std::size_t count = group_ends_[groups - 1];
  carry_out(count);
  group_ends_.erase(group_ends_.begin(), group_ends_.begin() + static_cast<std::ptrdiff_t>(groups));
  for (std::size_t& end : group_ends_) end -= count;
}

void AsyncCopies::drop() {
  pending_.clear();
  group_ends_.clear();
}

void AsyncCopies::carry_out(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) carry_out_one(pending_[i]);
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(count));
}

void issue_async_copy(void* to, const void* from, bool from_zeros) {
  Executor& executor = Executor::current();
  if (!executor.shared().holds(to, kCopyBytes))
    caviar::fail("cp.async writes outside the ", executor.shared().bytes(), " bytes of the block's shared memory");
  if (!is_aligned(to) || (!from_zeros && !is_aligned(from)))
    caviar::fail("cp.async of 16 bytes needs addresses that are multiples of 16, not ", to, " and ", from);
  const AsyncCopies::Copy copy{to, from_zeros ? nullptr : from, kCopyBytes};
  if (executor.copies_are_early()) {
    carry_out_one(copy);
  } else {
    executor.copies().issue(copy);
  }
}

void commit_async_copies() { Executor::current().copies().commit(); }
void wait_for_async_copies(std::size_t groups_that_may_remain) {
  Executor::current().copies().wait(groups_that_may_remain);
}

}  // namespace cuda_on_cpu
