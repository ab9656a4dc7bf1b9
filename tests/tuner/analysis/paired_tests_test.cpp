// The paired tests against SciPy 1.10.1:
//
//   stats.wilcoxon(d, alternative='greater', mode='exact')                       up to 50 differences
//   stats.wilcoxon(d, alternative='greater', mode='approx', correction=True)     beyond; zero_method='wilcox'
//   stats.ttest_1samp(d, 0, alternative='greater')
//
// and, where there are ties or zeros and SciPy has no exact answer, against counting all signs.
#include "tuner/analysis/paired_tests.h"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace caviar {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Hollander & Wolfe 1973, table 3.1: depression scores before and after, as R's wilcox.test has them in its example.
std::vector<double> depression() {
  const double before[] = {1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30};
  const double after[] = {0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29};
  std::vector<double> differences;
  for (int i = 0; i < 9; ++i) differences.push_back(before[i] - after[i]);
  return differences;
}

std::vector<double> negated(std::vector<double> differences) {
  for (double& difference : differences) difference = -difference;
  return differences;
}

// (37 i mod 23) - shift, i < 80: every value three or four times, zero among them.
std::vector<double> tied(int shift) {
  std::vector<double> differences;
  for (int i = 0; i < 80; ++i) differences.push_back(i * 37 % 23 - shift);
  return differences;
}

std::vector<double> scattered(int n, double shift) {
  std::vector<double> differences;
  for (int i = 0; i < n; ++i) differences.push_back(i * i * 7919 % 1009 - shift + 0.5);
  return differences;
}

TEST(SignedRank, MeetsScipyWithoutTies) {
  EXPECT_DOUBLE_EQ(signed_rank_p(depression()), 0.01953125);
  EXPECT_DOUBLE_EQ(signed_rank_p(negated(depression())), 0.986328125);
  EXPECT_NEAR(signed_rank_p(scattered(30, 380)), 0.057088336907327175, 1e-14);
  EXPECT_NEAR(signed_rank_p(scattered(50, 480)), 0.63116973109807795, 1e-14);
}

TEST(SignedRank, MeetsScipysApproximationWithTiesAndZeros) {
  EXPECT_NEAR(signed_rank_p(tied(9)), 0.013531986236478577, 1e-13);
  EXPECT_NEAR(signed_rank_p(tied(11)), 0.62306714346126368, 1e-13);
}

// P(W >= w) by trying all signs, zeros left out, equal sizes with the mean of their ranks.
double by_all_signs(const std::vector<double>& differences) {
  std::vector<double> sizes;
  for (const double difference : differences) {
    if (difference != 0) sizes.push_back(difference);
  }
  std::vector<double> ranks;
  for (const double size : sizes) {
    double below = 0, equal = 0;
    for (const double other : sizes) {
      below += std::abs(other) < std::abs(size);
      equal += std::abs(other) == std::abs(size);
    }
    ranks.push_back(below + (equal + 1) / 2);
  }
  double w = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) w += sizes[i] > 0 ? ranks[i] : 0;
  int at_least = 0;
  for (std::uint32_t signs = 0; signs < 1u << sizes.size(); ++signs) {
    double sum = 0;
    for (std::size_t i = 0; i < sizes.size(); ++i) sum += signs >> i & 1 ? ranks[i] : 0;
    at_least += sum >= w;
  }
  return at_least / static_cast<double>(1u << sizes.size());
}

TEST(SignedRank, IsExactWithTiesAndZerosToo) {
  const std::vector<std::vector<double>> cases = {{1, 1, 1, 1},
                                                  {1, -1, 1, 1, 0},
                                                  {0, 2, 2, -3, 3, 3, 5},
                                                  {-1, -2, -3},
                                                  {0, 0, 7},
                                                  {4, 4, -4, 4, 1, -1, 1, 2},
                                                  {1, kInfinity, kInfinity, -2},
                                                  {3},
                                                  {-0.5, 0.5, 1, 1.5, 2, 2, 2, -2.5, 3, 3, 3, 3, -1}};
  for (const std::vector<double>& differences : cases) {
    EXPECT_DOUBLE_EQ(signed_rank_p(differences), by_all_signs(differences)) << differences.size();
  }
  EXPECT_EQ(signed_rank_p({}), 1);
  EXPECT_EQ(signed_rank_p(std::vector<double>(5, 0)), 1);
  EXPECT_EQ(signed_rank_p(std::vector<double>{2, 1, 4, 3}), 1.0 / 16);  // the least of four
}

TEST(PairedT, MeetsScipy) {
  EXPECT_NEAR(paired_t_p(depression()), 0.0080883137174540473, 1e-15);
  EXPECT_NEAR(paired_t_p(negated(depression())), 0.99191168628254589, 1e-14);
  EXPECT_NEAR(paired_t_p(scattered(30, 380)), 0.043805969914465871, 1e-14);
  EXPECT_NEAR(paired_t_p(tied(9)), 0.010292694008961744, 1e-14);
}

TEST(PairedT, FallsBackToSignsWhereThereIsNoSpread) {
  EXPECT_EQ(paired_t_p(std::vector<double>{2, 2, 2}), 1.0 / 8);
  EXPECT_EQ(paired_t_p(std::vector<double>{0.1, 0.1, 0.1}), 1.0 / 8);  // their mean is not 0.1
  EXPECT_EQ(paired_t_p(std::vector<double>{-2, -2}), 1);
  EXPECT_EQ(paired_t_p(std::vector<double>{0, 0}), 1);
  EXPECT_EQ(paired_t_p(std::vector<double>{3}), 0.5);
  // stats.binomtest(n - 1, n, 0.5, alternative='greater')
  EXPECT_DOUBLE_EQ(paired_t_p(std::vector<double>{1, kInfinity, -1, 2}), 0.3125);
  EXPECT_DOUBLE_EQ(paired_t_p(std::vector<double>{1, 1, 0, kInfinity, -1, 2, 3}), 0.109375);
}

// scipy.stats.ttest_1samp(d, -margin, alternative="greater") and (d, margin, alternative="less"), SciPy 1.10.1: the
// greater.
TEST(PairedT, ShowsEquivalenceFromBothEnds) {
  EXPECT_NEAR(paired_equivalence_p(depression(), 0.5), 0.3224827856633171, 1e-14);
  EXPECT_NEAR(paired_equivalence_p(depression(), 1.0), 0.0019949390892794318, 1e-14);
  EXPECT_EQ(paired_equivalence_p(depression(), 1.0), paired_equivalence_p(negated(depression()), 1.0));
  const std::vector<double> same(6, 0.0), far(6, 2.0);
  EXPECT_EQ(paired_equivalence_p(same, 0.001), 1.0 / 64) << "six bit-equal pairs";
  EXPECT_EQ(paired_equivalence_p(far, 0.001), 1);
}

}  // namespace
}  // namespace caviar
