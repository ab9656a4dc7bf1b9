// Capture of streams into graphs, and graphs carried out.
#include <algorithm>

#include "kernels/base/error.h"
#include "tests/cuda_on_cpu/runtime.h"

namespace cuda_on_cpu {
namespace {

void unite(std::vector<int>& into, const std::vector<int>& with) {
  into.insert(into.end(), with.begin(), with.end());
  std::ranges::sort(into);
  into.erase(std::unique(into.begin(), into.end()), into.end());
}

// Whether every node is one of `ends` or comes before one of them. Nodes come after nodes of lower number only.
bool all_lead_to(const Nodes& nodes, const std::vector<int>& ends) {
  std::vector<bool> leads(nodes.size(), false);
  for (const int end : ends) leads[static_cast<std::size_t>(end)] = true;
  for (std::size_t i = nodes.size(); i-- > 0;)
    if (leads[i])
      for (const int earlier : nodes[i].after) leads[static_cast<std::size_t>(earlier)] = true;
  return std::ranges::all_of(leads, [](bool lead) { return lead; });
}

std::shared_ptr<GraphRun> run_of(std::shared_ptr<const Nodes> nodes) {
  auto run = std::make_shared<GraphRun>();
  run->left = nodes->size();
  for (std::size_t i = 0; i < nodes->size(); ++i) {
    run->missing.push_back(static_cast<int>((*nodes)[i].after.size()));
    if (run->missing.back() == 0) run->ready.push_back(static_cast<int>(i));
  }
  run->nodes = std::move(nodes);
  return run;
}

}  // namespace

// Carries out one node. True when it was the last.
bool Runtime::step_graph(GraphRun& run) {
  if (run.left == 0) return true;
  const int pick = random_.below(static_cast<int>(run.ready.size()));
  const int done = run.ready[static_cast<std::size_t>(pick)];
  run.ready.erase(run.ready.begin() + pick);
  const Nodes& nodes = *run.nodes;
  carry_out(*nodes[static_cast<std::size_t>(done)].work, nodes[static_cast<std::size_t>(done)].device);
  for (const int next : nodes[static_cast<std::size_t>(done)].before)
    if (--run.missing[static_cast<std::size_t>(next)] == 0) run.ready.push_back(next);
  return --run.left == 0;
}

bool Runtime::anybody_captures(const std::function<bool(const Capture&)>& which) const {
  return std::ranges::any_of(streams_,
                             [&](const CUstream_st* s) { return s->capture != nullptr && which(*s->capture); });
}

cudaError_t Runtime::forbidden_in_capture(const char* what) {
  const auto self = std::this_thread::get_id();
  const auto forbids = [&](const Capture& capture) {
    return capture.mode == cudaStreamCaptureModeGlobal ||
           (capture.mode == cudaStreamCaptureModeThreadLocal && capture.thread == self);
  };
  bool forbidden = false;
  for (CUstream_st* const stream : streams_) {
    if (stream->capture == nullptr || !forbids(*stream->capture)) continue;
    stream->capture->invalid = true;
    forbidden = true;
  }
  return forbidden ? error(cudaErrorStreamCaptureUnsupported, caviar::cat(what, " during a capture")) : cudaSuccess;
}

void Runtime::invalidate(cudaStream_t stream) {
  if (stream->capture != nullptr) stream->capture->invalid = true;
}

cudaError_t Runtime::begin_capture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  if (stream == device(stream->device).null_stream)
    return error(cudaErrorStreamCaptureUnsupported, "the null stream cannot be captured");
  if (stream->capture != nullptr) return error(cudaErrorIllegalState, "the stream is captured already");
  stream->capture = std::make_shared<Capture>(Capture{stream, mode, std::this_thread::get_id(), {}});
  stream->tail.clear();
  return cudaSuccess;
}

cudaError_t Runtime::end_capture(cudaStream_t stream, cudaGraph_t* graph) {
  *graph = nullptr;
  const std::shared_ptr<Capture> capture = stream->capture;
  if (capture == nullptr) return error(cudaErrorIllegalState, "the stream is not captured");
  if (capture->mode != cudaStreamCaptureModeRelaxed && capture->thread != std::this_thread::get_id())
    return error(cudaErrorStreamCaptureWrongThread);
  if (capture->origin != stream) {
    capture->invalid = true;
    return error(cudaErrorStreamCaptureUnmatched);
  }
  const std::vector<int> ends = stream->tail;
  capture->ended = true;
  for (CUstream_st* const other : streams_) {
    if (other->capture != capture) continue;
    other->capture = nullptr;
    other->tail.clear();
  }
  if (capture->invalid) return error(cudaErrorStreamCaptureInvalidated);
  if (!all_lead_to(capture->nodes, ends))
    return error(cudaErrorStreamCaptureUnjoined, "a stream that joined the capture was not waited for by its origin");
  for (std::size_t i = 0; i < capture->nodes.size(); ++i)
    for (const int earlier : capture->nodes[i].after)
      capture->nodes[static_cast<std::size_t>(earlier)].before.push_back(static_cast<int>(i));
  *graph = new CUgraph_st{std::make_shared<Nodes>(std::move(capture->nodes))};
  graphs_.insert(*graph);
  return cudaSuccess;
}

