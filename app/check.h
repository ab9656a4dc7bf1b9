// What is tried before a sweep: for `caviar check` and `caviar sweep --check`.
#pragma once

#include <cstdint>

#include "app/carry_out.h"
#include "tuner/spec/spec.h"

namespace caviar {

// Tries the trial's config (tuner/advice/preflight.h) where the flags say, prints what was found, and returns
// kExitDone, or kExitError when something failed.
int check_before(SweepSpec spec, const CarryOutFlags& flags, std::int64_t trial);

}  // namespace caviar
