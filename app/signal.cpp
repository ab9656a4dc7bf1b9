// caviar signal FILE: do the configs of a sweep differ by more than the seed makes any one of them differ?
#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "app/carry_out.h"
#include "app/commands.h"
#include "app/output_aside.h"
#include "app/signal_findings.h"
#include "kernels/base/error.h"
#include "tuner/metric.h"
#include "tuner/registry.h"
#include "tuner/space.h"
#include "tuner/spec/spec.h"

namespace caviar {
namespace {

constexpr const char* kFooter = R"(
Signal: the configs of FILE on --seeds seeds each, a study in DIR/signal. Noise: one config on --noise-seeds other
seeds, in DIR/noise-<its trial>, or that of a file. Of all seeds, init, order, dropout and augment move; the split
stays. It is decided by Kruskal-Wallis, whether the configs lie apart by more than their seeds do; how far, by one-way
random effects.
--as-the-original has one seed a config, as the report had that this command is named after ("Scrying for Significance",
2020); it can compare two spreads only, and says what that cannot show.

--json has signal and noise (a list) {trials or trial, scores, mean, sd, sd_interval, failed, diverged, stopped,
unfinished}, effect, kruskal_wallis, brown_forsythe_of_configs, against_noise, histogram {edges, counts}, verdict:
"differ", "could be noise" or, of one seed a config, "spread is larger"; null where there is too little for a number.

Exit codes: as of `caviar sweep`; --resume goes on, and on a finished study prints again.

Examples:
  caviar signal examples/birnn_mnist.yaml --seeds 3 --noise-seeds 30
  caviar signal examples/scrying.yaml --as-the-original --noise-seeds 210 --noise-of middle)";

constexpr std::uint64_t kFreshSeeds = 1'000'000;  // added to the seeds of the signal

struct Options {
  std::string file, directory;
  std::optional<std::string> noise_file;
  CarryOutFlags flags;
  std::optional<std::int64_t> noise_seeds;
  std::vector<std::string> noise_of = {"0"};
  std::optional<std::string> metric;
  bool original = false, json = false;
};

std::string signal_directory(const Options& options) { return options.directory + "/signal"; }
std::string noise_directory(const Options& options, std::optional<std::int64_t> trial) {
  return options.directory + "/noise" + (trial ? fmt::format("-{}", *trial) : "");
}

std::int64_t noise_trial(const std::string& word, std::int64_t trials) {
  if (word == "middle") return (trials - 1) / 2;
  std::int64_t number = -1;
  try {
    std::size_t end = 0;
    number = std::stoll(word, &end);
    if (end != word.size()) number = -1;
  } catch (const std::exception&) {
    number = -1;
  }
  if (number < 0 || number >= trials)
    fail("--noise-of ", word, ": name a trial of the sweep, 0 to ", trials - 1, ", or middle");
  return number;
}

// The trials whose configs are the noise; one that is empty for the noise of a file.
std::vector<std::optional<std::int64_t>> noise_trials(const Options& options, std::int64_t trials) {
  if (options.noise_file) return {std::nullopt};
  std::vector<std::optional<std::int64_t>> chosen;
  for (const std::string& word : options.noise_of) chosen.emplace_back(noise_trial(word, trials));
  return chosen;
}

SweepSpec load_noise(const std::string& file) {
  SweepSpec spec = load_sweep(file);
  if (make_sampler(spec, SearchSpace(spec), {})->size() != 1)
    fail(file, ": the noise is one config on many seeds; leave one value to every parameter");
  return spec;
}

// The sweep of one point that repeats the config of a recorded trial from fresh seeds on.
SweepSpec noise_sweep(const StudyRecord& study, Config config, const RunRecord& first, const std::string& name) {
  for (const char* seed : {"seed", "seed_init", "seed_order", "seed_dropout", "seed_augment", "seed_split"})
    config.erase(seed);
  std::string text = fmt::format("method: grid\nmetric: {{name: {}, goal: {}}}\nparameters:\n", study.metric,
                                 study.maximize ? "maximize" : "minimize");
  for (const auto& [key, value] : config) text += fmt::format("  {}: {{value: {}}}\n", key, value.dump());
  const Seeds& seeds = first.seeds;
  for (const auto& [key, seed] : {std::pair("init", seeds.init), std::pair("order", seeds.order),
                                  std::pair("dropout", seeds.dropout), std::pair("augment", seeds.augment)})
    text += fmt::format("  seed_{}: {{value: {}}}\n", key, seed + kFreshSeeds);
  text += fmt::format("  seed_split: {{value: {}}}\n", seeds.split);
  return parse_sweep(text, name);
}

// Carries one part out; 0 or the exit code it ends with.
int carry_out_part(const SweepSpec& spec, const CarryOutFlags& flags) {
  return carry_out(spec, flags, [](Storage&) {});
}

// The first run of a trial.
RunRecord first_run(Storage& signal, std::int64_t trial) {
  std::optional<RunRecord> first;
  signal.for_each_repeat_of(trial, [&](const RepeatRecord& repeat) {
    if (!first) first = signal.run(repeat.run);
  });
  if (!first) fail(signal.file(), ": trial ", trial, " could not be trained; name another with --noise-of");
  return *first;
}

// What both parts have in common is as the signal was recorded.
CarryOutFlags noise_flags(const Options& options, const SweepSpec& spec, Storage& signal) {
  const StudyRecord study = signal.study().value();
  CarryOutFlags flags = options.flags;
  flags.count.reset();
  flags.window.reset();
  flags.sampler.reset();
  flags.scheduler.reset();
  flags.enqueue.clear();
  flags.seeds = options.noise_seeds.value_or(options.original ? std::max<std::int64_t>(2, signal.trial_count()) : 30);
  flags.validate_on = study.validate_on_test ? "test" : "validation";
  flags.precision = study.numerics.substr(0, study.numerics.find('/'));
  if (!flags.data) flags.data = spec.settings.data;
  return flags;
}

int carry_out_noise(const Options& options, const SweepSpec& spec) {
  Storage signal = open_study(signal_directory(options));
  CarryOutFlags flags = noise_flags(options, spec, signal);
  for (const std::optional<std::int64_t>& trial : noise_trials(options, signal.trial_count())) {
    const RunRecord first = first_run(signal, trial.value_or(0));
    flags.validation_examples = Value::parse(first.canonical).at("validation_examples").get<std::int64_t>();
    flags.study = noise_directory(options, trial);
    const SweepSpec noise = options.noise_file
                                ? load_noise(*options.noise_file)
                                : noise_sweep(signal.study().value(), signal.trial(*trial)->trial.config, first,
                                              fmt::format("trial {} of {}", *trial, spec.filename));
    if (const int code = carry_out_part(noise, flags); code != kExitDone) return code;
  }
  return kExitDone;
}

int signal_study(Options options) {
  const SweepSpec spec = load_sweep(options.file);
  if (options.noise_file) load_noise(*options.noise_file);      // an error now, not after the signal
  if (options.metric) metric_value(Report{}, *options.metric);  // an error for one that does not exist
  if (options.directory.empty())
    options.directory =
        (std::filesystem::path("studies") / (std::filesystem::path(options.file).stem().string() + "-signal")).string();
  int code = kExitDone;
  {
    const OutputAside aside(options.json);
    std::filesystem::create_directories(options.directory);
    CarryOutFlags flags = options.flags;
    flags.study = signal_directory(options);
    if (options.original)
      flags.seeds = 1;
    else if (!flags.seeds)
      flags.seeds = spec.settings.seeds.value_or(3);
    code = carry_out_part(spec, flags);
    if (code != kExitDone && code != kExitPartial) return code;
    if (const int ended = carry_out_noise(options, spec); ended != kExitDone) return ended;
  }
  Storage recorded = open_study(signal_directory(options));
  std::vector<NoiseStudy> noise;
  for (const auto& trial : noise_trials(options, recorded.trial_count()))
    noise.push_back({noise_directory(options, trial), trial});
  const Findings found = look(signal_directory(options), noise, options.metric);
  if (options.json) {
    print_json(found);
    return code;
  }
  print_findings(found);
  return code;
}

}  // namespace

