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
#include "app/search_record.h"
#include "app/signal_findings.h"
#include "kernels/base/error.h"
#include "tuner/bind.h"
#include "tuner/metric.h"
#include "tuner/registry.h"
#include "tuner/space.h"
#include "tuner/spec/names.h"
#include "tuner/spec/spec.h"

namespace caviar {
namespace {

constexpr const char* kFooter = R"(
Signal: the configs of FILE on --seeds seeds each, a study in DIR/signal. Noise: one config on --noise-seeds other
seeds, in DIR/noise-<its trial>, or that of a file; seeds that this file names are kept, even where the signal has them
too. Of all seeds, init, order, dropout and augment move; the split stays. It is decided by Kruskal-Wallis, whether the
configs lie apart by more than their seeds do; how far, by one-way random effects. Configs without a score are named and
in none of this; whether some fail or diverge more often than others is said beside it.
--as-the-original has one seed a config, as the report had that this command is named after ("Scrying for Significance",
2020); it can compare two spreads only, and says what that cannot show.

--json has signal and noise (a list) {trials or trial, scores, mean, sd, sd_interval, failed, diverged, stopped,
unfinished}, left_out (a list of configs without a score {trial, failed, diverged, stopped, unfinished}), failures_p,
effect, kruskal_wallis, brown_forsythe_of_configs, against_noise, histogram {edges, counts}, verdict: "differ", "could
be noise", "too few to tell" or, of one seed a config, "spread is larger"; null where there is too little for a number.

Exit codes: as of `caviar sweep`; --resume goes on, and on a finished study prints again: seeds and configs that are not
given again stay as they were.

Examples:
  caviar signal examples/birnn_mnist.yaml --seeds 3 --noise-seeds 30
  caviar signal examples/scrying.yaml --as-the-original --noise-seeds 210 --noise-of middle)";

constexpr std::uint64_t kFreshSeeds = 1'000'000;  // added to the seeds of the signal

struct Options {
  std::string file, directory;
  std::optional<std::string> noise_file;
  CarryOutFlags flags;
  std::optional<std::int64_t> noise_seeds;
  std::vector<std::string> noise_of;  // empty: what is recorded, else trial 0
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

SweepSpec require_one_point(SweepSpec spec) {
  if (make_sampler(spec, SearchSpace(spec), {})->size() != 1)
    fail(spec.filename, ": the noise is one config on many seeds; leave one value to every parameter");
  return spec;
}

// One config of the noise: of a trial of the signal, or of a file of its own.
struct NoiseConfig {
  std::optional<std::int64_t> trial;
  std::optional<SweepSpec> file;
};

// What --resume finds in the directory, by trial.
std::vector<NoiseConfig> recorded_noise(const Options& options) {
  std::vector<NoiseConfig> found;
  if (const auto study = recorded_study(noise_directory(options, std::nullopt)))
    found.push_back({std::nullopt, parse_sweep(study->spec, study->spec_name)});
  const std::int64_t trials = open_study(signal_directory(options)).trial_count();
  for (std::int64_t trial = 0; trial < trials; ++trial) {
    if (recorded_study(noise_directory(options, trial))) found.push_back({trial, std::nullopt});
  }
  return found;
}

std::vector<NoiseConfig> noise_configs(const Options& options, std::int64_t trials) {
  if (options.noise_file) return {{std::nullopt, require_one_point(load_sweep(*options.noise_file))}};
  if (options.noise_of.empty()) {
    std::vector<NoiseConfig> found;
    if (options.flags.resume && recorded_study(signal_directory(options))) found = recorded_noise(options);
    if (!found.empty()) return found;
    return {{0, std::nullopt}};
  }
  std::vector<NoiseConfig> chosen;
  for (const std::string& word : options.noise_of) {
    const std::int64_t trial = noise_trial(word, trials);
    const auto same = [&](const NoiseConfig& config) { return config.trial == trial; };
    if (std::none_of(chosen.begin(), chosen.end(), same)) chosen.push_back({trial, std::nullopt});
  }
  return chosen;
}

// The sweep of one point that has the config on those seeds and no others.
SweepSpec sweep_on(const Seeds& seeds, Config config, const MetricSpec& metric, const std::string& settings,
                   const std::string& name) {
  std::erase_if(config, [](const auto& entry) { return canonical_parameter(entry.first).starts_with("seed"); });
  std::string text = fmt::format("method: grid\nmetric: {{name: {}, goal: {}}}\nparameters:\n", metric.name,
                                 metric.goal == Goal::kMaximize ? "maximize" : "minimize");
  for (const auto& [key, value] : config) text += fmt::format("  {}: {{value: {}}}\n", key, value.dump());
  for (const auto& [key, seed] :
       {std::pair("init", seeds.init), std::pair("order", seeds.order), std::pair("dropout", seeds.dropout),
        std::pair("augment", seeds.augment), std::pair("split", seeds.split)})
    text += fmt::format("  seed_{}: {{value: {}}}\n", key, seed);
  return parse_sweep(text + settings, name);
}

Seeds fresh(const Seeds& seeds) {
  return {seeds.init + kFreshSeeds, seeds.order + kFreshSeeds, seeds.dropout + kFreshSeeds, seeds.augment + kFreshSeeds,
          seeds.split};
}

// The config of a recorded trial from fresh seeds on.
SweepSpec noise_of_trial(const StudyRecord& study, const Config& config, const Seeds& first, const std::string& name) {
  MetricSpec metric;
  metric.name = study.metric;
  metric.goal = study.maximize ? Goal::kMaximize : Goal::kMinimize;
  return sweep_on(fresh(first), config, metric, "", name);
}

// The config of a file, from fresh seeds on where the file names none. What it makes of its own result is that result,
// so that a study can go on from its record.
SweepSpec noise_of_file(const SweepSpec& file, const Seeds& of_signal) {
  const Config config = make_sampler(file, SearchSpace(file), {})->suggest(0).value();
  constexpr std::int64_t kExamples = 1'000'000;  // data of any size: the seeds do not depend on it
  const Seeds named = bind_config(config, {}, {kExamples, kExamples, ""}).seeds;
  const auto names = [&](const std::string& seed) {
    return std::any_of(config.begin(), config.end(), [&](const auto& entry) {
      const std::string known = canonical_parameter(entry.first);
      return known == "seed" || known == "seed_" + seed;
    });
  };
  Seeds seeds = fresh(of_signal);
  if (names("init")) seeds.init = named.init;
  if (names("order")) seeds.order = named.order;
  if (names("dropout")) seeds.dropout = named.dropout;
  if (names("augment")) seeds.augment = named.augment;
  if (names("split")) seeds.split = named.split;
  std::string vary;
  if (file.settings.vary != VariedSeeds{}) {
    for (const SeedSource& source : seed_sources())
      if (file.settings.vary.*source.member) vary += fmt::format("{}{}", vary.empty() ? "" : ", ", source.name);
    vary = fmt::format("caviar:\n  vary: [{}]\n", vary);
  }
  return sweep_on(seeds, config, file.metric_or_default(), vary, file.filename);
}

// Seeds that a file of noise names itself may be those of the signal.
void say_which_seeds_are_kept(const SweepSpec& file) {
  std::string kept;
  for (const ParameterSpec& parameter : file.parameters) {
    const std::string known = canonical_parameter(parameter.name);
    if (known.starts_with("seed") && known != "seed_split")
      kept += fmt::format("{}{}", kept.empty() ? "" : ", ", parameter.name);
  }
  if (!kept.empty())
    fmt::print(stderr,
               "caviar: note: {} names {}: the noise has these seeds, and where the signal has them too, the runs are "
               "not others\n",
               file.filename, kept);
}

// Carries one part out; 0 or the exit code it ends with.
int carry_out_part(const SweepSpec& spec, const CarryOutFlags& flags) {
  return carry_out(spec, flags, [](Storage&) {});
}

// The seeds a trial has on its first run; none if it could not be trained.
std::optional<Seeds> first_seeds(Storage& signal, std::int64_t trial) {
  std::optional<Seeds> first;
  signal.for_each_repeat_of(trial, [&](const RepeatRecord& repeat) {
    if (!first) first = signal.run(repeat.run).value().seeds;
  });
  return first;
}

// The sweep of one part of the noise.
SweepSpec noise_sweep(const NoiseConfig& config, Storage& signal, const std::string& filename) {
  if (config.trial) {
    const std::int64_t trial = *config.trial;
    const std::optional<Seeds> first = first_seeds(signal, trial);
    if (!first) fail(signal.file(), ": trial ", trial, " could not be trained; name another with --noise-of");
    return noise_of_trial(signal.study().value(), signal.trial(trial)->trial.config, *first,
                          fmt::format("trial {} of {}", trial, filename));
  }
  std::optional<Seeds> first;
  for (std::int64_t trial = 0; trial < signal.trial_count() && !first; ++trial) first = first_seeds(signal, trial);
  return noise_of_file(config.file.value(), first.value_or(Seeds{}));
}

// What both parts have in common is as the signal was recorded.
CarryOutFlags noise_flags(const Options& options, Storage& signal) {
  const StudyRecord study = signal.study().value();
  CarryOutFlags flags = options.flags;
  flags.count.reset();
  flags.window.reset();
  flags.sampler.reset();
  flags.scheduler.reset();
  flags.enqueue.clear();
  flags.validate_on = study.validate_on_test ? "test" : "validation";
  flags.precision = study.numerics.substr(0, study.numerics.find('/'));
  flags.validation_examples = validation_examples_of(signal);
  if (!flags.data) flags.data = data_of(study);
  return flags;
}

// As the user says, else as recorded, else as the file of the noise says, else as the signal is.
std::int64_t noise_seeds(const Options& options, const NoiseConfig& config, Storage& signal) {
  if (options.noise_seeds) return *options.noise_seeds;
  if (options.flags.resume) {
    if (const auto before = recorded_study(noise_directory(options, config.trial))) return before->seeds;
  }
  if (config.file && config.file->settings.seeds.value_or(1) > 1) return *config.file->settings.seeds;
  return signal.study()->seeds == 1 ? std::max<std::int64_t>(2, signal.trial_count()) : 30;
}

int carry_out_noise(const Options& options, const SweepSpec& spec, const std::vector<NoiseConfig>& configs) {
  Storage signal = open_study(signal_directory(options));
  CarryOutFlags flags = noise_flags(options, signal);
  for (const NoiseConfig& config : configs) {
    flags.study = noise_directory(options, config.trial);
    flags.seeds = noise_seeds(options, config, signal);
    if (const int code = carry_out_part(noise_sweep(config, signal, spec.filename), flags); code != kExitDone)
      return code;
  }
  return kExitDone;
}

CarryOutFlags signal_flags(const Options& options, const SweepSpec& spec) {
  CarryOutFlags flags = options.flags;
  flags.study = signal_directory(options);
  const auto before = flags.resume ? recorded_study(flags.study) : std::nullopt;
  if (options.original)
    flags.seeds = 1;
  else if (!flags.seeds)
    flags.seeds = before ? before->seeds : spec.settings.seeds.value_or(3);
  return flags;
}

// How many configs the signal is to have; empty where nobody says.
std::optional<std::int64_t> planned_trials(SweepSpec spec, const CarryOutFlags& flags) {
  const auto before = flags.resume ? recorded_study(flags.study) : std::nullopt;
  spec = with_search_flags(std::move(spec), flags);
  std::optional<std::int64_t> trials = flags.count ? flags.count : before ? before->trials : spec.settings.count;
  if (spec.run_cap) trials = std::min(trials.value_or(*spec.run_cap), *spec.run_cap);
  SearchScope scope;
  scope.trials = trials;
  scope.seeds = flags.seeds.value_or(1);
  scope.by_hand = spec.settings.by_hand;
  const std::int64_t size = make_sampler(spec, SearchSpace(spec), scope)->size();
  if (size >= 0) trials = std::min(trials.value_or(size), size);
  if (before && trials) trials = std::max(*trials, open_study(flags.study).trial_count());
  return trials;
}

// The training may be long: what cannot be looked at after it is said before. Data of any size stand for those there
// will be.
void require_measured_by(const SweepSpec& spec, const std::string& metric) {
  constexpr std::int64_t kTried = 64, kExamples = 1'000'000;
  const auto sampler = make_sampler(spec, SearchSpace(spec), {});
  std::string problem;
  for (std::int64_t number = 0; number < kTried; ++number) {
    const std::optional<Config> config = sampler->suggest(number);
    if (!config) break;
    std::optional<BoundConfig> bound;
    try {
      bound = bind_config(*config, {}, {kExamples, kExamples, ""});
    } catch (const Error&) {
      return;  // carry_out() says what is wrong with it, if all are like that
    }
    try {
      require_measured(metric, *bound);
      return;
    } catch (const Error& error) {
      problem = error.what();
    }
  }
  if (!problem.empty()) fail(spec.filename, ": ", problem);
}

// What the options ask for in vain is said before anything is trained.
void check_before(const Options& options, const SweepSpec& spec, const CarryOutFlags& flags) {
  const std::optional<std::int64_t> trials = planned_trials(spec, flags);
  const std::vector<NoiseConfig> noise = noise_configs(options, trials.value_or(std::int64_t{1} << 40));
  const std::string metric = options.metric.value_or(spec.metric_or_default().name);
  if (options.metric) require_measured_by(spec, metric);
  for (const NoiseConfig& config : noise) {
    if (config.file) require_measured_by(*config.file, metric);
  }
  if (!trials || *trials < 2 || *flags.seeds < 2) return;
  if (const auto few = too_few_to_tell(*trials, *flags.seeds)) fmt::print(stderr, "caviar: warning: {}\n", *few);
}

int signal_study(Options options) {
  if (options.metric) options.metric = metric_of_word(*options.metric);  // an error now, not after the signal
  const SweepSpec spec = load_sweep(options.file);
  if (options.directory.empty())
    options.directory =
        (std::filesystem::path("studies") / (std::filesystem::path(options.file).stem().string() + "-signal")).string();
  const CarryOutFlags flags = signal_flags(options, spec);
  check_before(options, spec, flags);
  if (options.noise_file) say_which_seeds_are_kept(load_sweep(*options.noise_file));
  std::vector<NoiseConfig> configs;
  int code = kExitDone;
  {
    const OutputAside aside(options.json);
    std::filesystem::create_directories(options.directory);
    code = carry_out_part(spec, flags);
    if (code != kExitDone && code != kExitPartial) return code;
    configs = noise_configs(options, open_study(signal_directory(options)).trial_count());
    if (const int ended = carry_out_noise(options, spec, configs); ended != kExitDone) return ended;
  }
  std::vector<NoiseStudy> noise;
  noise.reserve(configs.size());
  for (const NoiseConfig& config : configs) noise.push_back({noise_directory(options, config.trial), config.trial});
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
                   "seeds of a config of the noise [default: caviar.seeds of the file of --noise, else 30; "
                   "--as-the-original: as many as there are configs]")
      ->check(CLI::Range(std::int64_t{2}, std::int64_t{1'000'000}));
  CLI::Option* noise_of =
      command
          ->add_option("--noise-of", options->noise_of,
                       "the config of the noise: the number of its trial, or middle; once for each [default: 0]")
          ->allow_extra_args(false);
  command
      ->add_option("--noise", options->noise_file,
                   "the config of the noise from a sweep file of one point, in DIR/noise instead")
      ->excludes(noise_of);
  command->add_option("--metric", options->metric, "what is looked at [default: the file's metric]");
  command->add_flag("--resume", flags.resume, "go on with what is in the directory");
  command->add_flag("--json", options->json, "what was found, as JSON; progress goes to standard error");
  add_search_flags(*command, flags);
  add_weights_flag(*command, flags);
  add_common_flags(*command, flags);
  command->get_option("--seeds")->description(
      "runs of every config, each on its own seeds, the same for all [default: the file's caviar.seeds, else 3]");
  command->add_flag("--as-the-original", options->original, "one fixed seed a config")
      ->excludes(command->get_option("--seeds"));
  command->footer(kFooter);
  command->callback([options, &exit_code] { exit_code = signal_study(*options); });
}

}  // namespace caviar
