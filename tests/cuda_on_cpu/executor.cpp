#include "tests/cuda_on_cpu/executor.h"

#include <immintrin.h>

#include <bit>
#include <cassert>
#include <cstring>
#include <numeric>

#include "kernels/base/error.h"
#include "tests/cuda_on_cpu/symbols.h"

constinit thread_local uint3 threadIdx{};
constinit thread_local uint3 blockIdx{};
constinit thread_local dim3 blockDim;
constinit thread_local dim3 gridDim;

namespace cuda_on_cpu {
namespace {

constinit thread_local Executor* current_executor = nullptr;

// While the threads of a grid run.
struct Entered {
  explicit Entered(Executor& executor) { current_executor = &executor; }
  ~Entered() { current_executor = nullptr; }
  Entered(const Entered&) = delete;
  Entered& operator=(const Entered&) = delete;
};

std::string text_of(const uint3& index) { return caviar::cat("(", index.x, ", ", index.y, ", ", index.z, ")"); }
std::string text_of(Place place) { return caviar::cat(place.file, ":", place.line); }
std::string hex(std::uint32_t mask) { return caviar::cat("0x", std::hex, mask); }

// Nearly always the same literal.
bool same(const char* a, const char* b) { return a == b || std::strcmp(a, b) == 0; }
bool same(Place a, Place b) { return a.line == b.line && same(a.file, b.file); }
bool same_kind(const WarpOperation& a, const WarpOperation& b) {
  return a.mask == b.mask && a.carry_out == b.carry_out && same(a.name, b.name);
}

// The i-th set bit of bits.
int set_bit(std::uint32_t bits, int i) { return std::countr_zero(_pdep_u32(1u << i, bits)); }
int first(std::uint32_t bits) { return std::countr_zero(bits); }

}  // namespace

Executor::Executor() = default;
Executor::~Executor() = default;

Executor& Executor::current() {
  if (current_executor == nullptr)
    caviar::fail("a barrier, warp operation or shared memory is used outside of a kernel");
  return *current_executor;
}

void Executor::run(const Call& call, const Shape& shape, WarpOrder order, std::uint64_t seed) {
  call_ = &call;
  order_ = order;
  random_ = Random(seed);
  lay_out(shape.block);
  blockDim = shape.block;
  gridDim = shape.grid;
  error_.clear();
  const Entered entered(*this);

  const auto blocks = std::uint64_t{shape.grid.x} * shape.grid.y * shape.grid.z;
  std::uint64_t begin = 0, stride = 1;  // block after block, each once because stride and blocks have no common factor
  if (order == WarpOrder::kReverse) begin = stride = blocks - 1;
  if (order == WarpOrder::kRandom) {
    begin = random_.next() % blocks;
    do stride = 1 + random_.next() % blocks;
    while (std::gcd(stride, blocks) != 1);
  }
  for (std::uint64_t i = 0; i < blocks && error_.empty(); ++i) {
    const std::uint64_t block = (begin + i * stride) % blocks;
    blockIdx = {static_cast<unsigned>(block % shape.grid.x), static_cast<unsigned>(block / shape.grid.x % shape.grid.y),
                static_cast<unsigned>(block / shape.grid.x / shape.grid.y)};
    shared_.renew(shape.shared_bytes);
    run_block();
    if (error_.empty() && !shared_.is_intact())
      error_ = caviar::cat("kernel ", function_name(call_->function()), ", block ", text_of(blockIdx),
                           ": a thread wrote outside the ", shape.shared_bytes, " bytes of the block's shared memory");
  }
  if (error_.empty()) return;
  for (const auto& fibre : fibres_) fibre->forget_marks();
  throw caviar::Error(error_);
}

// Threads are numbered x fastest, and 32 that follow each other are a warp, as on the device.
void Executor::lay_out(dim3 block) {
  if (block.x == block_.x && block.y == block_.y && block.z == block_.z) return;
  block_ = block;
  count_ = static_cast<int>(block.x * block.y * block.z);
  if (threads_.size() < static_cast<std::size_t>(count_)) threads_.resize(static_cast<std::size_t>(count_));
  for (unsigned i = 0; i < static_cast<unsigned>(count_); ++i)
    threads_[i].index = {i % block.x, i / block.x % block.y, i / block.x / block.y};
  warps_.assign(static_cast<std::size_t>((count_ + kLanesOfWarp - 1) / kLanesOfWarp), Warp{});
  for (int i = 0; i < count_; ++i) warps_[i / kLanesOfWarp].lanes |= 1u << i % kLanesOfWarp;
}

void Executor::run_block() {
  for (int i = 0; i < static_cast<int>(warps_.size()); ++i) {
    Warp& warp = warps_[i];
    warp.runnable = warp.unstarted = warp.lanes;
    warp.ended = warp.at_barrier = warp.in_operation = 0;
    runnable_warps_ |= 1u << i;
  }
  ended_ = at_barrier_ = 0;
  given_up_ = false;
  warp_ = choose_bit(runnable_warps_);
  fibre_ = &host_;
  const int thread = choose();
  switch_to(idle_fibre(), thread);
}

void Executor::enter(void* self) { static_cast<Executor*>(self)->carry_threads(); }

// What a fibre does: it carries threads that have not started, one after another. When the next thread to run is one
// that waits, the fibre parks until an unstarted thread needs it.
void Executor::carry_threads() {
  Fibre& fibre = *fibre_;
  for (;;) {
    run_thread();
    if (is_stuck()) give_up(stuck());
    const int next = choose();
    if (next >= 0 && threads_[next].fibre == nullptr) {
      running_ = next;
      threadIdx = threads_[next].index;
      continue;
    }
    idle_.push_back(&fibre);
    switch_to(next < 0 ? host_ : *threads_[next].fibre, next);
    if (fibre.stopping()) return;
  }
}

void Executor::run_thread() {
  try {
    call_->run_thread();
  } catch (const Abandoned&) {
    // nothing to say: give_up() did
  } catch (const std::exception& error) {
    give_up(caviar::cat(where(running_), error.what()));
  } catch (...) {
    give_up(caviar::cat(where(running_), "threw something that is no std::exception"));
  }
  Thread& thread = threads_[running_];
  thread.fibre = nullptr;
  thread.copies.drop();
  warps_[running_ / kLanesOfWarp].ended |= 1u << running_ % kLanesOfWarp;
  ++ended_;
}

// The thread to run next, taken from the runnable ones; -1 when there is none.
int Executor::choose() {
  if (runnable_warps_ == 0) return -1;
  const bool leave = order_ == WarpOrder::kRandom && random_.below(8) == 0;
  if (leave || warps_[warp_].runnable == 0) warp_ = choose_bit(runnable_warps_);
  Warp& warp = warps_[warp_];
  const int lane = choose_bit(warp.runnable);
  warp.runnable &= ~(1u << lane);
  warp.unstarted &= ~(1u << lane);
  if (warp.runnable == 0) runnable_warps_ &= ~(1u << warp_);
  return warp_ * kLanesOfWarp + lane;
}

int Executor::choose_bit(std::uint32_t bits) {
  assert(bits != 0);
  switch (order_) {
    case WarpOrder::kForward:
      return first(bits);
    case WarpOrder::kReverse:
      return std::bit_width(bits) - 1;
    case WarpOrder::kRandom:
      break;
  }
  return set_bit(bits, random_.below(std::popcount(bits)));
}

void Executor::set_runnable(int warp, std::uint32_t lanes) {
  warps_[warp].runnable |= lanes;
  if (lanes != 0) runnable_warps_ |= 1u << warp;
}

// The thread that is running lets others go on, until it is chosen again.
void Executor::wait() {
  const int self = running_;
  threads_[self].fibre = fibre_;
  if (is_stuck()) {
    give_up(stuck());
    throw Abandoned{};
  }
  const int next = choose();
  if (next != self) switch_to(threads_[next].fibre != nullptr ? *threads_[next].fibre : idle_fibre(), next);
  if (given_up_) throw Abandoned{};
}

void Executor::switch_to(Fibre& fibre, int thread) {
  Fibre& from = *fibre_;
  fibre_ = &fibre;
  running_ = thread;
  if (thread >= 0) threadIdx = threads_[thread].index;
  fibre.enter_from(from);
}

Fibre& Executor::idle_fibre() {
  if (idle_.empty()) return *fibres_.emplace_back(std::make_unique<Fibre>(&Executor::enter, this));
  Fibre& fibre = *idle_.back();
  idle_.pop_back();
  return fibre;
}

[[gnu::flatten]] void Executor::wait_for_block(Place place) {
  Warp& warp = warps_[running_ / kLanesOfWarp];
  if (at_barrier_ == 0) {
    barrier_ = place;
  } else if (!same(place, barrier_)) {
    caviar::fail("divergent barrier: this thread waits at ", text_of(place), ", others at ", text_of(barrier_));
  }
  warp.at_barrier |= 1u << running_ % kLanesOfWarp;
  if (++at_barrier_ == count_) {
    at_barrier_ = 0;
    for (int i = 0; i < static_cast<int>(warps_.size()); ++i) {
      warps_[i].at_barrier = 0;
      set_runnable(i, warps_[i].lanes);
    }
    warp_ = choose_bit(runnable_warps_);
  }
  wait();
}

[[gnu::flatten]] void Executor::carry_out_together(WarpOperation& operation) {
  const int lane = running_ % kLanesOfWarp;
  Warp& warp = warps_[running_ / kLanesOfWarp];
  const auto wrong = [&](const auto&... what) {
    caviar::fail("wrong warp mask: ", operation.name, "(", hex(operation.mask), ") at ", text_of(operation.place),
                 what...);
  };
  if ((operation.mask >> lane & 1) == 0) wrong(" is called by lane ", lane, ", which the mask does not name");
  if (const std::uint32_t none = operation.mask & ~warp.lanes; none != 0)
    wrong(" names lane ", first(none), ", which the block does not have");
  if (const std::uint32_t gone = operation.mask & warp.ended; gone != 0)
    wrong(" names lane ", first(gone), ", which has ended");

  warp.operations[lane] = &operation;
  warp.in_operation |= 1u << lane;
  if ((warp.in_operation & operation.mask) == operation.mask) {
    WarpOperation* lanes[kLanesOfWarp] = {};
    bool agreed = true;
    for (std::uint32_t left = operation.mask; left != 0; left &= left - 1) {
      lanes[first(left)] = warp.operations[first(left)];
      agreed = agreed && same_kind(operation, *lanes[first(left)]);
    }
    if (agreed) {
      operation.carry_out(lanes);
      warp.in_operation &= ~operation.mask;
      set_runnable(running_ / kLanesOfWarp, operation.mask);
    }
  }
  wait();
}

bool Executor::copies_are_early() {
  return order_ == WarpOrder::kReverse || (order_ == WarpOrder::kRandom && random_.below(2) == 0);
}

// Every thread that waits is woken to be unwound; those that have not started never do.
void Executor::give_up(const std::string& text) {
  if (!given_up_)
    error_ = caviar::cat("kernel ", function_name(call_->function()), ", block ", text_of(blockIdx), text);
  given_up_ = true;
  runnable_warps_ = 0;
  for (int i = 0; i < static_cast<int>(warps_.size()); ++i) {
    warps_[i].runnable = 0;
    for (int lane = 0; lane < kLanesOfWarp && i * kLanesOfWarp + lane < count_; ++lane)
      if (threads_[i * kLanesOfWarp + lane].fibre != nullptr && i * kLanesOfWarp + lane != running_)
        set_runnable(i, 1u << lane);
    warps_[i].unstarted = warps_[i].at_barrier = warps_[i].in_operation = 0;
  }
}

std::string Executor::where(int thread) const {
  return caviar::cat(", thread ", text_of(threads_[thread].index), ": ");
}

// No thread can go on and not all have ended: names one that waits and one it waits for.
std::string Executor::stuck() const {
  for (int i = 0; i < count_; ++i) {
    const Warp& warp = warps_[i / kLanesOfWarp];
    if ((warp.in_operation >> i % kLanesOfWarp & 1) == 0) continue;
    const WarpOperation& operation = *warp.operations[i % kLanesOfWarp];
    const auto waits = [&](const auto&... what) {
      return caviar::cat(where(i), "wrong warp mask or deadlock: it waits in ", operation.name, "(",
                         hex(operation.mask), ") at ", text_of(operation.place), " for lane ", what...);
    };
    if (const std::uint32_t gone = operation.mask & warp.ended; gone != 0)
      return waits(first(gone), ", which has ended");
    if (const std::uint32_t away = operation.mask & warp.at_barrier; away != 0)
      return waits(first(away), ", which waits at __syncthreads() at ", text_of(barrier_));
    for (std::uint32_t left = operation.mask; left != 0; left &= left - 1) {
      const WarpOperation& other = *warp.operations[first(left)];
      if (!same_kind(operation, other))
        return waits(first(left), ", which waits in ", other.name, "(", hex(other.mask), ") at ", text_of(other.place));
    }
  }
  for (int i = 0; i < count_; ++i)
    if (warps_[i / kLanesOfWarp].ended >> i % kLanesOfWarp & 1)
      return caviar::cat(where(i), "divergent barrier: it ended while ", at_barrier_, " of ", count_,
                         " threads wait at __syncthreads() at ", text_of(barrier_));
  return ": deadlock";
}

// --- what device code calls ---------------------------------------------------------------------------------------

void wait_for_block(Place place) { Executor::current().wait_for_block(place); }
void carry_out_together(WarpOperation& operation) { Executor::current().carry_out_together(operation); }
std::byte* shared_memory() { return Executor::current().shared().data(); }
std::size_t shared_memory_bytes() { return Executor::current().shared().bytes(); }

}  // namespace cuda_on_cpu
