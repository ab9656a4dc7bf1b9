#include "app/carry_out.h"

#include <sched.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <thread>

#include <fmt/format.h>

#include "app/exit_code.h"
#include "app/interrupt.h"
#include "app/progress.h"
#include "app/ranking.h"
#include "app/version.h"
#include "engine/local_executor.h"
#include "kernels/base/error.h"
#include "tuner/names.h"
#include "tuner/registry.h"
#include "tuner/schedulers/none.h"
#include "tuner/storage/directory.h"
#include "tuner/study.h"

namespace caviar {

namespace {

constexpr std::size_t kRanksShown = 10;

// Cores this process may use.
int available_cores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

int threads_of(const CarryOutFlags& flags) {
  if (flags.device != "auto" && flags.device != "cpu")
    fail("--device is '", flags.device, "'; this build trains on 'cpu' ('auto' finds that by itself).");
  if (flags.threads < 0 || flags.threads > 1024)
    fail("--threads is ", flags.threads, "; it must be 1 to 1024, or 0 for one a core.");
  return flags.threads > 0 ? flags.threads : available_cores();
}

// Trials asked for: the flag, the caviar block, W&B's run_cap; empty when the space itself ends the sweep.
std::optional<std::int64_t> trials_of(const SweepSpec& spec, const CarryOutFlags& flags) {
  if (flags.count) {
    if (*flags.count < 0) fail("--count is ", *flags.count, "; it must be 0 (validate only) or more.");
    return flags.count;
  }
  if (spec.settings.count) return spec.settings.count;
  if (spec.run_cap) return spec.run_cap;
  if (spec.method == Method::kRandom)
    fail(spec.filename, ": random search has no end of its own; add `run_cap: 50` to the file or give --count 50.");
  return std::nullopt;
}

// A swept seed and repeats over seeds would mean the same runs twice over.
void check_seeds(const SweepSpec& spec, std::int64_t seeds) {
  if (seeds < 1) fail("--seeds is ", seeds, "; every trial needs at least 1.");
  if (seeds == 1) return;
  for (const ParameterSpec& p : spec.parameters)
    if (p.distribution != Distribution::kConstant && canonical_parameter(p.name).starts_with("seed"))
      fail(spec.filename, ":", p.line, ": '", p.name, "' is swept and every trial is to be repeated on ", seeds,
           " seeds; do one or the other: drop the parameter, or --seeds.");
}

bool validate_on_test(const SweepSpec& spec, const CarryOutFlags& flags) {
  if (!flags.validate_on) return spec.settings.validate_on_test;
  return *flags.validate_on == "test";
}

StudySetup make_setup(const SweepSpec& spec, const CarryOutFlags& flags, const Dataset& data) {
  StudySetup setup;
  setup.record.spec_name = spec.filename;
  setup.record.spec = spec.text;
  setup.record.sweep_seed = flags.sweep_seed.value_or(spec.settings.sweep_seed.value_or(0));
  setup.record.trials = trials_of(spec, flags);
  setup.record.seeds = flags.seeds.value_or(spec.settings.seeds.value_or(1));
  setup.record.metric = spec.metric_or_default().name;
  setup.record.maximize = spec.metric_or_default().goal == Goal::kMaximize;
  setup.record.validate_on_test = validate_on_test(spec, flags);
  setup.record.data_name = data.name;
  setup.record.data_digest = data.digest;
  setup.record.numerics = kNumericsFp32;
  setup.record.caviar_version = kVersion;
  setup.use.validation_examples = spec.settings.validation_examples;
  setup.use.validate_on_test = setup.record.validate_on_test;
  setup.shape = {data.train.count, data.test.count, data.digest};
  setup.target = spec.metric_or_default().target;
  return setup;
}

// Nothing is overwritten by accident.
void check_directory(const std::filesystem::path& study, bool resume) {
  const bool there = std::filesystem::exists(StudyDirectory::database_in(study));
  if (there && !resume)
    fail(study.string(), " holds a study already; go on with it by --resume, or name another directory with --study.");
  if (!there && resume)
    fail(study.string(),
         " holds no study to resume; leave --resume out to start one, or name its directory with --study.");
}

void say_validated(const SweepSpec& spec, const CarryOutFlags& flags) {
  const SearchSpace space(spec);
  const auto sampler = make_sampler(spec, space, 0);
  fmt::print("{} is valid: {} parameters, ", spec.filename, spec.parameters.size());
  if (sampler->size() >= 0)
    fmt::print("a grid of {} points", sampler->size());
  else
    fmt::print("random search");
  fmt::print(", ranked by {} ({}). Nothing was trained (--count 0).\n", spec.metric_or_default().name,
             spec.metric_or_default().goal == Goal::kMaximize ? "maximize" : "minimize");
  if (validate_on_test(spec, flags)) fmt::print("It would validate on the test set.\n");
}

}  // namespace

void add_carry_out_flags(CLI::App& command, CarryOutFlags& flags) {
  command.add_option("--data", flags.data,
                     "data set: a name from `caviar data list`, or a directory of IDX files [mnist]");
  command.add_option("--study", flags.study, "directory of the study, made when it is not there [studies/<name>]");
  command.add_option("--seeds", flags.seeds, "runs a trial, each on another seed; the same seeds for every trial [1]");
  command.add_option("--device", flags.device, "where to train: auto or cpu [auto]");
  command.add_option("--threads", flags.threads, "worker threads; results do not depend on it [one a core]");
  command
      .add_option(
          "--validate-on", flags.validate_on,
          "examples that rank the trials: validation (10,000 carved from the training set) or test (to reproduce "
          "studies that tuned on the test set) [validation]")
      ->check(CLI::IsMember({"validation", "test"}));
  command.add_flag("--resume", flags.resume, "go on with the study in the directory");
}

int carry_out(const SweepSpec& spec, const CarryOutFlags& flags, const std::string& default_study) {
  for (const std::string& warning : spec.warnings) fmt::print(stderr, "warning: {}\n", warning);
  require_runnable(spec);
  check_parameters(spec);
  const std::int64_t seeds = flags.seeds.value_or(spec.settings.seeds.value_or(1));
  check_seeds(spec, seeds);
  const int threads = threads_of(flags);
  if (trials_of(spec, flags) == 0) {
    say_validated(spec, flags);
    return kExitDone;
  }
  const std::filesystem::path path = flags.study.value_or(default_study);
  check_directory(path, flags.resume);

  const auto data =
      std::make_shared<const Dataset>(load_dataset(flags.data.value_or(spec.settings.data.value_or("mnist"))));
  StudySetup setup = make_setup(spec, flags, *data);
  if (setup.record.validate_on_test)
    fmt::print("Validating on the test set (--validate-on test): scores will be too good.\n");
  const StudyDirectory directory = StudyDirectory::open_to_write(path);
  setup.checkpoints = directory.checkpoints();
  const StudyRecord record = setup.record;
  Storage storage = Storage::open_to_write(directory.database());
  const SearchSpace space(spec);
  const auto sampler = make_sampler(spec, space, record.sweep_seed);
  NoScheduler scheduler;
  const auto executor = make_local_executor(data, threads);
  Study study(std::move(setup), storage, *sampler, scheduler, *executor);

  fmt::print("{}: {} on {} ({} training, {} test examples), {} thread{}, study in {}\n", spec.filename,
             spec.method == Method::kGrid ? "grid search" : "random search", data->name, data->train.count,
             data->test.count, threads, threads == 1 ? "" : "s", path.string());
  std::fflush(stdout);
  ProgressLine line(record.metric);
  study.on_progress = [&](const Progress& p) { line.update(p); };
  study.on_notice = [&](const std::string& text) { line.notice(text); };
  StudyOutcome outcome;
  {
    const InterruptGuard guard(study);
    outcome = study.carry_out();
  }
  line.finish();

  fmt::print("\n{}", ranking_table(storage, study.history(), record, kRanksShown));
  if (outcome == StudyOutcome::kDrained) {
    fmt::print("\nPut down; nothing is lost. Go on with the same command and --resume.\n");
    return kExitDrained;
  }
  fmt::print("\nThe study is in {}; see all of it with: caviar show {}\n", path.string(), path.string());
  if (study.history().failed() == 0) return kExitDone;
  fmt::print("{} trials could not be trained; `caviar show {} --trial N` says why.\n", study.history().failed(),
             path.string());
  return kExitPartial;
}

}  // namespace caviar
