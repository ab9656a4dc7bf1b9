// caviar noise: one config on many seeds, and what their spread says.
#include "tuner/noise.h"

#include <filesystem>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "app/carry_out.h"
#include "app/commands.h"
#include "app/noise_report.h"
#include "app/one_point.h"
#include "app/output_aside.h"
#include "app/run_answers.h"
#include "kernels/base/error.h"
#include "tuner/bind.h"
#include "tuner/storage/directory.h"

namespace caviar {
namespace {

constexpr std::int64_t kSeeds = 50;

constexpr const char* kFooter = R"(
One config, from --set or from a sweep file with one point, is trained on many seeds. Shown are, for each metric, where
its scores lie and how far they scatter; how much of that is the luck of the test set; how often two runs disagree on an
example; and how many seeds a comparison needs. Runs that diverged or failed are counted, and in no number.

The study is an ordinary one (`caviar show` reads it). The weights of all runs are kept in it, 4 bytes a parameter, 8
with averages, to ask the networks about single examples; with --save-weights none they are trained again for that.
With --resume, an interrupted study goes on, one with more --seeds grows, and a finished one is shown again without
training: --study and --resume are then enough.

--json prints one object, its keys listed in app/noise_report.h; what else there is to say goes to standard error.

Exit codes: as of `caviar sweep`.

Examples:
  caviar noise --set hidden_size=32 --set epochs=2 --seeds 200
  caviar noise --study studies/noise --resume --differences 0.005,0.002)";

struct Options {
  std::string file;
  std::vector<std::string> settings, vary;
  std::vector<double> differences;
  bool json = false, no_predictions = false;
  CarryOutFlags flags;
};

std::optional<StudyRecord> recorded_in(const std::filesystem::path& study) {
  if (!std::filesystem::exists(StudyDirectory::database_in(study))) return std::nullopt;
  return Storage::open_to_read(StudyDirectory::database_in(study)).study();
}

std::vector<std::string> default_sources() { return {"init", "order", "dropout", "split"}; }

// The sweep of this config on its seeds, as the study records it: with all that its runs depend on, so that a resume
// need not say it again.
SweepSpec noise_sweep(const SweepSpec& from, const std::vector<std::string>& vary, const CarryOutFlags& flags) {
  for (const std::string& warning : from.warnings) fmt::print(stderr, "caviar: {}\n", warning);
  check_parameters(from);
  const Config config =
      one_config_of(from, "noise is measured of one config: give it one value, or compare configs with `caviar sweep`");
  const MetricSpec metric = from.metric_or_default();
  const Settings& settings = from.settings;
  std::string text = fmt::format("method: grid\nmetric: {{name: {}, goal: {}}}\nparameters:\n", metric.name,
                                 metric.goal == Goal::kMaximize ? "maximize" : "minimize");
  for (const auto& [name, value] : config) text += fmt::format("  {}: {{value: {}}}\n", name, value.dump());
  text += "caviar:\n  vary: [";
  for (std::size_t i = 0; i < vary.size(); ++i) text += (i ? ", " : "") + vary[i];
  text += "]\n";
  if (settings.data) text += fmt::format("  data: {}\n", Value(*settings.data).dump());
  text += fmt::format("  precision: {}\n  validate_on: {}\n  validation_examples: {}\n",
                      flags.precision.value_or(settings.precision),
                      flags.validate_on.value_or(settings.validate_on_test ? "test" : "validation"),
                      flags.validation_examples.value_or(settings.validation_examples));
  return parse_sweep(text, from.filename);
}

// Which of the seeds that are to vary change anything in this config. Says of those that were asked for and do not;
// throws Error when none does.
void require_variation(const SweepSpec& spec, const Options& options, const Dataset& data) {
  const BoundConfig bound = bind_config(one_config_of(spec, "give it one value"), {1, false},
                                        {data.train.count, data.test.count, data.digest});
  VariedSeeds counts;
  counts.dropout = bound.hyper.dropout > 0 && bound.key.num_layers > 1;
  counts.augment = false;
  counts.split = !spec.settings.validate_on_test;
  bool any = false;
  std::string idle;
  for (const SeedSource& source : seed_sources()) {
    if (!(spec.settings.vary.*source.member)) continue;
    any |= counts.*source.member;
    if (!(counts.*source.member)) idle += fmt::format("{}{}", idle.empty() ? "" : ", ", source.name);
  }
  if (!any) {
    fail("--vary ", idle,
         ": nothing in this config depends on it (dropout takes layers it lies between, split "
         "validation examples, and no model augments), so all runs would be the same; vary init or order too");
  }
  if (!idle.empty() && !options.vary.empty())
    fmt::print(stderr, "caviar: note: nothing in this config depends on the seed of {}\n", idle);
}

SweepSpec spec_of(Options& options, const std::optional<StudyRecord>& recorded) {
  const bool says_config = !options.file.empty() || !options.settings.empty();
  if (recorded && options.flags.resume && !options.flags.data) options.flags.data = recorded->data_name;
  if (recorded && options.flags.resume && !says_config && options.vary.empty())
    return parse_sweep(recorded->spec, recorded->spec_name);
  if (options.flags.resume && !recorded && !says_config) {
    fail(options.flags.study, ": no study is recorded here to go on with; say the config with --set or a FILE");
  }
  const SweepSpec from =
      options.file.empty() ? parse_sweep(one_point_sweep(options.settings), "--set") : load_sweep(options.file);
  const SweepSpec spec = noise_sweep(from, options.vary.empty() ? default_sources() : options.vary, options.flags);
  require_variation(spec, options, *load_data(spec, options.flags));
  if (recorded) return spec;
  if (!options.flags.seeds) options.flags.seeds = from.settings.seeds.value_or(kSeeds);
  if (!options.flags.save_weights) options.flags.save_weights = "all";
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
  const DeviceChoice devices = devices_of(options.flags);
  const TestAnswers answers =
      test_answers(storage, options.flags.study, report.scores.complete_runs, data, devices, averaged);
  AnswerTable table(answers.labels, data->classes);
  for (const auto& of_run : answers.answers) table.add(of_run);
  report.test_set = table.noise();
  report.trained_again = answers.trained_again;
  return report;
}

int measure_noise(Options& options) {
  if (!options.file.empty() && !options.settings.empty()) fail("say the config with --set or with a FILE, not both");
  const SweepSpec spec = spec_of(options, recorded_in(options.flags.study));
  std::optional<NoiseReport> report;
  int exit_code = kExitError;
  {
    const OutputAside aside(options.json);
    exit_code = carry_out(spec, options.flags, [](Storage&) {});
    if (exit_code == kExitDone || exit_code == kExitPartial) report = report_of(options, spec);
  }
  if (!report) return exit_code;
  if (options.json) {
    write_noise_json(*report, stdout);
  } else {
    print_noise(*report);
  }
  return exit_code;
}

}  // namespace

