// Device tags. An op is an overload set on a tag: `softmax_cross_entropy(const Cpu&, args)` and, in a build for GPUs,
// `softmax_cross_entropy(const Cuda&, args)` with the same argument struct.
#pragma once

struct CUstream_st;  // what cudaStream_t points to; named here so that no header but base/cuda.h needs the toolkit

namespace caviar {

// One CPU thread: computes at once, on one slot and one window of its batch rows after another. The activations belong
// to the thread; all slots share them.
struct Cpu {
  static constexpr const char* kName = "cpu";
  static constexpr bool kSlotsShareWork = true;
};

// One stream of one GPU: only enqueues, on all slots of the window at once. Every slot has activations of its own.
struct Cuda {
  static constexpr const char* kName = "cuda";
  static constexpr bool kSlotsShareWork = false;
  CUstream_st* stream = nullptr;
};

}  // namespace caviar
