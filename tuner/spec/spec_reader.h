// Reads typed fields from YAML nodes: every refusal names file, line, key, value and remedy. Internal to the spec.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/base/error.h"
#include "tuner/spec/yaml.h"

namespace caviar {

class SpecReader {
 public:
  // Both must outlive the reader; warnings are appended.
  SpecReader(const std::string& filename, std::vector<std::string>& warnings)
      : filename_(filename), warnings_(warnings) {}

  template <class... Parts>
  [[noreturn]] void refuse(int line, const Parts&... parts) const {
    fail(filename_, ":", line, ": ", parts...);
  }

  template <class... Parts>
  void warn(int line, const Parts&... parts) {
    warnings_.push_back(cat(filename_, ":", line, ": ", parts...));
  }

  // Refuse a node that is not a map, or has a key not among `known`. `what` names the node in messages.
  void require_map(const YamlNode& node, std::string_view what) const;
  void require_keys(const YamlNode& map, std::string_view what, std::span<const std::string_view> known) const;

  // A typed value. Numbers in quotes are taken as numbers with a warning; booleans are never numbers.
  std::string string(const YamlNode& node, std::string_view what) const;
  bool boolean(const YamlNode& node, std::string_view what) const;
  double number(const YamlNode& node, std::string_view what);
  std::int64_t integer(const YamlNode& node, std::string_view what, std::int64_t low, std::int64_t high);
  std::uint64_t seed(const YamlNode& node, std::string_view what);
  bool is_integer(const YamlNode& node) const;  // a whole number written without point or exponent, quoted or not

  // The index of a word in `choices`.
  std::size_t choice(const YamlNode& node, std::string_view what, std::span<const std::string_view> choices) const;

 private:
  Value numeric(const YamlNode& node, std::string_view what, std::string_view kind);

  const std::string& filename_;
  std::vector<std::string>& warnings_;
};

struct ParameterSpec;

// Appends every parameter of a `parameters:` map (spec_parameters.cpp), groups flattened. `prefix` is "" at the top and
// "group." inside one.
void read_parameters(SpecReader& reader, const YamlNode& map, const std::string& prefix,
                     std::vector<ParameterSpec>& parameters);

// The `choice` of the block `caviar:` (spec_choices.cpp): gives parameters their conditions, and appends those defined
// there.
void read_choices(SpecReader& reader, const YamlNode& block, std::vector<ParameterSpec>& parameters);

}  // namespace caviar
