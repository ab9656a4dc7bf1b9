#include "tuner/seeds/scores.h"

#include <cmath>
#include <map>

#include "kernels/base/error.h"
#include "tuner/metric.h"

namespace caviar {
namespace {

bool is_failure(const RepeatScore& repeat) {
  return is_finished(repeat.state) && repeat.state != RunState::kStopped && !repeat.score;
}

}  // namespace

std::vector<double> TrialScores::scores() const {
  std::vector<double> scores;
  for (const RepeatScore& repeat : repeats) {
    if (repeat.score) scores.push_back(*repeat.score);
  }
  return scores;
}

TrialScores scores_of(Storage& storage, std::int64_t trial, const std::string& metric) {
  metric_value(Report{}, metric);  // a name that does not exist, also for a trial without runs
  const std::optional<TrialRecord> record = storage.trial(trial);
  if (!record) {
    fail(storage.file(), ": there is no trial ", trial, "; the study has ", storage.trial_count(),
         " trials, counted from 0");
  }
  TrialScores found;
  found.trial = trial;
  storage.for_each_repeat_of(trial, [&](const RepeatRecord& row) {
    RepeatScore repeat{row.repeat, row.run, storage.run(row.run).value().seeds, row.state, {}};
    const bool ended_as_asked =
        row.state == RunState::kComplete || (row.state == RunState::kStopped && record->trial.until > 0);
    if (ended_as_asked && row.last) {
      const double value = metric_value(*row.last, metric);
      if (std::isfinite(value)) repeat.score = value;
    }
    if (!repeat.score) {
      found.unfinished += !is_finished(row.state);
      found.failed += row.state == RunState::kFailed;
      found.stopped += row.state == RunState::kStopped;
      found.diverged += row.state == RunState::kDiverged || row.state == RunState::kComplete;
    }
    found.repeats.push_back(repeat);
  });
  return found;
}

PairedScores pair_by_seeds(const TrialScores& a, const TrialScores& b) {
  std::map<Seeds, const RepeatScore*> of_b;
  for (const RepeatScore& repeat : b.repeats) of_b.emplace(repeat.seeds, &repeat);
  PairedScores pairs;
  for (const RepeatScore& repeat : a.repeats) {
    const auto found = of_b.find(repeat.seeds);
    if (found == of_b.end()) continue;
    const RepeatScore& other = *found->second;
    if (!is_finished(repeat.state) || !is_finished(other.state)) continue;
    ++pairs.shared;
    pairs.failed_a += is_failure(repeat);
    pairs.failed_b += is_failure(other);
    if ((repeat.score || is_failure(repeat)) && (other.score || is_failure(other))) {
      pairs.ended_a.push_back(repeat.score);
      pairs.ended_b.push_back(other.score);
    }
    if (!repeat.score || !other.score) continue;
    pairs.a.push_back(*repeat.score);
    pairs.b.push_back(*other.score);
  }
  return pairs;
}

}  // namespace caviar
