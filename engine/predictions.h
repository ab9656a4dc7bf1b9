// What a trained network answers, example by example.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/data/dataset.h"
#include "engine/run.h"

namespace caviar {

// Which examples: those a run is validated on (carved from the training set by its split seed, or all of the test set),
// or the test set.
enum class Part { kValidation, kTest };

// N examples, C classes. Runs of equal split seed and validation_examples see the same examples in the same order.
struct Predictions {
  int classes = 0;                     // C
  std::vector<std::int64_t> examples;  // [N]: index in Dataset::train, or in Dataset::test where the part is of that
  std::vector<std::uint8_t> labels;    // [N]
  std::vector<std::uint8_t> answers;   // [N]: the class of the first largest logit
  std::vector<float> probabilities;    // [N, C]: softmax (kernels/loss.h)
  Metrics metrics;                     // as a report of the run has them, summed in the same order
};

// Shows every example of the part to the network of this order with these weights: parameters [P] or their averages, in
// the order of the model's tensors (Pack::read). No dropout, no label smoothing. Of the order only sizes, seeds, use of
// the data and standardisation enter.
//
// Exact: the passes are those a pack on a CPU measures with, so metrics are the run's own, bit for bit. Of a run
// trained in precision mixed the network is computed in fp32, and its metrics differ from the run's by rounding.
// Weights that are no numbers (of a run that diverged) give probabilities that are none, and class 0.
//
// Computes on the calling thread, with memory of its own; any number of threads may do so at once. Throws Error when
// the order does not fit the data, the weights do not fit the order, or the part has no examples.
Predictions predict(const RunOrder& order, std::span<const float> weights, const Dataset& data, Part part);

}  // namespace caviar
