// The keyed permutation: a bijection for every size, and as good as random where training could notice: where one
// element goes, which orders small sets take, how epochs and batches relate.
#include <algorithm>
#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include "kernels/math/permutation.h"
#include "tests/support/goodness_of_fit.h"

namespace caviar {
namespace {

std::vector<std::uint32_t> whole(const Permutation& p) {
  std::vector<std::uint32_t> order(p.n);
  for (std::uint32_t i = 0; i < p.n; ++i) order[i] = permute(p, i);
  return order;
}

std::vector<std::uint32_t> whole(std::uint64_t seed, std::uint32_t epoch, std::uint32_t n) {
  return whole(make_permutation(seed, Stream::kOrder, epoch, n));
}

bool is_bijection(std::vector<std::uint32_t> order) {
  std::sort(order.begin(), order.end());
  for (std::uint32_t i = 0; i < order.size(); ++i) {
    if (order[i] != i) return false;
  }
  return true;
}

TEST(PermutationOracle, IsABijectionForEverySizeUpTo1100) {
  for (std::uint32_t n = 1; n <= 1100; ++n) ASSERT_TRUE(is_bijection(whole(n, n % 7, n))) << n;
}

TEST(PermutationOracle, IsABijectionForSizesAroundPowersOfTwoAndForTheDataSetsWeKnow) {
  for (std::uint32_t n : {4095u, 4096u, 4097u, 10000u, 16383u, 16384u, 16385u, 50000u, 60000u, 65537u, 1048577u}) {
    ASSERT_TRUE(is_bijection(whole(3, 1, n))) << n;
  }
}

TEST(PermutationOracle, StaysInsideTheLargestSizes) {
  for (std::uint32_t n : {0x40000000u, 0x40000001u, 0x7fffffffu}) {
    const Permutation p = make_permutation(1, Stream::kOrder, 0, n);
    for (std::uint32_t i = 0; i < 1000; ++i) {
      EXPECT_LT(permute(p, i), n);
      EXPECT_LT(permute(p, n - 1 - i), n);
    }
  }
}

// The number of an order of n elements among the n! of them.
std::size_t rank_of(const std::vector<std::uint32_t>& order) {
  std::size_t rank = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto smaller = std::count_if(order.begin() + static_cast<std::ptrdiff_t>(i), order.end(),
                                       [&](std::uint32_t other) { return other < order[i]; });
    rank = rank * (order.size() - i) + static_cast<std::size_t>(smaller);
  }
  return rank;
}

// From five elements on the domain is 16 or more, of which a balanced Feistel network makes even permutations only.
// Over all 120 orders of five that leaves a bias of 8 % (root mean square, whatever the number of rounds and the
// mixing), which no larger set can show: the sign of an order is all there is to see.
TEST(PermutationOracle, AllOrdersOfFewElementsAreEquallyLikely) {
  constexpr std::uint32_t kEpochs = 60000;
  for (std::uint32_t n : {2u, 3u, 4u}) {
    std::size_t orders = 1;
    for (std::uint32_t i = 2; i <= n; ++i) orders *= i;
    std::vector<double> counts(orders), expected(orders, double{kEpochs} / static_cast<double>(orders));
    for (std::uint32_t epoch = 0; epoch < kEpochs; ++epoch) ++counts[rank_of(whole(5, epoch, n))];
    EXPECT_GT(test::chi_squared_p(counts, expected), test::kFailureProbability) << n;
  }
}

// A table with fixed margins: (n - 1)^2 degrees of freedom, so 2 n - 1 constraints.
TEST(PermutationOracle, EveryElementComesToEveryPlaceEquallyOften) {
  constexpr std::uint32_t kEpochs = 40000;
  for (std::uint32_t n : {7u, 16u, 19u, 64u}) {
    std::vector<double> counts(n * n), expected(n * n, double{kEpochs} / n);
    for (std::uint32_t epoch = 0; epoch < kEpochs; ++epoch) {
      const std::vector<std::uint32_t> order = whole(11, epoch, n);
      for (std::uint32_t i = 0; i < n; ++i) ++counts[i * n + order[i]];
    }
    EXPECT_GT(test::chi_squared_p(counts, expected, static_cast<int>(2 * n - 1)), test::kFailureProbability) << n;
  }
}

// Neighbours of a random order: the step from one place to the next, modulo n, is uniform on 1 .. n - 1.
TEST(PermutationOracle, NeighboursAreUnrelated) {
  constexpr std::uint32_t kSize = 50000, kCells = 100;
  std::vector<double> counts(kCells), expected(kCells, 20.0 * kSize / kCells);
  for (std::uint32_t epoch = 0; epoch < 20; ++epoch) {
    const std::vector<std::uint32_t> order = whole(13, epoch, kSize);
    for (std::uint32_t i = 0; i < kSize; ++i) {
      const std::uint32_t step = (order[(i + 1) % kSize] + kSize - order[i]) % kSize;
      ++counts[step / (kSize / kCells)];
    }
  }
  EXPECT_GT(test::chi_squared_p(counts, expected), test::kFailureProbability);
}

// Two independent orders of n agree in about Poisson(1) places.
void expect_unrelated(const std::vector<std::vector<std::uint32_t>>& orders) {
  std::vector<double> counts(6), expected;
  const double pairs = static_cast<double>(orders.size() - 1);
  double tail = pairs, term = pairs / std::exp(1.0);
  for (int k = 0; k < 5; tail -= term, term /= ++k) expected.push_back(term);
  expected.push_back(tail);
  for (std::size_t k = 1; k < orders.size(); ++k) {
    std::size_t same = 0;
    for (std::size_t i = 0; i < orders[k].size(); ++i) same += orders[k][i] == orders[k - 1][i];
    ++counts[std::min<std::size_t>(same, 5)];
  }
  EXPECT_GT(test::chi_squared_p(counts, expected), test::kFailureProbability);
}

TEST(PermutationOracle, EpochsAndSeedsAreUnrelated) {
  std::vector<std::vector<std::uint32_t>> by_epoch, by_seed;
  for (std::uint32_t k = 0; k < 4000; ++k) {
    by_epoch.push_back(whole(17, k, 300));
    by_seed.push_back(whole(k, 0, 300));
  }
  expect_unrelated(by_epoch);
  expect_unrelated(by_seed);
}

TEST(PermutationOracle, OrderAndSplitOfOneSeedDiffer) {
  EXPECT_NE(whole(make_permutation(1, Stream::kOrder, 0, 100)), whole(make_permutation(1, Stream::kSplit, 0, 100)));
}

}  // namespace
}  // namespace caviar
