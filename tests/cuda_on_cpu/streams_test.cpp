// Streams, events and graphs of the emulated device, and what it finds in host code that uses them wrongly.
#include <algorithm>
#include <cmath>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cuda_on_cpu/device_array.h"
#include "tests/cuda_on_cpu/small_kernels.h"

namespace cuda_on_cpu {
namespace {

using caviar::cuda_check;
using testing::Each;
using testing::ElementsAre;
using Floats = std::vector<float>;

constexpr std::size_t kSize = 64;

// A graph of what `enqueue` puts into the stream.
class Graph {
 public:
  Graph(cudaStream_t stream, const std::function<void()>& enqueue) {
    cuda_check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "begin a capture");
    enqueue();
    cuda_check(cudaStreamEndCapture(stream, &graph_), "end a capture");
    cuda_check(cudaGraphInstantiate(&exec_, graph_), "make a graph executable");
  }
  ~Graph() {
    static_cast<void>(cudaGraphExecDestroy(exec_));
    static_cast<void>(cudaGraphDestroy(graph_));
  }
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  void launch(cudaStream_t stream) const { cuda_check(cudaGraphLaunch(exec_, stream), "launch a graph"); }
  std::size_t nodes() const {
    std::size_t count = 0;
    cuda_check(cudaGraphGetNodes(graph_, nullptr, &count), "count the nodes of a graph");
    return count;
  }

