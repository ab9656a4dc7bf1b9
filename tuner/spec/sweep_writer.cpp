#include "tuner/spec/sweep_writer.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "tuner/spec/value.h"
#include "tuner/spec/yaml.h"

namespace caviar {
namespace {

bool is_word(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; };
  return !text.empty() && letter(text[0]) && std::all_of(text.begin(), text.end(), [&](char c) {
    return letter(c) || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '/';
  });
}

std::string quoted(const std::string& text) { return Value(text).dump(); }

// As PyYAML reads it too: 1e-05 it takes for text, 1.0e-05 for a number.
std::string flow(const Value& value) {
  std::string text;
  if (value.is_array()) {
    for (const Value& item : value) text.append(text.empty() ? "" : ", ").append(flow(item));
    return "[" + text + "]";
  }
  if (value.is_object()) {
    for (const auto& [key, item] : value.items()) {
      text.append(text.empty() ? "" : ", ").append(is_word(key) ? key : quoted(key)).append(": ").append(flow(item));
    }
    return "{" + text + "}";
  }
  text = value.dump();
  const std::size_t exponent = text.find('e');
  if (value.is_number_float() && exponent != text.npos && text.find('.') == text.npos) text.insert(exponent, ".0");
  return text;
}

std::string flow(const YamlNode& node) {
  std::string text;
  if (node.is_list()) {
    for (const auto& item : node.items) text.append(text.empty() ? "" : ", ").append(flow(*item));
    return "[" + text + "]";
  }
  if (node.is_map()) {
    for (const YamlEntry& entry : node.entries) {
      text.append(text.empty() ? "" : ", ").append(is_word(entry.key) ? entry.key : quoted(entry.key));
      text.append(": ").append(flow(*entry.value));
    }
    return "{" + text + "}";
  }
  // A word that was a string without quotes stays one; `yes` in quotes would not.
  if (node.scalar.is_string()) return !node.quoted && is_word(node.text) ? node.text : quoted(node.scalar);
  if (node.scalar.is_number()) {
    const std::optional<Value> number = parse_number(node.text);
    return number && *number == node.scalar ? node.text : node.scalar.dump();
  }
  return node.scalar.dump();
}

void write_entry(std::string& out, const YamlEntry& entry, const std::string& indent) {
  out.append(indent).append(is_word(entry.key) ? entry.key : quoted(entry.key)).append(":");
  if (!entry.value->is_map() || entry.value->entries.empty()) {
    out.append(" ").append(flow(*entry.value)).append("\n");
    return;
  }
  out.append("\n");
  for (const YamlEntry& inner : entry.value->entries) write_entry(out, inner, indent + "  ");
}

}  // namespace

std::string sweep_with_parameters(const SweepSpec& spec, const std::string& block) {
  constexpr std::string_view kCaviar = "caviar:\n";
  const std::size_t at = block.find("\ncaviar:\n");
  const std::string parameters = block.substr(0, at == block.npos ? at : at + 1);
  const std::string choices = at == block.npos ? "" : block.substr(at + 1 + kCaviar.size());
  const auto root = parse_yaml(spec.text, spec.filename);
  std::string out;
  bool has_settings = false;
  for (const YamlEntry& entry : root->entries) {
    if (entry.key == "parameters") {
      out += parameters;
    } else if (entry.key == "caviar" && entry.value->is_map()) {
      has_settings = true;
      std::string settings;
      for (const YamlEntry& inner : entry.value->entries) {
        if (inner.key != "choice") write_entry(settings, inner, "  ");
      }
      settings += choices;
      if (!settings.empty()) out.append(kCaviar).append(settings);
    } else {
      write_entry(out, entry, "");
    }
  }
  if (!has_settings && !choices.empty()) out.append(kCaviar).append(choices);
  return out;
}

std::string sweep_with_settings(const std::string& text, const std::string& filename,
                                const std::map<std::string, Value>& settings) {
  const auto root = parse_yaml(text, filename);
  const YamlNode* block = root->find("caviar");
  const auto is_set = [&](const std::string& key) { return settings.contains(key); };
  const bool changes = std::any_of(settings.begin(), settings.end(), [&](const auto& setting) {
    const YamlNode* there = block && block->is_map() ? block->find(setting.first) : nullptr;
    return there ? there->to_value() != setting.second : !setting.second.is_null();
  });
  if (!changes) return text;
  std::string out, within;
  for (const YamlEntry& entry : root->entries) {
    if (entry.key != "caviar") write_entry(out, entry, "");
  }
  if (block && block->is_map()) {
    for (const YamlEntry& entry : block->entries) {
      if (!is_set(entry.key) || settings.at(entry.key) == entry.value->to_value()) write_entry(within, entry, "  ");
    }
  }
  for (const auto& [key, value] : settings) {
    const YamlNode* there = block && block->is_map() ? block->find(key) : nullptr;
    if (value.is_null() || (there && there->to_value() == value)) continue;
    within.append("  ").append(key).append(": ").append(flow(value)).append("\n");
  }
  if (!within.empty()) out.append("caviar:\n").append(within);
  return out;
}

}  // namespace caviar
