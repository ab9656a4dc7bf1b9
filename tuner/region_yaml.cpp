// How a region is written as parameters of a sweep file.
#include <algorithm>
#include <cmath>
#include <string>

#include "kernels/math/elementary.h"
#include "tuner/region.h"

namespace caviar {
namespace {

// A value in YAML's flow style, as PyYAML reads it too: it takes 1e-05 for text, 1.0e-05 for a number.
std::string flow(const Value& value) {
  if (value.is_array() || value.is_object()) {
    std::string text;
    for (const auto& [key, item] : value.items()) {
      text.append(text.empty() ? "" : ", ")
          .append(value.is_object() ? Value(key).dump() + ": " : "")
          .append(flow(item));
    }
    return value.is_object() ? "{" + text + "}" : "[" + text + "]";
  }
  std::string text = value.dump(-1, ' ', true, Value::error_handler_t::replace);
  const std::size_t exponent = text.find('e');
  if (value.is_number_float() && exponent != std::string::npos && text.find('.') == std::string::npos) {
    text.insert(exponent, ".0");
  }
  return text;
}

// An entry of `parameters:` in flow style.
class Entry {
 public:
  // `decides`: a choice stands on the parameter, which must then list its values, be it one.
  Entry(const Parameter& parameter, const std::vector<UnitInterval>& kept, bool decides)
      : parameter_(parameter),
        spec_(parameter.spec()),
        kept_(kept),
        low_(kept.front().low),
        high_(kept.back().high),
        decides_(decides) {}

  std::string text() {
    if (parameter_.is_constant()) return value_alone(parameter_.level(0));
    if (parameter_.kind() == Parameter::Kind::kCategorical || !spec_.values.empty()) return listed();
    if (is_whole()) {
      bounds_of_file();
    } else {
      const Value first = at_low(), last = at_high();
      if (first == last) return value_alone(first);
      bounds_within(first, last);
    }
    return "{" + text_ + "}" + comment_;
  }

 private:
  std::string value_alone(const Value& value) const {
    return decides_ ? "{values: [" + flow(value) + "]}" : "{value: " + flow(value) + "}";
  }

  bool is_whole() const { return low_ == 0 && high_ == 1; }
  Value at_low() const { return parameter_.at(low_); }
  Value at_high() const { return parameter_.at(high_ - 0x1p-53); }

  void add(std::string_view key, const Value& value) {
    text_.append(text_.empty() ? "" : ", ").append(key).append(": ").append(flow(value));
  }
  void add_law(Distribution law) { text_ = std::string("distribution: ") + to_string(law); }
  void add_q(double q) {
    if (spec_.integer_q) {
      add("q", static_cast<std::int64_t>(q));
    } else {
      add("q", q);
    }
  }

  // Values, each once, that a place kept gives.
  std::string listed() const {
    std::vector<Value> values;
    std::vector<double> weights;
    double sum = 0;
    for (std::int64_t i = 0; i < parameter_.levels(); ++i) {
      const Value value = parameter_.level(i);
      const std::optional<double> u = parameter_.unit_of(value);
      const auto has = [&](const UnitInterval& interval) { return u && *u >= interval.low && *u < interval.high; };
      if (std::none_of(kept_.begin(), kept_.end(), has)) continue;
      values.push_back(value);
      if (spec_.probabilities.empty()) continue;
      const auto at = std::find(spec_.values.begin(), spec_.values.end(), value) - spec_.values.begin();
      weights.push_back(spec_.probabilities[static_cast<std::size_t>(at)]);
      sum += weights.back();
    }
    if (values.size() == 1) return value_alone(values.front());
    std::string text = "{values: " + flow(values);
    if (!weights.empty()) {
      for (double& weight : weights) weight /= sum;
      text += ", probabilities: " + flow(weights);
    }
    return text + "}";
  }

  // The whole range: the law as the file has it.
  void bounds_of_file() {
    add_law(spec_.distribution);
    switch (spec_.distribution) {
      case Distribution::kNormal:
      case Distribution::kQNormal:
      case Distribution::kLogNormal:
      case Distribution::kQLogNormal:
        add("mu", spec_.mu);
        add("sigma", spec_.sigma);
        break;
      case Distribution::kBeta:
      case Distribution::kQBeta:
        add("a", spec_.a);
        add("b", spec_.b);
        break;
      default:
        add_bounds(spec_.min, spec_.max);
    }
    if (is_quantised()) add_q(spec_.q);
  }

