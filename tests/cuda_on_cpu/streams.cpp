// Streams as queues, carried out late and in random interleavings; events.
#include <algorithm>
#include <optional>

#include "tests/cuda_on_cpu/runtime.h"

namespace cuda_on_cpu {
namespace {

// A stream that nobody waits for is carried out in part when this many entries are queued, to bound memory.
constexpr std::size_t kLongestQueue = 4096;

}  // namespace

cudaStream_t Runtime::find(cudaStream_t handle) {
  if (device_count() == 0) {
    error(cudaErrorNoDevice);
    return nullptr;
  }
  if (handle == nullptr) return device(caller().device).null_stream;
  const auto found = streams_.find(handle);
  if (found != streams_.end() && !handle->destroyed) return handle;
  error(cudaErrorInvalidResourceHandle, "no such stream, or one that was destroyed");
  return nullptr;
}

cudaStream_t Runtime::add_stream(int device, bool blocking) {
  auto* const stream = new CUstream_st;
  stream->serial = next_serial_++;
  stream->device = device;
  stream->blocking = blocking;
  streams_.insert(stream);
  return stream;
}

// What is queued is still carried out.
void Runtime::remove_stream(cudaStream_t stream) {
  stream->destroyed = true;
  if (!stream->queue.empty()) return;
  streams_.erase(stream);
  delete stream;
}

cudaError_t Runtime::enqueue(cudaStream_t stream, std::shared_ptr<const Work> work) {
  if (stream->capture == nullptr) {
    append(stream, {.work = std::move(work)});
    return cudaSuccess;
  }
  Capture& capture = *stream->capture;
  if (capture.invalid) return error(cudaErrorStreamCaptureInvalidated);
  capture.nodes.push_back({std::move(work), stream->device, stream->tail});
  stream->tail = {static_cast<int>(capture.nodes.size()) - 1};
  return cudaSuccess;
}

void Runtime::append(cudaStream_t stream, Item item) {
  order_with_null_stream(stream);
  stream->queue.push_back(std::move(item));
  if (stream->queue.size() > kLongestQueue)
    carry_out_until(stream, [&] { return stream->queue.size() <= kLongestQueue / 2; });
}

// The null stream comes after everything in the blocking streams of its device, and they after it.
void Runtime::order_with_null_stream(cudaStream_t stream) {
  if (!stream->blocking) return;
  CUstream_st* const null_stream = device(stream->device).null_stream;
  const auto come_after = [](CUstream_st* later, CUstream_st* earlier) {
    if (earlier->queue.empty()) return;
    if (earlier->queue.back().passes == nullptr) earlier->queue.back().passes = std::make_shared<Moment>();
    later->queue.push_back({.after = earlier->queue.back().passes});
  };
  if (stream != null_stream) return come_after(stream, null_stream);
  for (CUstream_st* const other : streams_)
    if (other != stream && other->device == stream->device && other->blocking) come_after(stream, other);
}

void Runtime::carry_out(const Work& work, int index) {
  Device& here = device(index);
  if (here.operations_left == 0) throw DeviceFailure{here.loss, "the test lost this device"};
  if (here.operations_left > 0) --here.operations_left;
  work.carry_out(*this, index);
}

// Carries out the next part of the stream's first entry. False when it has to wait for others.
bool Runtime::step(cudaStream_t stream) {
  Item& item = stream->queue.front();
  if (item.after != nullptr && !item.after->passed) return false;
  try {
    if (item.work != nullptr) carry_out(*item.work, stream->device);
    if (item.graph != nullptr && !step_graph(*item.graph)) return true;
    if (item.meeting != nullptr && !item.meeting->happened && !item.meeting->abandoned) {
      Meeting& meeting = *item.meeting;
      if (item.arrived) return false;
      item.arrived = true;
      if (++meeting.arrived < meeting.expected) return true;
      meeting.happen(*this);
      meeting.happened = true;
    }
  } catch (const DeviceFailure& failure) {
    fail_device(stream->device, failure);
    return true;
  }
  if (item.passes != nullptr) {
    item.passes->passed = true;
    item.passes->time = std::chrono::steady_clock::now();
  }
  stream->queue.pop_front();
  return true;
}

// While work is carried out.
class OpenMemory {
 public:
  explicit OpenMemory(const Runtime& runtime) : runtime_(runtime) { runtime.open_memory(); }
  ~OpenMemory() { runtime_.close_memory(); }
  OpenMemory(const OpenMemory&) = delete;
  OpenMemory& operator=(const OpenMemory&) = delete;

