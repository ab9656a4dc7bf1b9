// What a search's winner is worth: which seeds are fresh, and how much luck choosing the best put into its score.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "tuner/storage/storage.h"

namespace caviar {

// The first of `seeds` numbers in a row that no run of the study has as any of its five seeds, nor anything near: a
// multiple of a million, a million or more above all that are recorded. Error when there is none below 2^53, the last
// number a config can name exactly.
std::uint64_t fresh_seeds(Storage& searched, std::int64_t seeds);

// Error when a run of the study has one of those seeds all the same.
void require_fresh(Storage& searched, std::uint64_t first, std::int64_t seeds);

// The best of `means`, one a trial, more is better, each with an error of standard deviation `score_sd` by its seeds.
// `looked_at` trials were candidates for it, these and those that have no mean to be compared; fewer than there are
// means count as these. `chosen` is the mean of the one that was chosen, where that is not the best of these.
// The configs' own spread is what is left of the means' variance: c^2 = max(0, var - score_sd^2), which assumes that
// all trials scatter alike; a few trials far below the rest make c too large, which leaves luck in. At least one mean.
struct SearchLuck {
  std::int64_t trials = 0;
  double best = 0, mean_of_all = 0;
  double score_sd = 0;
  std::optional<double> config_sd;  // empty for one trial
  std::optional<double> expected;   // naive_bias() of tuner/analysis/winner.h
  std::optional<double> shrunken;   // shrunken_best() of the same
};
SearchLuck search_luck(std::span<const double> means, double score_sd, std::int64_t looked_at = 0,
                       std::optional<double> chosen = std::nullopt);

}  // namespace caviar
