// caviar check FILE: what a careful person tries before a sweep.
#include "app/check.h"

#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "app/commands.h"
#include "app/text.h"
#include "kernels/base/error.h"
#include "kernels/math/elementary.h"
#include "tuner/advice/advice.h"
#include "tuner/advice/preflight.h"

namespace caviar {
namespace {

constexpr const char* kFooter = R"(
One trial stands for all. Looked at: the data; parameters without effect; the loss of the untrained network, which chance
puts at ln(classes); 22 learning rates from 1e-6 to 10 side by side, for the range worth searching; and whether the
network can learn 20 examples by heart. In precision fp32 the numbers are the same every time and on every machine.

Exit codes: 0 when everything passed or there are only warnings, 1 when something failed or could not be tried.

Example:
  caviar check examples/birnn_mnist.yaml)";

constexpr std::int64_t kByHeart = 20;

struct Options {
  std::string file;
  CarryOutFlags flags;
  std::int64_t trial = 0;
};

// On a terminal, what is being tried; elsewhere nothing.
void say_under_way(const std::string& what) {
  if (::isatty(STDERR_FILENO)) fmt::print(stderr, "\r\033[K{}", what.empty() ? "" : what + " ...");
  std::fflush(stderr);
}

BoundConfig bind_trial(const SweepSpec& spec, const Preparation& prepared, const Search& search, std::int64_t trial,
                       Config& config) {
  const std::int64_t size = search.sampler->size();
  std::optional<std::int64_t> trials = prepared.setup.record.trials;
  if (size >= 0) trials = std::min(trials.value_or(size), size);
  if (trials && trial >= *trials)
    fail(spec.filename, ": there is no trial ", trial, "; the sweep has ", show_number_of(*trials, "trial"),
         ", counted from 0: name one with --trial, or raise --count where a search can go on");
  if (search.sampler->needs(trial) >= 0)
    fail(spec.filename, ": trial ", trial, " depends on results of trials before it; use --trial 0");
  const std::optional<Config> suggested = search.sampler->suggest(trial);
  if (!suggested) fail(spec.filename, ": there is no trial ", trial, "; use --trial 0");
  config = *suggested;
  try {
    BoundConfig bound = bind_config(config, prepared.setup.use, prepared.setup.shape);
    bound.key.precision = prepared.setup.precision;
    return bound;
  } catch (const Error& error) {
    fail(spec.filename, ": trial ", trial, " cannot be trained: ", error.what(), "; name another with --trial");
  }
}

Finding check_effects(const SweepSpec& spec) {
  std::string names;
  for (const ParameterSpec* parameter : unread_everywhere(spec))
    names += cat(names.empty() ? "" : ", ", "'", parameter->name, "' (line ", parameter->line, ")");
  if (names.empty()) return {Grade::kPass, "parameters", "every parameter that is swept has an effect"};
  return {Grade::kWarn, "parameters", "swept, but the other values leave it without effect: " + names};
}

// What differs between the trials of the sweep, as the trial has it.
std::string show_swept(const SweepSpec& spec, const Config& config) {
  std::string text;
  for (const auto& one : config) {
    const bool swept = std::any_of(spec.parameters.begin(), spec.parameters.end(),
                                   [&](const ParameterSpec& p) { return p.name == one.first && is_swept(p); });
    if (swept) text += cat(text.empty() ? "" : " ", one.first, "=", show_value(one.second));
  }
  return text;
}

void print(const Finding& finding) {
  constexpr const char* kWords[] = {"pass", "warn", "FAIL"};
  const std::string line =
      fmt::format("{}  {:<18} {}", kWords[static_cast<int>(finding.grade)], finding.what, finding.sentence);
  fmt::print("{}\n", wrapped(line, std::string(25, ' ')));
  std::fflush(stdout);
}

std::string bar(const RateLoss& rate, const RangeTest& test) {
  constexpr double kWidth = 40, kMost = 1.5;  // times the start
  if (rate.diverged) return "diverged";
  const double share = std::min(rate.loss / test.start, kMost);
  const std::string drawn(static_cast<std::size_t>(share / kMost * kWidth), '=');
  return rate.loss > kMost * test.start ? drawn + ">" : drawn;
}

// "beside optimizer adam, line 19", of a parameter that belongs to a choice.
std::string place_of(const SweepSpec& spec, const ParameterSpec& parameter) {
  if (!parameter.when) return fmt::format("line {}", parameter.line);
  std::string choice = parameter.when->parameter, values;
  for (const ParameterSpec& other : spec.parameters)
    if (other.label == parameter.when->parameter) choice = other.name;
  for (const Value& value : parameter.when->values) values += (values.empty() ? " " : " or ") + show_value(value);
  return fmt::format("beside {}{}, line {}", choice, values, parameter.line);
}

// A rate that belongs to a choice has its line there, and no other: at the top of the file it would be a second one.
void print_range(const RateRange& usable, const SweepSpec& spec, const ParameterSpec* parameter) {
  const bool of_choice = parameter && parameter->when;
  fmt::print("\nrange to use{}; fastest at {:g}:\n  {}: {{distribution: log_uniform_values, min: {:g}, max: {:g}}}\n",
             of_choice ? " " + place_of(spec, *parameter) : "", usable.best,
             parameter ? parameter->name : "learning_rate", usable.min, usable.max);
  for (const ParameterSpec* other : other_rate_parameters(spec, parameter))
    fmt::print("not tried: {} {}; try a trial that has it with --trial N\n", other->name, place_of(spec, *other));
}

void print_rates(const RangeTest& test, const SweepSpec& spec, const ParameterSpec* parameter) {
  fmt::print("\nloss after {} steps of {} examples, {:.4f} at the start, by learning rate:\n", test.steps,
             test.batch_size, test.start);
  std::vector<std::vector<std::string>> rows = {{"rate", "loss", ""}};
  for (const RateLoss& rate : test.rates)
    rows.push_back(
        {fmt::format("{:g}", rate.rate), rate.diverged ? "-" : fmt::format("{:.4f}", rate.loss), bar(rate, test)});
  fmt::print("{}", show_table(rows));
  if (const auto usable = usable_rates(test)) print_range(*usable, spec, parameter);
}

// A tenth, a third and all of the rate that falls fastest, or, where none falls, what is usual; and the trial's own.
std::vector<double> rates_by_heart(const RangeTest& test, const BoundConfig& config) {
  std::vector<double> rates = {1e-3, 1e-2, 1e-1};
  if (const auto usable = usable_rates(test)) rates = {usable->best / 10, usable->best / 3, usable->best};
  rates.push_back(config.hyper.learning_rate);
  return rates;
}

}  // namespace

