// The `parameters:` block: which distribution an entry has, and whether its numbers make sense.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "tuner/spec/names.h"
#include "tuner/spec/spec.h"
#include "tuner/spec/spec_reader.h"
#include "tuner/spec/value.h"

namespace caviar {
namespace {

constexpr double kLargestFloat = std::numeric_limits<float>::max();
constexpr double kLargestWhole = 9007199254740992.0;  // 2^53: every whole number up to here is a double

// What an entry of each distribution may hold besides `distribution`; those in `required` it must.
struct Law {
  std::string_view name;
  Distribution distribution;
  std::vector<std::string_view> required, optional;
};

const std::vector<Law>& laws() {
  static const std::vector<Law> table = {
      {"constant", Distribution::kConstant, {"value"}, {}},
      {"categorical", Distribution::kCategorical, {"values"}, {}},
      {"categorical_w_probabilities", Distribution::kCategoricalWithProbabilities, {"values", "probabilities"}, {}},
      {"int_uniform", Distribution::kIntUniform, {"min", "max"}, {}},
      {"uniform", Distribution::kUniform, {"min", "max"}, {}},
      {"q_uniform", Distribution::kQUniform, {"min", "max"}, {"q"}},
      {"log_uniform", Distribution::kLogUniform, {"min", "max"}, {}},
      {"log_uniform_values", Distribution::kLogUniformValues, {"min", "max"}, {}},
      {"q_log_uniform", Distribution::kQLogUniform, {"min", "max"}, {"q"}},
      {"q_log_uniform_values", Distribution::kQLogUniformValues, {"min", "max"}, {"q"}},
      {"inv_log_uniform", Distribution::kInvLogUniform, {"min", "max"}, {}},
      {"inv_log_uniform_values", Distribution::kInvLogUniformValues, {"min", "max"}, {}},
      {"normal", Distribution::kNormal, {}, {"mu", "sigma"}},
      {"q_normal", Distribution::kQNormal, {}, {"mu", "sigma", "q"}},
      {"log_normal", Distribution::kLogNormal, {}, {"mu", "sigma"}},
      {"q_log_normal", Distribution::kQLogNormal, {}, {"mu", "sigma", "q"}},
      {"beta", Distribution::kBeta, {}, {"a", "b"}},
      {"q_beta", Distribution::kQBeta, {}, {"a", "b", "q"}},
  };
  return table;
}

constexpr std::string_view kEntryKeys[] = {"value", "values", "probabilities", "min",         "max", "q", "mu", "sigma",
                                           "a",     "b",      "parameters",    "distribution"};

// One entry, its name for messages, and the reader.
class EntryReader {
 public:
  EntryReader(SpecReader& reader, const YamlNode& entry, const std::string& name, bool nested)
      : reader_(reader), entry_(entry), what_("parameter '" + name + "'"), nested_(nested) {
    parameter_.name = name;
  }

  ParameterSpec read(int line) {
    parameter_.line = line;
    const Law& law = classify();
    parameter_.distribution = law.distribution;
    check_keys(law);
    read_values(law);
    read_numbers();
    check_bounds();
    warn_deprecated();
    return std::move(parameter_);
  }

 private:
  bool has(std::string_view key) const { return entry_.find(key) != nullptr; }
  int line_of(std::string_view key) const {
    for (const YamlEntry& entry : entry_.entries) {
      if (entry.key == key) return entry.line;
    }
    return parameter_.line;
  }
  std::string named(std::string_view key) const { return cat(key, " of ", what_); }

  static const Law& law_of(Distribution distribution) {
    return *std::find_if(laws().begin(), laws().end(),
                         [&](const Law& law) { return law.distribution == distribution; });
  }

  // The distribution by name or, without one, by W&B's rules of inference.
  const Law& classify() {
    if (const YamlNode* given = entry_.find("distribution")) {
      std::vector<std::string_view> names;
      for (const Law& law : laws()) names.push_back(law.name);
      return laws()[reader_.choice(*given, named("distribution"), names)];
    }
    if (has("value") && has("values")) {
      reader_.refuse(line_of("values"), what_, " has both value and values; keep one");
    }
    if (has("value")) return law_of(Distribution::kConstant);
    if (has("values") && has("probabilities")) return law_of(Distribution::kCategoricalWithProbabilities);
    if (has("values")) return law_of(Distribution::kCategorical);
    if (has("min") && has("max")) {
      if (has("q")) {
        reader_.refuse(line_of("q"), what_,
                       " has min, max and q; say which distribution, such as distribution: q_uniform");
      }
      const bool integers = reader_.is_integer(*entry_.find("min")) && reader_.is_integer(*entry_.find("max"));
      return law_of(integers ? Distribution::kIntUniform : Distribution::kUniform);
    }
    if (has("min")) reader_.refuse(line_of("min"), what_, " has min but no max; add max");
    if (has("max")) reader_.refuse(line_of("max"), what_, " has max but no min; add min");
    if (has("probabilities"))
      reader_.refuse(line_of("probabilities"), what_, " has probabilities but no values; add values");
    for (const std::string_view key : {"mu", "sigma", "a", "b", "q"}) {
      if (has(key)) reader_.refuse(line_of(key), what_, " has ", key, " but no distribution; name it");
    }
    reader_.refuse(parameter_.line, what_, " says nothing; give value, values, min and max, or a distribution");
  }

