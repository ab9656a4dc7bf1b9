// Trains on the cores of this machine.
#pragma once

#include <memory>

#include "engine/data/dataset.h"
#include "engine/executor.h"

namespace caviar {

// One worker thread a core. A worker takes a run, trains it to its rung and hands in the report; while the run waits
// there for a decision the worker may take a second one. Threads never share a run, so their number changes no bit.
// threads >= 1. submit() throws Error for orders that the data or the models cannot serve.
std::unique_ptr<Executor> make_local_executor(const std::shared_ptr<const Dataset>& data, int threads);

}  // namespace caviar