void add_signal(CLI::App& program, int& exit_code) {
  const auto options = std::make_shared<Options>();
  CLI::App* command =
      program.add_subcommand("signal", "Whether the configs of a sweep differ by more than the seed alone");
  CarryOutFlags& flags = options->flags;
  command->add_option("file", options->file, "the sweep file, YAML")->required();
  command->add_option("--study", options->directory,
                      "directory of the two studies [default: studies/<name of the file>-signal]");
  command
      ->add_option("--noise-seeds", options->noise_seeds,
                   "seeds of a config of the noise [default: 30; --as-the-original: as many as there are configs]")
      ->check(CLI::Range(std::int64_t{2}, std::int64_t{1'000'000}));
  command
      ->add_option("--noise-of", options->noise_of,
                   "the config of the noise: the number of its trial, or middle; once for each")
      ->allow_extra_args(false)
      ->capture_default_str();
  command->add_option("--noise", options->noise_file,
                      "the config of the noise from a sweep file of one point, in DIR/noise instead");
  command->add_option("--metric", options->metric, "what is looked at [default: the file's metric]");
  command->add_flag("--resume", flags.resume, "go on with what is in the directory");
  command->add_flag("--json", options->json, "what was found, as JSON; progress goes to standard error");
  add_search_flags(*command, flags);
  add_weights_flag(*command, flags);
  add_common_flags(*command, flags);
  command->add_flag("--as-the-original", options->original, "one fixed seed a config")
      ->excludes(command->get_option("--seeds"));
  command->footer(kFooter);
  command->callback([options, &exit_code] { exit_code = signal_study(*options); });
}

}  // namespace caviar
