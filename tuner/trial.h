// A config and the trial that judges it.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include <nlohmann/json.hpp>

namespace caviar {

// One value of a parameter: null, bool, integer, number, string, list or object, as in the sweep file. Continuous
// values are rounded to float32 before they are put here, so that hosts with other C libraries agree on the config.
using Value = nlohmann::json;

// One point of the space, nested groups flattened ("optimizer.name"), keys as the file has them, sorted by name.
using Config = std::map<std::string, Value>;

// One config to be judged on one or more seeds.
struct Trial {
  std::int64_t number = 0;  // 0, 1, ... in order of suggestion
  Config config;
  std::int64_t parent = -1;  // the trial whose final weights and optimizer state its runs go on from; -1: fresh ones
  std::int64_t until = 0;    // its runs end with this iteration, wherever their schedules lead; 0: with their last
};

}  // namespace caviar
