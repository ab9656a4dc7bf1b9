// Does it matter which config is trained, beyond the seed: C configs, several seeds each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tuner/analysis/interval.h"

namespace caviar {

// One-way analysis of variance with random effects, score = mean + config + seed: configs drawn independently with
// variance c^2, seeds within one with variance s^2, normal and the same for all. Config i has n_i scores, N in all.
// Configs that diverge break the equal variance; put brown_forsythe() and kruskal_wallis() beside it.
struct ConfigEffect {
  std::size_t configs, runs;
  double runs_per_config;  // n0 = (N - sum n_i^2 / N) / (C - 1): K where all have K
  double between_mean_square, within_mean_square;
  double freedom_between, freedom_within;  // C - 1, N - C
  std::optional<double> f, p;              // MSB / MSW and P(F law > f); empty where MSW = 0
  double seed_variance;                    // MSW
  double config_variance_raw;              // (MSB - MSW) / n0, may be negative
  double config_variance;                  // the same, at least 0
  std::optional<double> intraclass;        // ICC = c^2 / (c^2 + s^2); empty where nothing varies
  // Of c^2 / s^2, exact under the model for any n_i: the ratios r at which sum w_i (mean_i - weighted mean)^2 / (C - 1)
  // / MSW, w_i = n_i / (1 + n_i r), is the F law's upper and lower quantile (Wald 1940); with equal n_i that is
  // [(f / F_(1 - alpha/2) - 1) / K, (f / F_(alpha/2) - 1) / K]. Ends below 0 are 0. Empty where MSW = 0.
  std::optional<Interval> ratio_interval;
  std::optional<Interval> intraclass_interval;  // r / (1 + r) at its ends
};

// At least 2 configs of a score or more, one of them with 2 or more.
ConfigEffect config_effect(std::span<const std::vector<double>> configs, double confidence = 0.95);

// Of the mean of k >= 1 seeds: the share of its variance over configs that is the config's, k ICC / (1 + (k - 1) ICC)
// (Spearman 1910, Brown 1910). 0 <= ICC <= 1.
double reliability_of_mean(double intraclass, std::int64_t k);

}  // namespace caviar
