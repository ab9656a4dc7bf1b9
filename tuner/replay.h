// Recorded runs trained again: to have their weights, and to see that their bits are still what they were.
//
// Everything that a run's bits depend on is in its canonical line (tuner/bind.h), so it can be repeated at any time, on
// any device its numerics allow. A run that was stopped is trained to its stop. One that went on from another's weights
// (population based training) needs that other one first, which is trained again too, up to the beginning of the line.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "engine/executor.h"
#include "tuner/bind.h"
#include "tuner/storage/storage.h"

namespace caviar {

// What a run was trained with, from its record alone: no sweep file, and no default of this program, enters. The
// order's `resume` is empty and `inherits` false, also of a run that went on from another's weights. Throws Error when
// the record does not fit its own identity or says something this program does not know.
RunOrder recorded_order(const RunRecord& run, const DataShape& shape);

// Whether there is something to repeat: the run is complete, diverged or stopped, and has reported.
bool can_be_replayed(Storage& storage, const RunRecord& run);

// A run as it is now.
struct FinishedRun {
  std::int64_t run = 0;
  RunState state = RunState::kComplete;  // as recorded
  std::string recorded;                  // digest, or empty: a scheduler stopped the run, so only reports are compared
  std::string now;                       // digest, of those that have one recorded
  std::string difference;                // what is not as recorded, in words; empty: nothing
  std::vector<std::byte> state_now;      // at the end or at the stop: weights_of() (engine/slot_state.h) reads it
  bool same() const { return difference.empty(); }
};

// Trains these runs again on the executor, which must be empty and stays so, and hands over each when it is done, in
// whatever order they end. All reports and the digest are compared with the record, bit for bit. `shape`: of the data
// set the executor has; `numerics`: of the executor. Throws Error, before anything is trained, for a run that does not
// exist or cannot be replayed, and when data or numerics are not those of the study; `starts`, if there is one, is
// called when none of these is the case.
void replay(Storage& storage, std::span<const std::int64_t> runs, const DataShape& shape, const std::string& numerics,
            Executor& executor, const std::function<void(FinishedRun)>& over, const std::function<void()>& starts = {});

}  // namespace caviar
