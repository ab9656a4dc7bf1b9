// What lies outside the unit interval, folded back into it.
#pragma once

#include <algorithm>
#include <cmath>

namespace caviar {

inline constexpr double kBelowOne = 1 - 0x1p-53;  // the last place of a parameter

// The distance to the nearest even number, below 1: x as seen in mirrors at 0 and 1.
inline double mirrored(double x) { return std::min(std::abs(x - 2 * std::nearbyint(x / 2)), kBelowOne); }

}  // namespace caviar
