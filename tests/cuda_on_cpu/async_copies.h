// cp.async: copies from global to shared memory that a thread issues, gathers into groups and waits for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace cuda_on_cpu {

// The copies of one thread that have not happened yet. Nothing becomes visible before it is waited for, as late as PTX
// allows, so that a missing wait leaves the old content in place.
class AsyncCopies {
 public:
  struct Copy {
    void* to;
    const void* from;  // null: zeros
    std::size_t bytes;
  };

  void issue(const Copy& copy) { pending_.push_back(copy); }
  void commit() { group_ends_.push_back(pending_.size()); }
  // Carries out all groups but the newest `may_remain`. Copies that no group holds yet stay.
  void wait(std::size_t may_remain);
  void drop();

 private:
  void carry_out(std::size_t count);

  std::vector<Copy> pending_;
  std::vector<std::size_t> group_ends_;
};

}  // namespace cuda_on_cpu
