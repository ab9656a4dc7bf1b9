// What `caviar noise` says of a study: for people, and as JSON.
#pragma once

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "tuner/seeds/noise.h"
#include "tuner/spec/spec.h"

namespace caviar {

struct NoiseReport {
  std::string study;
  StudyRecord record;
  Config config;
  VariedSeeds varied;
  NoiseScores scores;
  std::optional<TestSetNoise> test_set;  // empty: fewer than two complete runs, or not asked for
  std::string test_set_weights;          // "last" or "averaged"
  std::int64_t trained_again = 0;        // runs whose weights were not kept
  std::vector<PlannedDifference> plan;   // for differences of the study's metric
};

void print_noise(const NoiseReport& report);

// One object. Keys: study, config, varied, metric, runs {recorded, complete, diverged, failed, stopped, unfinished},
// confidence, metrics [{metric, n, mean, mean_interval, sd, sd_interval, sd_bootstrap_interval, unbiased_sd, robust_sd,
// min, p05, p25, median, p75, p95, max, iqm}], test_set {weights, runs, examples, classes, error_rate, sd_on_test_set,
// sd_of_true_quality, variance_of_true_quality, variance_interval, disagree_in_being_right, disagree_in_class,
// binomial_sd, jordan_sd} or null, plan [{difference, sd, upper_sd, power, seeds_at_sd, seeds_at_upper_sd}]. Intervals
// are [low, high]; what cannot be told is null.
void write_noise_json(const NoiseReport& report, std::FILE* out);

}  // namespace caviar
