// Where a study says to look next: ranges to widen, ranges to narrow, the region the best trials agree on; each as a
// sweep file that runs.
//
// The rules, with their numbers, after the tuning playbook (Godbole, Dahl, Gilmer, Shallue, Nado 2023: boundary checks
// and infeasible points) and coarse-to-fine search (CS231n):
//
//   - The best m trials are the best tenth, at least 5, of those that ran to their end; trials that a scheduler stopped
//     and trials that diverged count among the n they were drawn from (for a zoom, which is about trials that train,
//     without the diverged). Below 20 trials nothing is said.
//   - Widen: at least half of the best m, and more than chance puts there, lie in the outer tenth of a range in the
//     law's own scale (u of space.h), or at the last level where a level is wider than that. The range grows by half of
//     itself at that end, in the law's scale (a range from 1e-4 to 1e-2 on a log scale becomes 1e-4 to 1e-1), a list of
//     numbers by one more; never beyond what is legal for the parameter.
//   - Narrow: beyond some value all trials, at least 5, diverged, and at most a quarter of the others. The range ends
//     midway between the last value that trained and the first beyond it; a law without bounds becomes a uniform or a
//     log-uniform one over the part that is left and was tried. This needs no trial that ran to its end.
//   - Zoom: the best m lie closer together in a parameter than chance puts them (categories: have fewer values). The
//     region is zoomed_region() of region.h around them, with at least a fifth of every range kept; parameters in which
//     they are not closer together keep their range.
//
// Chance is that of chance.h: any m trials as likely to be the best (or diverged) as any others. Each rule corrects for
// the number of places it looks at, by Bonferroni's factor, and speaks below 0.05. So a study in which nothing matters
// gets a finding of each kind with a chance of at most 5 %.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tuner/sampler.h"
#include "tuner/spec/spec.h"

namespace caviar {

struct SearchFinding {
  enum class Kind { kWiden, kNarrow, kZoom };
  Kind kind = Kind::kWiden;
  std::vector<std::string> parameters;  // labels (spec.h)
  std::string sentence;                 // what was seen and what follows
  Value evidence;                       // an object: the numbers the rule was applied to
  std::string lines;                    // of the sweep file that change, as they become
  std::string file;                     // the whole sweep file with this change alone
};

struct NextSearch {
  std::int64_t trials = 0;    // that the findings rest on
  std::int64_t complete = 0;  // of them: ran to their end
  std::int64_t stopped = 0, diverged = 0;
  std::int64_t elsewhere = 0;  // not counted: the space does not have their config
  std::int64_t best = 0;       // m above; 0: too few ran to their end to say anything of them
  std::vector<SearchFinding> findings;
  std::string file;  // the sweep file with all of it: ranges first, then the region in them; empty without a finding
};

const char* to_string(SearchFinding::Kind kind);  // "widen", "narrow", "zoom"

inline constexpr std::int64_t kFewestTrials = 20;
inline constexpr double kMostChance = 0.05;

// `results`: trials that are over, each once; their losses as a sampler is told them. Findings are in the order of the
// rules above, and of the parameters.
NextSearch next_search(const SweepSpec& spec, std::span<const TrialResult> results);

}  // namespace caviar
