// Fibres for the threads of a block: cheap to switch between, made to be used again, and known to the sanitizers.
#pragma once

#include <boost/context/fiber.hpp>
#include <cstddef>
#include <utility>

#include "tests/cuda_on_cpu/sanitizers.h"

namespace cuda_on_cpu {

// One stack and what runs on it. A default-constructed Fibre stands for the thread that enters the others. A fibre
// stays on the operating system's thread that first entered it.
class Fibre {
 public:
  using Entry = void (*)(void* context);

  Fibre() = default;
  // Runs entry(context) on a stack of its own when it is first entered. The entry must not return before stopping() is
  // true, and then has to.
  Fibre(Entry entry, void* context);
  ~Fibre();
  Fibre(const Fibre&) = delete;
  Fibre& operator=(const Fibre&) = delete;

  // Leaves `from`, the fibre that is running, and goes on in this one. Returns when `from` is entered again.
  void enter_from(Fibre& from);

  bool stopping() const { return stopping_; }

  // Tells AddressSanitizer that the stack below the frames of a parked fibre is free: what a thread that ended by an
  // exception left marked must not be held against the next one.
  void forget_marks();

 private:
  boost::context::fiber run(boost::context::fiber&& other);
  void arrive(boost::context::fiber&& other);

  boost::context::fiber suspended_;  // where to go on; empty while running
  Entry entry_ = nullptr;
  void* context_ = nullptr;
  std::byte* mapping_ = nullptr;  // a guard page, then the stack
  const void* bottom_ = nullptr;
  std::size_t size_ = 0;
  void* fake_stack_ = nullptr;  // AddressSanitizer's, while suspended
  void* tsan_ = nullptr;        // ThreadSanitizer's name of it
  bool stopping_ = false;

  static constinit thread_local Fibre* left_last_;  // on this thread
};

// Inline, as whoever calls it should be: after a switch the processor predicts every return wrongly.
inline void Fibre::enter_from(Fibre& from) {
  left_last_ = &from;
  if (from.mapping_ == nullptr) from.tsan_ = current_fibre_for_tsan();
  before_switch(&from.fake_stack_, bottom_, size_);
  switch_for_tsan(tsan_);
  from.arrive(std::move(suspended_).resume());
}

// First thing on the stack that was entered. `other` is where the stack that was left goes on.
inline void Fibre::arrive(boost::context::fiber&& other) {
  after_switch(fake_stack_, &left_last_->bottom_, &left_last_->size_);
  left_last_->suspended_ = std::move(other);
}

}  // namespace cuda_on_cpu
