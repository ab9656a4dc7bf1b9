#include "bench/kernels/support/harness.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>

#include "bench/kernels/support/roofline.h"

namespace caviar::bench {
namespace {

constexpr double kWindow = 1e-3;   // seconds between two events: far more than their resolution, half a microsecond
constexpr double kWarmUp = 20e-3;  // seconds before a measurement, for clocks and caches
constexpr int kPeerWindows = 5;    // there are many ways to call a peer

// Of the run: set when it starts.
struct Device {
  cudaStream_t stream = nullptr;
  Roofline roofline;
  double free_bytes = 0;
  bool something_failed = false;
} device;

struct NamedCase {
  std::string name;
  double device_bytes = 0;
  std::function<std::unique_ptr<Case>()> make;
};
std::vector<NamedCase> cases;

class Timer {
 public:
  Timer() {
    cuda_check(cudaEventCreate(&began_), "create an event");
    cuda_check(cudaEventCreate(&ended_), "create an event");
  }
  ~Timer() {
    cudaEventDestroy(began_);
    cudaEventDestroy(ended_);
  }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Seconds that `count` calls take on the stream.
  double seconds(const Enqueue& enqueue, cudaStream_t stream, int count) {
    cuda_check(cudaEventRecord(began_, stream), "record an event");
    for (int i = 0; i < count; ++i) enqueue(stream);
    cuda_check(cudaEventRecord(ended_, stream), "record an event");
    cuda_check(cudaEventSynchronize(ended_), "wait for an event");
    float milliseconds = 0;
    cuda_check(cudaEventElapsedTime(&milliseconds, began_, ended_), "read a time");
    return 1e-3 * static_cast<double>(milliseconds);
  }

 private:
  cudaEvent_t began_{}, ended_{};
};

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Warms up, and says how many calls fill a window.
int calls_per_window(Timer& timer, const Enqueue& enqueue, cudaStream_t stream) {
  timer.seconds(enqueue, stream, 1);
  double spent = 0, last = 0;
  int count = 1;
  while (spent < kWarmUp) {
    last = timer.seconds(enqueue, stream, count);
    spent += last;
    if (last < kWindow) count *= 2;
  }
  return std::clamp(static_cast<int>(std::ceil(kWindow / (last / count))), 1, 1000);
}

void report(benchmark::State& state, const Work& work, double seconds, const std::vector<Peer>& peers) {
  if (work.bytes > 0) state.counters["GB/s"] = 1e-9 * work.bytes / seconds;
  if (work.operations > 0) state.counters["TFLOP/s"] = 1e-12 * work.operations / seconds;
  if (work.run_steps > 0) state.counters["run_steps/s"] = work.run_steps / seconds;
  const double least = std::max(work.bytes / device.roofline.copy_bytes_per_second,
                                work.operations / device.roofline.peak(work.precision));
  state.counters["roofline"] = least / seconds;
  if (peers.empty()) return;
  double best = INFINITY;
  std::string name;
  for (const Peer& peer : peers)
    if (const double s = seconds_of(peer.enqueue, device.stream, kPeerWindows) / peer.share; s < best) {
      best = s;
      name = peer.name;
    }
  state.counters["peer_us"] = 1e6 * best;
  state.counters["ratio"] = best / seconds;
  state.SetLabel(name);
}

void measure(benchmark::State& state, Case& c) {
  if (const std::string difference = check(c, device.stream); !difference.empty()) fail(difference);
  const Enqueue enqueue = [&c](cudaStream_t stream) { c.on_gpu(Cuda{stream}); };
  Timer timer;
  const int calls = calls_per_window(timer, enqueue, device.stream);
  std::vector<double> windows;
  for ([[maybe_unused]] auto _ : state) {
    windows.push_back(timer.seconds(enqueue, device.stream, calls) / calls);
    state.SetIterationTime(windows.back());
  }
  report(state, c.work(), median(windows), c.peers());
}

std::string in_units(double value, double unit, const char* name) {
  char text[64];
  std::snprintf(text, sizeof text, "%.4g %s", value / unit, name);
  return text;
}

bool find_gpu() {
  int count = 0;
  if (const cudaError_t status = cudaGetDeviceCount(&count); status != cudaSuccess || count == 0) {
    std::printf("no GPU here (%s): nothing was measured\n",
                status == cudaSuccess ? "CUDA counts none" : cudaGetErrorString(status));
    return false;
  }
  cuda_check(cudaStreamCreate(&device.stream), "create a stream");
  std::size_t free = 0, total = 0;
  cuda_check(cudaMemGetInfo(&free, &total), "say how much memory is free");
  device.free_bytes = static_cast<double>(free);
  return true;
}

void measure_device() {
  check_roofline_kernels(device.stream);
  device.roofline = measure_roofline(device.stream);
  const Roofline& r = device.roofline;
  benchmark::AddCustomContext("roofline_copy", in_units(r.copy_bytes_per_second, 1e9, "GB/s"));
  benchmark::AddCustomContext("roofline_fp32", in_units(r.fp32_operations_per_second, 1e12, "TFLOP/s"));
  benchmark::AddCustomContext("roofline_tensor", in_units(r.tensor_operations_per_second, 1e12, "TFLOP/s"));
}

void benchmark_case(benchmark::State& state, const NamedCase& c) {
  if (c.device_bytes > 0.8 * device.free_bytes) {
    state.SkipWithError(cat("takes ", static_cast<std::int64_t>(c.device_bytes / 1e9), " GB; the device has ",
                            static_cast<std::int64_t>(device.free_bytes / 1e9), " free")
                            .c_str());
    return;
  }
  try {
    measure(state, *c.make());
  } catch (const std::exception& error) {
    device.something_failed = true;
    state.SkipWithError(error.what());
  }
}

// Compares, and measures nothing.
void check_case(const NamedCase& c) {
  std::string difference;
  try {
    difference = check(*c.make(), device.stream);
  } catch (const std::exception& error) {
    difference = error.what();
  }
  std::printf("%s: %s\n", c.name.c_str(), difference.empty() ? "agrees with the CPU" : difference.c_str());
  if (!difference.empty()) device.something_failed = true;
}

}  // namespace

std::string check(Case& c, cudaStream_t stream) {
  for (int s = 0; s < std::min(c.slots(), kDistinct); ++s) c.on_cpu(s);
  c.on_gpu(Cuda{stream});
  cuda_check(cudaStreamSynchronize(stream), "wait for the op");
  return c.compare();
}

double seconds_of(const Enqueue& enqueue, cudaStream_t stream, int windows) {
  Timer timer;
  const int calls = calls_per_window(timer, enqueue, stream);
  std::vector<double> seconds;
  for (int i = 0; i < windows; ++i) seconds.push_back(timer.seconds(enqueue, stream, calls) / calls);
  return median(seconds);
}

Enqueue as_graph(const Enqueue& enqueue) {
  cudaStream_t stream{};
  cuda_check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "create a stream");
  cudaGraph_t graph{};
  cudaGraphExec_t executable{};
  bool captured = false;
  if (cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal) == cudaSuccess) {
    try {
      enqueue(stream);
      captured = true;
    } catch (const Error&) {  // a library that allocates or waits cannot be captured
    }
    captured = cudaStreamEndCapture(stream, &graph) == cudaSuccess && captured &&
               cudaGraphInstantiate(&executable, graph, 0) == cudaSuccess;
  }
  if (graph) cudaGraphDestroy(graph);
  cudaStreamDestroy(stream);
  static_cast<void>(cudaGetLastError());
  if (!captured) return {};
  const std::shared_ptr<CUgraphExec_st> owner(executable, [](cudaGraphExec_t e) { cudaGraphExecDestroy(e); });
  return [owner, enqueue](cudaStream_t on) { cuda_check(cudaGraphLaunch(owner.get(), on), "launch a graph"); };
}

