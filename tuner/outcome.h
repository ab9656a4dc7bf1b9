// How far a trial came, and who ended it.
#pragma once

#include <cstdint>
#include <string>

#include "tuner/storage/storage.h"

namespace caviar {

enum class Ending : std::uint8_t {
  kOpen,      // it is not over
  kDone,      // it had all that it asked for: also one that won its race early, and a generation of a population
  kStopped,   // a scheduler ended it before its last iteration
  kRacedOut,  // a scheduler gave it no further seed
  kFailed,    // it could not be trained
};
const char* to_string(Ending ending);  // "open", "done", "stopped", "raced out", "failed"

// A run that diverged ends no trial: `diverged` says how many did, beside any of the endings.
struct TrialOutcome {
  Ending ending = Ending::kOpen;
  std::int64_t iteration = 0;    // the last that its runs have reported, from 1; 0: none
  std::int64_t iterations = 0;   // that its schedule has; 0: it has no run
  std::int64_t seeds = 0;        // runs that are finished, diverged ones included
  std::int64_t seeds_asked = 0;  // the most it might have had: the study's
  std::int64_t diverged = 0;
  bool won = false;  // no other was left in its race, so that it needed no further seed
};

// From what is recorded. A trial that means the same training as an earlier one was judged as that one.
TrialOutcome outcome_of(Storage& storage, const StudyRecord& study, const TrialRecord& record);

// For a table: "done", "stopped at 9 of 27", "raced out on 3 of 40 seeds", "1 of 3 diverged, stopped at 9 of 27".
std::string describe(const TrialOutcome& outcome);

}  // namespace caviar
