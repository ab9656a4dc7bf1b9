#include "app/one_point.h"

#include "kernels/base/error.h"
#include "tuner/space.h"

namespace caviar {

std::string one_point_sweep(const std::vector<std::string>& settings) {
  std::string text = "method: grid\nparameters:\n";
  if (settings.empty()) text += "  cell: {value: lstm}\n";
  for (const std::string& setting : settings) {
    const auto equals = setting.find('=');
    if (equals == setting.npos || equals == 0 || equals + 1 == setting.size()) {
      fail("--set ", setting, ": write key=value, as in --set learning_rate=0.01");
    }
    const std::string value = setting.substr(equals + 1);
    if (value.find_first_of("\n\r") != value.npos) fail("--set ", setting.substr(0, equals), ": a value is one line");
    text += "  " + setting.substr(0, equals) + ":\n    value: " + value + "\n";
  }
  return text;
}

Config one_config_of(const SweepSpec& spec, const std::string& remedy) {
  const SearchSpace space(spec);
  if (space.count(SearchSpace::Listing::kAll) == 1) return space.config_number(SearchSpace::Listing::kAll, 0);
  for (const Parameter& parameter : space.parameters()) {
    if (parameter.is_constant() || parameter.levels() == 1) continue;
    fail(spec.filename, ":", parameter.spec().line, ": '", parameter.name(), "' has more than one value; ", remedy);
  }
  fail(spec.filename, ": the space has more than one point; ", remedy);
}

}  // namespace caviar