cudaError_t Runtime::record(cudaEvent_t event, cudaStream_t stream) {
  if (stream->capture != nullptr) {
    if (stream->capture->invalid) return error(cudaErrorStreamCaptureInvalidated);
    event->moment = nullptr;
    event->capture = stream->capture;
    event->tail = stream->tail;
    return cudaSuccess;
  }
  event->capture = nullptr;
  event->moment = std::make_shared<Moment>();
  append(stream, {.passes = event->moment});
  return cudaSuccess;
}

cudaError_t Runtime::wait_event(cudaStream_t stream, cudaEvent_t event) {
  if (stream->capture != nullptr && stream->capture->invalid) return error(cudaErrorStreamCaptureInvalidated);
  if (event->capture == nullptr) {
    if (event->moment == nullptr) return cudaSuccess;
    if (stream->capture != nullptr) {
      invalidate(stream);
      return error(cudaErrorStreamCaptureIsolation);
    }
    append(stream, {.after = event->moment});
    return cudaSuccess;
  }
  if (event->capture->ended) return error(cudaErrorCapturedEvent, "the event belongs to a capture that has ended");
  if (event->capture->invalid) return error(cudaErrorStreamCaptureInvalidated);
  if (stream->capture != nullptr && stream->capture != event->capture) {
    stream->capture->invalid = event->capture->invalid = true;
    return error(cudaErrorStreamCaptureMerge);
  }
  if (stream == device(stream->device).null_stream) {
    event->capture->invalid = true;
    return error(cudaErrorStreamCaptureImplicit);
  }
  stream->capture = event->capture;  // a stream that was not captured joins
  unite(stream->tail, event->tail);
  return cudaSuccess;
}

cudaError_t Runtime::launch_graph(cudaGraphExec_t exec, cudaStream_t stream) {
  if (stream->capture != nullptr) {
    invalidate(stream);
    return error(cudaErrorNotSupported, "a graph inside a graph is not emulated");
  }
  ++counters_.graph_launches;
  const std::shared_ptr<Moment> before = exec->last;
  exec->last = std::make_shared<Moment>();
  append(stream, {.after = before, .graph = run_of(exec->nodes), .passes = exec->last});
  return cudaSuccess;
}

}  // namespace cuda_on_cpu

using cuda_on_cpu::call;
using cuda_on_cpu::Runtime;
using cuda_on_cpu::with_stream;

namespace {

template <class Set, class Handle>
cudaError_t destroy(Runtime& runtime, Set& handles, Handle handle) {
  if (handles.erase(handle) == 0) return runtime.error(cudaErrorInvalidValue, "no graph to destroy");
  delete handle;
  return cudaSuccess;
}

}  // namespace

cudaError_t cudaStreamBeginCapture(cudaStream_t handle, cudaStreamCaptureMode mode) {
  return with_stream(handle,
                     [&](Runtime& runtime, cudaStream_t stream) { return runtime.begin_capture(stream, mode); });
}

cudaError_t cudaStreamEndCapture(cudaStream_t handle, cudaGraph_t* graph) {
  return with_stream(handle, [&](Runtime& runtime, cudaStream_t stream) { return runtime.end_capture(stream, graph); });
}

cudaError_t cudaStreamIsCapturing(cudaStream_t handle, cudaStreamCaptureStatus* status) {
  return with_stream(handle, [&](Runtime&, cudaStream_t stream) {
    *status = stream->capture == nullptr ? cudaStreamCaptureStatusNone
              : stream->capture->invalid ? cudaStreamCaptureStatusInvalidated
                                         : cudaStreamCaptureStatusActive;
    return cudaSuccess;
  });
}

// Nodes have no handles here: only their number can be asked for.
cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, std::size_t* count) {
  return call([&](Runtime& runtime) {
    if (runtime.graphs().count(graph) == 0) return runtime.error(cudaErrorInvalidValue, "no such graph");
    if (nodes != nullptr) return runtime.error(cudaErrorNotSupported, "only the number of nodes is emulated");
    *count = graph->nodes->size();
    return cudaSuccess;
  });
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  return call([&](Runtime& runtime) {
    if (const cudaError_t error = runtime.sticky(runtime.caller().device); error != cudaSuccess) return error;
    if (runtime.graphs().count(graph) == 0) return runtime.error(cudaErrorInvalidValue, "no such graph");
    *exec = new CUgraphExec_st{graph->nodes, nullptr};
    runtime.graph_execs().insert(*exec);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t handle) {
  return with_stream(handle, [&](Runtime& runtime, cudaStream_t stream) {
    if (runtime.graph_execs().count(exec) == 0) return runtime.error(cudaErrorInvalidValue, "no such graph");
    return runtime.launch_graph(exec, stream);
  });
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  return call([&](Runtime& runtime) { return destroy(runtime, runtime.graph_execs(), exec); });
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  return call([&](Runtime& runtime) { return destroy(runtime, runtime.graphs(), graph); });
}
