// P(A > B): how often a run of A scores higher than a run of B, ties half (Bouthillier et al. 2021, arXiv 2103.03098).
// It has a meaning of its own, needs no normal scores, and collapsed runs count as the losses they are.
//
// 1/2 is no difference; kMeaningful is the least that the same paper calls meaningful: for normal scores of one spread
// a shift of 0.954 standard deviations. P(A > B) + P(B > A) = 1, and the intervals mirror.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "tuner/analysis/interval.h"

namespace caviar {

inline constexpr double kMeaningful = 0.75;

struct Outperformance {
  double share = 0.5;  // P(A > B) as measured
  Interval interval;
  double compared = 0;  // pairs; for unpaired arms the number of pairs on the same seeds that would tell as much
};

// From pairs of the same seeds, as many of both, at least one: wins plus half the ties, with the interval of Clopper
// and Pearson. Conservative: with ties more so, as a half is nearer the middle than a win or a loss. (A percentile
// bootstrap covers 0.75 instead of 0.95 of 5 pairs: resamples of all wins never lose.)
Outperformance outperforming_in_pairs(std::span<const double> a, std::span<const double> b, double confidence = 0.95);

// From all pairs of unpaired arms, at least one run each: U / (n_a n_b), with Wilson's interval for an effective number
// of trials m, so that all wins give [.., 1] and not [1, 1]:
//
//   m = share (1 - share) / V, V the greater of two variances of the share:
//   Hanley & McNeil 1982 (that of exponential scores, with Newcombe's 2006 mean size N = (n_a + n_b) / 2),
//     share (1 - share) / (n_a n_b) [1 + (N - 1) ((1 - share) / (2 - share) + share / (1 + share))]
//   DeLong, DeLong & Clarke-Pearson 1988, s_a^2 / n_a + s_b^2 / n_b: s_a^2 is the variance over the runs of A of the
//     share of B's runs each one beats
//   and Student's quantile for Brunner and Munzel's (2000) degrees of freedom, (s_a^2 / n_a + s_b^2 / n_b)^2 /
//   ((s_a^2 / n_a)^2 / (n_a - 1) + ..); n_a + n_b - 2 where that is 0 / 0.
//
// The combination is ours. Simulated (SciPy, 3,000 to 8,000 studies each; n of 5/5, 6/6, 10/10, 20/20, 29/29, 5/29,
// 5/10; P of 0.5, 0.75, 0.9, 0.97) the 95 % interval covered 0.95 to 0.995 for normal scores and for those with 5 %
// collapsed runs, and at least 0.93 with spreads of 1 and 3, the wide arm having 5 runs of 34. An arm of one run: [0,
// 1].
Outperformance outperforming(std::span<const double> a, std::span<const double> b, double confidence = 0.95);

// Runs per arm for the rank test of level alpha (one-sided) to see P(A > B) = share with this power: ceil of
// ((z_(1 - alpha) + z_power) / (sqrt 6 (share - 1/2)))^2 (Noether 1987). 29 for 0.75, 0.05, 0.95. Empty for share =
// 1/2. 0 < share < 1.
std::optional<std::int64_t> noether_size(double share, double alpha = 0.05, double power = 0.95);

// The fewest pairs with which outperforming_in_pairs() puts 1/2 outside its interval, on the right side, with this
// power when P(A > B) = share and there are no ties: exact, from binomial laws. (Power goes up and down by steps as n
// grows; this is the first n that has it.) Empty for share = 1/2 or where `most` pairs are not enough.
std::optional<std::int64_t> pairs_needed(double share, double power = 0.8, double confidence = 0.95,
                                         std::int64_t most = 1000);

}  // namespace caviar
