// What choosing the best of many noisy scores does to its score, and what may be said of it instead. Higher scores are
// better: pass the negative of a loss.
//
// Nothing here turns a search's own best score into an unbiased one: no such estimator of a maximum exists (van Hasselt
// 2013, arXiv 1302.7175). What needs no assumption is to train the few best again on fresh seeds, to pick by one batch
// of these and to score by another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tuner/analysis/interval.h"

namespace caviar {

// E[max of n independent standard normals], n >= 1: the integral of n x phi(x) Phi(x)^(n - 1), by the trapezoidal rule
// with steps of 1/64 from -39 to 39, beyond which nothing is left in double. To about 1e-12 up to n = 10^12.
double expected_max_of_normals(std::int64_t n);

// The same by one quantile, Phi^-1((n - 3/8) / (n + 1/4)) (Blom 1958): within 0.03 from n = 2 on.
double blom_max_of_normals(std::int64_t n);

// By how much the best of n observed scores exceeds its own config's true score on average: s^2 / sqrt(c^2 + s^2) E[max
// of n normals], for normal true scores of standard deviation c = `config_sd` over configs and independent normal
// errors of standard deviation s = `score_sd` (of a mean of K seeds: sigma / sqrt K). With c = 0, all configs equal, it
// is s E[max]. n >= 1, standard deviations >= 0; 0 without noise.
double naive_bias(std::int64_t n, double score_sd, double config_sd);

// The best score with the luck taken out of it on average: mean + B (best - mean), B = c^2 / (c^2 + s^2), the posterior
// mean of the model of naive_bias() with its parameters known (James & Stein 1961 shrink alike). Empty when c = s = 0:
// all scores are then equal and there is nothing to shrink.
// B depends on c, which comes from replicates (config_effect.h): a c too large leaves luck in.
std::optional<double> shrunken_best(double best, double mean_of_all, double config_sd, double score_sd);

// The best that a search of k trials would have found, if its trials had scores as those in the sample: a maximum of k
// draws with replacement.
struct ExpectedBest {
  std::int64_t k;
  double mean;    // sum over i of v_(i) [(i / n)^k - ((i - 1) / n)^k] (Dodge et al. 2019, arXiv 1909.03004)
  Interval band;  // of the maximum itself: v_(ceil(n p^(1/k))) at p = (1 - share) / 2 and (1 + share) / 2
  std::optional<double> unbiased;  // without replacement; empty for k > n
};

// One for each k = 1 .. most, for a sample that is not empty. `band` is not a confidence interval: `share` of searches
// of k trials drawn from these very scores end in it. Draws with replacement can miss the sample's maximum, so `mean`
// is too low where k is near n (Tang et al. 2020, arXiv 2004.13705); `unbiased` is their repair, sum over i of v_(i)
// C(i - 1, k - 1) / C(n, k), which for k = n is the one observed maximum and knows nothing of its spread. Both assume
// independent trials: random or grid search, not one that learns.
std::vector<ExpectedBest> expected_best_of(std::span<const double> scores, std::int64_t most, double share = 0.8);

// A winner picked by one batch of fresh runs and scored by a second.
struct ConfirmedPick {
  std::size_t winner;                // the highest mean of the batch to pick by; of equals the first
  double score;                      // its mean in the batch to score by: unbiased for this config
  std::optional<Interval> interval;  // Student's, of `score`; empty for one run
  double picking_score;              // its mean in the batch to pick by: biased upward
  std::size_t runs_to_score;
};

// Batches are [candidates][runs], every candidate with a run or more in both; the numbers of runs may differ. No run
// may be in both, and none may come from the search: that is the caller's to see to, and all that unbiasedness needs.
ConfirmedPick pick_and_score(std::span<const std::vector<double>> to_pick,
                             std::span<const std::vector<double>> to_score, double confidence = 0.95);

}  // namespace caviar
