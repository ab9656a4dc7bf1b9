// Settings of a sampler or a scheduler: one table says their names, defaults, legal values and meaning, and what a file
// or a flag gives is checked against it.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tuner/trial.h"

namespace caviar {

// What was chosen by name, in the block `caviar:` or on the command line: `tpe`, or {name: tpe, gamma: 0.2}.
struct Choice {
  struct Setting {
    Value value;
    std::string where;  // "file:line: ", or "" for a flag
  };
  std::string name;                         // empty: nothing was chosen
  std::string where;                        // as above
  std::map<std::string, Setting> settings;  // as given
};

// Reads the text of a flag: "tpe" or "tpe,gamma=0.2,startup=20". Throws Error when it is neither.
Choice parse_choice(std::string_view flag, std::string_view text);

enum class OptionKind { kNumber, kWhole, kFlag, kWord };

// One row of the table of a sampler or scheduler.
struct OptionHelp {
  std::string_view name;
  OptionKind kind = OptionKind::kNumber;
  std::string_view fallback;  // as a user would write it; empty: none, see given()
  double low = 0, high = 0;   // kNumber, kWhole: both ends are legal
  std::string_view words;     // kWord: those that are legal, "a, b, c"
  std::string_view meaning;
};

// What a row allows, in words: "a number in [0, 1]".
std::string legal_values(const OptionHelp& row);

// The settings of one sampler or scheduler, all legal: those given, else the defaults.
class OptionSet {
 public:
  // Throws Error for a setting that is not in the table (naming the nearest), or that breaks its row. `what` names the
  // owner in messages: "sampler tpe".
  OptionSet(std::string what, std::span<const OptionHelp> table, const Choice& choice);

  double number(std::string_view name) const;  // kNumber or kWhole
  std::int64_t whole(std::string_view name) const;
  bool flag(std::string_view name) const;
  std::string word(std::string_view name) const;
  bool given(std::string_view name) const;  // in the file or the flag, or by a default

  // "file:line: " of a setting, for further refusals by its owner.
  std::string where(std::string_view name) const;

 private:
  const Value& at(std::string_view name) const;

  std::string what_;
  std::map<std::string, Value, std::less<>> values_;
  std::map<std::string, std::string, std::less<>> where_;
};

}  // namespace caviar
