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
  std::int64_t looked_at = 0;        // trials that are done, these and those that cannot be compared
  std::int64_t left_out = 0;         // that have a rank and cannot be compared: a run diverged or was stopped
  std::vector<std::int64_t> known;   // `trials` by number
  std::optional<NoiseFloor> floor;   // empty: none has two runs
  std::vector<std::int64_t> like;    // of them, by number: not to be told from the first, which is not among them
  std::optional<RaceEnd> race;       // of seeds: auto

  // Empty for the first, where there is no floor, and for a trial that cannot be compared.
  std::optional<bool> is_like_first(std::int64_t trial) const;
};
StudyFloor floor_of(Storage& storage, const History& history);

// Prints how much the seed alone moves the metric, or that it is not known and what measures it.
void print_floor(const StudyFloor& found, const StudyRecord& study);

// Prints, below a ranking, what that makes of the lead of its first, and whether a race over the seeds was settled.
void print_lead(const StudyFloor& found, Storage& storage);

// metric, seed_sd, degrees_of_freedom, trials_pooled (the first of the ranking), confidence, seeds (of the first),
// hidden_difference (of two trials named beforehand), trials_looked_at, not_compared, luck_of_the_first, first,
// like_first (numbers of trials). What is not known is null.
nlohmann::ordered_json json_of_floor(const StudyFloor& found, const StudyRecord& study);

// Null, or confidence, over, settled, trials, diverged, best, seeds, rivals.
nlohmann::ordered_json json_of_race(const StudyFloor& found);

}  // namespace caviar
