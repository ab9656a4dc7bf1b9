// How far the scores of one arm scatter from run to run, and where they lie: n values, s^2 with n - 1.
//
// What needs more values than there are is empty, not zero and not NaN. Runs that failed or diverged are not in the
// sample; the caller counts them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "tuner/analysis/interval.h"

namespace caviar {

// c4(n) = sqrt(2 / (n - 1)) Gamma(n / 2) / Gamma((n - 1) / 2): the mean of s / sigma over normal samples of n >= 2
// (Cochran 1934). s / c4 is unbiased.
double c4(std::size_t n);

// sqrt((n - 1) s^2 / q) at the chi-square quantiles q of n - 1 degrees of freedom. Exact for normal scores, and for no
// others: where each run loses 8 sigma with probability 0.05 it covers 0.4 to 0.6 instead of 0.95, however many runs.
// Empty for n < 2; [0, 0] when s = 0, which says that the runs were equal, not that the next will be. 0 < confidence <
// 1 here and below.
std::optional<Interval> sd_interval(double s, std::size_t n, double confidence = 0.95);

// Of the standard deviation, by the bias-corrected and accelerated bootstrap of log s (Efron 1987; the acceleration
// from the jackknife, as scipy.stats.bootstrap, to which it converges): no normality assumed, but many runs. Of 95 %
// intervals these shares held sigma (1,500 studies of 1,000 resamples each; the chi-square interval in brackets):
//
//   runs                          10           30           50           100          210
//   normal scores                 0.84 (0.96)  0.90 (0.95)  0.93 (0.95)  0.95 (0.96)  0.94 (0.95)
//   5 % of runs lose 8 sigma      0.41 (0.42)  0.75 (0.59)  0.88 (0.57)  0.95 (0.59)  0.95 (0.59)
//   exponential scores            0.64 (0.77)  0.79 (0.69)  0.84 (0.68)  0.89 (0.70)  0.92 (0.70)
//
// Empty where log s is not known: n < 3, or all values but one equal. A resample without spread counts as the least.
// resamples >= 100.
std::optional<Interval> sd_bootstrap_interval(std::span<const double> scores, std::uint64_t seed,
                                              double confidence = 0.95, std::uint32_t resamples = 10000);
inline constexpr std::size_t kFewestBootstrapped = 100;  // runs: with fewer it is short, and spread_of() leaves it out

// mean -+ t s / sqrt n, t the Student quantile of n - 1 degrees of freedom. Assumes normal scores: with 5 % of runs
// that lose 8 sigma it covers 0.92, 0.87, 0.87 and 0.93 of 5, 10, 30 and 100 runs instead of 0.95, as the few such runs
// that pull the mean are often not among them. Empty for n < 2.
std::optional<Interval> mean_interval(std::span<const double> scores, double confidence = 0.95);

// (third quartile - first) / 1.349, type 7 quartiles: sigma for normal scores, and little moved by collapsed
// runs while these are well below a quarter. Empty for n < 2.
std::optional<double> robust_sd(std::span<const double> scores);

// Interquartile mean: the mean of what is left when the floor(n / 4) lowest and as many highest are left out
// (scipy.stats.trim_mean(x, 0.25); Agarwal et al. 2021 for its use).
double interquartile_mean(std::span<const double> scores);

// All of the above and the order statistics. At least one score.
struct Spread {
  std::size_t n = 0;
  bool equal = false;  // no two scores differ (true for n = 1): intervals of the spread say nothing
  double mean = 0;
  std::optional<Interval> mean_interval;
  std::optional<double> sd;              // s
  std::optional<double> unbiased_sd;     // s / c4
  std::optional<Interval> sd_interval;   // for normal scores
  std::optional<Interval> sd_bootstrap;  // for any, from kFewestBootstrapped runs on
  std::optional<double> robust_sd;       // from the quartiles
  double least = 0, p05 = 0, p25 = 0, median = 0, p75 = 0, p95 = 0, greatest = 0;  // type 7
  double interquartile_mean = 0;
};
Spread spread_of(std::span<const double> scores, std::uint64_t seed, double confidence = 0.95);

}  // namespace caviar
