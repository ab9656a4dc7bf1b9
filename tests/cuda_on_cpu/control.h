// What a test may ask of the emulated devices: how many there are, in which order things happen, what fails and when;
// and what it may count afterwards.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "tests/cuda_on_cpu/types.h"
#include "tests/cuda_on_cpu/warp_order.h"

namespace cuda_on_cpu {

struct Options {
  int devices = 1;
  std::size_t memory_bytes = std::size_t{1} << 30;  // of each device
  int multiprocessors = 4;                          // of each device
  std::uint64_t seed = 1;                           // of every random order
  WarpOrder order = WarpOrder::kForward;
  bool nccl_starts = true;  // false: ncclCommInitAll fails with ncclSystemError
};

// Forgets everything: devices, memory, streams, graphs, sticky errors, faults, counters. Handles and pointers from
// before are invalid. Device 0 is current again in every thread.
void reset(const Options& options = {});

void set_warp_order(WarpOrder order);
void set_seed(std::uint64_t seed);

// The k-th cudaMalloc from now (1: the next), on any device, fails with cudaErrorMemoryAllocation; 0: none.
void fail_allocation(int k);

// After `operations` more kernels, copies and fills on the device (0: at once) every call on it fails with `error`, and
// what its streams still held is dropped. Streams of other devices that wait for it go on.
void lose_device(int device, int operations = 0, cudaError_t error = cudaErrorLaunchFailure);

// The text of the sticky error of a device, empty where there is none: names kernel, block and thread where one failed.
std::string failure_of(int device);

struct Counters {
  std::int64_t launches = 0;          // kernels carried out, those of graphs too
  std::int64_t graph_launches = 0;    // graphs enqueued
  std::int64_t synchronizations = 0;  // calls that wait: stream, event, device, and copies that wait
  std::int64_t copies_to_device = 0, copies_to_host = 0, copies_on_device = 0;  // carried out
  std::int64_t bytes_to_device = 0, bytes_to_host = 0;
  std::int64_t broadcasts = 0;                                // NCCL, carried out: one for all ranks
  std::size_t allocated_bytes = 0, most_allocated_bytes = 0;  // of all devices
};
Counters counters();

}  // namespace cuda_on_cpu