 private:
  const Runtime& runtime_;
};

// Each call draws how the streams share the device: one entry here, one there; or by an order of the streams, drawn
// too; or only what is waited for as long as it can go on.
cudaError_t Runtime::carry_out_until(cudaStream_t first, const std::function<bool()>& done) {
  enum class Sharing { kEven, kByOrder, kOnlyFirst };
  const auto sharing = static_cast<Sharing>(random_.below(3));
  std::vector<CUstream_st*> order(streams_.begin(), streams_.end());
  std::ranges::sort(order, {}, &CUstream_st::serial);
  const auto shuffle_order = [&] {
    for (int i = static_cast<int>(order.size()) - 1; i > 0; --i) std::swap(order[i], order[random_.below(i + 1)]);
  };
  shuffle_order();
  if (sharing == Sharing::kOnlyFirst && first != nullptr) std::swap(*order.begin(), *std::ranges::find(order, first));

  std::optional<OpenMemory> open;
  while (!done()) {
    if (!open) open.emplace(*this);
    if (sharing == Sharing::kEven) shuffle_order();
    const bool went_on = std::ranges::any_of(order, [&](CUstream_st* s) { return !s->queue.empty() && step(s); });
    if (!went_on) {
      const int device = first != nullptr ? first->device : caller().device;
      fail_device(device, {cudaErrorLaunchTimeout, "a stream waits for others that never arrive: deadlock"});
      return sticky(device);
    }
  }
  for (CUstream_st* const stream : order)  // what is left of streams that were destroyed meanwhile
    if (stream->destroyed && stream->queue.empty()) remove_stream(stream);
  return cudaSuccess;
}

// What a program that polls may expect: sooner or later all is done.
void Runtime::carry_out_a_little() {
  int steps = random_.below(4);
  const auto all_done = [&] {
    return steps-- <= 0 || std::ranges::all_of(streams_, [](const CUstream_st* s) { return s->queue.empty(); });
  };
  carry_out_until(nullptr, all_done);
}

cudaError_t Runtime::synchronize(cudaStream_t stream) {
  const int device = stream->device;
  if (const cudaError_t error = sticky(device); error != cudaSuccess) return error;
  if (stream->capture != nullptr) {
    invalidate(stream);
    return error(cudaErrorStreamCaptureUnsupported, "a capturing stream cannot be waited for");
  }
  ++counters_.synchronizations;
  const auto all_done = [&] { return stream->queue.empty(); };
  if (const cudaError_t error = carry_out_until(stream, all_done); error != cudaSuccess) return error;
  return sticky(device);
}

cudaError_t Runtime::synchronize_device(int index) {
  if (const cudaError_t error = sticky(index); error != cudaSuccess) return error;
  ++counters_.synchronizations;
  const auto all_done = [&] {
    return std::ranges::all_of(streams_, [&](const CUstream_st* s) { return s->device != index || s->queue.empty(); });
  };
  if (const cudaError_t error = carry_out_until(device(index).null_stream, all_done); error != cudaSuccess)
    return error;
  return sticky(index);
}

cudaEvent_t Runtime::add_event(unsigned flags) {
  auto* const event = new CUevent_st;
  event->device = caller().device;
  event->timed = (flags & cudaEventDisableTiming) == 0;
  events_.insert(event);
  return event;
}

void Runtime::remove_event(cudaEvent_t event) {
  events_.erase(event);
  delete event;
}

}  // namespace cuda_on_cpu

using cuda_on_cpu::call;
using cuda_on_cpu::Runtime;
using cuda_on_cpu::with_stream;

namespace {

template <class Body>
cudaError_t with_event(cudaEvent_t event, const Body& body) {
  return call([&](Runtime& runtime) {
    if (!runtime.is_event(event))
      return runtime.error(cudaErrorInvalidResourceHandle, "no such event, or one that was destroyed");
    if (const cudaError_t error = runtime.sticky(event->device); error != cudaSuccess) return error;
    return body(runtime);
  });
}

}  // namespace

