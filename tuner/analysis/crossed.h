// Where the spread over seeds comes from: every level of one source of randomness (init, order, dropout) trained with
// every level of the others, and the variance taken apart.
//
// Random effects, balanced: the levels of a factor are seeds drawn at random, and a score is the sum of independent
// effects of mean 0, one of each factor's level, one of each pair of levels, and so on down to the cell. A component is
// the variance of one kind of effect. In an engine whose bits depend on the seeds alone a cell trained again gives the
// same score, so there is one run a cell and the effect of the whole combination is the residual. Expect it to be the
// largest by far (Summers & Dinneen 2021, arXiv 2103.04514): changing any source alone gives nearly all the spread.
// That is a finding, not a defect.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tuner/analysis/interval.h"

namespace caviar {

struct VarianceComponent {
  unsigned factors;  // bit f set: an effect of factor f; two bits: of a pair; 0: the residual
  double freedom;    // of its mean square
  double mean_square;
  double raw;                   // estimated by equating mean squares and their expectations; unbiased, may be negative
  double variance;              // the same, at least 0
  std::optional<double> share;  // of the sum of all `variance`; empty where nothing varies
  std::optional<Interval> interval;  // of the component, cut off at 0; see below
};

struct Decomposition {
  std::vector<VarianceComponent> components;  // factors, pairs, residual
  double total;                               // sum of `variance`: the spread when all sources change together
  std::size_t fewest_levels;
  bool enough_levels;  // fewest_levels >= kFewestLevels; no interval otherwise: it would say next to nothing
};

inline constexpr std::size_t kFewestLevels = 5;

// Intervals. Components of factors and pairs: generalised confidence intervals (Weerahandi 1993), the quantiles of the
// estimate with every mean square m on d degrees replaced by d m / X, X chi-square on d: `draws` of them, stratified in
// each X, by Philox from the seed. Normal effects; simulated, they cover 0.93 to 0.98 also where a run in 20 collapses,
// because a level averages over many runs. The residual does not, so its interval is that of ln m by the jackknife over
// levels: a level of one factor left out at a time, (levels - 1) / levels sum (l_i - mean)^2, averaged over factors,
// with Student's quantile on the sum of (levels - 1): 0.95 to 0.97 with and without collapses. (Resampling levels with
// replacement gave intervals that held the residual in 0.25 to 0.77 of cases: a level drawn twice has an interaction of
// none with itself, and the lost variance moves to the other components.)

// Three factors with I, J, K >= 2 levels, scores[I, J, K], one run a cell. From the mean squares of the usual analysis
// of variance: E = MS_ABC, AB = (MS_AB - MS_E) / K, A = (MS_A - MS_AB - MS_AC + MS_E) / (J K), the others alike. Where
// no raw component is negative this is REML's answer. A score that is not finite is refused, with the number of such
// cells: a cell whose run failed leaves the design unbalanced, and these formulas wrong. Leave out a level that has
// them, or train them to an end.
Decomposition decompose(std::span<const double> scores, const std::array<std::size_t, 3>& levels, std::uint64_t seed,
                        double confidence = 0.95, std::uint32_t draws = 4000);

// Two factors with I, J >= 2 levels and R runs a cell, scores[I, J, R], the runs of a cell differing in a source that
// is not a factor. R >= 2: E = MS within cells, ij = (MS_ij - MS_E) / R, i = (MS_i - MS_ij) / (J R), j = (MS_j - MS_ij)
// / (I R). R = 1: the pair is the residual, and i = (MS_i - MS_E) / J, j alike.
Decomposition decompose_replicated(std::span<const double> scores, const std::array<std::size_t, 2>& levels,
                                   std::size_t replicates, std::uint64_t seed, double confidence = 0.95,
                                   std::uint32_t draws = 4000);

}  // namespace caviar