  void add_bounds(double low, double high) {
    const bool whole = spec_.distribution == Distribution::kIntUniform ||
                       (spec_.integer_bounds && low == std::floor(low) && high == std::floor(high));
    if (whole) {
      add("min", static_cast<std::int64_t>(low));
      add("max", static_cast<std::int64_t>(high));
    } else {
      add("min", low);
      add("max", high);
    }
  }

  void bounds_within(const Value& first, const Value& last) {
    const double low = first.get<double>(), high = last.get<double>(), width = spec_.max - spec_.min;
    switch (spec_.distribution) {
      case Distribution::kLogUniform:  // bounds are logarithms
        add_law(spec_.distribution);
        add_bounds(spec_.min + low_ * width, spec_.min + high_ * width);
        break;
      case Distribution::kInvLogUniform:
        add_law(spec_.distribution);
        add_bounds(spec_.min + (1 - high_) * width, spec_.min + (1 - low_) * width);
        break;
      case Distribution::kQLogUniform:
        add_law(spec_.distribution);
        add_bounds(low > 0 ? log_double(low) : spec_.min, log_double(high));
        break;
      case Distribution::kQLogUniformValues:
        add_law(spec_.distribution);
        add_bounds(low > 0 ? low : spec_.min, high);  // a multiple of q below min may be 0
        break;
      case Distribution::kNormal:
      case Distribution::kBeta:
        instead(Distribution::kUniform, low, high);
        break;
      case Distribution::kQNormal:
      case Distribution::kQBeta:
        instead(Distribution::kQUniform, low, high);
        break;
      case Distribution::kLogNormal:
        instead(Distribution::kLogUniformValues, low, high);
        break;
      case Distribution::kQLogNormal:
        instead(low > 0 ? Distribution::kQLogUniformValues : Distribution::kQUniform, low, high);
        break;
      default:
        add_law(spec_.distribution);
        add_bounds(low, high);
    }
    if (is_quantised()) add_q(spec_.q);
  }

  void instead(Distribution law, double low, double high) {
    add_law(law);
    add_bounds(low, high);
    comment_ = std::string("  # a part of ") + to_string(spec_.distribution);
  }

  bool is_quantised() const { return std::string_view(to_string(spec_.distribution)).starts_with("q_"); }

  const Parameter& parameter_;
  const ParameterSpec& spec_;
  const std::vector<UnitInterval>& kept_;
  double low_, high_;
  bool decides_;
  std::string text_, comment_;
};

bool decides(const SearchSpace& space, std::size_t i) {
  for (std::size_t other = 0; other < space.size(); ++other) {
    if (space.parent(other) == static_cast<int>(i)) return true;
  }
  return false;
}

// The conditional parameters below parameter `parent`, as the block `choice:` has them; a parameter of several values
// is written under each.
std::string choices_of(const SearchSpace& space, const Region& region, std::size_t parent) {
  const Parameter& chosen = space.parameters()[parent];
  std::string text;
  for (std::int64_t level = 0; level < chosen.levels(); ++level) {
    const Value value = chosen.level(level);
    const std::optional<double> u = chosen.unit_of(value);
    const auto has = [&](const UnitInterval& interval) { return u && *u >= interval.low && *u < interval.high; };
    if (std::none_of(region[parent].begin(), region[parent].end(), has)) continue;
    std::string below;
    for (std::size_t i = 0; i < space.size(); ++i) {
      if (space.parent(i) != static_cast<int>(parent)) continue;
      const Parameter& parameter = space.parameters()[i];
      const std::vector<Value>& values = parameter.spec().when->values;
      if (std::find(values.begin(), values.end(), value) == values.end()) continue;
      below.append("        ")
          .append(parameter.name())
          .append(": ")
          .append(Entry(parameter, region[i], decides(space, i)).text());
      below.append("\n");
    }
    if (!below.empty()) text.append("      ").append(flow(value)).append(":\n").append(below);
  }
  return text.empty() ? text : "    " + chosen.name() + ":\n" + text;
}

}  // namespace

std::string region_yaml(const SearchSpace& space, const Region& region) {
  std::string parameters = "parameters:\n", choices;
  for (std::size_t i = 0; i < space.size(); ++i) {
    const Parameter& parameter = space.parameters()[i];
    choices += choices_of(space, region, i);
    if (space.parent(i) >= 0) continue;
    parameters.append("  ")
        .append(parameter.name())
        .append(": ")
        .append(Entry(parameter, region[i], decides(space, i)).text());
    parameters.append("\n");
  }
  return choices.empty() ? parameters : parameters + "caviar:\n  choice:\n" + choices;
}

}  // namespace caviar
