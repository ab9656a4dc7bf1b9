// Every parameter a config may have, explained: what `caviar params` shows, and where the names of names.h come from.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kernels/hyper.h"

namespace caviar {

// One parameter, as a user gives it. Aliases of names and choices: names.h.
struct ParameterHelp {
  std::string_view name;
  FieldKind kind;
  double low = 0, high = 0;  // legal range of numbers, inclusive unless open; a seed's high is 2^64, itself left out
  bool low_open = false, high_open = false;
  std::vector<std::string_view> choices;  // of kChoice
  std::string fallback;                   // the default, as a sweep file would have it, or words in (): "(one epoch)"
  std::string_view unit;                  // "" when it has none
  std::string_view meaning;               // one sentence or more, with the variant where there are several
};

// The parameters bind.cpp reads by itself (sizes, length, seeds), then those of hyper_fields(), in the order of help
// texts.
const std::vector<ParameterHelp>& parameter_help();

}  // namespace caviar
