// Other ranges for a parameter: wider, or ending earlier.
#pragma once

#include <optional>

#include "tuner/spec/spec.h"

namespace caviar {

// An end of a parameter in the direction of u (space.h): kLow is where u is 0.
enum class End { kLow, kHigh };

// The parameter with half as much range again at that end, in the law's own scale, rounded to two digits, to whole
// numbers or to multiples of q; a list of numbers in a row with one more, in the steps or ratios it goes by. Where that
// is not legal for the parameter, as far as it is; a quarter of the way to a bound that is itself illegal stays free.
// Nothing for a law without bounds, for categories, and where the legal range ends before a twentieth of the range is
// gained.
std::optional<ParameterSpec> widened(const ParameterSpec& parameter, End end);

// The parameter ending between two of its values, in the law's own scale: the last to keep and the first beyond it.
// Rounded to as few digits, two at least, as that takes. A list keeps what comes up to `last`. Nothing for other laws.
std::optional<ParameterSpec> narrowed(const ParameterSpec& parameter, End end, double last, double beyond);

}  // namespace caviar
