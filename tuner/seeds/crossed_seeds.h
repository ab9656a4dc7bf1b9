// A study of one config on every combination of some seeds of two or three sources, and where its spread comes from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tuner/analysis/crossed.h"
#include "tuner/storage/storage.h"

namespace caviar {

// The scores of all combinations: trials with one run each that differ in these seeds only.
struct CrossedScores {
  std::vector<std::string> sources;  // 2 or 3, words of seed_sources()
  std::vector<std::size_t> levels;   // of each source
  std::vector<double> scores;        // [levels of the first, of the second, (of the third)]; NaN: no score
  std::int64_t missing = 0;          // combinations without a score
};

// Of a study whose trials are such a grid. Throws Error for one that is not.
CrossedScores crossed_scores(Storage& storage, const std::string& metric);

// One source of the design.
struct SourceSpread {
  std::string source;
  double alone_sd = 0;  // while it varies and the others are held: the root of the mean, over all ways to
                        // hold them, of s^2 over its levels
  double fixed_sd = 0;  // while it is held and the others vary: root of the total less its own component
  // Whether holding it shrinks the spread: its own component's interval lies above 0. Empty below kFewestLevels.
  std::optional<bool> matters;
};

struct SeedDecomposition {
  Decomposition parts;
  double total_sd = 0;
  std::vector<SourceSpread> sources;  // in the order of CrossedScores::sources
};

// No combination may be without a score; see tuner/analysis/crossed.h for the estimators.
SeedDecomposition decompose_seeds(const CrossedScores& crossed, std::uint64_t seed);

// "init", "init x order", "the combination" of a component's factors.
std::string component_name(const CrossedScores& crossed, unsigned factors);

}  // namespace caviar
