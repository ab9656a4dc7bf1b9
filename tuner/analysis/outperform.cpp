#include "tuner/analysis/outperform.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/base/error.h"
#include "tuner/analysis/laws.h"
#include "tuner/analysis/proportion.h"
#include "tuner/analysis/sample.h"

namespace caviar {
namespace {

double score_of(double x, double y) { return x > y ? 1 : x == y ? 0.5 : 0; }

void require_share(double share) {
  if (!(share > 0 && share < 1))
    fail("a probability of outperforming of ", share, " was given; it lies between 0 and 1");
}

void require_arms(std::span<const double> a, std::span<const double> b) {
  require_sample("the scores of the first arm", a);
  require_sample("the scores of the second arm", b);
}

// For each value of `from` the share of `against` it beats, ties half: n log n by sorting.
std::vector<double> placements(std::span<const double> from, std::span<const double> against) {
  const std::vector<double> ascending = sorted(against);
  std::vector<double> shares;
  shares.reserve(from.size());
  for (const double x : from) {
    const auto [first, last] = std::equal_range(ascending.begin(), ascending.end(), x);
    const auto below = static_cast<double>(first - ascending.begin()), equal = static_cast<double>(last - first);
    shares.push_back((below + 0.5 * equal) / static_cast<double>(ascending.size()));
  }
  return shares;
}

}  // namespace

Outperformance outperforming_in_pairs(std::span<const double> a, std::span<const double> b, double confidence) {
  require_arms(a, b);
  if (a.size() != b.size())
    fail("pairs were to be made of ", a.size(), " and ", b.size(), " scores; give as many of both");
  double wins = 0;
  for (std::size_t i = 0; i < a.size(); ++i) wins += score_of(a[i], b[i]);
  const auto n = static_cast<double>(a.size());
  return {wins / n, clopper_pearson(wins, n, confidence), n};
}

Outperformance outperforming(std::span<const double> a, std::span<const double> b, double confidence) {
  require_arms(a, b);
  if (!(confidence > 0 && confidence < 1))
    fail("a confidence of ", confidence, " was asked for; it lies between 0 and 1");
  const std::vector<double> of_a = placements(a, b), of_b = placements(b, a);
  const auto n_a = static_cast<double>(a.size()), n_b = static_cast<double>(b.size());
  double u = 0;
  for (const double x : of_a) u += x * n_b;  // halves: exact
  Outperformance found;
  found.share = u / (n_a * n_b);
  if (n_a < 2 || n_b < 2) {
    found.interval = {0, 1};
    found.compared = 1;
    return found;
  }
  const double share = found.share, spread = share * (1 - share), mean_size = (n_a + n_b) / 2;
  const double v_a = *variance_of(of_a) / n_a, v_b = *variance_of(of_b) / n_b;
  found.compared = n_a * n_b / (1 + (mean_size - 1) * ((1 - share) / (2 - share) + share / (1 + share)));
  double freedom = n_a + n_b - 2;
  if (v_a + v_b > 0) {
    // Not below one trial: so wide an interval says nothing anyway.
    if (spread > 0) found.compared = std::max(1.0, std::min(found.compared, spread / (v_a + v_b)));
    const double part = v_a / (v_a + v_b), other = v_b / (v_a + v_b);
    freedom = 1 / (part * part / (n_a - 1) + other * other / (n_b - 1));
  }
  found.interval = score_interval(share, found.compared, laws::student_quantile((1 + confidence) / 2, freedom));
  return found;
}

std::optional<std::int64_t> noether_size(double share, double alpha, double power) {
  require_share(share);
  const double z = laws::normal_quantile(1 - alpha) + laws::normal_quantile(power);
  if (share == 0.5) return std::nullopt;
  const double root = z / (std::sqrt(6.0) * (share - 0.5));
  const double size = std::ceil(root * root);
  return size < 1e15 ? std::optional(static_cast<std::int64_t>(size)) : std::nullopt;
}

std::optional<std::int64_t> pairs_needed(double share, double power, double confidence, std::int64_t most) {
  require_share(share);
  if (!(power > 0 && power < 1)) fail("a power of ", power, " was asked for; it lies between 0 and 1");
  const double better = std::max(share, 1 - share), tail = (1 - confidence) / 2;
  // The normal approximation, less a margin to be sure to begin below the answer.
  const double z =
      laws::normal_quantile(1 - tail) / 2 + laws::normal_quantile(power) * std::sqrt(better * (1 - better));
  const double root = z / (better - 0.5);
  if (!(better > 0.5 && 0.7 * root * root - 10 < static_cast<double>(most))) return std::nullopt;
  std::int64_t wins = 0;  // the fewest of n that put 1/2 outside: P(X >= wins) <= tail for X of n fair coins
  for (auto n = std::max<std::int64_t>(1, static_cast<std::int64_t>(0.7 * root * root - 10)); n <= most; ++n) {
    if (wins == 0) wins = n / 2;
    while (wins <= n && laws::binomial_tail(wins - 1, n, 0.5) > tail) ++wins;
    if (wins <= n && laws::binomial_tail(wins - 1, n, better) >= power) return n;
  }
  return std::nullopt;
}

}  // namespace caviar
