// What a sweep will cost, from a sample of its trials and a few steps on the machine that will train it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/executor.h"
#include "tuner/bind.h"
#include "tuner/sampler.h"
#include "tuner/space.h"

namespace caviar {

// The trials of a sample that share a pack key.
struct ShapeShare {
  BoundConfig example;          // the first of them
  std::int64_t trials = 0;      // how many; where `is_whole`, without those that repeat another's training
  double steps = 0;             // of one run, mean over them
  double measured = 0;          // examples one run evaluates without learning from them, mean
  std::int64_t most_steps = 0;  // of the longest run
};

struct TrialSample {
  std::int64_t looked_at = 0;
  bool drawn_evenly = false;       // configs are points all over the space, because the sampler waits for results
  std::vector<ShapeShare> shapes;  // most frequent first
  // Of a whole training, that a trial trains: below 1 in a population, whose trials go on from one another. The steps
  // and the evaluations of `shapes` are those of such a share.
  double share = 1;
  std::int64_t population = 0;    // members that train side by side; 0: no population
  std::int64_t most_reports = 0;  // of a run
  std::int64_t untrainable = 0;
  std::string why;  // of the first that cannot be trained
  // Every trial was looked at, as it will be. Then `repeats` of them mean the same training as one before
  // (meaning_of() of meaning.h): they share its runs. Else 0: how many there are is not known.
  bool is_whole = false;
  std::int64_t repeats = 0;

  // Trainings on one seed, of so many trials; at most, where the sample is not whole.
  std::int64_t trainings(std::int64_t trials) const { return is_whole ? looked_at - untrainable - repeats : trials; }
};

// Members of a population that train side by side, of a sampler that has one; else 0.
std::int64_t population_of(const Sampler& sampler);

// Looks at `most` of the first `trials` trials, all over them, or at all if there are fewer; with no end, at the first
// `most`. A sampler that waits for results is not asked; points of the space stand for its trials.
TrialSample sample_trials(const SearchSpace& space, Sampler& sampler, std::optional<std::int64_t> trials,
                          std::int64_t most, const DataUse& use, const DataShape& shape, const std::string& precision);

// How fast runs of one shape go here when the device is full: seconds of the clock for each step of each run, and for
// each example evaluated. 0 where nothing was finished in time.
struct Speed {
  double step_seconds = 0;
  double example_seconds = 0;
  std::int64_t steps = 0;  // measured on so many
};

// Trains `at_once` runs of this config, at rate 0, for about `budget`, one step each at least. Where those first steps
// take longer than the budget, an example evaluated is taken for a third of one trained on. The executor must be empty
// and is empty afterwards. The only result in this header that the clock decides.
Speed measure_speed(Executor& executor, const BoundConfig& config, int at_once, std::chrono::duration<double> budget,
                    std::int64_t most_validation);

// Which shapes to measure when `most` is fewer than there are: spread evenly over the trials, by the work of a step.
// `parameters` of each shape. Ascending indices.
std::vector<std::size_t> shapes_to_measure(const std::vector<ShapeShare>& shapes,
                                           const std::vector<std::int64_t>& parameters, std::size_t most);

// Fills in the speeds of shapes that were not measured: seconds in proportion to parameters times batch size, like the
// measured shape whose product is nearest. An empty optional was not measured; at least one was.
std::vector<Speed> all_speeds(const std::vector<ShapeShare>& shapes, const std::vector<std::int64_t>& parameters,
                              const std::vector<std::optional<Speed>>& measured);

// Seconds for `runs` runs in the sample's proportions on a device that trains `at_once` of them side by side: their
// work at full speed, and never less than the longest run takes.
double forecast_seconds(const std::vector<ShapeShare>& shapes, const std::vector<Speed>& speeds, double runs,
                        int at_once);

}  // namespace caviar
