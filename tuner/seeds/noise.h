// How far the runs of one config scatter: what `caviar noise` knows of a study of one trial on many seeds.
//
// Scores are those of tuner/seeds/scores.h: a metric at a run's last report. What has none is counted, and in no
// number.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tuner/analysis/planner.h"
#include "tuner/analysis/spread.h"
#include "tuner/analysis/test_set.h"
#include "tuner/storage/storage.h"

namespace caviar {

struct MetricNoise {
  std::string metric;
  Spread spread;
};

struct NoiseScores {
  std::int64_t runs = 0;  // recorded, of any kind
  // By whether they have a score of the study's metric, and else why not.
  std::int64_t complete = 0, diverged = 0, failed = 0, stopped = 0, unfinished = 0;
  std::vector<std::int64_t> complete_runs;  // their numbers, in the order of the repeats
  std::vector<MetricNoise> metrics;  // accuracy and loss on validation and test set, of the last weights and of their
                                     // averages, as far as any run has a score of it
};

// Of the first trial of the study. The seed is for what is drawn by chance in an interval.
NoiseScores noise_scores(Storage& storage, std::uint64_t seed);

// That of the metric with this name, or nullptr.
const MetricNoise* find_noise(const NoiseScores& scores, const std::string& metric);

// What the answers of R >= 2 runs to the same test examples say; see tuner/analysis/test_set.h for each.
struct TestSetNoise {
  std::int64_t runs = 0, examples = 0;
  int classes = 0;
  double error_rate = 0;  // mean over runs
  TrueQuality quality;
  double class_disagreement = 0;  // P(two runs answer different classes)
  double binomial_sd = 0;         // of one model over fresh test sets of this size
  double jordan_sd = 0;           // the least between runs of one config on one test set
};

// Collects the answers of runs, one by one.
class AnswerTable {
 public:
  // The right class of every example, each below `classes`.
  AnswerTable(std::vector<std::uint8_t> labels, int classes);

  // A run's class for every example.
  void add(std::span<const std::uint8_t> answers);

  TestSetNoise noise(double confidence = 0.95) const;  // from 2 runs on

 private:
  std::vector<std::uint8_t> labels_;
  int classes_;
  ErrorTable errors_;
  std::vector<std::int64_t> votes_;  // [examples, classes]
};

struct PlannedDifference {
  double difference = 0;  // in units of the metric
  SeedPlan plan;          // of two arms without shared seeds, power 0.8
};

// How many seeds show these differences, from the spread of a pilot; without `differences` 1/2, 1 and 2 of its standard
// deviations. Empty where the pilot has no spread.
std::vector<PlannedDifference> plan_differences(const Spread& pilot, std::span<const double> differences);

}  // namespace caviar
