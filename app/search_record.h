// What a study searches with beside its sweep file, as its record has it, so that a resume need not say it again.
#pragma once

#include <string>

#include "tuner/spec.h"

namespace caviar {

// The settings of the search, flags included, as StudyRecord::search has them:
//   {"sampler": {"name": ..., "settings": {...}}, "scheduler": {...}, "window": ..., "no_improvement": ..., "noise":
//   ...,
//    "by_hand": [configs]}
// An empty name is what the file's method or early_terminate means; what is not set is null.
std::string search_record(const Settings& settings);

// Which settings were said again, as flags.
struct SaidAgain {
  bool sampler = false, scheduler = false, window = false, no_improvement = false, noise = false, by_hand = false;
};

// Puts back what was recorded and not said again. A record without it ("{}") changes nothing.
void recall_search(const std::string& record, const SaidAgain& said, Settings& settings);

}  // namespace caviar
