#include "tuner/analysis/failures.h"

#include <algorithm>
#include <cmath>

#include "kernels/base/error.h"
#include "tuner/analysis/laws.h"

namespace caviar {

FailureTest failure_test(std::int64_t failed_a, std::int64_t runs_a, std::int64_t failed_b, std::int64_t runs_b,
                         double level) {
  constexpr std::int64_t kMostRuns = 1'000'000'000;
  if (failed_a < 0 || failed_b < 0 || failed_a > runs_a || failed_b > runs_b || runs_a + runs_b > kMostRuns) {
    fail(failed_a, " of ", runs_a, " and ", failed_b, " of ", runs_b, " runs cannot have failed");
  }
  const std::int64_t failed = failed_a + failed_b, runs = runs_a + runs_b;
  const double here = laws::hypergeometric_mass(failed_a, runs_a, failed, runs);
  const std::int64_t first = std::max<std::int64_t>(0, failed - runs_b), last = std::min(failed, runs_a);
  double p = 0;
  for (std::int64_t k = first; k <= last; ++k) {
    const double mass = laws::hypergeometric_mass(k, runs_a, failed, runs);
    if (mass <= here * (1 + 1e-7)) p += mass;
  }
  p = first == last ? 1 : std::min(1.0, p);
  return {failed_a, runs_a, failed_b, runs_b, p, p <= level};
}

std::vector<double> with_failures_at(std::span<const double> scores, std::size_t failed, double chance_level) {
  if (!std::isfinite(chance_level)) fail("the score of guessing is ", chance_level, "; it has to be finite");
  std::vector<double> all(scores.begin(), scores.end());
  all.insert(all.end(), failed, chance_level);
  return all;
}

}  // namespace caviar
