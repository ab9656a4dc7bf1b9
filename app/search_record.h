// What a study searches with beside its sweep file, as its record has it, so that a resume need not say it again.
#pragma once

#include <string>

#include "tuner/spec/spec.h"
#include "tuner/storage/storage.h"

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

// A sampler or scheduler that was said again in other words (a default written out, the name of what `method` means) is
// put back as `before` has it.
void keep_words(const SweepSpec& before, SweepSpec& now);

// The sweep file of a study with what flags added to it, or said otherwise, in its block `caviar:`: sampler, scheduler,
// window, no_improvement, noise, count, seeds, sweep_seed, data, precision, validate_on, validation_examples. A study
// that was given no such flag has its file as it is. Configs given by hand have no place in a file, and a data set
// that is a directory is to be named again.
std::string file_as_carried_out(Storage& storage);

// What a study searches with: {"sampler": {"name": ..., "settings": as given}, "scheduler": {...}, "window": ...}; null
// where its file cannot be read any more.
Value search_of(const StudyRecord& study);

}  // namespace caviar
