// From names to numbers: a config becomes what the engine trains. The only place where double becomes float32.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/run.h"
#include "tuner/spec/spec.h"
#include "tuner/trial.h"

namespace caviar {

// What a run needs to know of the data set before it starts.
struct DataShape {
  std::int64_t train_examples = 0;  // of the training file, before validation examples are carved out
  std::int64_t test_examples = 0;
  std::string digest;
};

// A config with aliases resolved, nested groups flattened, defaults filled in and everything range-checked. With
// validation on the test set, data.validation_examples is 0: nothing is carved out.
struct BoundConfig {
  PackKey key;
  Hyper hyper;
  Seeds seeds;
  DataUse data;
  std::int64_t rung_steps = 0;
};

// Names are those of names.h; values that are objects are groups too ({name: adam, lr: 0.1} for `optimizer`). A null
// value is the default. Numbers may be strings of digits, whole numbers may be written 64.0, choices in any case.
// Defaults are PyTorch's and those of the seed study: see hyper.h, engine/run.h, and
//   - `cell: rnn` with `nonlinearity` tanh or relu (tanh), or `rnn_tanh`, `rnn_relu`;
//   - `epochs` (10) or `max_steps`; a run reports at the end of every epoch; the last, partial batch counts as a step;
//   - `seed` sets all five streams (0), `seed_init`, `seed_order`, ... one of them, also beside `seed`;
//   - `polyak_decay` alone means polyak: exponential, `polyak_start_step` alone polyak: uniform;
//   - `weight_decay` is 0.01 with adamw, which is always decoupled; `step_size` is one epoch; `betas` sets both betas.
//
// Throws Error for a parameter nobody reads (naming the nearest known one), a value out of range or of the wrong type,
// or two names for the same parameter.
BoundConfig bind_config(const Config& config, const DataUse& use, const DataShape& shape);

// Throws Error when runs of this config never measure the metric: an averaged one without Polyak averages.
void require_measured(const std::string& metric, const BoundConfig& bound);

// The parameters of a config, under the names it gives them, that its other values make meaningless: momentum with
// adam, dropout with one layer, gamma with a constant schedule, ... Legal, but worth a warning when they are swept.
std::vector<std::string> unread_parameters(const Config& config);

// Throws Error ("filename:line: ...") when a parameter of the sweep is read by nobody, or one of its listed values, or
// an end of its range, is not legal by itself: so that a sweep fails before its first run and not at its hundredth
// trial.
void check_parameters(const SweepSpec& spec);

// The seeds of repeat `repeat` of a trial: those that vary move by `repeat`, the others stay.
Seeds repeat_seeds(const Seeds& base, std::int64_t repeat, const VariedSeeds& vary = {});

// All that a run's bits depend on, in one canonical line of JSON: every bound number (its default where training does
// not read it, see meaning.h), seeds, data digest, numerics. Equal lines mean equal bits.
std::string canonical_run(const BoundConfig& bound, const std::string& data_digest, const std::string& numerics);

// 32 hexadecimal digits: hash of canonical_run. UNIQUE in a study.
std::string run_identity(const std::string& canonical);

}  // namespace caviar
