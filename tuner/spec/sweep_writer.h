// Writes sweep files: one that is there, with other parameters.
#pragma once

#include <map>
#include <string>

#include "tuner/spec/spec.h"

namespace caviar {

// The sweep's file with its block `parameters:` (and `caviar: choice:`) replaced by `block`, which is what
// region_yaml() of region.h gives. Every other key stays, with its value as written; comments and the layout of the
// file are lost.
std::string sweep_with_parameters(const SweepSpec& spec, const std::string& block);

// The text of a sweep file with these keys of its block `caviar:` set to these values; a null takes the key away. What
// the file has already stays as it is written, and without anything to change the text is given back byte for byte.
std::string sweep_with_settings(const std::string& text, const std::string& filename,
                                const std::map<std::string, Value>& settings);

}  // namespace caviar
