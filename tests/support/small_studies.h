// Studies of real trainings on the small data set, carried out in memory or in a directory.
#pragma once

#include <memory>
#include <string>

#include "engine/local_executor.h"
#include "tests/support/small_runs.h"
#include "tests/support/study_fixture.h"
#include "tuner/registry.h"
#include "tuner/space.h"
#include "tuner/spec/spec.h"

namespace caviar {

inline DataShape small_shape() { return {small_data()->train.count, small_data()->test.count, small_data()->digest}; }

// A study of the small data set on `seeds` seeds; what it has beside is the caller's.
inline StudySetup real_setup(const SweepSpec& spec, std::int64_t seeds) {
  StudySetup setup = small_setup(std::nullopt, seeds);
  setup.record.spec = spec.text;
  setup.record.data_digest = small_data()->digest;
  setup.record.numerics = kNumericsFp32;
  setup.use.validation_examples = 20;
  setup.shape = small_shape();
  return setup;
}

// Carries the sweep out on two cores.
inline StudyOutcome carry_out_small(Storage& storage, const std::string& text, StudySetup setup) {
  const SweepSpec spec = parse_sweep(text, "sweep.yaml");
  const SearchScope scope{setup.record.sweep_seed, setup.window,          setup.record.trials,
                          setup.record.seeds,      setup.record.maximize, {}};
  const auto sampler = make_sampler(spec, SearchSpace(spec), scope);
  const auto scheduler = make_scheduler(spec, scope);
  const auto executor = make_local_executor(small_data(), 2);
  Study study(std::move(setup), storage, *sampler, *scheduler, *executor);
  return study.carry_out();
}
inline StudyOutcome carry_out_small(Storage& storage, const std::string& text, std::int64_t seeds) {
  return carry_out_small(storage, text, real_setup(parse_sweep(text, "sweep.yaml"), seeds));
}

// Many shapes and numbers, one trial that diverges, one that repeats another.
inline const char* kMixedSweep =
    "method: grid\nparameters:\n  cell: {values: [lstm, gru, rnn_relu]}\n  hidden_size: {values: [5, 8]}\n"
    "  optimizer: {values: [sgd, adamw, rmsprop]}\n  learning_rate: {values: [0.003, 1.0e+30]}\n"
    "  hypergradient_rate: {value: 0}\n  momentum: {value: 0.7}\n  beta2: {value: 0.9}\n  polyak_decay: {value: 0.9}\n"
    "  dropout: {value: 0.1}\n  seed_split: {value: 18446744073709551615}\n  schedule: {value: cosine}\n"
    "  num_layers: {value: 2}\n  epochs: {value: 2}\n  batch_size: {value: 32}\n";

}  // namespace caviar