 private:
  cudaGraph_t graph_ = nullptr;
  cudaGraphExec_t exec_ = nullptr;
};

TEST(EmulatedStreams, OneStreamKeepsItsOrder) {
  const auto results = in_many_interleavings<Floats>([] {
    const Stream stream, other;
    const DeviceArray<float> out(kSize), elsewhere(kSize);
    for (int i = 1; i <= 10; ++i) {
      launch_fill({.stream = stream}, out.data(), static_cast<float>(i));
      launch_add({.stream = stream}, out.data(), static_cast<float>(i));
      launch_fill({.stream = other}, elsewhere.data(), 1);
    }
    return out.values();
  });
  EXPECT_TRUE(all_equal(results));
  EXPECT_THAT(results[0], Each(20.0f));
}

TEST(EmulatedStreams, NothingHappensBeforeSomebodyWaits) {
  reset();
  const Stream stream;
  const DeviceArray<float> out(kSize);
  launch_fill({.stream = stream}, out.data(), 1);
  EXPECT_EQ(counters().launches, 0);
  stream.wait();
  EXPECT_EQ(counters().launches, 1);
}

TEST(EmulatedStreams, MissingEventWaitIsCaught) {
  const auto run = [](bool with_wait) {
    return in_many_interleavings<Floats>([&] {
      const Stream writer, reader;
      const Event written;
      const DeviceArray<float> data(Floats(kSize, 0.0f)), copy(kSize);
      launch_fill({.stream = writer}, data.data(), 7);
      cuda_check(cudaEventRecord(written, writer), "record an event");
      if (with_wait) cuda_check(cudaStreamWaitEvent(reader, written), "wait for an event");
      launch_copy({.stream = reader}, copy.data(), data.data());
      return copy.values();
    });
  };
  EXPECT_TRUE(all_equal(run(true)));
  EXPECT_THAT(run(true)[0], Each(7.0f));
  EXPECT_FALSE(all_equal(run(false)));
}

TEST(EmulatedStreams, BufferFilledAgainTooEarlyIsCaught) {
  const auto run = [](bool with_wait) {
    return in_many_interleavings<Floats>([&] {
      const Stream writer, reader;
      const Event written, read;
      const DeviceArray<float> data(Floats(kSize, 0.0f)), sum(Floats(kSize, 0.0f));
      for (int i = 1; i <= 3; ++i) {
        launch_fill({.stream = writer}, data.data(), static_cast<float>(i));
        cuda_check(cudaEventRecord(written, writer), "record an event");
        cuda_check(cudaStreamWaitEvent(reader, written), "wait for an event");
        for (int block = 0; block < 2; ++block)
          launch_add_from({.block = kSize / 2, .stream = reader}, sum.data() + block * 32, data.data());
        cuda_check(cudaEventRecord(read, reader), "record an event");
        if (with_wait) cuda_check(cudaStreamWaitEvent(writer, read), "wait for an event");
      }
      return sum.values();
    });
  };
  EXPECT_TRUE(all_equal(run(true)));
  EXPECT_THAT(run(true)[0], Each(6.0f));
  EXPECT_FALSE(all_equal(run(false)));
}

TEST(EmulatedStreams, PinnedBufferChangedTooEarlyIsCaught) {
  const auto run = [](bool waits) {
    return in_many_interleavings<Floats>([&] {
      const Stream stream;
      const PinnedArray staging(kSize);
      const DeviceArray<float> data(kSize);
      std::fill_n(staging.data(), kSize, 1.0f);
      cuda_check(cudaMemcpyAsync(data.data(), staging.data(), staging.bytes(), cudaMemcpyHostToDevice, stream), "copy");
      if (waits) stream.wait();
      std::fill_n(staging.data(), kSize, 2.0f);
      return data.values();
    });
  };
  EXPECT_THAT(run(true), Each(Each(1.0f)));
  EXPECT_THAT(run(false), Each(Each(2.0f))) << "the copy reads late";
}

TEST(EmulatedStreams, ResultReadBeforeItsCopyArrivedIsCaught) {
  reset();
  const Stream stream;
  const PinnedArray result(kSize);
  const DeviceArray<float> data(Floats(kSize, 3.0f));
  std::fill_n(result.data(), kSize, 1.0f);
  cuda_check(cudaMemcpyAsync(result.data(), data.data(), result.bytes(), cudaMemcpyDeviceToHost, stream), "copy");
  EXPECT_EQ(result[0], 1.0f);
  stream.wait();
  EXPECT_EQ(result[0], 3.0f);
}

TEST(EmulatedStreams, PageableMemoryIsReadAtTheCallAndWrittenWhenItReturns) {
  reset();
  const Stream stream;
  const DeviceArray<float> data(kSize);
  Floats host(kSize, 1.0f);
  cuda_check(cudaMemcpyAsync(data.data(), host.data(), data.bytes(), cudaMemcpyHostToDevice, stream), "copy");
  std::ranges::fill(host, 2.0f);
  launch_add({.stream = stream}, data.data(), 10);
  cuda_check(cudaMemcpyAsync(host.data(), data.data(), data.bytes(), cudaMemcpyDeviceToHost, stream), "copy");
  EXPECT_THAT(host, Each(11.0f));
}

TEST(EmulatedStreams, NullStreamKeepsOrderWithBlockingStreamsOnly) {
  const auto run = [](unsigned flags) {
    return in_many_interleavings<Floats>([&] {
      cudaStream_t stream = nullptr;
      cuda_check(cudaStreamCreateWithFlags(&stream, flags), "make a stream");
      const DeviceArray<float> data(Floats(kSize, 1.0f));
      launch_add({.stream = stream}, data.data(), 1);
      launch_copy({.block = 32}, data.data(), data.data() + 32);
      launch_add({.block = 32, .stream = stream}, data.data() + 32, 5);
      const DeviceArray<float> copy(32);
      launch_copy({.block = 32}, copy.data(), data.data() + 32);
      cuda_check(cudaStreamSynchronize(nullptr), "wait for the null stream");
      Floats result = copy.values();
      cuda_check(cudaStreamDestroy(stream), "destroy a stream");
      return result;
    });
  };
  const auto blocking = run(cudaStreamDefault);
  EXPECT_TRUE(all_equal(blocking));
  EXPECT_FALSE(all_equal(run(cudaStreamNonBlocking)));
}

TEST(EmulatedStreams, EventsAreReadyOnceTheirPointHasPassed) {
  reset();
  const Stream stream;
  const DeviceArray<float> data(kSize);
  cudaEvent_t begin = nullptr, end = nullptr;
  ASSERT_EQ(cudaEventCreate(&begin), cudaSuccess);
  ASSERT_EQ(cudaEventCreate(&end), cudaSuccess);
  EXPECT_EQ(cudaEventQuery(begin), cudaSuccess) << "never recorded";
  ASSERT_EQ(cudaEventRecord(begin, stream), cudaSuccess);
  for (int i = 0; i < 10; ++i) launch_fill({.stream = stream}, data.data(), 1);
  ASSERT_EQ(cudaEventRecord(end, stream), cudaSuccess);
  float milliseconds = -1;
  EXPECT_EQ(cudaEventElapsedTime(&milliseconds, begin, end), cudaErrorNotReady);
  int polls = 0;
  while (cudaEventQuery(end) == cudaErrorNotReady) ++polls;
  EXPECT_GT(polls, 0);
  EXPECT_EQ(counters().launches, 10);
  EXPECT_EQ(cudaEventElapsedTime(&milliseconds, begin, end), cudaSuccess);
  EXPECT_GE(milliseconds, 0);
  EXPECT_EQ(cudaEventSynchronize(end), cudaSuccess);
  EXPECT_EQ(cudaEventDestroy(begin), cudaSuccess);
  EXPECT_EQ(cudaEventDestroy(end), cudaSuccess);
  EXPECT_EQ(cudaEventQuery(end), cudaErrorInvalidResourceHandle);
}

TEST(EmulatedStreams, WorkOfADestroyedStreamIsStillDone) {
  reset();
  const DeviceArray<float> data(kSize);
  cudaStream_t stream = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
  launch_fill({.stream = stream}, data.data(), 4);
  ASSERT_EQ(cudaStreamDestroy(stream), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaErrorInvalidResourceHandle);
  EXPECT_THAT(data.values(), Each(4.0f));
}

TEST(EmulatedStreams, LongQueuesAreCarriedOutInPart) {
  reset();
  const Stream stream;
  const DeviceArray<float> data(Floats(kSize, 0.0f));
  for (int i = 0; i < 10'000; ++i) launch_add({.block = 1, .stream = stream}, data.data(), 1);
  EXPECT_GT(counters().launches, 0);
  EXPECT_EQ(data.values()[0], 10'000.0f);
}

// --- graphs ---------------------------------------------------------------------------------------------------------

TEST(EmulatedGraphs, ReplayRepeatsWhatWasCaptured) {
  reset();
  const Stream stream;
  const DeviceArray<float> data(Floats(kSize, 0.0f));
  const Graph graph(stream, [&] {
    launch_add({.stream = stream}, data.data(), 1);
    launch_add({.stream = stream}, data.data(), 2);
  });
  EXPECT_EQ(graph.nodes(), 2u);
  EXPECT_EQ(counters().launches, 0);
  for (int i = 0; i < 5; ++i) graph.launch(stream);
  EXPECT_THAT(data.values(), Each(15.0f));
  EXPECT_EQ(counters().graph_launches, 5);
  EXPECT_EQ(counters().launches, 10);
}

// A step that a kernel should read from memory is passed by value: eager and replayed steps differ.
TEST(EmulatedGraphs, ScalarBakedIntoAGraphIsCaught) {
  const auto steps = [](bool baked, bool as_graph) {
    reset();
    const Stream stream;
    const PinnedArray step(3);
    const DeviceArray<float> device_step(1), sum(Floats(kSize, 0.0f));
    float host_step = 1;
    const auto enqueue = [&] {
      if (baked) {
        launch_add({.stream = stream}, sum.data(), host_step);
      } else {
        launch_add_from({.stream = stream}, sum.data(), device_step.data());
      }
    };
    const auto set_step = [&](int i) {
      host_step = step[static_cast<std::size_t>(i)] = static_cast<float>(i + 1);
      cuda_check(cudaMemcpyAsync(device_step.data(), step.data() + i, 4, cudaMemcpyHostToDevice, stream), "copy");
    };
    if (as_graph) {
      const Graph graph(stream, enqueue);
      for (int i = 0; i < 3; ++i) {
        set_step(i);
        graph.launch(stream);
      }
      return sum.values();
    }
    for (int i = 0; i < 3; ++i) {
      set_step(i);
      enqueue();
    }
    return sum.values();
  };
  EXPECT_EQ(steps(false, true), steps(false, false));
  EXPECT_THAT(steps(false, true), Each(6.0f));
  EXPECT_NE(steps(true, true), steps(true, false));
}

TEST(EmulatedGraphs, ForkAndJoinAcrossStreams) {
  const auto run = [](bool with_wait) {
    return in_many_interleavings<Floats>([&] {
      const Stream origin, side;
      const Event forked, joined;
      const DeviceArray<float> a(Floats(kSize, 0.0f)), b(Floats(kSize, 0.0f)), c(Floats(kSize, 0.0f));
      const Graph graph(origin, [&] {
        launch_add({.stream = origin}, a.data(), 1);
        cuda_check(cudaEventRecord(forked, origin), "record an event");
        cuda_check(cudaStreamWaitEvent(side, forked), "fork");
        launch_copy({.stream = side}, b.data(), a.data());
        launch_fill({.stream = origin}, c.data(), 10);
        cuda_check(cudaEventRecord(joined, side), "record an event");
        if (with_wait) cuda_check(cudaStreamWaitEvent(origin, joined), "join");
        launch_copy({.stream = origin}, c.data(), b.data());
        if (!with_wait) cuda_check(cudaStreamWaitEvent(origin, joined), "join");
      });
      EXPECT_EQ(graph.nodes(), 4u);
      for (int i = 0; i < 3; ++i) graph.launch(origin);
      return c.values();
    });
  };
  EXPECT_TRUE(all_equal(run(true)));
  EXPECT_THAT(run(true)[0], Each(3.0f));
  EXPECT_FALSE(all_equal(run(false)));
}

TEST(EmulatedGraphs, UnjoinedForkIsAnError) {
  reset();
  const Stream origin, side;
  const Event forked;
  const DeviceArray<float> data(kSize);
  ASSERT_EQ(cudaStreamBeginCapture(origin, cudaStreamCaptureModeThreadLocal), cudaSuccess);
  ASSERT_EQ(cudaEventRecord(forked, origin), cudaSuccess);
  ASSERT_EQ(cudaStreamWaitEvent(side, forked), cudaSuccess);
  launch_fill({.stream = side}, data.data(), 1);
  cudaGraph_t graph = nullptr;
  EXPECT_EQ(cudaStreamEndCapture(origin, &graph), cudaErrorStreamCaptureUnjoined);
  EXPECT_EQ(graph, nullptr);
  launch_fill({.stream = side}, data.data(), 2);
  EXPECT_THAT(data.values(), Each(2.0f)) << "both streams are as before the capture";
}

TEST(EmulatedGraphs, LaunchesOfOneGraphDoNotOverlap) {
  const auto results = in_many_interleavings<Floats>([] {
    const Stream first, second;
    const DeviceArray<float> scratch(kSize), sum(Floats(kSize, 0.0f));
    const Graph graph(first, [&] {
      launch_fill({.stream = first}, scratch.data(), 1);
      launch_add({.stream = first}, scratch.data(), 1);
      launch_add_from({.stream = first}, sum.data(), scratch.data());
    });
    graph.launch(first);
    graph.launch(second);
    return sum.values();
  });
  EXPECT_THAT(results, Each(Each(4.0f)));
}

// Each call is illegal during a capture, and makes the capture invalid.
TEST(EmulatedGraphs, IllegalCallsInvalidateACapture) {
  reset();
  const DeviceArray<float> data(kSize);
  Floats host(kSize, 1.0f);
  const PinnedArray pinned(kSize);
  const Event before;
  cuda_check(cudaEventRecord(before, nullptr), "record an event");
  const Stream stream;
  float* pointer = nullptr;
  const std::vector<std::pair<std::function<cudaError_t()>, cudaError_t>> calls = {
      {[&] { return cudaStreamSynchronize(stream); }, cudaErrorStreamCaptureUnsupported},
      {[&] { return cudaStreamQuery(stream); }, cudaErrorStreamCaptureUnsupported},
      {[&] { return cudaDeviceSynchronize(); }, cudaErrorStreamCaptureUnsupported},
      {[&] { return cudaMalloc(&pointer, 4); }, cudaErrorStreamCaptureUnsupported},
      {[&] { return cudaMallocHost(&pointer, 4); }, cudaErrorStreamCaptureUnsupported},
      {[&] { return cudaFree(data.data()); }, cudaErrorStreamCaptureUnsupported},
      {[&] { return cudaMemcpy(data.data(), host.data(), data.bytes(), cudaMemcpyHostToDevice); },
       cudaErrorStreamCaptureUnsupported},
      {[&] { return cudaMemcpyAsync(data.data(), host.data(), data.bytes(), cudaMemcpyHostToDevice, stream); },
       cudaErrorStreamCaptureUnsupported},
      {[&] { return cudaStreamWaitEvent(stream, before); }, cudaErrorStreamCaptureIsolation},
  };
  for (std::size_t i = 0; i < calls.size(); ++i) {
    SCOPED_TRACE(i);
    ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), cudaSuccess);
    EXPECT_EQ(calls[i].first(), calls[i].second);
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    EXPECT_EQ(cudaStreamIsCapturing(stream, &status), cudaSuccess);
    EXPECT_EQ(status, cudaStreamCaptureStatusInvalidated);
    EXPECT_EQ(cudaMemsetAsync(data.data(), 0, 4, stream), cudaErrorStreamCaptureInvalidated);
    cudaGraph_t graph = nullptr;
    EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaErrorStreamCaptureInvalidated);
    EXPECT_EQ(graph, nullptr);
  }
  const Graph graph(stream, [&] {
    cuda_check(cudaMemcpyAsync(data.data(), pinned.data(), data.bytes(), cudaMemcpyHostToDevice, stream), "copy");
  });
  std::fill_n(pinned.data(), kSize, 8.0f);
  graph.launch(stream);
  EXPECT_THAT(data.values(), Each(8.0f)) << "a captured copy from pinned memory reads at every launch";
}

TEST(EmulatedGraphs, CapturedEventCannotBeWaitedForByTheHost) {
  reset();
  const Stream stream, other;
  const Event event, merged;
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), cudaSuccess);
  ASSERT_EQ(cudaEventRecord(event, stream), cudaSuccess);
  EXPECT_EQ(cudaEventSynchronize(event), cudaErrorCapturedEvent);
  EXPECT_EQ(cudaEventQuery(event), cudaErrorCapturedEvent);
  ASSERT_EQ(cudaStreamBeginCapture(other, cudaStreamCaptureModeThreadLocal), cudaSuccess);
  EXPECT_EQ(cudaStreamWaitEvent(other, event), cudaErrorStreamCaptureMerge);
  cudaGraph_t graph = nullptr;
  EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaErrorStreamCaptureInvalidated);
  EXPECT_EQ(cudaStreamEndCapture(other, &graph), cudaErrorStreamCaptureInvalidated);
  EXPECT_EQ(cudaStreamEndCapture(other, &graph), cudaErrorIllegalState);
  EXPECT_EQ(cudaStreamBeginCapture(nullptr, cudaStreamCaptureModeThreadLocal), cudaErrorStreamCaptureUnsupported);
}

}  // namespace
}  // namespace cuda_on_cpu
