// Tests of two arms A and B: is their difference more than chance would show? Every p is two-sided unless said
// otherwise: the probability, were there no difference, of one at least as large.
//
// None of them says what to print as a verdict; tuner/analysis/verdict.h does. What a sample cannot tell is empty.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "tuner/analysis/interval.h"

namespace caviar {

// Welch 1947: t = (mean a - mean b) / sqrt(v_a + v_b), v = s^2 / n, on (v_a + v_b)^2 / (v_a^2 / (n_a - 1) + v_b^2 /
// (n_b - 1)) degrees of freedom; the interval is difference -+ t quantile sqrt(v_a + v_b). For normal scores of any two
// variances; collapsed runs make it miss differences, not invent them.
// An arm of one run: only the difference. Both arms without spread: `exact`, and only the difference, as there is
// nothing to compare it with.
struct WelchTest {
  double difference = 0;  // mean a - mean b
  bool exact = false;
  std::optional<double> t, freedom, p;
  std::optional<Interval> interval;
};
WelchTest welch_test(std::span<const double> a, std::span<const double> b, double confidence = 0.95);

// a_i and b_i come from the same seeds; as many of both. On d_i = a_i - b_i: Student's t, n - 1 degrees of freedom
// (1908), and the signed-rank test (Wilcoxon 1945), both as tuner/analysis/paired_tests.h has them, exact up to 50
// pairs; twice the smaller one-sided p, 1 at most. Pairing pays only where the correlation is positive: var d = var a +
// var b - 2 cov. One pair, or differences that are all equal (`exact`): no t. Sizes |d_i| that differ by no more than
// the rounding of a_i and b_i are taken as equal, as accuracies are multiples of 1 / the size of the test set.
struct PairedTest {
  double difference = 0;  // mean of d
  bool exact = false;
  std::optional<double> sd, t, freedom, p;
  std::optional<Interval> interval;
  double signed_rank_p = 1;
  std::optional<double> correlation;  // of a and b (Pearson); empty where either does not vary
};
PairedTest paired_test(std::span<const double> a, std::span<const double> b, double confidence = 0.95);

// Mann & Whitney 1947: U counts the pairs with a > b, ties half. Without ties, and up to 20 runs an arm, p is exact by
// counting (SciPy's method 'exact'); else the normal approximation with continuity correction 1/2 and the variance for
// ties, n_a n_b / 12 (n + 1 - sum (t^3 - t) / (n (n - 1))) over groups of t equal scores ('asymptotic'). Assumes that
// under no difference both arms have one distribution, whatever it is. All scores equal: p = 1. Below 4 runs in an arm
// p is empty: it could not come below 0.057.
struct RankTest {
  double u = 0;
  bool exact = false;
  std::optional<double> p;
};
RankTest rank_test(std::span<const double> a, std::span<const double> b);

// Is the difference of means within -margin .. margin? Two one-sided Welch tests against both ends (Schuirmann 1987); p
// is the greater of their two: small is evidence that the arms are equivalent, which "not significant" never is. margin
// > 0. Empty where welch_test has no t; `exact` arms are equivalent when |difference| < margin, and the caller can see
// it.
std::optional<double> equivalence_p(std::span<const double> a, std::span<const double> b, double margin);

}  // namespace caviar