  void check_keys(const Law& law) const {
    for (const YamlEntry& entry : entry_.entries) {
      const auto among = [&](const std::vector<std::string_view>& keys) {
        return std::find(keys.begin(), keys.end(), entry.key) != keys.end();
      };
      if (entry.key == "distribution" || among(law.required) || among(law.optional)) continue;
      if (entry.key == "probabilities" && law.distribution == Distribution::kCategorical) {
        reader_.refuse(entry.line, what_, " has probabilities beside distribution: categorical; write distribution: ",
                       "categorical_w_probabilities or remove the distribution");
      }
      std::vector<std::string_view> takes = law.required;
      takes.insert(takes.end(), law.optional.begin(), law.optional.end());
      reader_.refuse(entry.line, what_, " is ", law.name, " and takes ", join(takes), ", not ", show(entry.key),
                     "; remove it or change the distribution");
    }
    for (const std::string_view key : law.required) {
      if (!has(key)) reader_.refuse(parameter_.line, what_, " is ", law.name, " and has no ", key, "; add ", key);
    }
  }

  void read_values(const Law& law) {
    if (const YamlNode* value = entry_.find("value")) parameter_.values.push_back(value->to_value());
    if (const YamlNode* values = entry_.find("values")) {
      if (!values->is_list()) reader_.refuse(values->line, named("values"), " must be a list, such as [1, 2]");
      if (values->items.empty()) reader_.refuse(values->line, named("values"), " is empty; list at least one value");
      for (const auto& item : values->items) parameter_.values.push_back(item->to_value());
    }
    if (law.distribution != Distribution::kCategoricalWithProbabilities) return;
    const YamlNode& list = *entry_.find("probabilities");
    if (!list.is_list()) reader_.refuse(list.line, named("probabilities"), " must be a list of numbers");
    double sum = 0;
    for (const auto& item : list.items) {
      const double p = reader_.number(*item, named("a probability"));
      if (!(p >= 0 && p <= 1)) reader_.refuse(item->line, named("a probability"), " is ", p, "; it must lie in [0, 1]");
      parameter_.probabilities.push_back(p);
      sum += p;
    }
    if (list.items.size() != parameter_.values.size()) {
      reader_.refuse(list.line, what_, " has ", parameter_.values.size(), " values and ", list.items.size(),
                     " probabilities; give one for each value");
    }
    if (std::abs(sum - 1) > 1e-6) {
      reader_.refuse(list.line, named("probabilities"), " add up to ", sum, "; they must add up to 1");
    }
  }

  void read_numbers() {
    const auto take = [&](std::string_view key, double& into) {
      const YamlNode* node = entry_.find(key);
      if (node) into = reader_.number(*node, named(key));
      return node;
    };
    const YamlNode* min = take("min", parameter_.min);
    const YamlNode* max = take("max", parameter_.max);
    parameter_.integer_bounds = min && max && reader_.is_integer(*min) && reader_.is_integer(*max);
    if (const YamlNode* q = take("q", parameter_.q)) {
      parameter_.integer_q = reader_.is_integer(*q);
      if (!(parameter_.q > 0)) reader_.refuse(q->line, named("q"), " is ", parameter_.q, "; it must be above 0");
    }
    const YamlNode* mu = take("mu", parameter_.mu);
    if (mu) check_float(*mu, "mu", parameter_.mu);
    if (const YamlNode* sigma = take("sigma", parameter_.sigma)) {
      if (!(parameter_.sigma >= 0)) {
        reader_.refuse(sigma->line, named("sigma"), " is ", parameter_.sigma, "; it must not be negative");
      }
      check_float(*sigma, "sigma", parameter_.sigma);
    }
    // a = 0 or b = 0 pass W&B's schema, but no beta distribution has them.
    for (const auto& [key, into] : {std::pair{"a", &parameter_.a}, std::pair{"b", &parameter_.b}}) {
      const YamlNode* node = take(key, *into);
      if (node && !(*into > 0 && *into <= 1e6)) {
        reader_.refuse(node->line, named(key), " is ", *into, "; it must be above 0 and at most 1e6");
      }
    }
  }

  void check_float(const YamlNode& node, std::string_view key, double value) const {
    if (std::abs(value) > kLargestFloat) {
      reader_.refuse(node.line, named(key), " is ", value, "; values are kept in float32, whose largest is ",
                     kLargestFloat);
    }
  }

