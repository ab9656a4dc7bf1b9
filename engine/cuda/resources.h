// What a GPU gives and takes back: memory, streams, events, graphs. Each frees itself; a failure to free is not
// reported, for it can only follow one that was.
#pragma once

#include <cstddef>
#include <utility>

#include "kernels/base/cuda.h"
#include "kernels/base/cuda_check.h"

namespace caviar {

// Makes a device current for the calls of this thread.
inline void use_gpu(int number) { cuda_check(cudaSetDevice(number), "select a GPU"); }

// One block of the current device's memory.
class DeviceMemory {
 public:
  DeviceMemory() = default;
  explicit DeviceMemory(std::size_t bytes) : bytes_(bytes) {
    void* p = nullptr;
    cuda_check(cudaMalloc(&p, bytes), "allocate memory of a GPU");
    data_ = static_cast<std::byte*>(p);
  }
  ~DeviceMemory() { (void)cudaFree(data_); }
  DeviceMemory(DeviceMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  DeviceMemory& operator=(DeviceMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  std::byte* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
};

// `count` values in memory of the host that copies reach without a detour. A copy under way reads or writes it: the
// host leaves it alone until then.
template <class T>
class PinnedArray {
 public:
  explicit PinnedArray(std::size_t count) : count_(count) {
    void* p = nullptr;
    cuda_check(cudaMallocHost(&p, count * sizeof(T)), "allocate memory for copies to a GPU");
    data_ = static_cast<T*>(p);
    for (std::size_t i = 0; i < count; ++i) data_[i] = T{};
  }
  ~PinnedArray() { (void)cudaFreeHost(data_); }
  PinnedArray(const PinnedArray&) = delete;
  PinnedArray& operator=(const PinnedArray&) = delete;
  T* data() const { return data_; }
  T& operator[](int i) const { return data_[i]; }
  std::size_t bytes() const { return count_ * sizeof(T); }

 private:
  T* data_ = nullptr;
  std::size_t count_ = 0;
};

class CudaStream {
 public:
  CudaStream() { cuda_check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "create a stream"); }
  ~CudaStream() { (void)cudaStreamDestroy(stream_); }
  CudaStream(const CudaStream&) = delete;
  CudaStream& operator=(const CudaStream&) = delete;
  cudaStream_t get() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

class CudaEvent {
 public:
  CudaEvent() { cuda_check(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "create an event"); }
  ~CudaEvent() { (void)cudaEventDestroy(event_); }
  CudaEvent(const CudaEvent&) = delete;
  CudaEvent& operator=(const CudaEvent&) = delete;
  void record(const CudaStream& stream) { cuda_check(cudaEventRecord(event_, stream.get()), "record an event"); }
  // Whether all that was enqueued before record() is done.
  bool reached() const {
    const cudaError_t error = cudaEventQuery(event_);
    if (error == cudaErrorNotReady) return false;
    cuda_check(error, "run a step of training");
    return true;
  }
  void wait() const { cuda_check(cudaEventSynchronize(event_), "run a step of training"); }

 private:
  cudaEvent_t event_ = nullptr;
};

// Work that was enqueued once under capture and can be enqueued again as a whole.
class CudaGraph {
 public:
  // Captures what `enqueue` puts on the stream.
  template <class Enqueue>
  CudaGraph(const CudaStream& stream, const Enqueue& enqueue) {
    cuda_check(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeThreadLocal), "begin to capture a step");
    cudaGraph_t graph = nullptr;
    try {
      enqueue();
    } catch (...) {
      (void)cudaStreamEndCapture(stream.get(), &graph);
      if (graph) (void)cudaGraphDestroy(graph);
      throw;
    }
    cuda_check(cudaStreamEndCapture(stream.get(), &graph), "capture a step");
    const cudaError_t error = cudaGraphInstantiate(&exec_, graph, 0);
    (void)cudaGraphDestroy(graph);
    cuda_check(error, "make a graph of a step");
  }
  ~CudaGraph() { (void)cudaGraphExecDestroy(exec_); }
  CudaGraph(const CudaGraph&) = delete;
  CudaGraph& operator=(const CudaGraph&) = delete;
  void launch(const CudaStream& stream) const { cuda_check(cudaGraphLaunch(exec_, stream.get()), "launch a step"); }

 private:
  cudaGraphExec_t exec_ = nullptr;
};

}  // namespace caviar