int check_before(SweepSpec spec, const CarryOutFlags& flags, std::int64_t trial) {
  require_runnable(spec);
  check_parameters(spec);
  spec = with_search_flags(std::move(spec), flags);
  Preparation prepared = prepare(spec, flags, load_data(spec, flags));
  const Search search = make_search(spec, prepared.setup);
  Config config;
  const BoundConfig bound = bind_trial(spec, prepared, search, trial, config);
  const std::string swept = show_swept(spec, config);
  fmt::print("{}: trial {} tried on {}{}{}\n", spec.filename, trial, show_devices(prepared.devices),
             swept.empty() ? "" : ": ", swept);

  std::vector<Finding> findings;
  const auto found = [&](Finding finding) {
    say_under_way("");
    print(finding);
    findings.push_back(std::move(finding));
  };
  found(check_data(*prepared.data));
  found(check_effects(spec));

  say_under_way("the loss of the untrained network");
  const RangeTestSize size = range_test_size(bound, *prepared.data);
  const auto spread = spread_examples(*prepared.data, std::max<std::int64_t>(size.examples(), 256));
  const auto executor = make_executor(spread, prepared.devices);
  found(judge_initial_loss(initial_loss(*executor, bound, *spread), prepared.data->classes));

  say_under_way(fmt::format("{} learning rates side by side", range_test_rates().size()));
  RangeTest test = test_rates(*executor, bound, size);
  test.chance = log_double(prepared.data->classes);
  const ParameterSpec* parameter = rate_parameter(spec, config);
  found(judge_rates(test, rates_of(parameter, bound)));

  say_under_way(fmt::format("learning {} examples by heart", kByHeart));
  const auto few = few_examples(*prepared.data, kByHeart);
  const auto by_heart = make_executor(few, prepared.devices);
  found(judge_by_heart(learn_by_heart(*by_heart, bound, few->train.count, rates_by_heart(test, bound))));

  print_rates(test, spec, parameter);
  const auto graded = [&](Grade grade) {
    return std::count_if(findings.begin(), findings.end(), [&](const Finding& f) { return f.grade == grade; });
  };
  fmt::print("\n{} passed, {} to look at, {} failed\n", graded(Grade::kPass), graded(Grade::kWarn),
             graded(Grade::kFail));
  std::fflush(stdout);
  return graded(Grade::kFail) > 0 ? kExitError : kExitDone;
}

void add_check(CLI::App& program, int& exit_code) {
  const auto options = std::make_shared<Options>();
  CLI::App* command =
      program.add_subcommand("check", "Try what a careful person tries before a sweep: data, loss, rates, capacity");
  command->add_option("file", options->file, "the sweep file, YAML")->required();
  command->add_option("--trial", options->trial, "the trial whose config is tried")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 40))
      ->capture_default_str();
  add_search_flags(*command, options->flags);
  add_common_flags(*command, options->flags);
  add_auto_seeds_flags(*command, options->flags);
  command->footer(kFooter);
  command->callback([options, &exit_code] {
    const SweepSpec spec = load_sweep(options->file);
    for (const std::string& warning : spec.warnings) fmt::print(stderr, "{}\n", wrapped("caviar: " + warning, "  "));
    exit_code = check_before(spec, options->flags, options->trial);
  });
}

}  // namespace caviar
