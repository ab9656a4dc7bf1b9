#include "app/compare_configs.h"

#include <filesystem>
#include <optional>

#include <fmt/format.h>

#include "app/commands.h"
#include "app/one_point.h"
#include "kernels/base/error.h"
#include "tuner/bind.h"
#include "tuner/space.h"
#include "tuner/spec/names.h"
#include "tuner/spec/spec.h"
#include "tuner/storage/directory.h"

namespace caviar {
namespace {

constexpr const char* kRemedy =
    "`caviar compare` trains two configs, so give it one value; for many configs there is `caviar sweep` and then "
    "`caviar confirm`";

bool is_seed(const std::string& name) { return canonical_parameter(name).starts_with("seed"); }

struct OneConfig {
  SweepSpec spec;
  Config config;  // without its seeds
};

OneConfig load_one(const std::string& file) {
  OneConfig one{load_sweep(file), {}};
  for (const std::string& warning : one.spec.warnings) fmt::print(stderr, "caviar: {}\n", warning);
  require_runnable(one.spec);
  check_parameters(one.spec);
  one.config = one_config_of(one.spec, kRemedy);
  if (std::erase_if(one.config, [](const auto& entry) { return is_seed(entry.first); }) > 0)
    fmt::print(stderr, "caviar: note: the seeds of {} are not used: both configs have the same ones, --seeds of them\n",
               file);
  return one;
}

// What must be equal for the difference to be that of the configs.
void require_alike(const OneConfig& a, const OneConfig& b) {
  const MetricSpec of_a = a.spec.metric_or_default(), of_b = b.spec.metric_or_default();
  const Settings &settings_a = a.spec.settings, &settings_b = b.spec.settings;
  const auto require = [&](bool same, const char* what) {
    if (same) return;
    fail(a.spec.filename, " and ", b.spec.filename, " differ in ", what,
         ", so their scores cannot be compared; say the same in both");
  };
  require(of_a.name == of_b.name && of_a.goal == of_b.goal, "the metric");
  require(settings_a.data == settings_b.data, "data");
  require(settings_a.precision == settings_b.precision, "precision");
  require(settings_a.validate_on_test == settings_b.validate_on_test, "validate_on");
  require(settings_a.validation_examples == settings_b.validation_examples, "validation_examples");
  require(settings_a.vary == settings_b.vary, "vary");
  if (a.config == b.config)
    fail(a.spec.filename, " and ", b.spec.filename,
         " mean the same config, so there is nothing to compare; `caviar noise` measures how its runs scatter");
}

// The data are of no matter to it; enough of them for any batch.
void require_measurable(const OneConfig& one, const std::string& metric) {
  const BoundConfig bound = bind_config(one.config, {1, false}, {std::int64_t{1} << 20, 1, ""});
  try {
    require_measured(metric, bound);
  } catch (const Error& error) {
    fail(one.spec.filename, ": ", error.what());
  }
}

std::string in_single_quotes(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("''") : std::string(1, c);
  return quoted + "'";
}

// The description has the configs, so that a resume with other files is noticed.
SweepSpec sweep_of(const OneConfig& a, const OneConfig& b) {
  const MetricSpec metric = a.spec.metric_or_default();
  const Settings& settings = a.spec.settings;
  VariedSeeds vary = settings.vary;
  if (vary == VariedSeeds{}) vary.split = true;
  std::string words;
  for (const SeedSource& source : seed_sources()) {
    if (vary.*source.member) words += fmt::format("{}{}", words.empty() ? "" : ", ", source.name);
  }
  std::string text = fmt::format(
      "description: {}\nmethod: grid\nmetric: {{name: {}, goal: {}}}\nparameters:\n  seed: {{value: 0}}\ncaviar:\n"
      "  count: 2\n  vary: [{}]\n  precision: {}\n  validate_on: {}\n  validation_examples: {}\n",
      in_single_quotes(Value{{"compares", {Value(a.config), Value(b.config)}}}.dump()), metric.name,
      metric.goal == Goal::kMaximize ? "maximize" : "minimize", words, settings.precision,
      settings.validate_on_test ? "test" : "validation", settings.validation_examples);
  if (settings.data) text += fmt::format("  data: {}\n", Value(*settings.data).dump());
  SweepSpec spec = parse_sweep(text, kCompareName);
  for (const OneConfig* one : {&a, &b}) {
    spec.settings.by_hand.push_back(one->config);
    spec.settings.by_hand.back()["seed"] = 0;
  }
  return spec;
}

}  // namespace

bool names_a_file(const std::string& text) { return std::filesystem::is_regular_file(text); }

int train_two_configs(const std::string& a, const std::string& b, const std::optional<std::string>& metric,
                      CarryOutFlags& flags) {
  const OneConfig one = load_one(a), other = load_one(b);
  require_alike(one, other);
  if (metric) {
    for (const OneConfig* each : {&one, &other}) require_measurable(*each, *metric);
  }
  if (flags.study.empty()) {
    const auto stem = [](const std::string& file) { return std::filesystem::path(file).stem().string(); };
    flags.study = (std::filesystem::path("studies") / fmt::format("{}-against-{}", stem(a), stem(b))).string();
  }
  const bool recorded = std::filesystem::exists(StudyDirectory::database_in(flags.study));
  if (recorded && !flags.resume) {
    fail(flags.study,
         ": a study is recorded here already; --resume goes on with it, or shows it again; another directory is "
         "--study");
  }
  if (!recorded && !flags.seeds) flags.seeds = kCompareSeeds;
  return carry_out(sweep_of(one, other), flags, [](Storage&) {});
}

}  // namespace caviar
