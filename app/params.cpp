// caviar params: every word a sweep file or --set may use, and what it means.
#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "app/commands.h"
#include "kernels/base/error.h"
#include "tuner/metric.h"
#include "tuner/registry.h"
#include "tuner/spec/names.h"
#include "tuner/spec/parameter_help.h"
#include "tuner/spec/spec.h"

namespace caviar {
namespace {

constexpr const char* kFooter = R"(
Case does not matter in names and choices, `-` counts as `_`, and groups flatten: optimizer.lr is learning_rate. A
default in () is decided by other parameters. Samplers and schedulers are listed by flags of their own.

Example:
  caviar params learning_rate)";

constexpr std::size_t kColumns = 100;

// Prints a text in lines of kColumns at most, each behind some blanks.
void print_indented(std::string_view text, std::size_t blanks = 4) {
  std::string line;
  const auto end_line = [&] {
    if (!line.empty()) fmt::print("{:{}}{}\n", "", blanks, line);
    line.clear();
  };
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (blanks + line.size() + 1 + word.size() > kColumns) end_line();
    if (!line.empty()) line += ' ';
    line += word;
  }
  end_line();
}

// A bound of a range; whole numbers too long to read are powers of two.
std::string show_bound(const ParameterHelp& help, double bound) {
  if (help.kind == FieldKind::kFloat) return fmt::format("{:.6g}", bound);
  if (bound == 0x1p53) return "2^53";
  return bound == 0x1p64 ? "2^64" : fmt::format("{:.0f}", bound);
}

std::string legal_values(const ParameterHelp& help) {
  if (help.kind == FieldKind::kFlag) return "true or false";
  if (help.kind == FieldKind::kChoice) return join(help.choices);
  return fmt::format("{}{}{} to {}{}", help.kind == FieldKind::kInteger ? "whole, " : "", help.low_open ? "above " : "",
                     show_bound(help, help.low), help.high_open ? "below " : "", show_bound(help, help.high));
}

void print_parameter(const ParameterHelp& help) {
  const std::string unit = help.unit.empty() ? "" : fmt::format("; {}", help.unit);
  fmt::print("{} = {}    [{}{}]\n", help.name, help.fallback, legal_values(help), unit);
  print_indented(help.meaning);
  if (const auto aliases = parameter_aliases(help.name); !aliases.empty()) print_indented("also: " + join(aliases));
}

void print_metrics() {
  fmt::print(
      "\nMETRICS that can steer a sweep, as in `metric: {{name: val_accuracy, goal: maximize}}`, the default\n\n");
  for (const std::string_view name : known_metrics()) {
    const std::string_view prefix = name.substr(0, name.rfind('_'));
    const bool is_loss = !metric_is_maximized(name);
    fmt::print("{}    [{}]\n", name, is_loss ? "mean cross-entropy in nats" : "fraction from 0 to 1");
    for (const MetricSet& set : metric_sets()) {
      if (prefix == set.prefix) print_indented(set.meaning);
    }
    if (const auto aliases = metric_aliases(name); !aliases.empty()) print_indented("also: " + join(aliases));
  }
}

void print_settings() {
  fmt::print("\nKEYS of the block `caviar:` of a sweep file, as in `caviar: {{seeds: 3}}`\n\n");
  for (const SettingHelp& setting : setting_help()) {
    fmt::print("{} = {}    [{}]\n", setting.name, setting.fallback, setting.legal);
    print_indented(setting.meaning);
  }
}

void print_all() {
  fmt::print("PARAMETERS, as NAME = DEFAULT [legal values; unit]\n\n");
  for (const ParameterHelp& help : parameter_help()) print_parameter(help);
  print_metrics();
  print_settings();
}

void print_one(const std::string& word) {
  const std::string name = canonical_parameter(word);
  if (name.empty()) {
    fail("there is no parameter '", word, "'", did_you_mean_parameter(word), " (`caviar params` lists all)");
  }
  for (const ParameterHelp& help : parameter_help()) {
    if (help.name != name) continue;
    print_parameter(help);
    for (const std::string_view choice : help.choices) {
      const auto aliases = choice_aliases(name, choice);
      if (!aliases.empty()) print_indented(fmt::format("{} may be written {}", choice, join(aliases)));
    }
  }
}

// Samplers or schedulers, each with its table of settings.
template <class Kind>
void print_kinds(std::string_view heading, std::span<const Kind> kinds) {
  print_indented(heading, 0);
  fmt::print("\n");
  for (const Kind& kind : kinds) {
    fmt::print("{}\n", kind.name);
    print_indented(kind.summary);
    for (const OptionHelp& row : kind.options) {
      fmt::print("    {}{}{}    [{}]\n", row.name, row.fallback.empty() ? "" : " = ", row.fallback, legal_values(row));
      print_indented(row.meaning, 8);
    }
  }
}

void print_samplers() {
  print_kinds(
      "SAMPLERS, as in `caviar: {sampler: NAME}`, {sampler: {name: NAME, SETTING: VALUE}} or --sampler "
      "NAME,SETTING=VALUE, with their settings as NAME = DEFAULT [legal values]",
      sampler_kinds());
}

void print_schedulers() {
  print_kinds(
      "SCHEDULERS, as in `caviar: {scheduler: NAME}` or {scheduler: {name: NAME, SETTING: VALUE}}, with their "
      "settings as NAME = DEFAULT [legal values]",
      scheduler_kinds());
}

}  // namespace

void add_params(CLI::App& program, int& exit_code) {
  struct Options {
    std::string name;
    bool samplers = false, schedulers = false;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* command = program.add_subcommand("params", "Explain every parameter, metric and setting, or one parameter");
  command->add_option("name", options->name, "a parameter, or an alias of one [default: all]");
  command->add_flag("--samplers", options->samplers, "list the samplers, which say what to try next");
  command->add_flag("--schedulers", options->schedulers, "list the schedulers, which say what to stop early");
  command->footer(kFooter);
  command->callback([options, &exit_code] {
    if (options->samplers) print_samplers();
    if (options->schedulers) print_schedulers();
    if (!options->name.empty()) {
      print_one(options->name);
    } else if (!options->samplers && !options->schedulers) {
      print_all();
    }
    if (std::fflush(stdout) != 0) fail("the output cannot be written; free some space and try again");
    exit_code = kExitDone;
  });
}

}  // namespace caviar
