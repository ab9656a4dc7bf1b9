// Sweep files for tests, made from the lines that matter.
#pragma once

#include <string>

#include "kernels/base/error.h"
#include "tuner/space.h"
#include "tuner/spec/spec.h"

namespace caviar {

// A random sweep with one parameter `x`, its entry in flow style: "{min: 0, max: 1}".
inline SweepSpec sweep_of(const std::string& entry, const std::string& method = "random") {
  return parse_sweep("method: " + method + "\nparameters:\n  x: " + entry + "\n", "sweep.yaml");
}

inline Parameter parameter_of(const std::string& entry) { return Parameter(sweep_of(entry).parameters.at(0)); }

// What parse_sweep says of a file it refuses, or "no error".
inline std::string refusal(const std::string& text) {
  try {
    parse_sweep(text, "sweep.yaml");
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace caviar
