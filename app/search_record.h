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

// Such a record that also says, as "data", where the directory lies that the examples came from; unchanged for a data
// set caviar knows by name. It is for finding the examples again and decides nothing: their digest does.
std::string with_data_directory(const std::string& record, const std::string& name_or_directory);

// What --data has to be to find the examples of a study again: a known name, or the directory of its record. A study
// recorded without that has the last name of its directory alone, which may find nothing.
std::string data_of(const StudyRecord& study);

// How many examples the runs of a study are validated on, where they are carved from the training set; 0 where it has
// no run yet, or validates on the test set.
std::int64_t validation_examples_of(Storage& storage);

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
