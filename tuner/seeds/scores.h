// The scores of a trial, one a repeat, as the statistics of tuner/analysis want them: what has no score is counted, and
// never a number among the scores.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tuner/storage/storage.h"

namespace caviar {

// `score` is the metric at the last report of a run that ended as asked and whose metric is a number: it is complete,
// or a member of a population that ended with its generation. All others have none.
struct RepeatScore {
  std::int64_t repeat = 0, run = 0;
  Seeds seeds;
  RunState state = RunState::kWaiting;
  std::optional<double> score;
};

// Every repeat is either scored or in one of the counts.
struct TrialScores {
  std::int64_t trial = 0;
  std::vector<RepeatScore> repeats;  // in order of repeat
  std::int64_t failed = 0;           // could not be trained to their end
  std::int64_t diverged = 0;         // and those that ended with a metric that is not a number
  std::int64_t stopped = 0;          // by a scheduler
  std::int64_t unfinished = 0;

  std::vector<double> scores() const;  // in order of repeat
  std::int64_t failures() const { return failed + diverged; }
};

// `metric` as in tuner/metric.h. Error for a metric or a trial that does not exist.
TrialScores scores_of(Storage& storage, std::int64_t trial, const std::string& metric);

// The scores of two trials on the seeds they share: a[i] and b[i] come from equal seeds, all five of them; in the order
// of a's repeats. What they share may be fewer than either has, or none.
struct PairedScores {
  std::vector<double> a, b;
  std::int64_t shared = 0;                  // seeds that both have a finished run for, scored or not
  std::int64_t failed_a = 0, failed_b = 0;  // of the shared: failed or diverged
  // Of the seeds on which both have a score or a failure, which is empty here.
  std::vector<std::optional<double>> ended_a, ended_b;
};
PairedScores pair_by_seeds(const TrialScores& a, const TrialScores& b);

}  // namespace caviar
