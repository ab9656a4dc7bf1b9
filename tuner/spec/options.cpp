#include "tuner/spec/options.h"

#include <algorithm>
#include <cmath>

#include "kernels/base/error.h"
#include "tuner/spec/names.h"
#include "tuner/spec/value.h"

namespace caviar {
namespace {

constexpr double kLargestWhole = 9007199254740992.0;  // 2^53

std::vector<std::string_view> split(std::string_view text, std::string_view separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + separator.size());
  }
}

// The value a word of a flag stands for, as YAML would read it.
Value value_of(std::string_view text) {
  if (auto number = parse_number(text)) return *number;
  if (text == "true" || text == "false") return text == "true";
  return std::string(text);
}

bool is_legal(const OptionHelp& row, const Value& value) {
  switch (row.kind) {
    case OptionKind::kNumber:
    case OptionKind::kWhole: {
      if (!value.is_number()) return false;
      const double number = value.get<double>();
      if (!(number >= row.low && number <= row.high)) return false;
      return row.kind == OptionKind::kNumber || (number == std::floor(number) && std::abs(number) <= kLargestWhole);
    }
    case OptionKind::kFlag:
      return value.is_boolean();
    case OptionKind::kWord: {
      const auto words = split(row.words, ", ");
      return value.is_string() && std::find(words.begin(), words.end(), value.get<std::string>()) != words.end();
    }
  }
  return false;
}

}  // namespace

std::string legal_values(const OptionHelp& row) {
  switch (row.kind) {
    case OptionKind::kNumber:
      return cat("a number in [", row.low, ", ", row.high, "]");
    case OptionKind::kWhole:
      return cat("a whole number in [", row.low, ", ", row.high, "]");
    case OptionKind::kFlag:
      return "true or false";
    case OptionKind::kWord:
      return cat("one of ", row.words);
  }
  return "";
}

Choice parse_choice(std::string_view flag, std::string_view text) {
  const auto parts = split(text, ",");
  Choice choice;
  choice.name = std::string(parts.front());
  if (choice.name.empty() || choice.name.find('=') != std::string::npos) {
    fail(flag, " is '", text,
         "'; write a name, and its settings after commas, as in tpe,startup=20 or hyperband,max_iter=9");
  }
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const std::size_t equals = parts[i].find('=');
    if (equals == 0 || equals == std::string_view::npos) {
      fail(flag, ": '", parts[i], "' is no setting; write key=value");
    }
    const std::string key(parts[i].substr(0, equals));
    if (!choice.settings.emplace(key, Choice::Setting{value_of(parts[i].substr(equals + 1)), ""}).second) {
      fail(flag, ": '", key, "' is given twice; keep one");
    }
  }
  return choice;
}

OptionSet::OptionSet(std::string what, std::span<const OptionHelp> table, const Choice& choice)
    : what_(std::move(what)) {
  std::vector<std::string_view> names;
  for (const OptionHelp& row : table) {
    names.push_back(row.name);
    if (!row.fallback.empty()) values_[std::string(row.name)] = value_of(row.fallback);
  }
  for (const auto& entry : choice.settings) {
    const auto& name = entry.first;
    const Choice::Setting& setting = entry.second;
    const auto row = std::find_if(table.begin(), table.end(), [&](const OptionHelp& r) { return r.name == name; });
    if (row == table.end()) {
      const std::string hint = did_you_mean(name, names);
      fail(setting.where, what_, " has no setting '", name, "'",
           !hint.empty()   ? hint
           : names.empty() ? std::string("; it has none")
                           : "; it has " + join(names));
    }
    Value value = setting.value;
    if (value.is_string()) {  // `1e-3`, which YAML 1.1 takes for text
      if (auto number = parse_number(value.get<std::string>())) value = *number;
    }
    if (!is_legal(*row, value))
      fail(setting.where, name, " of ", what_, " is ", show(value), "; it must be ", legal_values(*row));
    values_[name] = value;
    where_[name] = setting.where;
  }
}

const Value& OptionSet::at(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) fail(what_, " needs the setting ", name, "; add it beside the name");
  return found->second;
}

double OptionSet::number(std::string_view name) const { return at(name).get<double>(); }
std::int64_t OptionSet::whole(std::string_view name) const { return static_cast<std::int64_t>(at(name).get<double>()); }
bool OptionSet::flag(std::string_view name) const { return at(name).get<bool>(); }
std::string OptionSet::word(std::string_view name) const { return at(name).get<std::string>(); }
bool OptionSet::given(std::string_view name) const { return values_.find(name) != values_.end(); }

std::string OptionSet::where(std::string_view name) const {
  const auto found = where_.find(name);
  return found == where_.end() ? "" : found->second;
}

}  // namespace caviar
