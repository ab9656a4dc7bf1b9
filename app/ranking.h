// What a study found: its trials, the best first, and how much of the difference chance may be.
#pragma once

#include <cstddef>

#include "tuner/storage/storage.h"

namespace caviar {

inline constexpr std::size_t kRankingRows = 20;

// Prints the ranking of what is recorded so far; `rows` 0: all of it.
void print_ranking(Storage& storage, std::size_t rows);

// Prints config, runs and curves of one trial. Error when there is none of that number.
void print_trial(Storage& storage, std::int64_t number);

}  // namespace caviar
