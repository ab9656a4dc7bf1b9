// The border between deciding and training. Behind it: cores, GPUs, or closed-form curves for tests.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "engine/run.h"

namespace caviar {

// Called from one thread. Runs advance on their own between calls until they reach a rung; a run that reported waits
// there until the next advance(), so that a decision to stop it is exact.
class Executor {
 public:
  virtual ~Executor() = default;

  // How many more runs submit() should be given now to keep every worker busy; never negative.
  virtual int room() const = 0;

  // Takes a run. Throws Error when it cannot be trained here (sizes, data), before anything starts.
  virtual void submit(RunOrder order) = 0;

  // Ends a run that is waiting at a rung, or was never started; unknown runs are ignored. No further report comes.
  virtual void stop(std::int64_t run) = 0;

  // Lets runs that wait at a rung go on, waits until at least one report is there or max_wait has passed, and returns
  // all reports there are. Order of arrival carries no meaning. Throws Error when training cannot go on.
  virtual std::vector<Report> advance(std::chrono::milliseconds max_wait) = 0;

  // Ends the steps under way and hands back every unfinished run with the state to go on from. Reports made meanwhile
  // come first from advance(0 ms). Afterwards the executor is empty.
  virtual std::vector<Parked> drain() = 0;

  // When set, reports carry Report::state, for checkpoints and for whoever wants the weights. Off at first.
  virtual void keep_states(bool on) = 0;
};

}  // namespace caviar
