// Simulated scores for tests of the analysis.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "tuner/numerics/draws.h"

namespace caviar::test {

// n standard normal scores; with `collapsed`, each loses 8 with probability 0.05. The same seed, the same scores.
inline std::vector<double> scores_of(std::int64_t seed, std::string_view arm, std::size_t n, bool collapsed = false) {
  Draws draws(20261121, seed, arm);
  std::vector<double> scores(n);
  for (double& score : scores) {
    score = draws.normal();
    if (collapsed && draws.chance(0.05)) score -= 8;
  }
  return scores;
}

}  // namespace caviar::test
