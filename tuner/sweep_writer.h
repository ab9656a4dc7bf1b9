// Writes sweep files: one that is there, with other parameters.
#pragma once

#include <string>

#include "tuner/spec.h"

namespace caviar {

// The sweep's file with its block `parameters:` (and `caviar: choice:`) replaced by `block`, which is what
// region_yaml() of region.h gives. Every other key stays, with its value as written; comments and the layout of the
// file are lost.
std::string sweep_with_parameters(const SweepSpec& spec, const std::string& block);

}  // namespace caviar