cudaError_t cudaDeviceSynchronize() {
  return call([](Runtime& runtime) {
    if (const cudaError_t error = runtime.forbidden_in_capture("cudaDeviceSynchronize"); error != cudaSuccess)
      return error;
    return runtime.synchronize_device(runtime.caller().device);
  });
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return call([&](Runtime& runtime) {
    const int device = runtime.caller().device;
    if (const cudaError_t error = runtime.sticky(device); error != cudaSuccess) return error;
    *stream = runtime.add_stream(device, (flags & cudaStreamNonBlocking) == 0);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamCreate(cudaStream_t* stream) { return cudaStreamCreateWithFlags(stream, cudaStreamDefault); }

cudaError_t cudaStreamDestroy(cudaStream_t handle) {
  return call([&](Runtime& runtime) {
    CUstream_st* const stream = handle == nullptr ? nullptr : runtime.find(handle);
    if (stream == nullptr) return runtime.error(cudaErrorInvalidResourceHandle, "no stream to destroy");
    runtime.invalidate(stream);
    const int device = stream->device;
    runtime.remove_stream(stream);
    return runtime.sticky(device);
  });
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
  return with_stream(handle, [](Runtime& runtime, cudaStream_t stream) { return runtime.synchronize(stream); });
}

cudaError_t cudaStreamQuery(cudaStream_t handle) {
  return with_stream(handle, [](Runtime& runtime, cudaStream_t stream) {
    if (stream->capture != nullptr) {
      runtime.invalidate(stream);
      return runtime.error(cudaErrorStreamCaptureUnsupported, "a capturing stream cannot be asked");
    }
    const int device = stream->device;
    runtime.carry_out_a_little();
    if (const cudaError_t error = runtime.sticky(device); error != cudaSuccess) return error;
    return stream->queue.empty() ? cudaSuccess : runtime.error(cudaErrorNotReady);
  });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t handle, cudaEvent_t event, unsigned) {
  return with_stream(handle, [&](Runtime& runtime, cudaStream_t stream) {
    if (!runtime.is_event(event)) return runtime.error(cudaErrorInvalidResourceHandle, "no such event");
    return runtime.wait_event(stream, event);
  });
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  return call([&](Runtime& runtime) {
    if (const cudaError_t error = runtime.sticky(runtime.caller().device); error != cudaSuccess) return error;
    *event = runtime.add_event(flags);
    return cudaSuccess;
  });
}

cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, cudaEventDefault); }

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return call([&](Runtime& runtime) {
    if (!runtime.is_event(event)) return runtime.error(cudaErrorInvalidResourceHandle, "no event to destroy");
    const int device = event->device;
    runtime.remove_event(event);
    return runtime.sticky(device);
  });
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t handle) {
  return with_stream(handle, [&](Runtime& runtime, cudaStream_t stream) {
    if (!runtime.is_event(event)) return runtime.error(cudaErrorInvalidResourceHandle, "no such event");
    if (event->device != stream->device)
      return runtime.error(cudaErrorInvalidResourceHandle, "an event is recorded in a stream of another device");
    return runtime.record(event, stream);
  });
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return with_event(event, [&](Runtime& runtime) {
    if (event->capture != nullptr) return runtime.error(cudaErrorCapturedEvent);
    ++runtime.counters().synchronizations;
    const auto moment = event->moment;
    if (moment == nullptr) return cudaSuccess;
    const int device = event->device;
    const cudaError_t error = runtime.carry_out_until(nullptr, [&] { return moment->passed; });
    return error != cudaSuccess ? error : runtime.sticky(device);
  });
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  return with_event(event, [&](Runtime& runtime) {
    if (event->capture != nullptr) return runtime.error(cudaErrorCapturedEvent);
    if (event->moment == nullptr) return cudaSuccess;
    runtime.carry_out_a_little();
    if (const cudaError_t error = runtime.sticky(event->device); error != cudaSuccess) return error;
    return event->moment->passed ? cudaSuccess : runtime.error(cudaErrorNotReady);
  });
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end) {
  return with_event(begin, [&](Runtime& runtime) {
    if (!runtime.is_event(end)) return runtime.error(cudaErrorInvalidResourceHandle, "no such event");
    if (!begin->timed || !end->timed || begin->moment == nullptr || end->moment == nullptr)
      return runtime.error(cudaErrorInvalidResourceHandle, "an event was never recorded, or was made without timing");
    if (!begin->moment->passed || !end->moment->passed) return runtime.error(cudaErrorNotReady);
    *milliseconds = std::chrono::duration<float, std::milli>(end->moment->time - begin->moment->time).count();
    return cudaSuccess;
  });
}
