#include "tuner/analysis/compare.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include "kernels/base/error.h"
#include "tuner/analysis/laws.h"
#include "tuner/analysis/paired_tests.h"
#include "tuner/analysis/sample.h"

namespace caviar {
namespace {

constexpr std::size_t kMostCounted = 20;  // runs of an arm; C(40, 20) and all that is summed to it are whole in double
constexpr std::size_t kFewestRanked = 4;

void require_arms(std::span<const double> a, std::span<const double> b) {
  require_sample("the scores of the first arm", a);
  require_sample("the scores of the second arm", b);
}

void require_confidence(double confidence) {
  if (!(confidence > 0 && confidence < 1))
    fail("a confidence of ", confidence, " was asked for; it lies between 0 and 1");
}

// The standard error of mean a - mean b and Welch's degrees of freedom; empty unless both are known and positive.
struct WelchError {
  double error, freedom;
};
std::optional<WelchError> welch_error(std::span<const double> a, std::span<const double> b) {
  if (a.size() < 2 || b.size() < 2) return std::nullopt;
  const auto n_a = static_cast<double>(a.size()), n_b = static_cast<double>(b.size());
  const double v_a = *variance_of(a) / n_a, v_b = *variance_of(b) / n_b;
  if (!(v_a + v_b > 0)) return std::nullopt;
  const double part = v_a / (v_a + v_b), other = v_b / (v_a + v_b);
  return WelchError{std::sqrt(v_a + v_b), 1 / (part * part / (n_a - 1) + other * other / (n_b - 1))};
}

// a_i - b_i; sizes within rounding of each other are made the least of them.
std::vector<double> differences_of(std::span<const double> a, std::span<const double> b) {
  std::vector<double> differences(a.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    differences[i] = a[i] - b[i];
    largest = std::max({largest, std::abs(a[i]), std::abs(b[i])});
  }
  const double rounding = 4 * std::numeric_limits<double>::epsilon() * largest;
  std::vector<std::size_t> order(a.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t i, std::size_t j) { return std::abs(differences[i]) < std::abs(differences[j]); });
  double size = 0;  // those next to zero become zero
  for (const std::size_t i : order) {
    if (std::abs(differences[i]) - size > rounding) size = std::abs(differences[i]);
    differences[i] = std::copysign(size, differences[i]);
  }
  return differences;
}

double two_sided(double (*one_sided)(std::span<const double>), std::span<const double> differences) {
  std::vector<double> negated(differences.begin(), differences.end());
  for (double& difference : negated) difference = -difference;
  return std::min(1.0, 2 * std::min(one_sided(differences), one_sided(negated)));
}

std::optional<double> correlation_of(std::span<const double> a, std::span<const double> b) {
  if (all_equal(a) || all_equal(b)) return std::nullopt;
  const double mean_a = mean_of(a), mean_b = mean_of(b);
  double products = 0;
  for (std::size_t i = 0; i < a.size(); ++i) products += (a[i] - mean_a) * (b[i] - mean_b);
  return std::clamp(products / std::sqrt(squares_about_mean(a) * squares_about_mean(b)), -1.0, 1.0);
}

// P(U >= u) over all equally likely orders of n_a + n_b different scores. The counts of each U are the coefficients of
// the Gaussian binomial: the product over i = 1 .. n_a of (1 - q^(n_b + i)) / (1 - q^i).
double rank_tail(std::size_t n_a, std::size_t n_b, std::size_t u) {
  const std::size_t most = n_a * n_b;
  std::vector<double> counts(most + 1, 0);
  counts[0] = 1;
  for (std::size_t i = 1; i <= n_a; ++i) {
    for (std::size_t k = most; k >= n_b + i; --k) counts[k] -= counts[k - n_b - i];
    for (std::size_t k = i; k <= most; ++k) counts[k] += counts[k - i];
  }
  double all = 0, at_least = 0;
  for (std::size_t k = 0; k <= most; ++k) {
    all += counts[k];
    if (k >= u) at_least += counts[k];
  }
  return at_least / all;
}

// Sum of t^3 - t over the groups of t equal values.
double tie_sum(std::vector<double> all) {
  std::sort(all.begin(), all.end());
  double sum = 0;
  for (std::size_t first = 0, last = 0; first < all.size(); first = last) {
    while (last < all.size() && all[last] == all[first]) ++last;
    const auto t = static_cast<double>(last - first);
    sum += t * t * t - t;
  }
  return sum;
}

}  // namespace

