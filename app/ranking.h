// The ranking of a study as a table, and what can be said of chance in it.
#pragma once

#include <cstddef>
#include <string>

#include "tuner/history.h"
#include "tuner/storage/storage.h"

namespace caviar {

// Trials from the best to the worst, at most `most`, with mean, standard deviation, seeds, state and the parameters
// that differ between trials; below it the noise between seeds, or that none is known and what measures it. Ends in a
// newline.
std::string ranking_table(Storage& storage, const History& history, const StudyRecord& study, std::size_t most);

// The pooled standard deviation over seeds of all trials with at least two, or NaN.
struct SeedNoise {
  double sd = 0;
  std::int64_t trials = 0;
};
SeedNoise seed_noise(const History& history);

}  // namespace caviar
