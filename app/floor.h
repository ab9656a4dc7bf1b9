// The noise floor of a study, as every ranking has it beside: what the seeds alone do to the metric, which trials that
// leaves beside the first, and, where the seeds were a race, whether it was settled.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <nlohmann/json.hpp>

#include "tuner/analysis/noise_floor.h"
#include "tuner/history.h"
#include "tuner/seeds/auto_seeds.h"
#include "tuner/storage/storage.h"

namespace caviar {

struct StudyFloor {
  std::vector<std::int64_t> trials;  // that can be compared, in order of rank: all their runs ended as asked
  std::vector<TrialSpread> spreads;  // of them
  std::optional<NoiseFloor> floor;   // empty: none has two runs
  std::vector<std::int64_t> like;    // of them, by number: not to be told from the first, which is not among them
  std::optional<RaceEnd> race;       // of seeds: auto

  bool is_like_first(std::int64_t trial) const;
};
StudyFloor floor_of(Storage& storage, const History& history);

// Prints how much the seed alone moves the metric, or that it is not known and what measures it.
void print_floor(const StudyFloor& found, const StudyRecord& study);

// Prints, below a ranking, what that makes of the lead of its first, and whether a race over the seeds was settled.
void print_lead(const StudyFloor& found, const History& history, Storage& storage);

// metric, seed_sd, degrees_of_freedom, confidence, seeds (of the first), hidden_difference, trials_looked_at,
// luck_of_the_first, first, like_first (numbers of trials). What is not known is null.
nlohmann::ordered_json json_of_floor(const StudyFloor& found, const History& history, const StudyRecord& study);

// Null, or confidence, over, settled, trials, diverged, best, seeds, rivals.
nlohmann::ordered_json json_of_race(const StudyFloor& found);

}  // namespace caviar
