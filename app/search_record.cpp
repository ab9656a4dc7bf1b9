#include "app/search_record.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <span>

#include "app/carry_out.h"
#include "engine/data/dataset.h"
#include "kernels/base/error.h"
#include "tuner/registry.h"
#include "tuner/seeds/auto_seeds.h"
#include "tuner/spec/sweep_writer.h"

namespace caviar {
namespace {

Value recorded(const Choice& choice) {
  Value settings = Value::object();
  for (const auto& [name, setting] : choice.settings) settings[name] = setting.value;
  return {{"name", choice.name}, {"settings", settings}};
}

void recall(const Value& record, const char* key, Choice& choice) {
  if (!record.contains(key)) return;
  choice = {};
  choice.name = record[key]["name"].get<std::string>();
  for (const auto& [name, value] : record[key]["settings"].items()) choice.settings[name] = {value, ""};
}

template <class Number>
void recall(const Value& record, const char* key, std::optional<Number>& number) {
  if (record.contains(key) && !record[key].is_null()) number = record[key].get<Number>();
}

// As the block `caviar:` has it: the name, or a map of it and its settings.
Value in_file(const Choice& choice) {
  if (choice.name.empty()) return {};
  if (choice.settings.empty()) return choice.name;
  Value map = {{"name", choice.name}};
  for (const auto& [name, setting] : choice.settings) map[name] = setting.value;
  return map;
}

// What `seeds: auto` became, and a file says by that again.
bool is_race_of_auto_seeds(const Choice& scheduler) {
  if (!is_auto_seeds(scheduler)) return false;
  return in_file(scheduler) == in_file(auto_seeds_scheduler(scheduler_options(scheduler).number("confidence")));
}

bool is_known_data(const std::string& name) {
  const auto known = known_datasets();
  return std::any_of(known.begin(), known.end(), [&](const KnownDataset& one) { return one.name == name; });
}

// The value of a setting, be it by a default; null where there is none.
Value in_force(const OptionSet& options, const OptionHelp& row) {
  if (!options.given(row.name)) return {};
  switch (row.kind) {
    case OptionKind::kNumber:
    case OptionKind::kWhole:
      return options.number(row.name);
    case OptionKind::kFlag:
      return options.flag(row.name);
    case OptionKind::kWord:
      return options.word(row.name);
  }
  return {};
}

template <class Kind>
bool mean_the_same(const Choice& one, const Choice& other, std::span<const Kind> kinds,
                   OptionSet (*options_of)(const Choice&)) {
  const auto kind = std::find_if(kinds.begin(), kinds.end(), [&](const Kind& k) { return k.name == one.name; });
  if (one.name != other.name || kind == kinds.end()) return false;
  const OptionSet ones = options_of(one), others = options_of(other);
  return std::all_of(kind->options.begin(), kind->options.end(),
                     [&](const OptionHelp& row) { return in_force(ones, row) == in_force(others, row); });
}

template <class Number>
Value or_null(const std::optional<Number>& number) {
  return number ? Value(*number) : Value();
}

}  // namespace

std::string search_record(const Settings& settings) {
  return Value{{"sampler", recorded(settings.sampler)}, {"scheduler", recorded(settings.scheduler)},
               {"window", or_null(settings.window)},    {"no_improvement", or_null(settings.no_improvement)},
               {"noise", or_null(settings.noise)},      {"by_hand", settings.by_hand}}
      .dump();
}

std::string with_data_directory(const std::string& record, const std::string& name_or_directory) {
  if (is_known_data(name_or_directory)) return record;
  Value value = Value::parse(record);
  value["data"] = std::filesystem::absolute(name_or_directory).lexically_normal().string();
  return value.dump();
}

std::string data_of(const StudyRecord& study) {
  const Value record = Value::parse(study.search);
  return record.contains("data") ? record["data"].get<std::string>() : study.data_name;
}

std::int64_t validation_examples_of(Storage& storage) {
  std::optional<std::int64_t> examples;
  const std::int64_t trials = storage.trial_count();
  for (std::int64_t trial = 0; trial < trials && !examples; ++trial) {
    storage.for_each_repeat_of(trial, [&](const RepeatRecord& repeat) {
      const Value line = Value::parse(storage.run(repeat.run).value().canonical, nullptr, false);
      if (line.is_object()) examples = line.value("validation_examples", std::int64_t{0});
    });
  }
  return examples.value_or(0);
}

void recall_search(const std::string& record, const SaidAgain& said, Settings& settings) {
  const Value before = Value::parse(record);
  if (!said.sampler) recall(before, "sampler", settings.sampler);
  if (!said.scheduler) recall(before, "scheduler", settings.scheduler);
  if (!said.window) recall(before, "window", settings.window);
  if (!said.no_improvement) recall(before, "no_improvement", settings.no_improvement);
  if (!said.noise) recall(before, "noise", settings.noise);
  if (!said.by_hand && before.contains("by_hand")) settings.by_hand = before["by_hand"].get<std::vector<Config>>();
}

void keep_words(const SweepSpec& before, SweepSpec& now) {
  if (mean_the_same(chosen_sampler(before), chosen_sampler(now), sampler_kinds(), sampler_options))
    now.settings.sampler = before.settings.sampler;
  if (mean_the_same(chosen_scheduler(before), chosen_scheduler(now), scheduler_kinds(), scheduler_options))
    now.settings.scheduler = before.settings.scheduler;
}

std::string file_as_carried_out(Storage& storage) {
  const StudyRecord study = storage.study().value();
  const SweepSpec spec = parse_sweep(study.spec, study.spec_name);
  const Settings& file = spec.settings;
  Settings used = file;
  recall_search(study.search, {}, used);
  std::map<std::string, Value> changed;
  const auto differ = [&](const char* key, const Value& before, const Value& now) {
    if (before != now) changed[key] = now;
  };
  differ("sampler", in_file(file.sampler), in_file(used.sampler));
  const bool race = is_race_of_auto_seeds(used.scheduler) && file.scheduler.name.empty();
  differ("scheduler", in_file(file.scheduler), race ? Value() : in_file(used.scheduler));
  if (file.window || used.window != default_window(study.trials)) {
    differ("window", or_null(file.window), or_null(used.window));
  }
  differ("no_improvement", or_null(file.no_improvement), or_null(used.no_improvement));
  differ("noise", or_null(file.noise), or_null(used.noise));
  std::optional<std::int64_t> count = file.count;
  if (spec.run_cap) count = std::min(count.value_or(*spec.run_cap), *spec.run_cap);
  differ("count", or_null(count), or_null(study.trials));
  if (race) {
    differ("seeds", file.auto_seeds ? Value("auto") : Value(), "auto");
    differ("max_seeds", file.max_seeds.value_or(kAutoMaxSeeds), study.seeds);
    differ("confidence", file.confidence.value_or(kAutoConfidence),
           scheduler_options(used.scheduler).number("confidence"));
  } else {
    differ("seeds", file.auto_seeds ? Value("auto") : Value(file.seeds.value_or(1)), study.seeds);
    differ("max_seeds", or_null(file.max_seeds), Value());
    differ("confidence", or_null(file.confidence), Value());
  }
  differ("sweep_seed", file.sweep_seed.value_or(0), study.sweep_seed);
  // The path of a directory is a matter of this machine and not of a file.
  if (is_known_data(study.data_name)) differ("data", file.data.value_or("mnist"), study.data_name);
  differ("precision", file.precision, study.numerics.substr(0, study.numerics.find('/')));
  differ("validate_on", file.validate_on_test ? "test" : "validation", study.validate_on_test ? "test" : "validation");
  if (const std::int64_t examples = validation_examples_of(storage); examples > 0) {
    differ("validation_examples", file.validation_examples, examples);
  }
  return sweep_with_settings(study.spec, study.spec_name, changed);
}

Value search_of(const StudyRecord& study) {
  try {
    SweepSpec spec = parse_sweep(study.spec, study.spec_name);
    recall_search(study.search, {}, spec.settings);
    return {{"sampler", recorded(chosen_sampler(spec))},
            {"scheduler", recorded(chosen_scheduler(spec))},
            {"window", or_null(spec.settings.window)}};
  } catch (const Error&) {
    return {{"sampler", nullptr}, {"scheduler", nullptr}, {"window", nullptr}};
  }
}

}  // namespace caviar
