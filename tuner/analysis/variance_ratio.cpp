#include "tuner/analysis/variance_ratio.h"

#include <algorithm>
#include <cmath>

#include "kernels/base/error.h"
#include "tuner/analysis/laws.h"
#include "tuner/analysis/sample.h"

namespace caviar {
namespace {

constexpr std::uint32_t kPurposeA = 0x5a, kPurposeB = 0x5b;  // of resamples, see resample()

void require_groups(std::span<const std::vector<double>> groups, std::size_t least) {
  if (groups.size() < 2) fail("a test of ", groups.size(), " groups was asked for; it takes two or more");
  for (const std::vector<double>& group : groups) require_sample("the scores of a group", group, least);
}

void require_confidence(double confidence) {
  if (!(confidence > 0 && confidence < 1))
    fail("a confidence of ", confidence, " was asked for; it is between 0 and 1");
}

// ln s^2 of each resample, as deviations from their median, widened; NaN for a resample without spread.
struct LogDeviations {
  std::vector<double> values;
  double variance;
};

LogDeviations log_deviations(std::span<const double> sample, std::uint64_t seed, std::uint32_t purpose,
                             std::uint32_t resamples) {
  std::vector<double> drawn(sample.size()), values(resamples), finite;
  for (std::uint32_t i = 0; i < resamples; ++i) {
    resample(sample, seed, purpose, i, drawn);
    values[i] = all_equal(drawn) ? NAN : std::log(*variance_of(drawn));
    if (!std::isfinite(values[i])) values[i] = NAN;
    if (!std::isnan(values[i])) finite.push_back(values[i]);
  }
  const auto n = static_cast<double>(sample.size());
  const double middle = quantile_of_sorted(sorted(finite), 0.5), widening = std::sqrt(n / (n - 1));
  for (double& value : values) value = (value - middle) * widening;
  return {std::move(values), *variance_of(finite) * n / (n - 1)};
}

double welch_freedom(double variance_a, std::size_t n_a, double variance_b, std::size_t n_b) {
  const double both = variance_a + variance_b;
  return both * both /
         (variance_a * variance_a / static_cast<double>(n_a - 1) +
          variance_b * variance_b / static_cast<double>(n_b - 1));
}

double size_of(std::span<const std::vector<double>> groups) {
  std::size_t n = 0;
  for (const std::vector<double>& group : groups) n += group.size();
  return static_cast<double>(n);
}

}  // namespace

VarianceRatio variance_ratio(std::span<const double> a, std::span<const double> b, double confidence) {
  require_sample("the scores of the first arm", a, 2);
  require_sample("the scores of the second arm", b, 2);
  require_confidence(confidence);
  VarianceRatio found{static_cast<double>(a.size() - 1), static_cast<double>(b.size() - 1), {}, {}, {}, {}};
  const double below = *variance_of(b);
  if (below == 0) return found;
  const double f = *variance_of(a) / below, alpha = 1 - confidence;
  found.ratio = f;
  found.interval = Interval{f / laws::fisher_f_quantile(1 - alpha / 2, found.freedom_a, found.freedom_b),
                            f / laws::fisher_f_quantile(alpha / 2, found.freedom_a, found.freedom_b)};
  found.p_a_is_greater = laws::fisher_f_tail(f, found.freedom_a, found.freedom_b);
  const double less = laws::fisher_f_cdf(f, found.freedom_a, found.freedom_b);
  found.p_two_sided = std::min(1.0, 2 * std::min(less, *found.p_a_is_greater));
  return found;
}

std::optional<Interval> log_variance_ratio_interval(std::span<const double> a, std::span<const double> b,
                                                    std::uint64_t seed, double confidence, std::uint32_t resamples) {
  require_sample("the scores of the first arm", a);
  require_sample("the scores of the second arm", b);
  require_confidence(confidence);
  if (resamples < 100) fail(resamples, " resamples were asked for; an interval takes at least 100");
  if (std::min(a.size(), b.size()) < kFewestForLogRatio || all_equal(a) || all_equal(b)) return std::nullopt;
  const LogDeviations of_a = log_deviations(a, seed, kPurposeA, resamples);
  const LogDeviations of_b = log_deviations(b, seed, kPurposeB, resamples);
  std::vector<double> differences;
  for (std::uint32_t i = 0; i < resamples; ++i) {
    const double difference = of_a.values[i] - of_b.values[i];
    if (!std::isnan(difference)) differences.push_back(difference);
  }
  std::sort(differences.begin(), differences.end());
  const double freedom = welch_freedom(of_a.variance, a.size(), of_b.variance, b.size());
  const double share = laws::normal_cdf(-laws::student_quantile((1 + confidence) / 2, freedom));
  const double half = std::max(-quantile_of_sorted(differences, share), quantile_of_sorted(differences, 1 - share));
  const double centre = std::log(*variance_of(a) / *variance_of(b));
  return Interval{centre - half, centre + half};
}

std::optional<GroupTest> brown_forsythe(std::span<const std::vector<double>> groups) {
  require_groups(groups, 3);
  std::vector<double> group_means, sizes;
  double within = 0, grand = 0;
  bool varies = false;
  for (const std::vector<double>& group : groups) {
    const double median = quantile_of_sorted(sorted(group), 0.5);
    std::vector<double> distances;
    distances.reserve(group.size());
    for (const double score : group) distances.push_back(std::abs(score - median));
    varies = varies || !all_equal(distances);
    within += squares_about_mean(distances);
    group_means.push_back(mean_of(distances));
    sizes.push_back(static_cast<double>(group.size()));
    grand += sizes.back() * group_means.back();
  }
  if (!varies || within == 0) return std::nullopt;
  const double n = size_of(groups);
  grand /= n;
  double between = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    between += sizes[i] * (group_means[i] - grand) * (group_means[i] - grand);
  }
  const double above = static_cast<double>(groups.size() - 1), below = n - static_cast<double>(groups.size());
  const double f = between / above / (within / below);
  return GroupTest{f, above, below, laws::fisher_f_tail(f, above, below)};
}

