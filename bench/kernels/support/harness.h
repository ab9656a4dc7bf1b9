// What the benchmarks of kernels share: the clock, what a measurement is held against, and the check that comes first.
//
// A benchmark computes once on the CPU and once on the GPU and compares; only then it measures. Times are CUDA events
// around as many launches as fill a millisecond, on a warm device, with caches as the launch before left them. Every
// line of the output has
//
//   real_time      of one launch (microseconds)
//   GB/s, TFLOP/s  by the bytes the work must move at least, and the operations of its matrix products
//   roofline       share of what this device can do with that work: the larger of bytes / bandwidth and operations /
//                  peak, over the time it took; bandwidth and peaks are measured when the program starts (roofline.h)
//   peer_us, ratio the same work done by NVIDIA's library on the same inputs, where there is such a peer: its time of
//                  one launch, and that over ours (above 1: ours is faster)
//
// With --check_only a program only compares, at small sizes: the emulated device of tests/cuda_on_cpu can do that too.
//
//   int main(int argc, char** argv) { return caviar::bench::run(argc, argv, register_cases); }
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "bench/kernels/support/rows.h"
#include "kernels/base/cuda.h"
#include "kernels/base/device.h"
#include "kernels/base/precision.h"

namespace caviar::bench {

// Enqueues one launch's worth of work. May be called any number of times.
using Enqueue = std::function<void(cudaStream_t)>;

// What has to be done at least, whoever does it.
struct Work {
  double bytes = 0;       // read and written once each
  double operations = 0;  // of matrix products, a multiply-add counting two
  Precision precision = Precision::kFp32;
  double run_steps = 0;  // training steps of runs that this is the op's part of; 0: not reported
};

struct Peer {
  std::string name;
  Enqueue enqueue;
  double share = 1;  // of the work it does; times are divided by it
};

// One op at one size. Made when its turn comes and destroyed after it: its arrays may fill the device.
class Case {
 public:
  virtual ~Case() = default;
  virtual int slots() const = 0;
  // The op on the CPU, for one of the slots the host has, on the host's rows; on the GPU, for all slots.
  virtual void on_cpu(int slot) = 0;
  virtual void on_gpu(const Cuda& device) = 0;
  // After both: an empty string when the results agree, else what differs.
  virtual std::string compare() = 0;

  virtual Work work() const = 0;
  // Those that exist here; the fastest counts.
  virtual std::vector<Peer> peers() { return {}; }
};

// Computes on both devices and compares.
std::string check(Case& c, cudaStream_t stream);

enum class Sizes { kMeasured, kSmall };

// A benchmark of that name; `device_bytes` is about what the case takes, and it is skipped, with that reason, where the
// device has less.
void add_case(const std::string& name, double device_bytes, std::function<std::unique_ptr<Case>()> make);

// Runs the cases that register_cases(sizes) adds. 2 where there is no GPU, 1 when a comparison failed.
int run(int argc, char** argv, const std::function<void(Sizes)>& register_cases);

// Seconds of one call of `enqueue`: the median of several windows.
inline constexpr int kWindows = 20;
double seconds_of(const Enqueue& enqueue, cudaStream_t stream, int windows = kWindows);

// The same work captured as a CUDA graph, to be replayed; empty where it cannot be captured.
Enqueue as_graph(const Enqueue& enqueue);

// The first difference in bits between what the host and the device computed, as a sentence; else empty. Of the slots,
// those the host has and the last one.
template <class T>
std::string first_difference(const char* what, Rows<T>& rows) {
  std::vector<int> slots{rows.slots() - 1};
  for (int s = 0; s < rows.distinct(); ++s) slots.push_back(s);
  for (const int s : slots) {
    const std::vector<T> actual = rows.download(s);
    const T* expected = rows.host_row(s % kDistinct);
    for (std::int64_t i = 0; i < rows.count(); ++i)
      if (std::memcmp(&actual[static_cast<std::size_t>(i)], expected + i, sizeof(T)) != 0)
        return cat(what, "[", s, ", ", i, "] is ", actual[static_cast<std::size_t>(i)], " on the GPU and ", expected[i],
                   " on the CPU.");
  }
  return "";
}

// For `mixed`: the first row whose distance from the CPU's fp32, over that row's norm, is beyond `bound`.
std::string first_row_beyond(const char* what, Rows<float>& rows, double bound);

}  // namespace caviar::bench
