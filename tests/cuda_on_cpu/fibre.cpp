#include "tests/cuda_on_cpu/fibre.h"

#include <sys/mman.h>

#include <utility>

#include "kernels/base/error.h"
#include "tests/cuda_on_cpu/sanitizers.h"

namespace cuda_on_cpu {
namespace {

constexpr std::size_t kPage = 4096;
// Frames are several times as large under a sanitizer. Pages that are never touched cost nothing.
constexpr std::size_t kStackBytes = (kAddressSanitizer ? 512 : 64) * 1024;

// The fibre that was left last on this thread.
constinit thread_local Fibre* left_last = nullptr;

// Boost allocates and frees stacks through this; the stack belongs to the Fibre.
struct OwnStack {
  std::byte* mapping;
  boost::context::stack_context allocate() const {
    boost::context::stack_context stack;
    stack.size = kStackBytes;
    stack.sp = mapping + kPage + kStackBytes;
    return stack;
  }
  void deallocate(boost::context::stack_context&) const {}
};

}  // namespace

Fibre::Fibre(Entry entry, void* context) : entry_(entry), context_(context), size_(kStackBytes) {
  void* const mapping = mmap(nullptr, kPage + kStackBytes, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (mapping == MAP_FAILED) caviar::fail("the emulated device finds no memory for the stack of another thread");
  mapping_ = static_cast<std::byte*>(mapping);
  mprotect(mapping_, kPage, PROT_NONE);
  bottom_ = mapping_ + kPage;
  suspended_ = boost::context::fiber(std::allocator_arg, OwnStack{mapping_},
                                     [this](boost::context::fiber&& other) { return run(std::move(other)); });
}

Fibre::~Fibre() {
  if (mapping_ == nullptr) return;
  stopping_ = true;
  Fibre here;
  enter_from(here);
  allow(mapping_, kPage + kStackBytes);
  munmap(mapping_, kPage + kStackBytes);
}

void Fibre::enter_from(Fibre& from) {
  left_last = &from;
  before_switch(&from.fake_stack_, bottom_, size_);
  from.arrive(std::move(suspended_).resume());
}

// First thing on the stack that was entered. `other` is where the stack that was left goes on.
void Fibre::arrive(boost::context::fiber&& other) {
  after_switch(fake_stack_, &left_last->bottom_, &left_last->size_);
  left_last->suspended_ = std::move(other);
}

boost::context::fiber Fibre::run(boost::context::fiber&& other) {
  arrive(std::move(other));
  if (!stopping_) entry_(context_);
  Fibre& next = *left_last;  // who asked it to stop
  left_last = this;
  before_switch(nullptr, next.bottom_, next.size_);
  return std::move(next.suspended_);
}

void Fibre::forget_marks() { allow(bottom_, size_); }

}  // namespace cuda_on_cpu
