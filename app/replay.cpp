// caviar replay STUDY: trains recorded runs again and compares the bits.
#include "tuner/replay.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "app/carry_out.h"
#include "app/commands.h"
#include "app/final_weights.h"
#include "app/numbers.h"
#include "app/text.h"
#include "kernels/base/error.h"
#include "tuner/numerics/draws.h"

namespace caviar {
namespace {

constexpr const char* kFooter = R"(
A run is trained again from what the study recorded of it, and every report and the digest of its final weights are
compared, bit for bit. A run that a scheduler stopped is trained to its stop; it has no digest (-), only reports. A
member of a population needs the weights of those it goes on from, which are trained again too.

Exit codes: 0 all are the same, 1 one differs (or another error), 2 wrong command line.

Examples:
  caviar replay studies/first 1 7
  caviar replay studies/first --sample 5 --device cuda)";

struct Options {
  CarryOutFlags flags;
  std::vector<std::int64_t> runs;
  bool all = false;
  std::optional<std::int64_t> sample;
};

// Every run there is something to repeat of.
std::vector<std::int64_t> replayable_runs(Storage& storage) {
  std::vector<std::int64_t> runs;
  std::int64_t others = 0;
  storage.for_each_run([&](const RunRecord& run) {
    if (can_be_replayed(storage, run))
      runs.push_back(run.id);
    else
      ++others;
  });
  if (others > 0)
    fmt::print("{} not finished, or ended before a first report: left out\n", show_number_of(others, "run"));
  return runs;
}

// `count` of the runs, in their order: always the same ones of the same study.
std::vector<std::int64_t> sample_of(std::vector<std::int64_t> runs, std::int64_t count, std::uint64_t sweep_seed) {
  Draws draws(sweep_seed, 0, "replay");
  const auto size = static_cast<std::int64_t>(runs.size());
  count = std::min(count, size);
  for (std::int64_t i = 0; i < count; ++i)
    std::swap(runs[static_cast<std::size_t>(i)], runs[static_cast<std::size_t>(i + draws.below(size - i))]);
  runs.resize(static_cast<std::size_t>(count));
  std::sort(runs.begin(), runs.end());
  return runs;
}

std::vector<std::int64_t> chosen_runs(Storage& storage, const Options& options, const StudyRecord& study) {
  if (options.all) return replayable_runs(storage);
  if (options.sample) return sample_of(replayable_runs(storage), *options.sample, study.sweep_seed);
  std::vector<std::int64_t> runs = options.runs;
  std::sort(runs.begin(), runs.end());
  runs.erase(std::unique(runs.begin(), runs.end()), runs.end());
  return runs;
}

void print_run(const FinishedRun& run) {
  const auto shown = [](const std::string& digest) { return digest.empty() ? std::string("-") : digest; };
  fmt::print("{:>8}  {:32}  {:32}  {}\n", run.run, shown(run.recorded), shown(run.now),
             run.same() ? "same" : "DIFFERS");
  if (!run.same()) fmt::print("          {}\n", run.difference);
  std::fflush(stdout);
}

int replay_study(const Options& options) {
  if (!options.all && !options.sample && options.runs.empty())
    fail("say which runs to train again: their numbers (`caviar show ", options.flags.study,
         " --trial N` lists those of a trial), --all, or --sample N");
  Storage storage = open_study(options.flags.study);
  const StudyRecord study = storage.study().value();
  const std::vector<std::int64_t> runs = chosen_runs(storage, options, study);
  if (runs.empty())
    fail(storage.file(), ": no run has finished yet, so there is nothing to repeat; wait for the sweep");
  const std::shared_ptr<const Dataset> data = data_of_study(study, options.flags);
  const DeviceChoice devices = devices_of(options.flags);
  const std::string precision = study.numerics.substr(0, study.numerics.find('/'));
  const std::unique_ptr<Executor> executor = make_executor(data, devices);
  const auto starts = [&] {
    fmt::print("{} of {} trained again on {}\n", show_number_of(static_cast<std::int64_t>(runs.size()), "run"),
               options.flags.study, show_devices(devices));
    fmt::print("{:>8}  {:32}  {:32}\n", "run", "recorded", "now");
  };
  std::map<std::int64_t, FinishedRun> ended;  // and not yet shown: they are shown in order
  std::size_t shown = 0, different = 0;
  const auto over = [&](FinishedRun run) {
    run.state_now.clear();
    ended.emplace(run.run, std::move(run));
    for (; shown < runs.size() && ended.contains(runs[shown]); ++shown) {
      print_run(ended.at(runs[shown]));
      different += !ended.at(runs[shown]).same();
      ended.erase(runs[shown]);
    }
  };
  replay(storage, runs, {data->train.count, data->test.count, data->digest}, numerics_of(devices, precision), *executor,
         over, starts);
  if (different > 0) {
    fmt::print("{} of {} {}\n", different, show_number_of(static_cast<std::int64_t>(runs.size()), "run"),
               different == 1 ? "differs" : "differ");
    return kExitError;
  }
  fmt::print("all the same, bit for bit\n");
  return kExitDone;
}

}  // namespace

void add_replay(CLI::App& program, int& exit_code) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = program.add_subcommand("replay", "Train recorded runs again and compare the bits");
  command->add_option("study", options->flags.study, "directory of the study")->required();
  auto* runs = command->add_option("runs", options->runs, "numbers of runs");
  auto* all = command->add_flag("--all", options->all, "every run of the study")->excludes(runs);
  command->add_option("--sample", options->sample, "so many of them, drawn by chance: always the same ones")
      ->check(whole_from(1))
      ->excludes(runs)
      ->excludes(all);
  command->add_option("--data", options->flags.data, "data set, as `caviar sweep` has it [default: the study's]");
  add_device_flags(*command, options->flags);
  command->footer(kFooter);
  command->callback([options, &exit_code] { exit_code = replay_study(*options); });
}

}  // namespace caviar
