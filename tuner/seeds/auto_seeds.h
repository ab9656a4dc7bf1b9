// `--seeds auto`: an everyday name for the scheduler `race` over all trials at once, and what became of it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "tuner/spec/options.h"
#include "tuner/storage/storage.h"

namespace caviar {

// Every trial has 3 seeds; those that may still be the best have 6, 12, 24 and so on, until one is left or the most is
// reached (tuner/schedulers/race.h, with `confidence`).
inline constexpr std::int64_t kAutoFirstSeeds = 3, kFewestMaxSeeds = kAutoFirstSeeds + 1, kAutoMaxSeeds = 48;
inline constexpr double kAutoConfidence = 0.95;

// The scheduler that `seeds: auto` means.
Choice auto_seeds_scheduler(double confidence);

// True for that scheduler, whatever its confidence.
bool is_auto_seeds(const Choice& scheduler);

// What a race over all trials has come to. A trial that means the same training as an earlier one is not in it.
struct RaceEnd {
  double confidence = 0;
  bool over = false;                 // no trial waits for seeds or is still to come
  std::int64_t trials = 0;           // that finished their first seeds
  std::int64_t diverged = 0;         // of them, out because a run diverged
  std::int64_t best = -1;            // the least mean loss of those that are left; -1: none is
  std::int64_t seeds = 0;            // that it has
  std::vector<std::int64_t> rivals;  // trials that cannot be told from it, in order of number
};

// From what a study has recorded: who was put out on the way, and one last look at those that used up their seeds, by
// the same test and threshold. `confidence` is that of the scheduler; the study ranks by study.metric.
RaceEnd race_end(Storage& storage, double confidence);

}  // namespace caviar