void add_noise(CLI::App& program, int& exit_code) {
  const auto options = std::make_shared<Options>();
  options->flags.study = "studies/noise";
  CLI::App* command =
      program.add_subcommand("noise", "Measure how much the seed alone moves the metrics of one config");
  command->add_option("file", options->file,
                      "a sweep file with one point; its early_terminate and scheduler are not used");
  command->add_option("--set", options->settings, "a parameter, key=value; once for each parameter")
      ->allow_extra_args(false);
  command
      ->add_option("--vary", options->vary,
                   "which seeds differ between the runs, of init,order,dropout,augment,split [default: "
                   "init,order,dropout,split]")
      ->delimiter(',')
      ->check(CLI::IsMember({"init", "order", "dropout", "augment", "split"}));
  command
      ->add_option("--differences", options->differences,
                   "differences of the metric to plan seeds for, as in 0.005,0.002 [default: 1/2, 1 and 2 of the "
                   "standard deviation]")
      ->delimiter(',')
      ->check(CLI::PositiveNumber);
  command->add_option("--study", options->flags.study, "directory to keep it in")->capture_default_str();
  command->add_flag("--resume", options->flags.resume, "go on with the study in that directory, or show it again");
  command->add_flag("--no-predictions", options->no_predictions,
                    "leave out what takes the answers of every run to every test example");
  command->add_flag("--json", options->json, "print one JSON object");
  add_weights_flag(*command, options->flags);
  add_common_flags(*command, options->flags);
  command->get_option("--seeds")->description(
      "runs, each on its own seeds [default: the file's caviar.seeds, else 50]");
  command->get_option("--save-weights")
      ->description("final weights to keep: none, best or all [default: all, of a new study]");
  command->footer(kFooter);
  command->callback([options, &exit_code] { exit_code = measure_noise(*options); });
}

}  // namespace caviar
