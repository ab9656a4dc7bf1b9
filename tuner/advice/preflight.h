// What a careful person tries before a sweep, on the machine that will train it: does the loss start where chance puts
// it, can the network learn a few examples by heart, and which learning rates move it at all (Karpathy et al., CS231n,
// "Neural Networks Part 3"; the range test is Smith 2017, "Cyclical Learning Rates", with a run of its own for every
// rate instead of one run whose rate rises).
//
// All runs start from the same weights and see the same batches. Nothing depends on the clock: in precision fp32 the
// same file and data give the same numbers on every machine.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/data/dataset.h"
#include "engine/executor.h"
#include "tuner/bind.h"
#include "tuner/space.h"

namespace caviar {

enum class Grade { kPass, kWarn, kFail };

struct Finding {
  Grade grade = Grade::kPass;
  std::string what;      // was looked at
  std::string sentence;  // what was found, and the remedy where there is something to remedy
};

// Classes without examples, one class alone, all pixels equal.
Finding check_data(const Dataset& data);

// `count` examples of `all` (or as many as there are) with as equal a number from each class as can be had, the first
// ones of each; they are the test set as well, so that validation on the test set measures what was learned by heart.
std::shared_ptr<const Dataset> few_examples(const Dataset& all, std::int64_t count);

// `count` examples at equal distances, and one test example, which costs nothing to measure.
std::shared_ptr<const Dataset> spread_examples(const Dataset& all, std::int64_t count);

// ---- initial loss
//
// Mean loss of the untrained network, dropout and label smoothing off, over a batch of up to 256. `executor` trains on
// spread_examples().
double initial_loss(Executor& executor, const BoundConfig& config, const Dataset& data);

// Equal logits give ln C. Independent ones of variance v raise the mean by v / 2 to second order; weights as PyTorch
// draws them (uniform, +-1/sqrt(fan-in)) on states in [-1, 1] have v up to 1/3, and a batch of 256 adds 0.05 of noise:
// within 0.25 passes. Beyond 1, or not finite, something is wrong.
Finding judge_initial_loss(double loss, int classes);

// ---- learning-rate range test

struct RateLoss {
  double rate = 0;
  double loss = 0;  // mean of the training loss over the last tenth of the steps
  bool diverged = false;
};

struct RangeTest {
  std::vector<RateLoss> rates;  // ascending
  double start = 0;             // mean training loss of the smallest rate over the first tenth
  double chance = 0;            // ln(classes), what knowing nothing costs; 0: not known
  std::int64_t steps = 0;
  std::int64_t batch_size = 0;
  std::int64_t run_steps = 0;  // of the sweep's own run
};

// 1, 2 and 5 times every power of ten from 1e-6 to 10: 22 rates.
std::vector<double> range_test_rates();

// How long and on which batch size: 100 steps of the config's own, less where rates times parameters times examples
// times T would exceed 2.5e11 (about half a minute of two cores): first the batch is halved while 16 or more are left,
// then steps go down to 40.
struct RangeTestSize {
  std::int64_t steps = 0;
  std::int32_t batch_size = 0;
  std::int64_t examples() const { return steps * batch_size; }
};
RangeTestSize range_test_size(const BoundConfig& config, const Dataset& data);

// The config at every rate, constant, without averaging; everything else as it is. `executor` trains on
// spread_examples() of as many examples as size.examples(), or all.
RangeTest test_rates(Executor& executor, const BoundConfig& config, const RangeTestSize& size);

// How far a rate brings the loss is counted from the start or from chance, whichever is lower: a network that begins
// with an opinion falls to chance at once, and has learned nothing there. Of use are the rates around the best one,
//   - below it while the loss falls by at least a tenth of the best fall; in between it may stand still, on a plateau,
//     but not rise by 2 % of the start: a slow rate gets there in a run longer than the test;
//   - above it while it falls by at least half of the best fall, everywhere: beyond the turn of the curve steps are too
//     long, of which more steps do not cure, so half is as far as noise of the test may reach.
// A run longer than the test goes as far at a lower rate, about as far as steps times rate: so `min` is lowered to the
// largest rate of the list that is at most min * steps / run_steps. Nothing when no rate gets the loss 2 % below.
struct RateRange {
  double min = 0, best = 0, max = 0;
  double rises_at = 0;  // smallest rate, above the best, that diverges or ends 2 % above the start; 0: none
};
std::optional<RateRange> usable_rates(const RangeTest& test);

// The sweep's own rates against the test. `rates`: values at equal steps of probability, or one.
Finding judge_rates(const RangeTest& test, std::span<const double> rates);

// The parameter that decides the learning rate of this config, or nullptr.
const ParameterSpec* rate_parameter(const SweepSpec& spec, const Config& config);

// The parameters that decide it in other configs, beside other values of a choice.
std::vector<const ParameterSpec*> other_rate_parameters(const SweepSpec& spec, const ParameterSpec* tried);

// Its values at 64 equal steps of probability, else the rate of the config.
std::vector<double> rates_of(const ParameterSpec* parameter, const BoundConfig& config);

// ---- learning by heart

struct ByHeart {
  std::int64_t examples = 0;
  std::int64_t steps = 0;
  double rate = 0;  // that came furthest
  double loss = 0, accuracy = 0;
};

// Trains on few_examples(), all in one batch, without dropout, decay, smoothing or schedule, at all the rates at once:
// 100 steps, then 300, then 900, as long as no rate brings the loss below 0.01 with every example right.
ByHeart learn_by_heart(Executor& executor, const BoundConfig& config, std::int64_t examples,
                       std::span<const double> rates);
Finding judge_by_heart(const ByHeart& result);

}  // namespace caviar
