// The version of the program, recorded with every study.
#pragma once

namespace caviar {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace caviar
