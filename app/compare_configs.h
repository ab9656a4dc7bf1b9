// Two bare configs, each a file of one point, trained on the same seeds into a study of two trials.
#pragma once

#include <optional>
#include <string>

#include "app/carry_out.h"

namespace caviar {

inline constexpr std::int64_t kCompareSeeds = 50;

// What such a study is recorded as the sweep of.
inline constexpr const char* kCompareName = "compare";

// Whether the argument of `caviar compare` names a file and no study.
bool names_a_file(const std::string& text);

// Trains both, trial 0 and trial 1 of flags.study, which is named after the files where it is empty. All seeds move
// together, unless both files say the same `vary`; what the files say of seeds themselves is left away. Error for a
// file with several points, two files that mean the same config, or that differ in more than their parameters;
// and, before anything is trained, for a `metric` to compare by that either does not measure. Returns an ExitCode.
int train_two_configs(const std::string& a, const std::string& b, const std::optional<std::string>& metric,
                      CarryOutFlags& flags);

}  // namespace caviar
