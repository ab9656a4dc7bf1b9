// caviar noise: one config on many seeds, and what their spread says.
#include "tuner/seeds/noise.h"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "app/carry_out.h"
#include "app/commands.h"
#include "app/decompose_report.h"
#include "app/noise_report.h"
#include "app/noise_resume.h"
#include "app/numbers.h"
#include "app/one_point.h"
#include "app/output_aside.h"
#include "app/run_answers.h"
#include "app/search_record.h"
#include "kernels/base/error.h"
#include "tuner/bind.h"
#include "tuner/seeds/crossed_seeds.h"
#include "tuner/spec/names.h"

namespace caviar {
namespace {

constexpr std::int64_t kSeeds = 50, kLevels = 6;

constexpr const char* kFooter = R"(
One config, from --set or from a sweep file with one point, is trained on many seeds. Shown are, for each metric, where
its scores lie and how far they scatter; how much of that is the luck of the test set; how often two runs disagree on an
example; and how many seeds a comparison needs. Runs that diverged or failed are counted, and in no number.

The study is an ordinary one (`caviar show` reads it). The weights of all runs are kept in it, 4 bytes a parameter, 8
with averages, to ask the networks about single examples; with --save-weights none they are trained again for that.
With --resume, an interrupted study goes on, one with more --seeds grows, and a finished one is shown again without
training: --study and --resume are then enough.

--decompose asks where the spread comes from: every combination of --levels seeds of two or three sources is trained
once, and the variance taken apart; it also shows how far the scores scatter when one source alone varies, and whether
holding it shrinks the spread. Six levels of three sources are 216 runs.

--json prints one object, its keys listed in app/noise_report.h and app/decompose_report.h; what else there is to say
goes to standard error.

Exit codes: as of `caviar sweep`.

Examples:
  caviar noise --set hidden_size=32 --set epochs=2 --seeds 200
  caviar noise --study studies/noise --resume --differences 0.005,0.002
  caviar noise --set hidden_size=32 --set epochs=2 --decompose --vary init,order)";

struct Options {
  std::string file;
  std::vector<std::string> settings, vary;
  std::vector<double> differences;
  bool json = false, no_predictions = false, decompose = false;
  std::optional<std::int64_t> levels;
  CarryOutFlags flags;
};

const std::vector<std::string> kTogether = {"init", "order", "dropout", "split"};

std::uint64_t seed_of(const Seeds& seeds, const std::string& source) {
  if (source == "init") return seeds.init;
  if (source == "order") return seeds.order;
  return source == "dropout" ? seeds.dropout : source == "split" ? seeds.split : seeds.augment;
}

// Which seeds change anything in this config.
VariedSeeds effective_seeds(const BoundConfig& bound, bool validate_on_test) {
  VariedSeeds effective;
  effective.dropout = bound.hyper.dropout > 0 && bound.key.num_layers > 1;
  effective.augment = false;
  effective.split = !validate_on_test;
  return effective;
}

// What a noise study is made from: one config, and all else that its runs depend on.
struct NoiseQuestion {
  SweepSpec from;
  Config config;
  BoundConfig bound;  // for its shape and its seeds
  VariedSeeds effective;
  std::string precision;
  bool validate_on_test = false;
};

NoiseQuestion question_of(const Options& options) {
  NoiseQuestion question;
  question.from =
      options.file.empty() ? parse_sweep(one_point_sweep(options.settings), "--set") : load_sweep(options.file);
  const SweepSpec& from = question.from;
  for (const std::string& warning : from.warnings) fmt::print(stderr, "caviar: {}\n", warning);
  check_parameters(from);
  question.config =
      one_config_of(from, "noise is measured of one config: give it one value, or compare configs with `caviar sweep`");
  const std::shared_ptr<const Dataset> data = load_data(from, options.flags);
  question.bound = bind_config(question.config, {1, false}, {data->train.count, data->test.count, data->digest});
  const CarryOutFlags& flags = options.flags;
  question.validate_on_test = flags.validate_on ? *flags.validate_on == "test" : from.settings.validate_on_test;
  question.precision = flags.precision.value_or(from.settings.precision);
  question.effective = effective_seeds(question.bound, question.validate_on_test);
  return question;
}

// The words that name a seed nothing in the config depends on, or the others.
std::vector<std::string> chosen(const std::vector<std::string>& words, const VariedSeeds& effective, bool which) {
  std::vector<std::string> found;
  for (const std::string& word : words) {
    for (const SeedSource& source : seed_sources()) {
      if (source.name == word && effective.*source.member == which) found.push_back(word);
    }
  }
  return found;
}

constexpr const char* kWhyIdle =
    "nothing in this config depends on it (dropout takes layers it lies between, split validation examples, and no "
    "model augments)";

// The sweep as the study records it, with all that its runs depend on, so that a resume need not say it again.
// `parameters` are those of the config and `vary` the line of that name, if any.
SweepSpec sweep_of(const NoiseQuestion& question, const CarryOutFlags& flags, const std::string& parameters,
                   const std::string& vary) {
  const MetricSpec metric = question.from.metric_or_default();
  const Settings& settings = question.from.settings;
  std::string text =
      fmt::format("method: grid\nmetric: {{name: {}, goal: {}}}\nparameters:\n{}caviar:\n{}", metric.name,
                  metric.goal == Goal::kMaximize ? "maximize" : "minimize", parameters, vary);
  if (settings.data) text += fmt::format("  data: {}\n", Value(*settings.data).dump());
  text += fmt::format("  precision: {}\n  validate_on: {}\n  validation_examples: {}\n", question.precision,
                      question.validate_on_test ? "test" : "validation",
                      flags.validation_examples.value_or(settings.validation_examples));
  return parse_sweep(text, question.from.filename);
}

std::string as_parameters(const Config& config) {
  std::string text;
  for (const auto& [name, value] : config) text += fmt::format("  {}: {{value: {}}}\n", name, value.dump());
  return text;
}

// The config on seeds that differ together.
SweepSpec noise_sweep(const NoiseQuestion& question, const Options& options) {
  const std::vector<std::string> vary = options.vary.empty() ? kTogether : options.vary;
  const std::vector<std::string> idle = chosen(vary, question.effective, false);
  if (idle.size() == vary.size())
    fail("--vary ", joined(idle), ": ", kWhyIdle, ", so all runs would be the same; vary init or order too");
  if (!idle.empty() && !options.vary.empty())
    fmt::print(stderr, "caviar: note: nothing in this config depends on the seed of {}\n", joined(idle));
  return sweep_of(question, options.flags, as_parameters(question.config), fmt::format("  vary: [{}]\n", joined(vary)));
}

// The config on all combinations of some seeds of each source.
SweepSpec crossed_sweep(const NoiseQuestion& question, const Options& options) {
  std::vector<std::string> sources = chosen(options.vary.empty() ? kTogether : options.vary, question.effective, true);
  if (!options.vary.empty() && sources.size() < options.vary.size())
    fail("--decompose --vary ", joined(options.vary), ": of ", joined(chosen(options.vary, question.effective, false)),
         ", ", kWhyIdle, "; leave it away");
  if (options.vary.empty() && sources.size() > 3) sources.resize(3);
  if (sources.size() < 2 || sources.size() > 3)
    fail("--decompose takes two or three sources and not ", sources.size(), "; name them, as in --vary init,order");
  Config config;
  for (const auto& [name, value] : question.config) {
    const std::string known = canonical_parameter(name);
    const bool crossed = std::any_of(sources.begin(), sources.end(),
                                     [&](const std::string& source) { return known == "seed_" + source; });
    if (!crossed) config[name] = value;
  }
  std::string parameters = as_parameters(config);
  for (const std::string& source : sources) {
    std::string values;
    for (std::int64_t level = 0; level < options.levels.value_or(kLevels); ++level) {
      values += fmt::format("{}{}", level ? ", " : "",
                            seed_of(question.bound.seeds, source) + static_cast<std::uint64_t>(level));
    }
    parameters += fmt::format("  seed_{}: {{values: [{}]}}\n", source, values);
  }
  return sweep_of(question, options.flags, parameters, "");
}

// Of a study that is gone on with, what is not said again is as it was.
SweepSpec spec_to_go_on_with(Options& options, const StudyRecord& record, bool says_config) {
  const std::string& study = options.flags.study;
  const RecordedNoise recorded = recorded_noise(study, record, options.decompose);
  require_as_recorded(study, recorded, options.vary, options.levels);
  if (!says_config) return recorded.spec;
  const bool as_by_default = !options.decompose && recorded.sources == kTogether;
  options.vary = as_by_default ? std::vector<std::string>{} : recorded.sources;
  if (options.decompose) options.levels = recorded.levels;
  const NoiseQuestion question = question_of(options);
  SweepSpec spec = options.decompose ? crossed_sweep(question, options) : noise_sweep(question, options);
  if (spec.text != record.spec)
    fail(study, " was begun with another config, or with other data, precision or validation examples; --study and ",
         options.decompose ? "--resume --decompose" : "--resume",
         " alone go on with it as it is, and another config takes another directory, --study");
  return spec;
}

SweepSpec spec_of(Options& options, const std::optional<StudyRecord>& recorded) {
  const bool says_config = !options.file.empty() || !options.settings.empty();
  CarryOutFlags& flags = options.flags;
  options.vary = each_source_once(options.vary);
  if (recorded && flags.resume) {
    if (!flags.data) flags.data = data_of(*recorded);
    return spec_to_go_on_with(options, *recorded, says_config);
  }
  if (flags.resume && !recorded && !says_config)
    fail(flags.study, ": no study is recorded here to go on with; say the config with --set or a FILE");
  if (!recorded && !says_config)
    fail(
        "say which config with --set or a FILE; --set epochs=10 is the default one, and to train that on many seeds "
        "takes many times as long as `caviar train` does");
  const NoiseQuestion question = question_of(options);
  SweepSpec spec = options.decompose ? crossed_sweep(question, options) : noise_sweep(question, options);
  if (recorded) return spec;
  if (!flags.seeds && !options.decompose) flags.seeds = question.from.settings.seeds.value_or(kSeeds);
  if (!flags.save_weights) flags.save_weights = options.decompose ? "none" : "all";
  return spec;
}

NoiseReport report_of(const Options& options, const SweepSpec& spec) {
  Storage storage = open_study(options.flags.study);
  NoiseReport report;
  report.study = options.flags.study;
  report.record = storage.study().value();
  if (const auto trial = storage.trial(0)) report.config = trial->trial.config;
  report.varied = spec.settings.vary;
  report.scores = noise_scores(storage, report.record.sweep_seed);
  if (const MetricNoise* noise = find_noise(report.scores, report.record.metric))
    report.plan = plan_differences(noise->spread, options.differences);
  if (options.no_predictions || report.scores.complete < 2) return report;

  const bool averaged = report.record.metric.starts_with("averaged_");
  report.test_set_weights = averaged ? "averaged" : "last";
  const std::shared_ptr<const Dataset> data = load_data(spec, options.flags);
  const TestAnswers answers =
      test_answers(storage, options.flags.study, report.scores.complete_runs, data, options.flags, averaged);
  AnswerTable table(answers.labels, data->classes);
  for (const auto& of_run : answers.answers) table.add(of_run);
  report.test_set = table.noise();
  report.trained_again = answers.trained_again;
  return report;
}

DecomposeReport decomposition_of(const Options& options) {
  Storage storage = open_study(options.flags.study);
  const StudyRecord study = storage.study().value();
  DecomposeReport report;
  report.study = options.flags.study;
  std::vector<std::string> metrics = {study.metric};
  if (const auto at = study.metric.find("val_"); at != study.metric.npos)
    metrics.push_back(std::string(study.metric).replace(at, 4, "test_"));
  for (const std::string& metric : metrics) {
    MetricDecomposition part;
    part.metric = metric;
    part.crossed = crossed_scores(storage, metric);
    if (part.crossed.missing == 0) part.found = decompose_seeds(part.crossed, study.sweep_seed);
    report.metrics.push_back(std::move(part));
  }
  const TrialRecord first = storage.trial(0).value();
  for (const auto& [name, value] : first.trial.config) {
    if (!canonical_parameter(name).starts_with("seed_")) report.config[name] = value;
  }
  return report;
}

// Trains what is to be trained, then shows `report_of` it.
template <class Report>
int train_and_show(const Options& options, const SweepSpec& spec, const std::function<Report()>& report_of,
                   void (*print)(const Report&), void (*write)(const Report&, std::FILE*)) {
  std::optional<Report> report;
  int exit_code = kExitError;
  {
    const OutputAside aside(options.json);
    exit_code = carry_out(spec, options.flags, [](Storage&) {});
    if (exit_code == kExitDone || exit_code == kExitPartial) report = report_of();
  }
  if (!report) return exit_code;
  if (options.json)
    write(*report, stdout);
  else
    print(*report);
  return exit_code;
}

int measure_noise(Options& options) {
  if (!options.file.empty() && !options.settings.empty()) fail("say the config with --set or with a FILE, not both");
  if (options.flags.study.empty()) options.flags.study = options.decompose ? "studies/noise-crossed" : "studies/noise";
  const SweepSpec spec = spec_of(options, recorded_study(options.flags.study));
  if (options.decompose) {
    return train_and_show<DecomposeReport>(
        options, spec, [&] { return decomposition_of(options); }, print_decomposition, write_decomposition_json);
  }
  return train_and_show<NoiseReport>(
      options, spec, [&] { return report_of(options, spec); }, print_noise, write_noise_json);
}

}  // namespace

