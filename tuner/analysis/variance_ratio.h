// Whether groups of scores differ in their spread, or in where they lie: the tests of the signal-or-noise question.
//
// Decide by brown_forsythe(). The F test of two variances is right for normal scores only: where each of 10 runs
// collapses with probability 0.05 it calls equal arms different in 46 of 100 cases at level 0.05. It is here because
// reports of this kind give it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tuner/analysis/interval.h"

namespace caviar {

// Two arms, at least 2 scores each, a over b.
struct VarianceRatio {
  double freedom_a, freedom_b;           // n - 1
  std::optional<double> ratio;           // F = s_a^2 / s_b^2; empty where b does not vary
  std::optional<Interval> interval;      // [F / F_(1 - alpha/2), F / F_(alpha/2)] on those degrees; a description
  std::optional<double> p_two_sided;     // twice the smaller tail of F, at most 1
  std::optional<double> p_a_is_greater;  // P(F law > F)
};
VarianceRatio variance_ratio(std::span<const double> a, std::span<const double> b, double confidence = 0.95);

inline constexpr std::size_t kFewestForLogRatio = 5;

// An interval for ln(sigma_a^2 / sigma_b^2) that asks for no shape, by the bootstrap: both arms are resampled apart,
// and each l = ln s^2 of a resample is taken as a deviation from the median of its arm, times sqrt(n / (n - 1)), the
// factor a resample is too narrow by. The half-width is the larger of the two distances of the quantiles Phi(-t) and
// Phi(t) of the difference of such deviations from 0, t Student's quantile for Welch's degrees of freedom of the
// variances of l; the centre ln(s_a^2 / s_b^2). Hesterberg 2015 widens percentile intervals by the same two factors;
// symmetric, because the longer tail of resamples from few runs is on the wrong side. Resamples without spread are left
// out. Coverage at 95 %, simulated: normal arms 0.94 or more from 5 runs on; arms of 10 to 30 runs of which 5 %
// collapse 0.91 to 0.96 at equal sizes, 0.79 at 10 against 40: nothing makes up for collapses a small arm did not see.
// Empty below kFewestForLogRatio scores in an arm or where an arm does not vary. `seed`: the same seed and scores, the
// same interval.
std::optional<Interval> log_variance_ratio_interval(std::span<const double> a, std::span<const double> b,
                                                    std::uint64_t seed, double confidence = 0.95,
                                                    std::uint32_t resamples = 4000);

// A test of several groups.
struct GroupTest {
  double statistic;
  double freedom_above, freedom_below;  // freedom_below is 0 for Kruskal-Wallis
  double p;
};

// Equal spread (Brown & Forsythe 1974): the one-way F of z = |x - its group's median|, on (groups - 1, N - groups)
// degrees; scipy.stats.levene with center='median'. Conservative for small groups, above all of odd size, and not upset
// by collapsed runs. Empty where z does not vary within any group: groups that are each all equal, or two values as far
// from the median as one another. At least 2 groups of 3 scores: of fewer, z says nothing.
std::optional<GroupTest> brown_forsythe(std::span<const std::vector<double>> groups);

// Equal location, by ranks over all groups (Kruskal & Wallis 1952), equal scores with the mean of their ranks, H
// divided by 1 - sum (t^3 - t) / (N^3 - N) over ties; P(chi-square on groups - 1 > H), an approximation that errs to
// the careful side below 5 scores a group. Empty where all scores are equal. At least 2 groups of a score or more.
std::optional<GroupTest> kruskal_wallis(std::span<const std::vector<double>> groups);

// The least p that kruskal_wallis() can have of groups of these sizes without equal scores, which groups have that do
// not overlap, in whatever order: H = (sum over ranks - sum within groups) 12 / (N (N + 1)) with the squares of
// consecutive ranks about their mean, n (n^2 - 1) / 12, so H = (N (N^2 - 1) - sum n_i (n_i^2 - 1)) / (N (N + 1)). Equal
// scores may have a smaller one. At least 2 groups, none of them empty.
double least_kruskal_wallis_p(std::span<const std::size_t> sizes);

}  // namespace caviar
