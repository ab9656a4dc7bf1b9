// Run-steps a second of whole sweeps through engine/executor.h, against the number of runs, cell, hidden size and
// batch: caviar's side of the table whose other side is bench/peers/gpu_peers.py. bench/sweeps/side_by_side.py joins
// them.
//
//   bench_sweep_speed [--device cpu|cuda|cuda:0,2] [--threads N] [--streams 8] [--precision mixed,fp32]
//                     [--cell lstm,gru,rnn_tanh] [--hidden 64,..] [--batch 64,..] [--runs 4096,512,..]
//                     [--windows 5] [--window-seconds 0.3] [--budget 180] [--output FILE] [--plan 1]
//
// The default device is every GPU there is, else the cores; the default precisions are all that the device has.
//
// The work is the peers': bidirectional, one layer, final states, Adam with a learning rate of each run's own, 60,000
// random images of MNIST's size (speed does not depend on pixels). As many of the runs as the executor takes are in
// flight and none ends, so that a rate is that of steady state; a run-step is one optimizer update of one run. A window
// lasts at least --window-seconds and eight rungs of every run in flight; the rate is the median of the windows, spread
// is (highest - lowest) / median. Time to the first report, in which packs are made, is counted apart. Points go by
// importance until --budget is used up; what was left out is said.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "bench/sweeps/sweep_options.h"
#include "engine/devices.h"
#include "engine/local_executor.h"
#include "kernels/base/error.h"
#include "kernels/math/philox.h"

namespace {

using namespace caviar;
using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;

constexpr int kSteps = 28, kClasses = 10;
constexpr std::int64_t kExamples = 60'000, kValidation = 16;  // few: evaluation is not what is measured
constexpr std::int64_t kEndless = 1'000'000'000;
constexpr int kRungsPerWindow = 8;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

struct Point {
  std::string cell, precision;
  int hidden_size = 0, batch_size = 0;
  std::int64_t runs = 0;
};

struct Result {
  std::vector<double> rates;     // run-steps a second, one a window
  std::int64_t in_flight = 0;    // runs that made progress at the same time
  double seconds_to_report = 0;  // from the first submit to the first report
  std::int64_t bytes = 0;        // of the GPUs' memory, taken by anyone, while it ran
};

std::shared_ptr<const Dataset> random_images() {
  auto data = std::make_shared<Dataset>();
  data->name = "random";
  data->steps = data->features = kSteps;
  data->classes = kClasses;
  data->train.count = kExamples + kValidation;
  const std::int64_t bytes = data->train.count * kSteps * kSteps;
  data->train.features.resize(static_cast<std::size_t>(bytes));
  for (std::int64_t i = 0; i < bytes; i += 16) {
    const auto words = philox4x32(static_cast<std::uint32_t>(i / 16), 0, 0, 0, 1);
    const std::uint32_t all[4] = {words.x, words.y, words.z, words.w};
    for (std::size_t k = 0; k < 16; ++k)
      data->train.features[static_cast<std::size_t>(i) + k] = static_cast<std::uint8_t>(all[k / 4] >> (k % 4 * 8));
  }
  for (std::int64_t i = 0; i < data->train.count; ++i)
    data->train.labels.push_back(static_cast<std::uint8_t>(i % kClasses));
  return data;
}

std::unique_ptr<Executor> make_executor(const Options& options, const std::shared_ptr<const Dataset>& data) {
  if (options.device == "cpu") return make_local_executor(data, options.threads);
  GpuOptions gpu;
  gpu.gpus = options.gpus;
  gpu.streams = options.streams;
  gpu.say = [](const std::string& what) { std::fprintf(stderr, "%s\n", what.c_str()); };
  return make_gpu_executor(data, gpu);
}

std::int64_t gpu_bytes_taken(const Options& options) {
  std::int64_t taken = 0;
  if (options.device == "cpu") return taken;
  for (const Gpu& gpu : find_gpus().gpus)
    if (std::count(options.gpus.begin(), options.gpus.end(), gpu.number)) taken += gpu.memory_bytes - gpu.free_bytes;
  return taken;
}

// The runs of one point in flight in an executor, and what they have done.
class Load {
 public:
  Load(Executor& executor, const Point& point, std::int64_t first_run, std::int64_t rung_steps)
      : executor_(executor), point_(point), first_run_(first_run), rung_steps_(rung_steps) {
    submit();
  }

  // Waits for reports; the steps they add.
  std::int64_t advance() {
    const std::int64_t before = steps_;
    for (const Report& report : executor_.advance(std::chrono::seconds(1))) {
      std::int64_t& last = last_step_[report.run];
      steps_ += report.step - last;
      last = report.step;
      ++reports_;
      if (report.last) {  // diverged: another takes its place
        last_step_.erase(report.run);
        --live_;
      }
    }
    submit();
    return steps_ - before;
  }

