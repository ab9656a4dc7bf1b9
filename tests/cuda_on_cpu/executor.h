// Carries out a grid of blocks on one thread of the host, every thread of a block as a fibre.
//
// A fibre carries one thread after another as plain calls; only a thread that waits keeps its fibre and makes another
// take its place. So a kernel without barriers costs one fibre, and one with barriers as many as a block has threads.
//
// Warp by warp: the threads of a warp go on until each of them waits at a barrier of the block or has ended, then the
// next warp does. Which warp and which lane comes next is the WarpOrder. Between two scheduling points a thread runs
// alone, so a kernel whose threads meet properly gives the same bits in every order, and one that lacks a barrier does
// not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/cuda_on_cpu/async_copies.h"
#include "tests/cuda_on_cpu/call.h"
#include "tests/cuda_on_cpu/device_code.h"
#include "tests/cuda_on_cpu/fibre.h"
#include "tests/cuda_on_cpu/random.h"
#include "tests/cuda_on_cpu/shared_block.h"
#include "tests/cuda_on_cpu/warp_order.h"

namespace cuda_on_cpu {

inline constexpr int kMaxThreads = 1024;  // of a block
inline constexpr int kLanesOfWarp = 32;

struct Shape {
  dim3 grid, block;
  std::size_t shared_bytes = 0;
};

class Executor {
 public:
  Executor();
  ~Executor();

  // Throws caviar::Error, which names kernel, block and thread, when a thread throws, when threads do not agree on
  // where they meet, and when the block wrote outside its shared memory. The rest of the grid is then not carried out.
  void run(const Call& call, const Shape& shape, WarpOrder order, std::uint64_t seed);

  // The executor whose thread is running. Throws outside of kernels.
  static Executor& current();

  // What the thread that is running asks for; see device_code.h.
  void wait_for_block(Place place);
  void carry_out_together(WarpOperation& operation);
  SharedBlock& shared() { return shared_; }
  AsyncCopies& copies() { return threads_[running_].copies; }
  // Whether asynchronous copies of this launch happen when they are issued (true) or when they are waited for.
  bool copies_are_early();

 private:
  struct Thread {
    Fibre* fibre = nullptr;  // where it waits; null before it started
    uint3 index{};
    AsyncCopies copies;
  };
  struct Warp {
    std::uint32_t lanes = 0;  // those the block has
    std::uint32_t runnable = 0, unstarted = 0, ended = 0, at_barrier = 0, in_operation = 0;
    WarpOperation* operations[kLanesOfWarp];  // of the lanes in_operation
  };
  struct Abandoned {};  // thrown in threads that wait when the launch is given up

  void lay_out(dim3 block);
  void run_block();
  static void enter(void* self);
  void carry_threads();
  void run_thread();
  int choose();
  bool is_stuck() const { return runnable_warps_ == 0 && ended_ < count_ && !given_up_; }
  int choose_bit(std::uint32_t bits);
  void wait();
  void switch_to(Fibre& fibre, int thread);
  Fibre& idle_fibre();
  void set_runnable(int warp, std::uint32_t lanes);
  void give_up(const std::string& text);
  std::string stuck() const;
  std::string where(int thread) const;

  const Call* call_ = nullptr;
  WarpOrder order_ = WarpOrder::kForward;
  Random random_;

  dim3 block_{0, 0, 0};
  int count_ = 0;  // threads of the block
  std::vector<Thread> threads_;
  std::vector<Warp> warps_;
  std::uint32_t runnable_warps_ = 0;
  int warp_ = 0;      // the warp that is being carried out
  int running_ = -1;  // the thread that is running
  int ended_ = 0, at_barrier_ = 0;
  Place barrier_{};  // where those at_barrier_ wait
  SharedBlock shared_;

  Fibre host_;
  Fibre* fibre_ = nullptr;  // that is running
  std::vector<std::unique_ptr<Fibre>> fibres_;
  std::vector<Fibre*> idle_;
  bool given_up_ = false;
  std::string error_;
};

}  // namespace cuda_on_cpu