void add_case(const std::string& name, double device_bytes, std::function<std::unique_ptr<Case>()> make) {
  cases.push_back({name, device_bytes, std::move(make)});
}

int run(int argc, char** argv, const std::function<void(Sizes)>& register_cases) {
  try {
    if (argc == 2 && std::string(argv[1]) == "--check_only") {
      if (!find_gpu()) return 2;
      check_roofline_kernels(device.stream);
      register_cases(Sizes::kSmall);
      for (const NamedCase& c : cases) check_case(c);
    } else {
      benchmark::Initialize(&argc, argv);
      if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
      if (!find_gpu()) return 2;
      measure_device();
      register_cases(Sizes::kMeasured);
      for (const NamedCase& c : cases)
        benchmark::RegisterBenchmark(c.name.c_str(), [&c](benchmark::State& state) { benchmark_case(state, c); })
            ->UseManualTime()
            ->Unit(benchmark::kMicrosecond)
            ->Iterations(kWindows);
      benchmark::RunSpecifiedBenchmarks();
    }
    return device.something_failed ? 1 : 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}

std::string first_row_beyond(const char* what, Rows<float>& rows, double bound) {
  for (int s = 0; s < rows.distinct(); ++s) {
    const std::vector<float> actual = rows.download(s);
    const float* expected = rows.host_row(s);
    double error = 0, norm = 0;
    for (std::size_t i = 0; i < actual.size(); ++i) {
      const double d = static_cast<double>(actual[i]) - static_cast<double>(expected[i]);
      error += d * d;
      norm += static_cast<double>(expected[i]) * static_cast<double>(expected[i]);
    }
    const double relative = norm > 0 ? std::sqrt(error / norm) : std::sqrt(error);
    if (!(relative <= bound))
      return cat(what, " of slot ", s, " is off by ", relative, " of its norm; ", bound, " is allowed.");
  }
  return "";
}

}  // namespace caviar::bench
