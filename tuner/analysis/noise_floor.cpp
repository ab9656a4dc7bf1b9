#include "tuner/analysis/noise_floor.h"

#include <algorithm>
#include <cmath>

#include "kernels/base/error.h"
#include "tuner/analysis/laws.h"

namespace caviar {
namespace {

double squared(double x) { return x * x; }

// Of the difference of two means, from the two trials alone; 0 where a trial has one run.
double own_variance(const TrialSpread& a, const TrialSpread& b) {
  if (!a.sd || !b.sd) return 0;
  return squared(*a.sd) / static_cast<double>(a.runs) + squared(*b.sd) / static_cast<double>(b.runs);
}

double pooled_variance(const NoiseFloor& floor, std::int64_t runs_a, std::int64_t runs_b) {
  if (runs_a < 1 || runs_b < 1)
    fail("means of ", runs_a, " and ", runs_b, " runs have no difference; one run at least");
  return squared(floor.sd) * (1 / static_cast<double>(runs_a) + 1 / static_cast<double>(runs_b));
}

}  // namespace

std::optional<NoiseFloor> noise_floor(std::span<const TrialSpread> trials) {
  double squares = 0, freedom = 0;
  for (const TrialSpread& trial : trials) {
    if (!trial.sd || trial.runs < 2) continue;
    squares += squared(*trial.sd) * static_cast<double>(trial.runs - 1);
    freedom += static_cast<double>(trial.runs - 1);
  }
  if (freedom == 0) return std::nullopt;
  return NoiseFloor{std::sqrt(squares / freedom), freedom};
}

double hidden_difference(const NoiseFloor& floor, std::int64_t runs_a, std::int64_t runs_b, double confidence) {
  return laws::student_quantile((1 + confidence) / 2, floor.freedom) *
         std::sqrt(pooled_variance(floor, runs_a, runs_b));
}

std::vector<bool> like_the_best(std::span<const TrialSpread> trials, std::size_t best, double confidence,
                                std::int64_t looked_at) {
  std::vector<bool> like(trials.size(), true);
  const std::optional<NoiseFloor> floor = noise_floor(trials);
  if (!floor || trials.size() < 2) return like;
  const auto candidates = static_cast<double>(std::max(looked_at, static_cast<std::int64_t>(trials.size())));
  const double pairs = 0.5 * candidates * (candidates - 1);
  const double t = laws::student_quantile(1 - (1 - confidence) / (2 * pairs), floor->freedom);
  const TrialSpread& first = trials[best];
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const double variance =
        std::max(pooled_variance(*floor, first.runs, trials[i].runs), own_variance(first, trials[i]));
    like[i] = i == best || std::abs(trials[i].mean - first.mean) <= t * std::sqrt(variance);
  }
  return like;
}

}  // namespace caviar
