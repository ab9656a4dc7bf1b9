// From names to numbers: a config becomes what the engine trains. The only place where double becomes float32.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/run.h"
#include "tuner/trial.h"

namespace caviar {

// What a run needs to know of the data set before it starts.
struct DataShape {
  std::int64_t train_examples = 0;  // of the training file, before validation examples are carved out
  std::int64_t test_examples = 0;
  std::string digest;
};

// A config with aliases resolved, nested groups flattened, defaults filled in and everything range-checked.
struct BoundConfig {
  PackKey key;
  Hyper hyper;
  Seeds seeds;
  DataUse data;
  std::int64_t rung_steps = 0;
};

// Throws Error for a parameter nobody reads (naming the nearest known one), a value out of range or of the wrong type,
// or two names for the same parameter.
BoundConfig bind_config(const Config& config, const DataUse& use, const DataShape& shape);

// The seeds of repeat `repeat` of a trial: init, order, dropout and augment move by `repeat`; split stays.
Seeds repeat_seeds(const Seeds& base, std::int64_t repeat);

// All that a run's bits depend on, in one canonical line of JSON: every bound number (defaults included), seeds, data
// digest, numerics. Equal lines mean equal bits.
std::string canonical_run(const BoundConfig& bound, const std::string& data_digest, const std::string& numerics);

// 32 hexadecimal digits: hash of canonical_run. UNIQUE in a study.
std::string run_identity(const std::string& canonical);

}  // namespace caviar
