#include "tuner/analysis/failures.h"

#include <algorithm>
#include <cmath>

#include "kernels/base/error.h"
#include "tuner/analysis/laws.h"
#include "tuner/numerics/draws.h"

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

double failures_p_over(std::span<const FailureCount> arms, std::uint64_t seed, std::int64_t draws) {
  std::vector<std::size_t> arm_of_run;
  std::int64_t failed = 0;
  for (std::size_t arm = 0; arm < arms.size(); ++arm) {
    arm_of_run.insert(arm_of_run.end(), static_cast<std::size_t>(arms[arm].runs), arm);
    failed += arms[arm].failed;
  }
  const auto runs = static_cast<std::int64_t>(arm_of_run.size());
  // Chi-square grows with the sum of count^2 / runs, be it of the failed or of the others: the fewer are drawn.
  const bool of_others = 2 * failed > runs;
  const std::int64_t drawn = of_others ? runs - failed : failed;
  std::vector<std::int64_t> counts(arms.size());
  const auto statistic = [&] {
    double sum = 0;
    for (std::size_t arm = 0; arm < arms.size(); ++arm) {
      const auto count = static_cast<double>(counts[arm]);
      if (arms[arm].runs > 0) sum += count * count / static_cast<double>(arms[arm].runs);
    }
    return sum;
  };
  for (std::size_t arm = 0; arm < arms.size(); ++arm)
    counts[arm] = of_others ? arms[arm].runs - arms[arm].failed : arms[arm].failed;
  const double seen = statistic() * (1 - 1e-12);  // sums in another order are as extreme
  std::int64_t as_extreme = 0;
  for (std::int64_t draw = 0; draw < draws; ++draw) {
    Draws random(seed, draw, "failures over arms");
    std::fill(counts.begin(), counts.end(), 0);
    for (std::int64_t i = 0; i < drawn; ++i) {
      const std::int64_t other = i + random.below(runs - i);
      std::swap(arm_of_run[static_cast<std::size_t>(i)], arm_of_run[static_cast<std::size_t>(other)]);
      ++counts[arm_of_run[static_cast<std::size_t>(i)]];
    }
    as_extreme += statistic() >= seen;
  }
  return static_cast<double>(1 + as_extreme) / static_cast<double>(1 + draws);
}

std::vector<double> with_failures_at(std::span<const double> scores, std::size_t failed, double chance_level) {
  if (!std::isfinite(chance_level)) fail("the score of guessing is ", chance_level, "; it has to be finite");
  std::vector<double> all(scores.begin(), scores.end());
  all.insert(all.end(), failed, chance_level);
  return all;
}

}  // namespace caviar