  std::int64_t steps() const { return steps_; }
  std::int64_t reports() const { return reports_; }
  std::int64_t submitted() const { return next_; }
  std::int64_t reporting() const { return static_cast<std::int64_t>(last_step_.size()); }

 private:
  void submit() {
    while (live_ < point_.runs && executor_.room() > 0) {
      executor_.submit(order(next_));
      ++next_;
      ++live_;
    }
  }

  RunOrder order(std::int64_t n) const {
    RunOrder order;
    order.run = first_run_ + n;
    order.key.cell = kCells.at(point_.cell);
    order.key.hidden_size = point_.hidden_size;
    order.key.num_layers = 1;
    order.key.readout = Readout::kFinalStates;
    order.key.batch_size = point_.batch_size;
    order.key.precision = point_.precision;
    order.hyper.total_steps = kEndless;
    // From 1e-4 to 1e-2, as the peers'.
    const double place = (static_cast<double>(n % point_.runs) + 0.5) / static_cast<double>(point_.runs);
    order.hyper.learning_rate = static_cast<float>(std::pow(10.0, -4 + 2 * place));
    order.key.state_arrays = state_arrays(order.hyper);
    order.seeds.init = order.seeds.order = static_cast<std::uint64_t>(n);
    order.data.validation_examples = kValidation;
    order.rung_steps = rung_steps_;
    return order;
  }

