#include "tuner/seeds/noise.h"

#include <utility>

#include "kernels/base/error.h"
#include "tuner/seeds/scores.h"

namespace caviar {
NoiseScores noise_scores(Storage& storage, std::uint64_t seed) {
  NoiseScores noise;
  const std::optional<StudyRecord> study = storage.study();
  if (!study || !storage.trial(0)) return noise;
  const TrialScores ranked = scores_of(storage, 0, study->metric);
  noise.runs = static_cast<std::int64_t>(ranked.repeats.size());
  noise.diverged = ranked.diverged;
  noise.failed = ranked.failed;
  noise.stopped = ranked.stopped;
  noise.unfinished = ranked.unfinished;
  for (const RepeatScore& repeat : ranked.repeats) {
    if (repeat.score) noise.complete_runs.push_back(repeat.run);
  }
  noise.complete = static_cast<std::int64_t>(noise.complete_runs.size());
  for (const char* set : {"val", "test", "averaged_val", "averaged_test"}) {
    for (const char* kind : {"_accuracy", "_loss"}) {
      const std::string metric = std::string(set) + kind;
      const std::vector<double> scores = scores_of(storage, 0, metric).scores();
      if (!scores.empty()) noise.metrics.push_back({metric, spread_of(scores, seed)});
    }
  }
  return noise;
}

const MetricNoise* find_noise(const NoiseScores& scores, const std::string& metric) {
  for (const MetricNoise& noise : scores.metrics) {
    if (noise.metric == metric) return &noise;
  }
  return nullptr;
}

AnswerTable::AnswerTable(std::vector<std::uint8_t> labels, int classes)
    : labels_(std::move(labels)),
      classes_(classes),
      errors_(labels_.size()),
      votes_(labels_.size() * static_cast<std::size_t>(classes)) {}

void AnswerTable::add(std::span<const std::uint8_t> answers) {
  if (answers.size() != labels_.size())
    fail("a run answered ", answers.size(), " examples of ", labels_.size(), "; give runs of one test set");
  std::vector<std::uint8_t> wrong(answers.size());
  for (std::size_t i = 0; i < answers.size(); ++i) {
    wrong[i] = answers[i] != labels_[i];
    ++votes_[i * static_cast<std::size_t>(classes_) + answers[i]];
  }
  errors_.add(wrong);
}

TestSetNoise AnswerTable::noise(double confidence) const {
  TestSetNoise noise;
  noise.runs = static_cast<std::int64_t>(errors_.runs());
  noise.examples = static_cast<std::int64_t>(errors_.examples());
  noise.classes = classes_;
  std::int64_t wrong = 0;
  for (const std::int64_t errors : errors_.errors_of_runs()) wrong += errors;
  noise.error_rate = static_cast<double>(wrong) / static_cast<double>(noise.runs * noise.examples);
  noise.quality = errors_.quality(confidence);
  noise.class_disagreement = prediction_disagreement(votes_, static_cast<std::size_t>(classes_));
  noise.binomial_sd = binomial_sd(noise.error_rate, noise.examples);
  noise.jordan_sd = jordan_floor_sd(noise.error_rate, noise.examples, classes_);
  return noise;
}

std::vector<PlannedDifference> plan_differences(const Spread& pilot, std::span<const double> differences) {
  if (!pilot.sd || *pilot.sd == 0) return {};
  std::vector<double> asked(differences.begin(), differences.end());
  if (asked.empty()) asked = {*pilot.sd / 2, *pilot.sd, *pilot.sd * 2};
  std::vector<PlannedDifference> planned;
  planned.reserve(asked.size());
  for (const double difference : asked) {
    planned.push_back(
        {difference, plan_seeds(difference, *pilot.sd, static_cast<std::int64_t>(pilot.n), Pairing::kUnpaired)});
  }
  return planned;
}

}  // namespace caviar
