// Initial weights: PyTorch's bounds, the uniform law, and independence of seed, tensor and element.
#include <cmath>
#include <set>

#include <gtest/gtest.h>

#include "kernels/math/init.h"
#include "tests/support/goodness_of_fit.h"

namespace caviar {
namespace {

TEST(InitOracle, WeightsAreUniformWithinTheirBound) {
  for (float bound : {1.0f, 0.17677669f, 0.03125f}) {
    std::vector<double> sample;
    double smallest = 1, largest = -1;
    for (std::uint64_t i = 0; i < 200000; ++i) {
      const double w = initial_weight(12, 3, i, bound);
      smallest = std::min(smallest, w), largest = std::max(largest, w);
      sample.push_back(w);
    }
    EXPECT_GE(smallest, -bound);
    EXPECT_LT(largest, bound);
    // 200,000 uniform numbers come closer to both ends than 1e-4 of the bound, but once in e^10.
    EXPECT_LT(smallest, -0.9999 * bound);
    EXPECT_GT(largest, 0.9999 * bound);
    const auto cdf = [bound](double w) { return (w + bound) / (2 * bound); };
    EXPECT_GT(test::kolmogorov_smirnov_p(sample, cdf), test::kFailureProbability) << bound;
  }
}

// Correlation of two sequences of n independent uniform numbers is normal with deviation 1 / sqrt n: five of them are
// passed once in two million.
TEST(InitOracle, SeedsTensorsAndNeighboursAreUncorrelated) {
  constexpr int kCount = 100000;
  double seeds = 0, tensors = 0, neighbours = 0, squares = 0;
  for (std::uint64_t i = 0; i < kCount; ++i) {
    const double w = initial_weight(1, 0, i, 1.0f);
    squares += w * w;
    seeds += w * initial_weight(2, 0, i, 1.0f);
    tensors += w * initial_weight(1, 1, i, 1.0f);
    neighbours += w * initial_weight(1, 0, i + 1, 1.0f);
  }
  const double bound = 5 / std::sqrt(double{kCount});
  EXPECT_LT(std::abs(seeds / squares), bound);
  EXPECT_LT(std::abs(tensors / squares), bound);
  EXPECT_LT(std::abs(neighbours / squares), bound);
}

// Beyond 2^34 elements the second word of the counter changes.
TEST(InitOracle, HighElementsAreTheirOwn) {
  std::set<float> seen;
  for (std::uint64_t element : {0ull, 1ull, 2ull, 3ull, 4ull, 1ull << 32, 1ull << 34, (1ull << 34) + 4}) {
    seen.insert(initial_weight(5, 0, element, 1.0f));
  }
  EXPECT_EQ(seen.size(), 8u);
}

}  // namespace
}  // namespace caviar