std::optional<GroupTest> kruskal_wallis(std::span<const std::vector<double>> groups) {
  require_groups(groups, 1);
  struct Score {
    double value;
    std::size_t group;
  };
  std::vector<Score> all;
  for (std::size_t group = 0; group < groups.size(); ++group) {
    for (const double value : groups[group]) all.push_back({value, group});
  }
  std::stable_sort(all.begin(), all.end(), [](const Score& a, const Score& b) { return a.value < b.value; });
  const auto n = static_cast<double>(all.size());
  std::vector<double> rank_sums(groups.size());  // of ranks less their mean (N + 1) / 2
  double ties = 0;
  for (std::size_t first = 0; first < all.size();) {
    std::size_t end = first + 1;
    while (end < all.size() && all[end].value == all[first].value) ++end;
    const double rank = (static_cast<double>(first + end) + 1 - (n + 1)) / 2;
    for (std::size_t i = first; i < end; ++i) rank_sums[all[i].group] += rank;
    const auto equal = static_cast<double>(end - first);
    ties += equal * equal * equal - equal;
    first = end;
  }
  const double correction = 1 - ties / (n * n * n - n);
  if (!(correction > 0)) return std::nullopt;
  double sum = 0;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    sum += rank_sums[i] * rank_sums[i] / static_cast<double>(groups[i].size());
  }
  const double h = 12 / (n * (n + 1)) * sum / correction, freedom = static_cast<double>(groups.size() - 1);
  return GroupTest{h, freedom, 0, laws::chi_square_tail(h, freedom)};
}

double least_kruskal_wallis_p(std::span<const std::size_t> sizes) {
  const auto cube = [](double size) { return size * (size * size - 1); };
  double n = 0, within = 0;
  for (const std::size_t size : sizes) {
    n += static_cast<double>(size);
    within += cube(static_cast<double>(size));
  }
  return laws::chi_square_tail((cube(n) - within) / (n * (n + 1)), static_cast<double>(sizes.size() - 1));
}

}  // namespace caviar
