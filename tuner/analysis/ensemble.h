// Networks that are asked together: their class probabilities averaged example by example, and whether that is better
// than one of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tuner/analysis/interval.h"

namespace caviar {

// How one network, or an ensemble, did on each of N examples.
struct ExampleScores {
  std::vector<std::uint8_t> right;  // [N]: 1 where the answer was the label
  std::vector<double> losses;       // [N]: -ln of the label's probability, in nats; at most 87.3, that of 2^-126
  double accuracy() const;
  double loss() const;  // the mean, in the order of the examples
};

// probabilities is [N, classes]; answers and labels are [N], N >= 1. Throws Error for probabilities that are no
// numbers: of a network that diverged.
ExampleScores example_scores(std::span<const float> probabilities, std::span<const std::uint8_t> answers,
                             std::span<const std::uint8_t> labels, int classes);

// The mean of probabilities over networks, each counting the same; sums in double, in the order they are added.
class ProbabilityMean {
 public:
  // N >= 1 labels, each below `classes`.
  ProbabilityMean(std::span<const std::uint8_t> labels, int classes);

  void add(std::span<const float> probabilities);  // [N, classes], all finite

  std::size_t networks() const { return networks_; }

  // At least one network. The answer to an example is the class of the first largest mean.
  ExampleScores scores() const;

 private:
  std::vector<std::uint8_t> labels_;
  std::size_t classes_;
  std::size_t networks_ = 0;
  std::vector<double> sums_;  // [N, classes]
};

// One against the other, on the same N >= 2 examples. It is about these two as they are, on further examples of the
// kind: other seeds would make other networks.
struct PairedGain {
  std::int64_t only_one, only_other;  // examples that only the one, only the other has right
  double accuracy;                    // of the one - of the other: (only_one - only_other) / N
  // Of the difference of two paired proportions, d +- z sqrt((p + q - d^2) / (N + 2)), p = (only_one + 1) / (N + 2), q
  // = (only_other + 1) / (N + 2), d = p - q, cut off at -1 and 1 (Bonett & Price 2012, the adjusted Wald interval). It
  // covers 0.95 or a little more from 30 examples on, also where the two hardly ever differ.
  Interval accuracy_interval;
  double p;     // McNemar's exact test (test_set.h)
  double loss;  // of the one - of the other: below 0 where the one is better
  // Student's, of the mean of the N differences: as good as their mean is normal, so for hundreds of examples.
  Interval loss_interval;
  // Whether 0 is outside accuracy_interval exactly where p < 0.05, for one of confidence 0.95. Near that limit it need
  // not be: the interval is approximate, and the exact test of whole counts errs on the side of no difference.
  bool interval_and_test_agree() const {
    return (accuracy_interval.low > 0 || accuracy_interval.high < 0) == (p < 0.05);
  }
};
PairedGain gain_over(const ExampleScores& one, const ExampleScores& other, double confidence = 0.95);

}  // namespace caviar
