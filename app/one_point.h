// One config where a sweep file would have a space.
#pragma once

#include <string>
#include <vector>

#include "tuner/spec/spec.h"

namespace caviar {

// The sweep file of one point, from settings `key=value`. Values are written as they would stand in a file, so `1e-3`,
// `true` and `lstm` mean the same here and there. Throws Error for what is not key=value.
std::string one_point_sweep(const std::vector<std::string>& settings);

// The one config of a sweep whose parameters all have one value. Throws Error, naming the first that is swept and its
// line, for another; `remedy` ends its sentence.
Config one_config_of(const SweepSpec& spec, const std::string& remedy);

}  // namespace caviar
