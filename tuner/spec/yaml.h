// YAML files as trees of nodes that know their lines.
//
// yaml-cpp scans the file; what its scalars mean is decided here, by the rules of PyYAML (YAML 1.1), which W&B loads
// sweep files with, plus one extension: text that looks like a number is a number (parse_number in value.h), so `1e-5`
// is. Differences from PyYAML, all on the strict side: a duplicate key is an error, and so are keys that are not
// scalars, several documents in one file, timestamps' tags and tags of other languages. Dates stay strings.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tuner/trial.h"

namespace caviar {

struct YamlEntry;

// A scalar, a list or a map. Aliases share the anchor's node; merge keys (`<<`) are already applied.
struct YamlNode {
  enum class Kind { kScalar, kList, kMap };
  Kind kind = Kind::kScalar;
  int line = 1;          // counted from 1
  std::size_t size = 1;  // nodes of the tree below, this one included, as if aliases were copied

  Value scalar;         // kScalar: null, bool, integer, number or string
  std::string text;     // kScalar: as written, without quotes
  bool quoted = false;  // kScalar: written in quotes, as a block, or tagged !!str

  std::vector<std::shared_ptr<const YamlNode>> items;  // kList
  std::vector<YamlEntry> entries;                      // kMap: in the order of the file

  bool is_map() const { return kind == Kind::kMap; }
  bool is_list() const { return kind == Kind::kList; }
  bool is_scalar() const { return kind == Kind::kScalar; }

  // The value of a key of a map, or nullptr.
  const YamlNode* find(std::string_view key) const;

  // The whole tree as plain data.
  Value to_value() const;
};

struct YamlEntry {
  std::string key;
  int line = 1;
  std::shared_ptr<const YamlNode> value;
};

// Limits that no sweep file comes near and that hostile files (alias bombs, towers of brackets) run into.
inline constexpr std::size_t kYamlMaxBytes = 8u << 20;
inline constexpr std::size_t kYamlMaxNodes = 250'000;  // aliases expanded
inline constexpr std::size_t kYamlMaxDepth = 64;

// Parses the one document in `text`; an empty text is a null scalar. Throws Error ("filename:line: ...") for text that
// is not UTF-8, not YAML, or breaks a rule above.
std::shared_ptr<const YamlNode> parse_yaml(const std::string& text, const std::string& filename);

}  // namespace caviar
