// What confirming a search found: the few that were trained again, beside what the search said of them.
#pragma once

#include <cstdint>
#include <cstdio>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "app/comparison.h"
#include "tuner/analysis/winner.h"
#include "tuner/seeds/confirm.h"
#include "tuner/seeds/scores.h"

namespace caviar {

// Which trials of a search are confirmed: trial i of the study that confirms is trial trials[i] of the search, the
// search's best first, `best` of them; a baseline that is none of these comes last.
struct ConfirmPlan {
  std::vector<std::int64_t> trials;
  std::int64_t best = 0;
  std::int64_t top = 0;  // that was asked for; 0: not recorded
  std::optional<std::int64_t> baseline;
  std::uint64_t first_seed = 0;
};

struct ConfirmedArm {
  std::int64_t trial = 0;  // of the search
  std::string role;        // "winner", "runner-up", "baseline"
  double searched = 0;     // its mean in the search; NaN where it has none
  TrialScores fresh;
};

// The winner against another arm. `verdict` is the comparison's own unless Holm's p, over all comparisons, is above
// 0.05: then it could be noise, whatever the comparison alone says. Where an arm has no score at all, there are only
// failures to compare: p is Fisher's, and failures that differ after Holm's correction are the verdict, in favour of
// the arm that has scores.
struct ConfirmedComparison {
  std::size_t other = 0;                      // of the arms
  std::optional<TrialComparison> comparison;  // of scores; empty where either has none
  FailureTest failures;                       // a the winner
  std::optional<double> p;                    // signed rank in pairs, else Mann and Whitney's, else Fisher's
  std::optional<double> p_holm;               // empty where p is
  Conclusion verdict = Conclusion::kCouldBeNoise;
  int favours = 0;  // 1: the winner, -1: the other, 0: neither
};

// The first of the arms, the winner, against each other; an arm without a finished run is left out.
std::vector<ConfirmedComparison> compare_with_winner(std::span<const TrialScores> fresh, bool maximize);

struct ConfirmReport {
  std::string searched, study;  // directories
  std::string metric;
  bool maximize = true;
  std::uint64_t first_seed = 0;
  std::int64_t seeds = 0;      // of every arm, as asked
  std::int64_t looked_at = 0;  // trials of the search that are done
  // Its best now, where that is not the winner: it has grown since the winner was chosen.
  std::optional<std::int64_t> best_now;
  std::optional<double> seed_sd;  // by which the search's luck is reckoned
  bool seed_sd_from_search = false;
  std::optional<SearchLuck> luck;  // in the direction of the metric: of a loss, of its negatives
  std::vector<ConfirmedArm> arms;
  std::vector<ConfirmedComparison> comparisons;
  std::optional<ConfirmedPick> pick;  // by the first half of the seeds, scored by the second, of the arms with scores
};

ConfirmReport confirm_report(Storage& searched, Storage& confirmed, const ConfirmPlan& plan);

void print_confirm(const ConfirmReport& report);
void write_confirm_json(const ConfirmReport& report, std::FILE* out);

}  // namespace caviar
