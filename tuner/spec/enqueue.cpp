#include "tuner/spec/enqueue.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <set>

#include "kernels/base/error.h"
#include "tuner/bind.h"
#include "tuner/spec/names.h"
#include "tuner/spec/value.h"
#include "tuner/spec/yaml.h"

namespace caviar {
namespace {

class EnqueuedReader {
 public:
  EnqueuedReader(const std::string& filename, const SweepSpec& spec) : filename_(filename), spec_(spec) {}

  Config read(const YamlNode& node) const {
    if (!node.is_map() || node.entries.empty()) {
      fail(where(node.line), "a config is a map of parameters and values, such as {learning_rate: 0.01}");
    }
    Config config;
    read_group(node, "", config);
    complete(node, config);
    try {
      const std::int64_t any = std::numeric_limits<std::int32_t>::max();  // the data set is not known here
      bind_config(config, {}, {any, any, ""});
    } catch (const Error& error) {
      fail(where(node.line), error.what());
    }
    return config;
  }

  std::string where(int line) const { return cat(filename_, ":", line, ": "); }

 private:
  void read_group(const YamlNode& node, const std::string& prefix, Config& config) const {
    for (const YamlEntry& entry : node.entries) {
      const std::string path = prefix + entry.key;
      const std::string name = name_in_sweep(path);
      if (entry.value->is_map() && !has_maps(name)) {
        read_group(*entry.value, path + ".", config);
      } else if (entry.value->to_value().is_null()) {
        fail(where(entry.line), "'", path, "' has no value; give it one, or leave it out");
      } else if (!config.emplace(name.empty() ? path : name, as_in_sweep(name, entry.value->to_value())).second) {
        fail(where(entry.line), "'", path, "' is given twice; keep one");
      }
    }
  }

  // What the sweep calls the parameter, or "".
  std::string name_in_sweep(const std::string& path) const {
    const std::string canonical = canonical_parameter(path);
    std::string same;
    for (const ParameterSpec& parameter : spec_.parameters) {
      if (parameter.name == path) return path;
      if (!canonical.empty() && canonical_parameter(parameter.name) == canonical) same = parameter.name;
    }
    return same;
  }

  // Text that is a number is that number, unless the sweep lists it as text: '8' would else be another config than 8.
  Value as_in_sweep(const std::string& name, Value value) const {
    if (!value.is_string()) return value;
    for (const ParameterSpec& parameter : spec_.parameters) {
      if (parameter.name != name) continue;
      const std::vector<Value>& values = parameter.values;
      if (std::find(values.begin(), values.end(), value) != values.end()) return value;
    }
    const std::optional<Value> number = parse_number(value.get<std::string>());
    return number ? *number : value;
  }

  // Whether a value of the parameter is a map itself, not a group of parameters.
  bool has_maps(const std::string& name) const {
    return std::any_of(spec_.parameters.begin(), spec_.parameters.end(), [&](const ParameterSpec& parameter) {
      return parameter.name == name && std::any_of(parameter.values.begin(), parameter.values.end(),
                                                   [](const Value& value) { return value.is_object(); });
    });
  }

  void complete(const YamlNode& node, Config& config) const {
    for (const ParameterSpec& parameter : spec_.parameters) {
      if (config.contains(parameter.name) || !has_place(parameter, config)) continue;
      if (parameter.distribution != Distribution::kConstant) {
        fail(where(node.line), "the config has no ", parameter.name, ", which the sweep varies; add it");
      }
      config[parameter.name] = parameter.values.front();
    }
  }

  bool has_place(const ParameterSpec& parameter, const Config& config) const {
    if (!parameter.when) return true;
    const auto parent = std::find_if(spec_.parameters.begin(), spec_.parameters.end(), [&](const ParameterSpec& other) {
      return other.label == parameter.when->parameter;
    });
    if (parent == spec_.parameters.end() || !has_place(*parent, config)) return false;
    const auto given = config.find(parent->name);
    const std::vector<Value>& values = parameter.when->values;
    return given != config.end() && std::find(values.begin(), values.end(), given->second) != values.end();
  }

  const std::string& filename_;
  const SweepSpec& spec_;
};

}  // namespace

std::vector<Config> parse_enqueued(const std::string& text, const std::string& filename, const SweepSpec& spec) {
  const auto root = parse_yaml(text, filename);
  const EnqueuedReader reader(filename, spec);
  if (!root->is_list()) return {reader.read(*root)};
  if (root->items.empty()) fail(reader.where(root->line), "the list is empty; give at least one config");
  std::vector<Config> configs;
  for (const auto& item : root->items) configs.push_back(reader.read(*item));
  return configs;
}

std::vector<Config> load_enqueued(const std::string& path, const SweepSpec& spec) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error))
    fail(path, " is a directory; --enqueue takes a YAML file of configs, such as {learning_rate: 0.01}");
  std::ifstream file(path, std::ios::binary);
  if (!file) fail(path, ": the file of configs cannot be opened; check the path and its permissions");
  std::string text(kYamlMaxBytes + 1, '\0');  // one more than the parser accepts
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) fail(path, ": the file of configs cannot be read");
  text.resize(static_cast<std::size_t>(file.gcount()));
  return parse_enqueued(text, path, spec);
}

std::vector<std::string> notes_on_enqueued(const SweepSpec& spec, std::optional<std::int64_t> trials) {
  std::vector<std::string> notes;
  const std::vector<Config>& configs = spec.settings.by_hand;
  for (const ParameterSpec& parameter : spec.parameters) {
    if (parameter.distribution != Distribution::kConstant || parameter.when) continue;
    const Value& constant = parameter.values.front();
    std::int64_t others = 0;
    const Value* first = nullptr;
    for (const Config& config : configs) {
      const auto given = config.find(parameter.name);
      if (given == config.end() || given->second == constant) continue;
      if (others++ == 0) first = &given->second;
    }
    if (others > 0)
      notes.push_back(cat("--enqueue gives ", parameter.name, ", which the sweep holds at ", show(constant),
                          ", the value ", show(*first), others > 1 ? cat(" and others, in ", others, " configs") : "",
                          "; it is tried as given"));
  }
  const std::set<Config> different(configs.begin(), configs.end());
  if (const std::size_t again = configs.size() - different.size(); again > 0)
    notes.push_back(cat("--enqueue gives ", again, again == 1 ? " config" : " configs",
                        " a second time; every config is tried once"));
  if (trials && *trials > 0 && static_cast<std::int64_t>(different.size()) > *trials)
    notes.push_back(cat("--enqueue gives ", different.size(), " configs and the sweep has ", *trials,
                        *trials == 1 ? " trial" : " trials", ", so only the first ", *trials,
                        *trials == 1 ? " is" : " are", " tried; raise --count"));
  return notes;
}

}  // namespace caviar