void add_noise(CLI::App& program, int& exit_code) {
  const auto options = std::make_shared<Options>();
  CLI::App* command =
      program.add_subcommand("noise", "Measure how much the seed alone moves the metrics of one config");
  command->add_option("file", options->file,
                      "a sweep file with one point; its early_terminate and scheduler are not used");
  command->add_option("--set", options->settings, "a parameter, key=value; once for each parameter")
      ->allow_extra_args(false);
  command
      ->add_option("--vary", options->vary,
                   "which seeds differ between the runs, of init,order,dropout,augment,split [default: "
                   "init,order,dropout,split; with --decompose the first three of them that change anything]")
      ->delimiter(',')
      ->check(CLI::IsMember({"init", "order", "dropout", "augment", "split"}));
  command
      ->add_option("--differences", options->differences,
                   "differences of the metric to plan seeds for, as in 0.005,0.002 [default: 1/2, 1 and 2 of the "
                   "standard deviation]")
      ->delimiter(',')
      ->check(above_zero());
  command->add_option("--study", options->flags.study,
                      "directory to keep it in [default: studies/noise; with --decompose studies/noise-crossed]");
  auto* decompose = command->add_flag("--decompose", options->decompose,
                                      "train every combination of some seeds, and say which source the spread is from");
  command
      ->add_option("--levels", options->levels,
                   "with --decompose: seeds of each source; below 5 nothing certain is said [default: 6]")
      ->check(CLI::Range(2, 1000))
      ->needs(decompose);
  command->add_flag("--resume", options->flags.resume, "go on with the study in that directory, or show it again");
  command->add_flag("--no-predictions", options->no_predictions,
                    "leave out what takes the answers of every run to every test example");
  command->add_flag("--json", options->json, "print one JSON object");
  add_weights_flag(*command, options->flags);
  add_common_flags(*command, options->flags);
  command->get_option("--seeds")->excludes(decompose)->description(
      "runs, each on its own seeds [default: the file's caviar.seeds, else 50]");
  command->get_option("--save-weights")
      ->description("final weights to keep: none, best or all [default: all, of a new study]");
  command->footer(kFooter);
  command->callback([options, &exit_code] { exit_code = measure_noise(*options); });
}

}  // namespace caviar