WelchTest welch_test(std::span<const double> a, std::span<const double> b, double confidence) {
  require_arms(a, b);
  require_confidence(confidence);
  WelchTest test;
  test.difference = mean_of(a) - mean_of(b);
  test.exact = a.size() > 1 && b.size() > 1 && all_equal(a) && all_equal(b);
  const std::optional<WelchError> error = welch_error(a, b);
  if (!error || test.exact) return test;
  test.t = test.difference / error->error;
  test.freedom = error->freedom;
  test.p = laws::student_two_sided(*test.t, error->freedom);
  const double reach = laws::student_quantile((1 + confidence) / 2, error->freedom) * error->error;
  test.interval = Interval{test.difference - reach, test.difference + reach};
  return test;
}

PairedTest paired_test(std::span<const double> a, std::span<const double> b, double confidence) {
  require_arms(a, b);
  require_confidence(confidence);
  if (a.size() != b.size())
    fail("pairs were to be made of ", a.size(), " and ", b.size(), " scores; give as many of both");
  const std::vector<double> differences = differences_of(a, b);
  PairedTest test;
  test.difference = mean_of(differences);
  test.exact = differences.size() > 1 && all_equal(differences);
  test.signed_rank_p = two_sided(signed_rank_p, differences);
  test.correlation = correlation_of(a, b);
  test.sd = sd_of(differences);
  if (!test.sd || !(*test.sd > 0)) return test;
  const auto n = static_cast<double>(differences.size());
  const double error = *test.sd / std::sqrt(n);
  test.t = test.difference / error;
  test.freedom = n - 1;
  test.p = two_sided(paired_t_p, differences);
  const double reach = laws::student_quantile((1 + confidence) / 2, n - 1) * error;
  test.interval = Interval{test.difference - reach, test.difference + reach};
  return test;
}

RankTest rank_test(std::span<const double> a, std::span<const double> b) {
  require_arms(a, b);
  RankTest test;
  for (const double x : a) {
    for (const double y : b) test.u += x > y ? 1 : x == y ? 0.5 : 0;
  }
  if (std::min(a.size(), b.size()) < kFewestRanked) return test;
  std::vector<double> all(a.begin(), a.end());
  all.insert(all.end(), b.begin(), b.end());
  const double ties = tie_sum(all);
  const auto n_a = static_cast<double>(a.size()), n_b = static_cast<double>(b.size()), n = n_a + n_b;
  const double greater = std::max(test.u, n_a * n_b - test.u);
  if (ties == 0 && std::max(a.size(), b.size()) <= kMostCounted) {
    test.exact = true;
    test.p = std::min(1.0, 2 * rank_tail(a.size(), b.size(), static_cast<std::size_t>(greater)));
    return test;
  }
  const double variance = n_a * n_b / 12 * (n + 1 - ties / (n * (n - 1)));
  test.p = 1;
  if (all_equal(all)) return test;
  test.p = std::min(1.0, 2 * laws::normal_tail((greater - n_a * n_b / 2 - 0.5) / std::sqrt(variance)));
  return test;
}

std::optional<double> equivalence_p(std::span<const double> a, std::span<const double> b, double margin) {
  require_arms(a, b);
  if (!(margin > 0 && std::isfinite(margin)))
    fail("a margin of ", margin, " was given; it has to be positive and finite");
  const std::optional<WelchError> error = welch_error(a, b);
  if (!error) return std::nullopt;
  const double difference = mean_of(a) - mean_of(b);
  return std::max(laws::student_tail((difference + margin) / error->error, error->freedom),
                  laws::student_tail((margin - difference) / error->error, error->freedom));
}

}  // namespace caviar
