// What a trial costs beside its training: sampling, binding, storage, scheduling, on the fake executor whose training
// takes no time. The targets are under 1 ms and at most 300 bytes of memory a trial, with 100,000 trials on a disk.
//
//   bench_overhead [TRIALS] [DIRECTORY] [SAMPLER] [SCHEDULER]      prints one JSON object
//
// SAMPLER and SCHEDULER as a sweep file names them, with settings after commas: tpe, or asha,max_iter=9. Without them
// random and none. A trial reports once, with a scheduler 9 times.
#include <malloc.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "engine/fake_executor.h"
#include "tuner/registry.h"
#include "tuner/space.h"
#include "tuner/spec/spec.h"
#include "tuner/storage/directory.h"
#include "tuner/study.h"

namespace {

using namespace caviar;

constexpr const char* kSweep =
    "method: random\n"
    "parameters:\n"
    "  learning_rate: {distribution: log_uniform_values, min: 1e-4, max: 1e-1}\n"
    "  weight_decay: {distribution: log_uniform_values, min: 1e-6, max: 1e-2}\n"
    "  hidden_size: {values: [8, 16, 32, 64]}\n"
    "  epochs: {value: ";
constexpr std::int64_t kWindow = 256;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Bytes the program has allocated and not freed.
std::size_t allocated() { return mallinfo2().uordblks + mallinfo2().hblkhd; }

struct Cost {
  double seconds = 0, resume_seconds = 0;
  std::size_t bytes = 0;
};

struct Search {
  std::string sampler = "random", scheduler = "none";
};

Cost carry_out(const std::filesystem::path& path, std::int64_t trials, const Search& search) {
  const std::string text = std::string(kSweep) + (search.scheduler == "none" ? "1" : "9") + "}\n";
  SweepSpec spec = parse_sweep(text, "overhead.yaml");
  spec.settings.sampler = parse_choice("SAMPLER", search.sampler);
  spec.settings.scheduler = parse_choice("SCHEDULER", search.scheduler);
  const SearchSpace space(spec);
  StudySetup setup;
  setup.record.spec = text;
  setup.record.metric = "val_accuracy";
  setup.record.trials = trials;
  setup.record.data_digest = "0123456789abcdef0123456789abcdef";
  setup.record.numerics = "fake/1";
  setup.use.validation_examples = 100;
  setup.window = kWindow;
  setup.shape = {1100, 100, setup.record.data_digest};
  const StudyDirectory directory = StudyDirectory::open_to_write(path);
  setup.checkpoints = directory.checkpoints();
  Cost cost;
  for (const bool again : {false, true}) {
    Storage storage = Storage::open_to_write(directory.database());
    const SearchScope scope{1, kWindow, trials, 1, true};
    const auto sampler = make_sampler(spec, space, scope);
    const auto scheduler = make_scheduler(spec, scope);
    FakeOptions options;
    options.workers = 64;
    options.waiting = 64;
    options.examples = 1000;
    FakeExecutor executor(options);
    Study study(setup, storage, *sampler, *scheduler, executor);
    const std::size_t before = allocated();
    const auto start = std::chrono::steady_clock::now();
    study.carry_out();
    (again ? cost.resume_seconds : cost.seconds) = seconds_since(start);
    if (!again) cost.bytes = allocated() - before;
  }
  return cost;
}

}  // namespace

int main(int argc, char** argv) {
  const std::int64_t trials = argc > 1 ? std::strtoll(argv[1], nullptr, 10) : 100'000;
  std::string place = (std::filesystem::path(argc > 2 ? argv[2] : ".") / "caviar_overhead_XXXXXX").string();
  if (!::mkdtemp(place.data())) {
    std::fprintf(stderr, "bench_overhead: cannot make a directory %s\n", place.c_str());
    return 1;
  }
  Search search;
  if (argc > 3) search.sampler = argv[3];
  if (argc > 4) search.scheduler = argv[4];
  const Cost cost = carry_out(place, trials, search);
  const auto disk = std::filesystem::file_size(StudyDirectory::database_in(place));
  std::filesystem::remove_all(place);
  std::printf(
      "{\"trials\": %lld, \"sampler\": \"%s\", \"scheduler\": \"%s\", \"seconds\": %.3f, \"ms_per_trial\": %.4f, "
      "\"heap_bytes_per_trial\": %.1f, "
      "\"disk_bytes_per_trial\": %.1f, \"resume_seconds\": %.3f, \"synchronous\": \"FULL\"}\n",
      static_cast<long long>(trials), search.sampler.c_str(), search.scheduler.c_str(), cost.seconds,
      1e3 * cost.seconds / static_cast<double>(trials), static_cast<double>(cost.bytes) / static_cast<double>(trials),
      static_cast<double>(disk) / static_cast<double>(trials), cost.resume_seconds);
  return 0;
}
