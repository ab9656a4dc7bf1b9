// The state behind runtime_api.h: devices with their memory, streams as queues, captures and graphs.
//
// One lock guards all of it and is held while work is carried out. Work is carried out by the thread that waits for it,
// all streams of all devices taking part.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "tests/cuda_on_cpu/control.h"
#include "tests/cuda_on_cpu/executor.h"
#include "tests/cuda_on_cpu/random.h"
#include "tests/cuda_on_cpu/runtime_api.h"

namespace cuda_on_cpu {

class Runtime;

// Ends the work of a device with a sticky error.
struct DeviceFailure {
  cudaError_t error;
  std::string text;
};

// A kernel, a copy, a fill: what a stream or a graph carries out. May be carried out several times.
class Work {
 public:
  virtual ~Work() = default;
  // Throws DeviceFailure.
  virtual void carry_out(Runtime& runtime, int device) const = 0;
};

// A point in a stream that others wait for.
struct Moment {
  bool passed = false;
  std::chrono::steady_clock::time_point time;
};

struct Node {
  std::shared_ptr<const Work> work;
  int device;
  std::vector<int> after;     // nodes that come before this one, ascending
  std::vector<int> before{};  // nodes that come after it; filled in when the capture ends
};
using Nodes = std::vector<Node>;

// One launch of a graph, part of its nodes carried out.
struct GraphRun {
  std::shared_ptr<const Nodes> nodes;
  std::vector<int> missing;  // by node: how many it still waits for
  std::vector<int> ready;
  std::size_t left;
};

// Something all of several streams arrive at before it happens once.
struct Meeting {
  int expected = 0, arrived = 0;
  bool happened = false;
  bool abandoned = false;  // a device was lost before: it does not happen, the others go on
  std::function<void(Runtime&)> happen;
};

// One entry of a queue: what of it is set happens in this order.
struct Item {
  std::shared_ptr<Moment> after{};  // not before this has passed
  std::shared_ptr<const Work> work{};
  std::shared_ptr<GraphRun> graph{};
  std::shared_ptr<Meeting> meeting{};
  bool arrived = false;              // at the meeting
  std::shared_ptr<Moment> passes{};  // passes with this item
};

// What begins with cudaStreamBeginCapture.
struct Capture {
  cudaStream_t origin;
  cudaStreamCaptureMode mode;
  std::thread::id thread;
  Nodes nodes;
  bool invalid = false, ended = false;
};

struct Allocation {
  std::byte* memory;  // guard, then the bytes
  std::size_t bytes;
  int device;
  std::uint64_t serial;
};

struct Device {
  std::size_t used_bytes = 0;
  cudaError_t sticky = cudaSuccess;
  std::string failure;
  int operations_left = -1;  // until the device is lost; -1: it is not going to be
  cudaError_t loss = cudaSuccess;
  cudaStream_t null_stream = nullptr;
  std::map<const void*, int> dynamic_shared_bytes;  // raised by cudaFuncSetAttribute
};

// What belongs to a thread of the host.
struct Caller {
  std::uint64_t generation = 0;  // of the devices the rest refers to
  int device = 0;
  cudaError_t last = cudaSuccess;
  cudaError_t explained = cudaSuccess;  // the error `text` explains
  std::string text{};
};

}  // namespace cuda_on_cpu

struct CUstream_st {
  std::uint64_t serial = 0;  // streams are put in random orders, never in that of their addresses
  int device = 0;
  bool blocking = false;  // keeps order with the null stream
  bool destroyed = false;
  std::deque<cuda_on_cpu::Item> queue;
  std::shared_ptr<cuda_on_cpu::Capture> capture;
  std::vector<int> tail;  // nodes of the capture that the next one comes after
};

struct CUevent_st {
  int device = 0;
  bool timed = true;
  std::shared_ptr<cuda_on_cpu::Moment> moment;    // of the last record; null: none
  std::shared_ptr<cuda_on_cpu::Capture> capture;  // that the last record belongs to
  std::vector<int> tail;
};

struct CUgraph_st {
  std::shared_ptr<cuda_on_cpu::Nodes> nodes;
};

struct CUgraphExec_st {
  std::shared_ptr<const cuda_on_cpu::Nodes> nodes;
  std::shared_ptr<cuda_on_cpu::Moment> last;  // the end of its last launch: launches of one graph do not overlap
};

namespace cuda_on_cpu {

class Runtime {
 public:
  static Runtime& instance();

  std::mutex mutex;

  // --- errors
  Caller& caller();
  // Remembers the error, with a text that explains it, for the calling thread. Returns it.
  cudaError_t error(cudaError_t code, const std::string& text = {});
  cudaError_t sticky(int device);
  void fail_device(int device, const DeviceFailure& failure);
  // cudaErrorStreamCaptureUnsupported where the calling thread may not do what would disturb a capture; the capture is
  // then invalid.
  cudaError_t forbidden_in_capture(const char* call);

