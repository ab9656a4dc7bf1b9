// What a number on the command line must be. CLI11's own ranges print the largest double, 309 digits, in their errors.
#pragma once

#include <cstdint>

#include <CLI/CLI.hpp>

namespace caviar {

// A finite number above 0; not nan, which no range refuses.
CLI::Validator above_zero();

// A whole number, `least` or more.
CLI::Validator whole_from(std::int64_t least);

}  // namespace caviar
