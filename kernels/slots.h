// The per-slot table that kernels read: one row a slot.
#pragma once

#include <cstdint>

#include "kernels/base/hd.h"
#include "kernels/hyper.h"
#include "kernels/math/optimizer.h"
#include "kernels/math/permutation.h"

namespace caviar {

// Keys of the counter-based streams of one run.
struct SlotSeeds {
  std::uint64_t init = 0, order = 0, dropout = 0, augment = 0, split = 0;
};

// Which examples of a set stand at consecutive positions. Position p means example p of the set after two keyed
// bijections, each of which may be absent: `order` shuffles the training examples of an epoch, `split` decides which
// examples of the file are for training (positions below train_examples) and which for validation (the rest).
struct ExampleOrder {
  std::int32_t shuffled = 0, carved = 0;
  Permutation order{}, split{};
  CAVIAR_HD std::int64_t at(std::int64_t position) const {
    std::uint32_t p = static_cast<std::uint32_t>(position);
    if (shuffled) p = permute(order, p);
    return carved ? permute(split, p) : p;
  }
};

// What a pass over some examples is for.
enum class Pass : std::int32_t { kTrain, kValidate, kTest };

// What a slot measures of its run when it has reached a rung: bits of SlotRow::measures.
enum class Measure : std::int32_t { kValidation, kAveraged, kTest, kAveragedTest };
inline constexpr int kMeasures = 4;
CAVIAR_HD constexpr std::int32_t bit_of(Measure m) { return 1 << static_cast<int>(m); }
CAVIAR_HD constexpr Pass pass_of(Measure m) {
  return m == Measure::kValidation || m == Measure::kAveraged ? Pass::kValidate : Pass::kTest;
}
CAVIAR_HD constexpr bool of_averages(Measure m) { return m == Measure::kAveraged || m == Measure::kAveragedTest; }

// Sums over the examples measured so far.
struct Measured {
  double loss_sum = 0;  // complete once all examples are
  std::int64_t correct = 0, examples = 0;
};

// All that distinguishes the run in one slot from its neighbours, but for the arrays. Plain data.
struct SlotRow {
  Hyper hyper;
  SlotSeeds seeds;
  std::int64_t step = 0;                 // optimizer updates done
  std::int64_t train_examples = 0;       // after the validation examples are carved out
  std::int64_t validation_examples = 0;  // carved out, or all of the test set
  std::int64_t test_examples = 0;        // of the test set
  std::int32_t validate_on_test = 0;     // nothing is carved
  std::int32_t batch_size = 1;
  std::int32_t averaged = 0;            // Polyak averages are kept and measured
  float pixel_mean = 0, pixel_std = 1;  // hyper.standardize: of the training examples, pixels in [0, 1]
  double mu_product = 1;                // nadam
  double rate_change = 0;               // what hypergradient descent has added to hyper.learning_rate
  std::int32_t trains = 0;              // takes part in training passes, until it has diverged
  std::int32_t measures = 0;            // takes part in these measuring passes
  // Of the pass under way, from the prelude (kernels/prelude.h).
  std::int32_t on = 0;         // 0: the ops leave this slot alone
  std::int32_t rows = 0;       // examples of the pass: the batch, fewer at the end of an epoch
  std::int64_t first = 0;      // position of its first row
  std::int32_t from_test = 0;  // they are of the test set, else of the training set
  ExampleOrder order;
  StepScalars<float> now;
  float clip_scale = 1;  // from clip()
  // Training metrics since the last rung; a step adds its batch in one addition.
  double loss_sum = 0;  // sum over examples
  std::int64_t correct = 0, examples = 0;
  std::int32_t diverged = 0;  // set when a batch's loss is beyond all bounds; its step makes no update
  Measured measured[kMeasures];
};

}  // namespace caviar
