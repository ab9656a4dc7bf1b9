#include "tuner/analysis/noise_floor.h"

#include <algorithm>
#include <cmath>

#include "kernels/base/error.h"
#include "tuner/analysis/laws.h"

namespace caviar {
namespace {

constexpr double kEnoughFreedom = 20;

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

std::optional<NoiseFloor> noise_floor(std::span<const TrialSpread> ranking) {
  double squares = 0;
  NoiseFloor floor;
  for (const TrialSpread& trial : ranking) {
    if (floor.freedom >= kEnoughFreedom) break;
    if (!trial.sd || trial.runs < 2) continue;
    squares += squared(*trial.sd) * static_cast<double>(trial.runs - 1);
    floor.freedom += static_cast<double>(trial.runs - 1);
    ++floor.trials;
  }
  if (floor.trials == 0) return std::nullopt;
  floor.sd = std::sqrt(squares / floor.freedom);
  return floor;
}

double hidden_difference(const NoiseFloor& floor, std::int64_t runs_a, std::int64_t runs_b, double confidence) {
  return laws::student_quantile((1 + confidence) / 2, floor.freedom) *
         std::sqrt(pooled_variance(floor, runs_a, runs_b));
}

std::vector<bool> like_the_first(std::span<const TrialSpread> ranking, double confidence, std::int64_t looked_at) {
  std::vector<bool> like(ranking.size(), true);
  const std::optional<NoiseFloor> floor = noise_floor(ranking);
  if (!floor || ranking.size() < 2) return like;
  const auto candidates = static_cast<double>(std::max(looked_at, static_cast<std::int64_t>(ranking.size())));
  const double pairs = 0.5 * candidates * (candidates - 1);
  const double t = laws::student_quantile(1 - (1 - confidence) / (2 * pairs), floor->freedom);
  const TrialSpread& first = ranking.front();
  for (std::size_t i = 1; i < ranking.size(); ++i) {
    const double variance =
        std::max(pooled_variance(*floor, first.runs, ranking[i].runs), own_variance(first, ranking[i]));
    like[i] = std::abs(ranking[i].mean - first.mean) <= t * std::sqrt(variance);
  }
  return like;
}

}  // namespace caviar
