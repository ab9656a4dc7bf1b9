// What an earlier study observed, for a search that starts with it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tuner/space.h"
#include "tuner/storage/storage.h"

namespace caviar {

struct PriorObservations {
  std::vector<PriorRecord> records;  // numbers count down from -1 - `taken_before`
  std::int64_t outside = 0;          // trials whose config is no point of the space
  std::string why_outside;           // of the first of them: "learning_rate is 0.5, which this sweep does not try"
  std::int64_t unfinished = 0;       // open, failed or stopped early: their metric is no final one
};

// The finished trials of a study that lie in `space`: their configs and the mean and standard deviation of `metric`
// over the runs that did not diverge. `source` names the study in the record. Any number of trials; one row in memory
// at a time beside the result.
PriorObservations observations_of(Storage& study, const std::string& source, const SearchSpace& space,
                                  const std::string& metric, std::int64_t taken_before = 0);

}  // namespace caviar
