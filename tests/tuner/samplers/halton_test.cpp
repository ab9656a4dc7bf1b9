// Halton points: the radical inverse behind the permutations, strata in every base, many dimensions.
#include "tuner/samplers/halton.h"

#include <cmath>
#include <map>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "tests/tuner/sweep_text.h"
#include "tuner/samplers/random.h"

namespace caviar {
namespace {

SearchSpace lines(int count) {
  std::ostringstream text;
  text << "method: random\nparameters:\n";
  for (int i = 0; i < count; ++i) text << "  p" << 1000 + i << ": {min: 0.0, max: 1.0}\n";
  return SearchSpace(parse_sweep(text.str(), "sweep.yaml"));
}

constexpr int kPrimes[] = {2, 3, 5, 7, 11, 13};

// b^m points from anywhere on: one in each of b^m equal parts, for every base at once.
TEST(Halton, AnyRunOfPointsIsStratified) {
  const HaltonSampler halton(lines(6), 3);
  for (std::size_t d = 0; d < 6; ++d) {
    for (int length = kPrimes[d]; length < 200; length *= kPrimes[d]) {
      for (const std::int64_t first : {0, 17, 1000}) {
        std::set<int> parts;
        for (std::int64_t i = first; i < first + length; ++i) {
          parts.insert(static_cast<int>(halton.point(i)[d] * length));
        }
        EXPECT_EQ(parts.size(), static_cast<std::size_t>(length)) << kPrimes[d] << " " << first;
      }
    }
  }
}

// By the Chinese remainder theorem 2^a 3^b points in a row have one in each rectangle of 2^-a by 3^-b.
TEST(Halton, PairsOfParametersAreStratifiedTogether) {
  const HaltonSampler halton(lines(2), 4);
  std::set<std::pair<int, int>> rectangles;
  for (std::int64_t i = 5; i < 5 + 8 * 9; ++i) {
    const Point point = halton.point(i);
    rectangles.emplace(static_cast<int>(point[0] * 8), static_cast<int>(point[1] * 9));
  }
  EXPECT_EQ(rectangles.size(), 72u);
}

// The k-th digit of the coordinate is a function of the k-th digit of the index, one to one, and another one at another
// place; that is the radical inverse up to the names of digits.
TEST(Halton, DigitsAreMirroredAndRenamed) {
  constexpr int kBase = 7;
  const HaltonDimension dimension(kBase, 1, "x");
  std::map<int, int> renamed[3];
  for (int index = 0; index < kBase * kBase * kBase; ++index) {
    double u = dimension.at(index, 0.5);
    for (int place = 0, rest = index; place < 3; ++place, rest /= kBase) {
      u *= kBase;
      const int digit = static_cast<int>(u);
      u -= digit;
      const auto [found, added] = renamed[place].emplace(rest % kBase, digit);
      EXPECT_EQ(found->second, digit);
    }
  }
  for (const auto& names : renamed) {
    std::set<int> values;
    for (const auto& [from, to] : names) values.insert(to);
    EXPECT_EQ(values.size(), 7u);
  }
  EXPECT_FALSE(renamed[0] == renamed[1] && renamed[1] == renamed[2]);
}

// All 6 permutations of three digits are equally likely: with 6,000 seeds each count is within 1000 +- 180 (6 standard
// deviations).
TEST(Halton, PermutationsAreFair) {
  std::map<int, int> counts;
  for (std::uint64_t seed = 0; seed < 6000; ++seed) {
    const HaltonDimension dimension(3, seed, "x");
    const auto digit = [&](int index) { return static_cast<int>(dimension.at(index, 0) * 3 + 1e-9); };
    ++counts[digit(0) * 9 + digit(1) * 3 + digit(2)];
  }
  EXPECT_EQ(counts.size(), 6u);
  for (const auto& [permutation, count] : counts) EXPECT_NEAR(count, 1000, 180) << permutation;
}

TEST(Halton, CoordinatesStayBelowOne) {
  for (const int base : {2, 3, 7919}) {
    const HaltonDimension dimension(base, 1, "x");
    for (std::int64_t index = 0; index < 20000; ++index) {
      const double u = dimension.at(index, 1 - 0x1p-53);
      ASSERT_TRUE(u >= 0 && u < 1) << base << " " << index;
    }
    EXPECT_LT(dimension.at(std::int64_t{1} << 62, 0.5), 1);
  }
}

// Parameters 199 and 200 have the bases 1,217 and 1,223. Without permutations their first 200 points lie on a line,
// (i / 1217, i / 1223); here they are uncorrelated to 4.9 / sqrt(200) (chance 1e-6) and uniform in the mean.
TEST(Halton, TwoHundredDimensionsDoNotLieOnLines) {
  const HaltonSampler halton(lines(200), 1);
  double products = 0, sum = 0;
  for (std::int64_t i = 0; i < 200; ++i) {
    const Point point = halton.point(i);
    products += (point[198] - 0.5) * (point[199] - 0.5);
    sum += point[199];
  }
  EXPECT_LT(std::abs(products / 200 * 12), 4.9 / std::sqrt(200));
  EXPECT_NEAR(sum / 200, 0.5, 0.1);
}

// The mean of a smooth function over 1,000 points, a number that is no power of anything here; root mean square over
// 20 seeds.
TEST(Halton, MeansAreBetterThanThoseOfIndependentDraws) {
  const SearchSpace space = lines(4);
  double halton = 0, random = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const HaltonSampler sampler(space, seed);
    const auto error = [&](auto&& point_at) {
      double sum = 0;
      for (std::int64_t i = 0; i < 1000; ++i) {
        double product = 1;
        for (const double u : point_at(i)) product *= 1 + (u - 0.5);
        sum += product;
      }
      return sum / 1000 - 1;
    };
    const double h = error([&](std::int64_t i) { return sampler.point(i); });
    const double r = error([&](std::int64_t i) { return random_point(space, seed, i); });
    halton += h * h;
    random += r * r;
  }
  EXPECT_LT(std::sqrt(halton / 20), 2e-3);
  EXPECT_GT(std::sqrt(random / 20), 5e-3);
}

TEST(Halton, BeyondAThousandParametersDrawsAreIndependent) {
  const SearchSpace space = lines(1002);
  const Point point = HaltonSampler(space, 5).point(9), drawn = random_point(space, 5, 9);
  EXPECT_NE(point[999], drawn[999]);
  EXPECT_EQ(point[1000], drawn[1000]);
  EXPECT_EQ(point[1001], drawn[1001]);
}

TEST(Halton, FurtherAttemptsAreOtherConfigs) {
  HaltonSampler sampler(lines(2), 1);
  std::set<Config> seen;
  for (int attempt = 0; attempt < 5; ++attempt) EXPECT_TRUE(seen.insert(sampler.suggest(4, attempt).value()).second);
}

}  // namespace
}  // namespace caviar