  void check_bounds() {
    const YamlNode* min = entry_.find("min");
    const YamlNode* max = entry_.find("max");
    if (!min || !max) return;
    const double low = parameter_.min, high = parameter_.max;
    if (parameter_.distribution == Distribution::kIntUniform) {
      for (const YamlNode* bound : {min, max}) {
        if (!reader_.is_integer(*bound)) {
          reader_.refuse(bound->line, what_, " is int_uniform and has the bound ", bound->text,
                         "; write whole numbers without a point, or use uniform");
        }
      }
      if (std::max(std::abs(low), std::abs(high)) >= kLargestWhole) {
        reader_.refuse(min->line, what_, " has a bound of 2^53 or more; use smaller ones");
      }
    }
    check_float(*min, "min", low);
    check_float(*max, "max", high);
    // W&B compares the bounds of top-level parameters only. Inside a group equal bounds are harmless, crossed ones
    // never.
    if (low > high || (low == high && !nested_)) {
      reader_.refuse(max->line, what_, " has min ", low, " and max ", high, "; min must be below max");
    }
    check_logarithms(*min, *max);
  }

  void check_logarithms(const YamlNode& min, const YamlNode& max) const {
    switch (parameter_.distribution) {
      case Distribution::kLogUniformValues:
      case Distribution::kQLogUniformValues:
      case Distribution::kInvLogUniformValues:
        if (!(static_cast<float>(parameter_.min) > 0)) {
          reader_.refuse(min.line, named("min"), " is ", parameter_.min, "; a log scale needs min above 0");
        }
        return;
      case Distribution::kLogUniform:
      case Distribution::kQLogUniform:
      case Distribution::kInvLogUniform:
        for (const YamlNode* bound : {&min, &max}) {
          const double exponent = bound == &min ? parameter_.min : parameter_.max;
          if (std::abs(exponent) > 87) {  // e^88 is just inside float32, e^-88 just outside its normal numbers
            reader_.refuse(bound->line, what_, " has the exponent ", exponent,
                           "; bounds here are natural logarithms and must lie in [-87, 87]");
          }
        }
        return;
      default:
        return;
    }
  }

  void warn_deprecated() {
    const bool inverse = parameter_.distribution == Distribution::kInvLogUniform;
    if (!inverse && parameter_.distribution != Distribution::kLogUniform &&
        parameter_.distribution != Distribution::kQLogUniform) {
      return;
    }
    const char* const name = to_string(parameter_.distribution);
    reader_.warn(line_of("distribution"), what_, ": ", name,
                 " is deprecated; its bounds are natural logarithms, so values lie in [",
                 std::exp(inverse ? -parameter_.max : parameter_.min), ", ",
                 std::exp(inverse ? -parameter_.min : parameter_.max), "]; write ", name, "_values with those bounds");
  }

  SpecReader& reader_;
  const YamlNode& entry_;
  const std::string what_;
  const bool nested_;
  ParameterSpec parameter_;
};

// [A-Za-z_][A-Za-z0-9_.-]*
bool is_legal_name(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; };
  if (name.empty() || !letter(name[0])) return false;
  return std::all_of(name.begin(), name.end(),
                     [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '.' || c == '-'; });
}

void check_entry_is_map(SpecReader& reader, const YamlEntry& entry, const std::string& name) {
  if (entry.value->is_map()) return;
  if (entry.value->is_list()) {
    reader.refuse(entry.line, "parameter '", name, "' is a list; write values: before it");
  }
  reader.refuse(entry.line, "parameter '", name, "' is ", show(entry.value->scalar), "; write ", entry.key,
                ": {value: ", entry.value->text.substr(0, 40), "}");
}

}  // namespace

const char* to_string(Distribution distribution) {
  for (const Law& law : laws()) {
    if (law.distribution == distribution) return law.name.data();  // literals, so they end in 0
  }
  return "";
}

void read_parameters(SpecReader& reader, const YamlNode& map, const std::string& prefix,
                     std::vector<ParameterSpec>& parameters) {
  for (const YamlEntry& entry : map.entries) {
    const std::string name = prefix + entry.key;
    if (!is_legal_name(entry.key)) {
      reader.refuse(entry.line, "parameter name ", show(entry.key),
                    " is not allowed; a name starts with a letter or _ and goes on with letters, digits, _, . and -");
    }
    check_entry_is_map(reader, entry, name);
    if (entry.value->entries.empty()) {
      reader.refuse(entry.line, "parameter '", name,
                    "' says nothing; give value, values, min and max, or a distribution");
    }
    reader.require_keys(*entry.value, "parameter '" + name + "'", kEntryKeys);
    if (const YamlNode* group = entry.value->find("parameters")) {
      if (entry.value->entries.size() > 1) {
        reader.refuse(entry.line, "group '", name, "' has keys beside parameters; a group holds parameters only");
      }
      reader.require_map(*group, "parameters of group '" + name + "'");
      if (group->entries.empty()) reader.refuse(group->line, "group '", name, "' is empty; remove it or fill it");
      read_parameters(reader, *group, name + ".", parameters);
    } else {
      parameters.push_back(EntryReader(reader, *entry.value, name, !prefix.empty()).read(entry.line));
      parameters.back().label = name;
    }
  }
}

}  // namespace caviar
