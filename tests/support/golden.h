// Reads the golden files of tests/golden: numbers PyTorch computed, in the format golden_file.py describes.
//
//     # a comment, to the end of the line
//     case NAME                      begins a case; names are unique in a file
//     KEY = VALUE                    a setting of the case: one word
//     NAME DIM DIM ... : V V ...     an array, rightmost dimension fastest; no DIM: a scalar
//
// Anything else, a number missing or too many, a name said twice, is an Error with file:line: a golden file that is
// read wrongly would make a test pass that tested nothing.
#pragma once

#include <charconv>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernels/base/error.h"

namespace caviar::test {

struct GoldenArray {
  std::vector<std::int64_t> dims;
  std::vector<double> values;
  std::vector<float> floats() const { return {values.begin(), values.end()}; }
};

// One case: its settings and its arrays, by name and in the order of the file.
class GoldenCase {
 public:
  GoldenCase(std::string file, std::string name) : file_(std::move(file)), name_(std::move(name)) {}

  const std::string& name() const { return name_; }
  bool has(const std::string& key) const { return settings_.count(key) || arrays_.count(key); }

  const std::string& word(const std::string& key) const { return find(settings_, key); }

  double number(const std::string& key) const {
    const std::string& text = word(key);
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) {
      fail(file_, ": case ", name_, ": ", key, " is ", text, ", not a number");
    }
    return value;
  }

  double number(const std::string& key, double fallback) const { return settings_.count(key) ? number(key) : fallback; }

  const GoldenArray& array(const std::string& key) const { return find(arrays_, key); }

  double scalar(const std::string& key) const {
    const GoldenArray& found = array(key);
    if (!found.dims.empty()) fail(file_, ": case ", name_, ": ", key, " is an array, not a scalar");
    return found.values.at(0);
  }

  const std::vector<std::string>& array_names() const { return order_; }

  void add_setting(const std::string& key, const std::string& value) {
    if (has(key)) fail("case ", name_, " says ", key, " twice");
    settings_[key] = value;
  }

  void add_array(const std::string& key, GoldenArray values) {
    if (has(key)) fail("case ", name_, " says ", key, " twice");
    arrays_[key] = std::move(values);
    order_.push_back(key);
  }

 private:
  template <class Value>
  const Value& find(const std::map<std::string, Value>& table, const std::string& key) const {
    const auto found = table.find(key);
    if (found == table.end()) fail(file_, ": case ", name_, " has no ", key);
    return found->second;
  }

  std::string file_, name_;
  std::map<std::string, std::string> settings_;
  std::map<std::string, GoldenArray> arrays_;
  std::vector<std::string> order_;
};

namespace golden_detail {

template <class Number>
Number parse(std::string_view word) {
  Number value{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size()) fail("'", word, "' is not a number");
  if constexpr (std::is_floating_point_v<Number>) {
    if (!std::isfinite(value)) fail("'", word, "' is not finite");
  } else {
    if (value < 0) fail("'", word, "' is negative");
  }
  return value;
}

inline std::vector<std::string> split(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

// NAME DIM ... : V ..., where words[colon] is the colon.
inline GoldenArray parse_array(const std::vector<std::string>& words, std::size_t colon) {
  GoldenArray array;
  std::int64_t size = 1;
  for (std::size_t i = 1; i < colon; ++i) {
    array.dims.push_back(parse<std::int64_t>(words[i]));
    size *= array.dims.back();
  }
  for (std::size_t i = colon + 1; i < words.size(); ++i) array.values.push_back(parse<double>(words[i]));
  if (static_cast<std::int64_t>(array.values.size()) != size) {
    fail(words[0], " has ", array.values.size(), " values, its dimensions say ", size);
  }
  return array;
}

inline void parse_line(const std::string& path, const std::string& line, std::vector<GoldenCase>& cases) {
  const std::vector<std::string> words = split(line);
  if (words.empty() || words[0][0] == '#') return;
  if (words[0] == "case" && words.size() == 2) {
    for (const GoldenCase& earlier : cases) {
      if (earlier.name() == words[1]) fail("there are two cases named ", words[1]);
    }
    cases.emplace_back(path, words[1]);
    return;
  }
  if (cases.empty()) fail("a line before the first case");
  if (words.size() == 3 && words[1] == "=") return cases.back().add_setting(words[0], words[2]);
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i] == ":") return cases.back().add_array(words[0], parse_array(words, i));
  }
  fail("neither a case, a setting nor an array");
}

// The 32-bit hash of a number: the same as `mixed` of golden_file.py.
inline std::uint32_t mixed(std::uint32_t index) {
  std::uint32_t h = index * 2654435761u;
  h = (h ^ h >> 16) * 2246822519u;
  return h ^ h >> 13;
}

}  // namespace golden_detail

// All cases of the file, in order. Throws Error when the file is missing, empty or not as described.
inline std::vector<GoldenCase> read_golden(const std::string& path) {
  std::ifstream in(path);
  if (!in) fail(path, " cannot be read; the golden files are part of the repository");
  std::vector<GoldenCase> cases;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    try {
      golden_detail::parse_line(path, line, cases);
    } catch (const Error& error) {
      fail(path, ":", number, ": ", error.what());
    }
  }
  if (cases.empty()) fail(path, " has no case");
  return cases;
}

// The case of that name.
inline const GoldenCase& find_case(const std::vector<GoldenCase>& cases, const std::string& name) {
  for (const GoldenCase& found : cases) {
    if (found.name() == name) return found;
  }
  fail("there is no golden case named ", name);
}

// count numbers in [-scale, scale) that large cases are made of: `parameter_values` of golden_file.py.
inline std::vector<double> parameter_values(std::uint32_t tensor, std::size_t count, double scale) {
  std::vector<double> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t hash = golden_detail::mixed(tensor * 1000003u + static_cast<std::uint32_t>(i) + 1u);
    values[i] = (static_cast<double>(hash >> 8) / 8388608.0 - 1.0) * scale;
  }
  return values;
}

// count bytes: `pixel_values` of golden_file.py.
inline std::vector<std::uint8_t> pixel_values(std::size_t count) {
  std::vector<std::uint8_t> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = static_cast<std::uint8_t>(golden_detail::mixed(500000009u + static_cast<std::uint32_t>(i) + 1u) >> 24);
  }
  return values;
}

}  // namespace caviar::test
