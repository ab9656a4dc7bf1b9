#include "tuner/analysis/winner.h"

#include <algorithm>
#include <cmath>

#include "kernels/base/error.h"
#include "tuner/analysis/laws.h"
#include "tuner/analysis/sample.h"

namespace caviar {
namespace {

void require_count(std::int64_t n) {
  if (n < 1) fail("the best of ", n, " scores was asked for; there has to be one");
}

void require_spread(const char* what, double sd) {
  if (!(sd >= 0 && std::isfinite(sd))) fail(what, " is ", sd, "; a standard deviation is at least 0 and finite");
}

// How many of k draws with replacement from n values end in the i-th smallest as their maximum, as a share.
double share_of_maxima(std::size_t i, std::size_t n, std::int64_t k) {
  const auto size = static_cast<double>(n), power = static_cast<double>(k);
  return std::pow(static_cast<double>(i) / size, power) - std::pow(static_cast<double>(i - 1) / size, power);
}

// The value at or below which the maximum of k draws stays with probability p.
double quantile_of_maximum(std::span<const double> ascending, std::int64_t k, double p) {
  const auto n = static_cast<double>(ascending.size());
  const double rank = std::ceil(n * std::pow(p, 1 / static_cast<double>(k)) * (1 - 1e-12));
  return ascending[static_cast<std::size_t>(std::clamp(rank, 1.0, n)) - 1];
}

// sum over i of v_(i) C(i - 1, k - 1) / C(n, k); from the largest down each weight is the one above times
// (i - k + 1) / i, starting from k / n.
double maximum_without_replacement(std::span<const double> ascending, std::int64_t k) {
  double weight = static_cast<double>(k) / static_cast<double>(ascending.size()), sum = 0;
  for (std::size_t i = ascending.size(); i >= 1 && weight > 0; --i) {
    sum += weight * ascending[i - 1];
    if (i > 1) weight *= (static_cast<double>(i) - static_cast<double>(k)) / static_cast<double>(i - 1);
  }
  return sum;
}

}  // namespace

double expected_max_of_normals(std::int64_t n) {
  require_count(n);
  const auto count = static_cast<double>(n);
  constexpr double kStep = 1.0 / 64, kReach = 39;
  const double density_scale = 1 / std::sqrt(2 * M_PI);
  double sum = 0;
  for (int i = 0; i <= static_cast<int>(2 * kReach / kStep); ++i) {
    const double x = -kReach + kStep * i;
    const double below = x < 0 ? std::log(laws::normal_cdf(x)) : std::log1p(-laws::normal_tail(x));
    const double power = n == 1 ? 0 : (count - 1) * below;
    sum += x * std::exp(power - 0.5 * x * x);
  }
  return count * density_scale * kStep * sum;
}

double blom_max_of_normals(std::int64_t n) {
  require_count(n);
  const auto count = static_cast<double>(n);
  return laws::normal_quantile((count - 0.375) / (count + 0.25));
}

double naive_bias(std::int64_t n, double score_sd, double config_sd) {
  require_spread("the spread of scores over seeds", score_sd);
  require_spread("the spread over configs", config_sd);
  require_count(n);
  if (score_sd == 0) return 0;
  return score_sd * score_sd / std::hypot(score_sd, config_sd) * expected_max_of_normals(n);
}

std::optional<double> shrunken_best(double best, double mean_of_all, double config_sd, double score_sd) {
  require_spread("the spread of scores over seeds", score_sd);
  require_spread("the spread over configs", config_sd);
  if (score_sd == 0 && config_sd == 0) return std::nullopt;
  const double ratio = config_sd / std::hypot(config_sd, score_sd);
  return mean_of_all + ratio * ratio * (best - mean_of_all);
}

std::vector<ExpectedBest> expected_best_of(std::span<const double> scores, std::int64_t most, double share) {
  require_sample("the scores", scores);
  require_count(most);
  if (!(share > 0 && share < 1)) fail("a band with a share of ", share, " was asked for; it lies between 0 and 1");
  const std::vector<double> ascending = sorted(scores);
  std::vector<ExpectedBest> curve;
  for (std::int64_t k = 1; k <= most; ++k) {
    double mean = 0;  // about the largest: all equal gives that value exactly
    for (std::size_t i = 1; i <= ascending.size(); ++i) {
      mean += (ascending[i - 1] - ascending.back()) * share_of_maxima(i, ascending.size(), k);
    }
    ExpectedBest best{k, ascending.back() + mean, {}, std::nullopt};
    best.band = {quantile_of_maximum(ascending, k, (1 - share) / 2),
                 quantile_of_maximum(ascending, k, (1 + share) / 2)};
    if (k <= static_cast<std::int64_t>(ascending.size())) best.unbiased = maximum_without_replacement(ascending, k);
    curve.push_back(best);
  }
  return curve;
}

ConfirmedPick pick_and_score(std::span<const std::vector<double>> to_pick,
                             std::span<const std::vector<double>> to_score, double confidence) {
  if (to_pick.empty() || to_pick.size() != to_score.size()) {
    fail("there are ", to_pick.size(), " candidates to pick from and ", to_score.size(),
         " to score; both batches need the same candidates, at least one");
  }
  if (!(confidence > 0 && confidence < 1))
    fail("a confidence of ", confidence, " was asked for; it is between 0 and 1");
  ConfirmedPick pick{};
  for (std::size_t candidate = 0; candidate < to_pick.size(); ++candidate) {
    require_sample("a candidate's scores to pick by", to_pick[candidate]);
    require_sample("a candidate's scores to score by", to_score[candidate]);
    const double mean = mean_of(to_pick[candidate]);
    if (candidate == 0 || mean > pick.picking_score) {
      pick.winner = candidate;
      pick.picking_score = mean;
    }
  }
  const std::vector<double>& fresh = to_score[pick.winner];
  pick.score = mean_of(fresh);
  pick.runs_to_score = fresh.size();
  if (const std::optional<double> sd = sd_of(fresh)) {
    const auto n = static_cast<double>(fresh.size());
    const double half = laws::student_quantile((1 + confidence) / 2, n - 1) * *sd / std::sqrt(n);
    pick.interval = Interval{pick.score - half, pick.score + half};
  }
  return pick;
}

}  // namespace caviar