  // --- devices
  void reset(const Options& options);
  Device& device(int index) { return devices_[static_cast<std::size_t>(index)]; }
  int device_count() const { return static_cast<int>(devices_.size()); }
  const Options& options() const { return options_; }
  Options& options() { return options_; }
  void set_seed(std::uint64_t seed);
  Counters& counters() { return counters_; }

  // --- memory
  cudaError_t allocate(void** pointer, std::size_t bytes);
  cudaError_t release(void* pointer);
  cudaError_t allocate_pinned(void** pointer, std::size_t bytes);
  cudaError_t release_pinned(void* pointer);
  const Allocation* find_allocation(const void* pointer) const;
  bool is_live(std::uint64_t serial) const { return live_.count(serial) != 0; }
  bool is_pinned(const void* pointer) const;
  // Under AddressSanitizer, memory of devices may be touched between the two only: by kernels and copies.
  void open_memory() const;
  void close_memory() const;
  void fail_allocation(int k) { allocations_until_failure_ = k; }
  cudaError_t copy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream, bool wait);
  cudaError_t fill(void* to, int value, std::size_t bytes, cudaStream_t stream, bool wait);

  // --- streams
  // The stream a handle means; null, with the error remembered, where it means none.
  cudaStream_t find(cudaStream_t handle);
  bool is_event(cudaEvent_t event) const { return events_.count(event) != 0; }
  cudaStream_t add_stream(int device, bool blocking);
  void remove_stream(cudaStream_t stream);
  cudaEvent_t add_event(unsigned flags);
  void remove_event(cudaEvent_t event);
  // Appends to the stream, or to the capture it is part of.
  cudaError_t enqueue(cudaStream_t stream, std::shared_ptr<const Work> work);
  void append(cudaStream_t stream, Item item);
  // Carries out work until `done`; `first` goes first in some of the random orders. An error where nothing can go on.
  cudaError_t carry_out_until(cudaStream_t first, const std::function<bool()>& done);
  cudaError_t synchronize(cudaStream_t stream);
  cudaError_t synchronize_device(int device);
  void carry_out_a_little();
  void carry_out(const Work& work, int device);

  // --- captures
  cudaError_t begin_capture(cudaStream_t stream, cudaStreamCaptureMode mode);
  cudaError_t end_capture(cudaStream_t stream, cudaGraph_t* graph);
  cudaError_t record(cudaEvent_t event, cudaStream_t stream);
  cudaError_t wait_event(cudaStream_t stream, cudaEvent_t event);
  // Makes the capture invalid where the stream is part of one.
  void invalidate(cudaStream_t stream);
  std::set<cudaGraph_t>& graphs() { return graphs_; }
  std::set<cudaGraphExec_t>& graph_execs() { return graph_execs_; }
  cudaError_t launch_graph(cudaGraphExec_t exec, cudaStream_t stream);

  // A seed for the next launch.
  std::uint64_t next_seed() { return random_.next(); }
  Random& random() { return random_; }

 private:
  Runtime() { reset({}); }
  void free_everything();
  bool step(cudaStream_t stream);
  bool step_graph(GraphRun& run);
  void order_with_null_stream(cudaStream_t stream);
  bool anybody_captures(const std::function<bool(const Capture&)>& which) const;

  Options options_;
  Counters counters_;
  Random random_;
  std::uint64_t generation_ = 0;
  std::vector<Device> devices_;
  std::set<cudaStream_t> streams_;
  std::set<cudaEvent_t> events_;
  std::set<cudaGraph_t> graphs_;
  std::set<cudaGraphExec_t> graph_execs_;
  std::map<const std::byte*, Allocation> allocations_;  // by their first byte
  std::unordered_set<std::uint64_t> live_;              // serial numbers of allocations_
  std::map<const std::byte*, std::size_t> pinned_;
  std::uint64_t next_serial_ = 1;
  int allocations_until_failure_ = 0;
};

// body(runtime) under the lock.
template <class Body>
cudaError_t call(const Body& body) {
  Runtime& runtime = Runtime::instance();
  const std::lock_guard lock(runtime.mutex);
  return body(runtime);
}

// Runs body(runtime, stream) where the handle means a stream of a device that works.
template <class Body>
cudaError_t with_stream(cudaStream_t handle, const Body& body) {
  return call([&](Runtime& runtime) {
    CUstream_st* const stream = runtime.find(handle);
    if (stream == nullptr) return runtime.caller().last;
    if (const cudaError_t error = runtime.sticky(stream->device); error != cudaSuccess) return error;
    return body(runtime, stream);
  });
}

}  // namespace cuda_on_cpu
