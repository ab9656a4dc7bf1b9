// What the finite test set adds to the spread of scores over seeds: two runs of equal quality differ on it by chance.
//
// An error count is over a test split of n examples that all runs share. Where the split itself changes with the seed
// none of this holds: restrict to runs of one split.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tuner/analysis/interval.h"

namespace caviar {

// Before any training: the standard deviation of the error rate on n >= 1 test examples, at an expected error rate in
// [0, 1].

// Of one model drawn against fresh test sets: sqrt(e (1 - e) / n), binomial. For runs on the *same* test set it is far
// too large, they make much the same errors.
double binomial_sd(double error_rate, std::int64_t n);

// Of runs on one test set that differ in their seeds only, two classes, runs calibrated as an ensemble within each
// class: sqrt(e / (2 n)) (Jordan 2024, arXiv 2304.01910; R^2 0.996 over 511 tasks). With k >= 2 classes at least sqrt(e
// / (n k)) (the same).
double jordan_binary_sd(double error_rate, std::int64_t n);
double jordan_floor_sd(double error_rate, std::int64_t n, int classes);

// Of one model's accuracy, or any share of n >= 1 examples: score_interval() (proportion.h) at the normal quantile, 0
// <= successes <= n.
Interval wilson_interval(double successes, std::int64_t n, double confidence = 0.95);

// Two models on the same examples: McNemar's test, exact and two-sided, min(1, 2 P(B <= min(b, c))) with B of b + c
// fair coins; b: examples that only the one got wrong, c: only the other. 1 when they never differ. It asks whether
// these two *models* differ on such examples, not whether their configs do: for that see comparisons over seeds.
double mcnemar_p(std::int64_t b, std::int64_t c);

// From R >= 2 runs on the same n >= 2 examples, e(r, i) = 1 where run r is wrong on example i.
struct TrueQuality {
  double test_set_variance;  // of the runs' error rates on this test set, s^2 with R - 1
  double noise;              // of that, from the examples drawn: (1 / n^2) sum over i of the s^2 over runs of e(r, i)
  double variance;           // of the runs' true error rates, n / (n - 1) [test_set_variance - noise]; may be negative
  double truncated;          // max(0, variance)
  std::optional<double> sd;  // its root; empty where the variance came out negative: no difference was seen
  std::optional<Interval> interval;  // of the variance; by ErrorTable alone
  double disagreement;               // P(two runs differ in being right on an example): 2 n noise
};

// The variance of what the runs would score on an endless test set, an unbiased estimate (Jordan 2024, theorem 2): what
// a lucky seed keeps when the examples change. Takes each run's error count and, for each example, how many of the runs
// got it wrong; the two must have the same sum. No interval: that takes more than these counts, see ErrorTable.
// Examples independent draws, runs independent seeds; valid for any bounded score per example, of which errors are one.
TrueQuality true_quality(std::span<const std::int64_t> errors_of_runs,
                         std::span<const std::int64_t> errors_of_examples);

// P(two runs predict different classes for an example), over pairs of R >= 2 runs and all examples: mean over i of 1 -
// sum over k of c(i,k) (c(i,k) - 1) / (R (R - 1)). `votes` is [examples][classes]: how many runs predicted that class;
// every row has the sum R.
double prediction_disagreement(std::span<const std::int64_t> votes, std::size_t classes);

inline constexpr std::size_t kFewestRunsForInterval = 10;

// Collects runs one by one, a bit per run and example (1,000 runs on 10,000 examples: 1.25 MB); the order of runs
// changes nothing but rounding.
class ErrorTable {
 public:
  explicit ErrorTable(std::size_t examples);

  // errors[i] is 0 or 1, for every example.
  void add(std::span<const std::uint8_t> errors);

  std::size_t runs() const { return errors_of_runs_.size(); }
  std::size_t examples() const { return errors_of_examples_.size(); }
  std::span<const std::int64_t> errors_of_runs() const { return errors_of_runs_; }
  std::span<const std::int64_t> errors_of_examples() const { return errors_of_examples_; }

  // true_quality() with its interval, by the jackknife over runs and over examples: l = ln(test_set_variance / noise)
  // is computed without each run and without each example, the two variances (n - 1) / n sum (l_i - mean)^2 are added,
  // and n / (n - 1) noise (e^(l +- t se) - 1), cut off at 0, is the interval, t Student's quantile on R - 1 degrees.
  // (The jackknife of the variance itself covers too seldom, 0.83 at R = 5 and 0.92 at 30: variances are skew. That
  // over runs alone misses that the examples were drawn, 0.89 at R = 100, n = 1,000.) Coverage at 95 %, simulated,
  // normal differences of quality: 0.95 to 1, the more careful the smaller they are beside the noise. Of runs a few of
  // which collapse it covers too seldom, as any interval does that has not seen enough of them. Empty below
  // kFewestRunsForInterval runs, and where runs do not differ in their count, or without one of them.
  TrueQuality quality(double confidence = 0.95) const;

 private:
  std::vector<std::int64_t> errors_of_runs_, errors_of_examples_;
  std::vector<std::uint64_t> bits_;  // [runs, words of 64 examples]
  std::size_t words_ = 0;
};

}  // namespace caviar
