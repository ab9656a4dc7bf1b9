#include "tuner/spec/spec_reader.h"

#include <algorithm>

#include "tuner/spec/names.h"
#include "tuner/spec/value.h"

namespace caviar {
namespace {

std::string kind_of(const YamlNode& node) {
  if (node.is_map()) return "a map";
  if (node.is_list()) return "a list";
  if (node.scalar.is_null()) return "empty";
  return show(node.scalar);
}

}  // namespace

void SpecReader::require_map(const YamlNode& node, std::string_view what) const {
  if (!node.is_map()) refuse(node.line, what, " is ", kind_of(node), "; it must be a map of keys and values");
}

void SpecReader::require_keys(const YamlNode& map, std::string_view what,
                              std::span<const std::string_view> known) const {
  for (const YamlEntry& entry : map.entries) {
    if (std::find(known.begin(), known.end(), entry.key) != known.end()) continue;
    const std::string hint = did_you_mean(entry.key, known);
    refuse(entry.line, "unknown key ", show(entry.key), " in ", what,
           hint.empty() ? "; known are " + join(known) : hint);
  }
}

std::string SpecReader::string(const YamlNode& node, std::string_view what) const {
  if (!node.is_scalar() || !node.scalar.is_string()) {
    const bool is_value = node.is_scalar() && !node.scalar.is_null();
    refuse(node.line, what, " is ", kind_of(node), "; it must be a string",
           is_value ? cat(": write it in quotes, \"", node.text, "\"") : ", one value in quotes");
  }
  return node.text;
}

bool SpecReader::boolean(const YamlNode& node, std::string_view what) const {
  if (!node.is_scalar() || !node.scalar.is_boolean()) {
    refuse(node.line, what, " is ", kind_of(node), "; it must be true or false");
  }
  return node.scalar.get<bool>();
}

Value SpecReader::numeric(const YamlNode& node, std::string_view what, std::string_view kind) {
  if (node.is_scalar() && node.scalar.is_number()) return node.scalar;
  if (node.is_scalar() && node.scalar.is_string()) {
    if (auto value = parse_number(node.text)) {
      warn(node.line, what, " is ", value->dump(), " in quotes, taken as a number; remove the quotes");
      return *value;
    }
  }
  refuse(node.line, what, " is ", kind_of(node), "; it must be ", kind);
}

double SpecReader::number(const YamlNode& node, std::string_view what) {
  return numeric(node, what, "a number").get<double>();
}

std::int64_t SpecReader::integer(const YamlNode& node, std::string_view what, std::int64_t low, std::int64_t high) {
  const Value value = numeric(node, what, "a whole number");
  if (!value.is_number_integer()) refuse(node.line, what, " is ", show(value), "; it must be a whole number");
  const bool too_large = value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(high);
  if (too_large || value.get<std::int64_t>() < low || value.get<std::int64_t>() > high) {
    refuse(node.line, what, " is ", show(value), "; it must lie in [", low, ", ", high, "]");
  }
  return value.get<std::int64_t>();
}

std::uint64_t SpecReader::seed(const YamlNode& node, std::string_view what) {
  const Value value = numeric(node, what, "a whole number");
  if (!value.is_number_integer() || (!value.is_number_unsigned() && value.get<std::int64_t>() < 0)) {
    refuse(node.line, what, " is ", show(value), "; it must be a whole number from 0 to 2^64 - 1");
  }
  return value.get<std::uint64_t>();
}

bool SpecReader::is_integer(const YamlNode& node) const {
  if (!node.is_scalar()) return false;
  if (!node.scalar.is_string()) return node.scalar.is_number_integer();
  const auto value = parse_number(node.text);
  return value && value->is_number_integer();
}

std::size_t SpecReader::choice(const YamlNode& node, std::string_view what,
                               std::span<const std::string_view> choices) const {
  if (node.is_scalar() && node.scalar.is_string()) {
    const auto found = std::find(choices.begin(), choices.end(), node.text);
    if (found != choices.end()) return static_cast<std::size_t>(found - choices.begin());
  }
  refuse(node.line, what, " is ", kind_of(node), "; it must be one of ", join(choices),
         node.is_scalar() ? did_you_mean(node.text, choices) : "");
}

}  // namespace caviar