  Executor& executor_;
  const Point& point_;
  std::int64_t first_run_, rung_steps_;
  std::int64_t next_ = 0, live_ = 0, steps_ = 0, reports_ = 0;
  std::map<std::int64_t, std::int64_t> last_step_;  // of each run in flight that reported
};

// Steps to a rung: at least 16, so that a device is not stopped at every step, if those do not take long.
std::int64_t choose_rung(double steps_per_second_of_a_run, double window_seconds) {
  const double wished = std::max(16.0, steps_per_second_of_a_run * window_seconds / (2 * kRungsPerWindow));
  return std::max<std::int64_t>(1, std::llround(std::min(wished, steps_per_second_of_a_run * window_seconds / 3)));
}

Result measure(Executor& executor, const Point& point, const Options& options, std::int64_t* next_run) {
  Result result;
  double rate_of_a_run = 0;
  {
    constexpr std::int64_t kProbeRung = 4;
    const auto start = Clock::now();
    Load probe(executor, point, *next_run, kProbeRung);
    while (probe.advance() == 0) continue;
    result.seconds_to_report = seconds_since(start);
    const auto warm = Clock::now();
    const std::int64_t before = probe.steps(), reports = probe.reports();
    while (seconds_since(warm) < options.window_seconds || probe.reports() == reports) probe.advance();
    rate_of_a_run = static_cast<double>(probe.steps() - before) / seconds_since(warm) /
                    static_cast<double>(std::max<std::int64_t>(1, probe.reporting()));
    executor.drain();
    *next_run += probe.submitted();
  }
  Load load(executor, point, *next_run, choose_rung(rate_of_a_run, options.window_seconds));
  const auto warm = Clock::now();
  while (seconds_since(warm) < options.window_seconds || load.reports() < 3 * load.reporting()) load.advance();
  while (static_cast<int>(result.rates.size()) < options.windows) {
    const auto start = Clock::now();
    const std::int64_t steps = load.steps(), reports = load.reports();
    double seconds = 0;
    while (seconds < options.window_seconds || load.reports() - reports < kRungsPerWindow * load.reporting()) {
      load.advance();
      seconds = seconds_since(start);
    }
    result.rates.push_back(static_cast<double>(load.steps() - steps) / seconds);
  }
  result.in_flight = load.reporting();
  result.bytes = gpu_bytes_taken(options);
  executor.drain();
  *next_run += load.submitted();
  return result;
}

// All points, the most important first: fewer runs, other cells and other sizes of the main shape, then the rest.
std::vector<Point> make_plan(const Options& options) {
  std::vector<std::pair<std::size_t, Point>> all;
  for (std::size_t c = 0; c < options.cells.size(); ++c)
    for (std::size_t h = 0; h < options.hidden_sizes.size(); ++h)
      for (std::size_t b = 0; b < options.batch_sizes.size(); ++b)
        for (std::size_t r = 0; r < options.runs.size(); ++r)
          for (const std::string& precision : options.precisions) {
            const std::size_t others = (c > 0) + (h > 0) + (b > 0) + (r > 0);
            all.push_back(
                {others * 100 + c * 4 + h * 3 + b * 5 + r,
                 {options.cells[c], precision, options.hidden_sizes[h], options.batch_sizes[b], options.runs[r]}});
          }
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Point> points;
  points.reserve(all.size());
  for (auto& [importance, point] : all) points.push_back(std::move(point));
  return points;
}

std::string name_of(const Point& p) {
  return p.cell + " H=" + std::to_string(p.hidden_size) + " B=" + std::to_string(p.batch_size) +
         " N=" + std::to_string(p.runs) + " " + p.precision;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
}

// The fields that gpu_peers.py writes.
Json entry_of(const Point& point, const Options& options) {
  return {{"framework", "caviar"},          {"form", "caviar"},    {"variant", options.device},
          {"precision", point.precision},   {"cell", point.cell},  {"hidden_size", point.hidden_size},
          {"batch_size", point.batch_size}, {"trials", point.runs}};
}

void add(Json& entry, const Result& result) {
  const double rate = median(result.rates);
  const auto [low, high] = std::minmax_element(result.rates.begin(), result.rates.end());
  entry["run_steps_per_second"] = rate;
  entry["samples_per_second"] = rate * entry["batch_size"].get<double>();
  entry["spread"] = (*high - *low) / rate;
  entry["windows"] = result.rates;
  entry["compile_seconds"] = result.seconds_to_report;
  entry["in_flight"] = result.in_flight;
  entry["peak_bytes"] = result.bytes ? Json(result.bytes) : Json(nullptr);
}

void print(const Json& entry) {
  std::printf("%-8s  %4d  %5d  %6lld  %-9s", entry["cell"].get<std::string>().c_str(), entry["hidden_size"].get<int>(),
              entry["batch_size"].get<int>(), entry["trials"].get<long long>(),
              entry["precision"].get<std::string>().c_str());
  if (entry.contains("error"))
    std::printf("  %s\n", entry["message"].get<std::string>().c_str());
  else
    std::printf("  %13.1f  %12.0f  %5.1f%%  %9lld  %8.2f\n", entry["run_steps_per_second"].get<double>(),
                entry["samples_per_second"].get<double>(), 100 * entry["spread"].get<double>(),
                entry["in_flight"].get<long long>(), entry["compile_seconds"].get<double>());
  std::fflush(stdout);
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  char text[16];
  std::strftime(text, sizeof text, "%Y-%m-%d", std::gmtime(&now));
  return text;
}

void write(const Options& options, const Json& points, const Json& left_out) {
  if (options.output.empty()) return;
  Json names = Json::array();
  for (const Gpu& gpu : find_gpus().gpus)
    if (std::count(options.gpus.begin(), options.gpus.end(), gpu.number)) names.push_back(gpu.name);
  const Json environment = {{"date", today()},
                            {"device", options.device},
                            {"gpus", names},
                            {"compiled_in", find_gpus().compiled_in},
                            {"streams", options.device == "cpu" ? Json(nullptr) : Json(options.streams)},
                            {"threads", options.device == "cpu" ? Json(options.threads) : Json(nullptr)},
                            {"windows", options.windows},
                            {"window_seconds", options.window_seconds},
                            {"budget", options.budget}};
  std::ofstream file(options.output);
  file << Json{{"environment", environment}, {"points", points}, {"left_out", left_out}}.dump(1) << '\n';
  if (!file.flush()) fail("Cannot write ", options.output, "; is there such a folder, and room?");
}

int run(const Options& options) {
  const std::vector<Point> plan = make_plan(options);
  if (options.plan) {
    for (const Point& point : plan) std::printf("%s\n", name_of(point).c_str());
    return 0;
  }
  Json points = Json::array(), left_out = Json::array();
  write(options, points, left_out);  // an output that cannot be written is known now, not after minutes
  const auto start = Clock::now();
  const auto data = random_images();
  std::unique_ptr<Executor> executor = make_executor(options, data);
  std::int64_t next_run = 0;
  double longest = 0;
  std::printf("%-8s  %4s  %5s  %6s  %-9s  %13s  %12s  %6s  %9s  %8s\n", "cell", "H", "B", "runs", "precision",
              "run-steps/s", "samples/s", "spread", "in flight", "start s");
  for (const Point& point : plan) {
    if (seconds_since(start) + longest > options.budget) {
      left_out.push_back(entry_of(point, options));
      continue;
    }
    const auto began = Clock::now();
    points.push_back(entry_of(point, options));
    try {
      add(points.back(), measure(*executor, point, options, &next_run));
    } catch (const std::exception& problem) {
      points.back()["error"] = dynamic_cast<const std::bad_alloc*>(&problem) ? "out of memory" : "error";
      points.back()["message"] = problem.what();
      executor = make_executor(options, data);
    }
    longest = std::max(longest, seconds_since(began));
    print(points.back());
    write(options, points, left_out);
  }
  write(options, points, left_out);
  if (!left_out.empty())
    std::printf("Left out, since the budget of %.0f s was used up: %zu of %zu points.\n", options.budget,
                left_out.size(), plan.size());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(parse(std::vector<std::string>(argv + 1, argv + argc)));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bench_sweep_speed: %s\n", e.what());
    return 1;
  }
}
