// What a study searches with beside its sweep file, as its record has it, so that a resume need not say it again.
#pragma once

#include <string>

#include "tuner/spec.h"

namespace caviar {

// The settings of the search, flags included, as StudyRecord::search has them:
//   {"sampler": {"name": ..., "settings": {...}}, "by_hand": [configs]}
// An empty name is what the file's method means.
std::string search_record(const Settings& settings);

// Puts back what was recorded: the sampler, the configs by hand. A record without them ("{}") changes nothing.
void recall_sampler(const std::string& record, Settings& settings);
void recall_by_hand(const std::string& record, Settings& settings);

}  // namespace caviar
