// The two sides of a comparison: trials of recorded studies, and what must be equal for their scores to be of one kind.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "tuner/seeds/scores.h"
#include "tuner/storage/storage.h"

namespace caviar {

// One side: a trial and what its study says of it.
struct TrialArm {
  std::string label;      // "A" or "B"
  std::string directory;  // of the study
  StudyRecord study;
  TrialRecord record;
  TrialScores scores;
  bool chosen_as_best = false;
  std::int64_t trials = 0;           // of the study
  std::int64_t tried = 0;            // those of them that are done
  std::optional<std::int64_t> rank;  // among them, from 1
  bool can_have_more_seeds = false;
  std::optional<std::int64_t> validation_examples;  // of its runs; nothing where it has none

  std::string name() const { return fmt::format("{} (trial {} of {})", label, record.trial.number, directory); }
};

struct NamedTrial {
  std::string directory;
  std::optional<std::int64_t> trial;
};

// "STUDY:TRIAL" or "STUDY"; a directory that is there is a study, whatever its name.
NamedTrial parse_named(const std::string& text);

// Opens what is so named, without a number its best trial. Scores are those of `metric`, else of the study's own.
// Throws Error where there is no such study, trial or score.
TrialArm open_arm(const std::string& label, const std::string& text, const std::optional<std::string>& metric);

// Runs of it ended, each for want of numbers. One that is complete without a score never measured the metric.
bool all_failed(const TrialScores& scores);

// Throws Error where the two cannot be compared: other data, one and the same trial, other metrics, scores on other
// validation examples. Warns on standard error where they can, and other than the configs may make the difference.
void require_comparable(const TrialArm& a, const TrialArm& b, const std::optional<std::string>& metric);

}  // namespace caviar
