#include "tuner/analysis/paired_tests.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "tuner/numerics/distributions.h"

namespace caviar {
namespace {

constexpr std::size_t kMostExact = 50;  // 2^50 counts are whole numbers in double

// P(sum of the ranks with a positive sign >= w): the number of subsets by their sum. Ranks are doubled, so that means
// of two are whole.
double exact_p(const std::vector<std::size_t>& doubled_ranks, std::size_t doubled_w) {
  std::size_t total = 0;
  for (const std::size_t rank : doubled_ranks) total += rank;
  std::vector<double> subsets(total + 1, 0);
  subsets[0] = 1;
  std::size_t reached = 0;
  for (const std::size_t rank : doubled_ranks) {
    reached += rank;
    for (std::size_t sum = reached + 1; sum-- > rank;) subsets[sum] += subsets[sum - rank];
  }
  double at_least = 0, all = 1;
  for (std::size_t sum = doubled_w; sum <= total; ++sum) at_least += subsets[sum];
  for (std::size_t i = 0; i < doubled_ranks.size(); ++i) all *= 2;
  return at_least / all;
}

double sign_test_p(std::span<const double> differences) {
  std::size_t positive = 0;
  std::vector<double> row = {1};  // of Pascal's triangle, over its sum
  for (const double difference : differences) {
    if (difference == 0) continue;
    positive += difference > 0;
    row.push_back(0);
    for (std::size_t i = row.size() - 1; i > 0; --i) row[i] = 0.5 * (row[i] + row[i - 1]);
    row[0] *= 0.5;
  }
  double p = 0;
  for (std::size_t i = row.size(); i-- > positive;) p += row[i];
  return p;
}

}  // namespace

double signed_rank_p(std::span<const double> differences) {
  std::vector<double> sorted;
  for (const double difference : differences) {
    if (difference != 0) sorted.push_back(difference);
  }
  if (sorted.empty()) return 1;
  std::sort(sorted.begin(), sorted.end(), [](double a, double b) { return std::abs(a) < std::abs(b); });
  std::vector<std::size_t> doubled_ranks;
  std::size_t doubled_w = 0;
  double ties = 0;
  for (std::size_t first = 0; first < sorted.size();) {
    std::size_t last = first;
    while (last + 1 < sorted.size() && std::abs(sorted[last + 1]) == std::abs(sorted[first])) ++last;
    const auto group = static_cast<double>(last - first + 1);
    ties += group * group * group - group;
    for (std::size_t i = first; i <= last; ++i) {
      doubled_ranks.push_back(first + last + 2);
      if (sorted[i] > 0) doubled_w += first + last + 2;
    }
    first = last + 1;
  }
  if (sorted.size() <= kMostExact) return exact_p(doubled_ranks, doubled_w);
  const auto n = static_cast<double>(sorted.size());
  const double variance = n * (n + 1) * (2 * n + 1) / 24 - ties / 48;
  return normal_cdf((n * (n + 1) / 4 + 0.5 - 0.5 * static_cast<double>(doubled_w)) / std::sqrt(variance));
}

double paired_t_p(std::span<const double> differences) {
  const auto n = static_cast<double>(differences.size());
  double sum = 0, squares = 0;
  for (const double difference : differences) sum += difference;
  const double mean = sum / n;
  for (const double difference : differences) squares += (difference - mean) * (difference - mean);
  const auto [least, most] = std::minmax_element(differences.begin(), differences.end());
  const bool varies = differences.size() >= 2 && *least < *most;  // of equals, a rounded mean may leave squares
  if (!varies || !std::isfinite(squares)) return sign_test_p(differences);
  return student_tail(mean / std::sqrt(squares / (n - 1) / n), n - 1);
}

double paired_equivalence_p(std::span<const double> differences, double margin) {
  std::vector<double> above(differences.begin(), differences.end()), below(above);
  for (double& difference : above) difference += margin;
  for (double& difference : below) difference = margin - difference;
  return std::max(paired_t_p(above), paired_t_p(below));
}

}  // namespace caviar
