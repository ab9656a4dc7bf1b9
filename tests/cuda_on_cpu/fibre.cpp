#include "tests/cuda_on_cpu/fibre.h"

#include <sys/mman.h>

#include "kernels/base/error.h"

namespace cuda_on_cpu {
namespace {

constexpr std::size_t kPage = 4096;
// Frames are several times as large under a sanitizer. Pages that are never touched cost nothing.
constexpr std::size_t kStackBytes = (kAddressSanitizer ? 512 : 64) * 1024;
// Stacks begin at different distances from a page, so that the frames of a block's threads do not all compete for the
// same few lines of the first-level cache.
constexpr std::size_t kColours = 31, kColourBytes = 128;

// Boost allocates and frees stacks through this; the stack belongs to the Fibre.
struct OwnStack {
  std::byte* mapping;
  std::size_t unused;
  boost::context::stack_context allocate() const {
    boost::context::stack_context stack;
    stack.size = kStackBytes - unused;
    stack.sp = mapping + kPage + stack.size;
    return stack;
  }
  void deallocate(boost::context::stack_context&) const {}
};

}  // namespace

constinit thread_local Fibre* Fibre::left_last_ = nullptr;

Fibre::Fibre(Entry entry, void* context) : entry_(entry), context_(context), size_(kStackBytes) {
  void* const mapping = mmap(nullptr, kPage + kStackBytes, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (mapping == MAP_FAILED) caviar::fail("the emulated device finds no memory for the stack of another thread");
  mapping_ = static_cast<std::byte*>(mapping);
  mprotect(mapping_, kPage, PROT_NONE);
  bottom_ = mapping_ + kPage;
  thread_local std::size_t stacks = 0;
  // Boost runs the first lines on the new stack at once, and comes back.
  tsan_ = new_fibre_for_tsan();
  void* const maker = current_fibre_for_tsan();
  switch_for_tsan(tsan_);
  suspended_ = boost::context::fiber(std::allocator_arg, OwnStack{mapping_, stacks++ % kColours * kColourBytes},
                                     [this](boost::context::fiber&& other) { return run(std::move(other)); });
  switch_for_tsan(maker);
}

Fibre::~Fibre() {
  if (mapping_ == nullptr) return;
  stopping_ = true;
  Fibre here;
  enter_from(here);
  delete_fibre_for_tsan(tsan_);
  allow(mapping_, kPage + kStackBytes);
  munmap(mapping_, kPage + kStackBytes);
}

boost::context::fiber Fibre::run(boost::context::fiber&& other) {
  arrive(std::move(other));
  if (!stopping_) entry_(context_);
  Fibre& next = *left_last_;  // who asked it to stop
  left_last_ = this;
  before_switch(nullptr, next.bottom_, next.size_);
  switch_for_tsan(next.tsan_);
  return std::move(next.suspended_);
}

void Fibre::forget_marks() { allow(bottom_, size_); }

}  // namespace cuda_on_cpu
