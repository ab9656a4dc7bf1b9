// Values of parameters as plain data: how text becomes a number, how a number is kept, how a value is shown.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tuner/trial.h"

namespace caviar {

// The number a piece of text stands for, by the rules of YAML 1.1 as PyYAML has them (`010` is 8, `1:30` is 90, `1_000`
// is 1000, `0x1f` is 31) and, beyond PyYAML, for text that anyone would read as a number (`1e-5`, `1E5`, `-.5`).
// Integers come back as integers. Nothing when the text is no number, is infinite or NaN, or does not fit 64 bits.
std::optional<Value> parse_number(std::string_view text);

// x rounded to float32, as the double nearest to the shortest decimal that reads back as that float32: 0.1, not
// 0.10000000149011612. Beyond the range of float32 the largest finite value of that sign; -0 becomes 0. x must not be
// NaN.
double round_to_float32(double x);

// A value as messages show it: strings in single quotes, everything else as JSON; at most about 60 characters.
std::string show(const Value& value);

// How two objects differ, in words: "was recorded with seed 1 and now has it 2", by the first key whose values do. Null
// and missing are the same.
std::string difference_of(const Value& recorded, const Value& now);

}  // namespace caviar
