// Sobol points: the published ones before scrambling, nets after it.
#include "tuner/samplers/sobol.h"

#include <cmath>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "tests/tuner/sweep_text.h"
#include "tuner/samplers/random.h"
#include "tuner/samplers/sobol_directions.h"

namespace caviar {
namespace {

SearchSpace lines(int count) {
  std::ostringstream text;
  text << "method: random\nparameters:\n";
  for (int i = 0; i < count; ++i) text << "  p" << 1000 + i << ": {min: 0.0, max: 1.0}\n";
  return SearchSpace(parse_sweep(text.str(), "sweep.yaml"));
}

// The ten points that Joe and Kuo's page prints for three dimensions.
TEST(Sobol, FirstPointsAreThoseOfJoeAndKuo) {
  constexpr double kPoints[10][3] = {{0, 0, 0},
                                     {0.5, 0.5, 0.5},
                                     {0.75, 0.25, 0.25},
                                     {0.25, 0.75, 0.75},
                                     {0.375, 0.375, 0.625},
                                     {0.875, 0.875, 0.125},
                                     {0.625, 0.125, 0.875},
                                     {0.125, 0.625, 0.375},
                                     {0.1875, 0.3125, 0.9375},
                                     {0.6875, 0.8125, 0.4375}};
  for (std::uint32_t i = 0; i < 10; ++i) {
    for (std::size_t d = 0; d < 3; ++d) EXPECT_EQ(sobol_digits(d, i) * 0x1p-32, kPoints[i][d]) << i << " " << d;
  }
}

// SciPy 1.10.1: qmc.Sobol(256, scramble=False, bits=32).random(4096)[point, dimension] * 2**32
TEST(Sobol, HighDimensionsAreThoseOfSciPy) {
  struct Row {
    std::size_t dimension;
    std::uint32_t point, digits;
  };
  constexpr Row kRows[] = {{3, 5, 1610612736},     {9, 100, 2986344448},   {31, 777, 3862953984},
                           {63, 1000, 1916796928}, {127, 2047, 94371840},  {199, 3000, 2381316096},
                           {255, 1, 2147483648},   {255, 4095, 2632974336}};
  for (const Row& row : kRows) EXPECT_EQ(sobol_digits(row.dimension, row.point), row.digits) << row.dimension;
}

// 2^m points from a multiple of 2^m on: one in each of 2^m equal parts, in every dimension.
TEST(Sobol, ScrambledPointsAreStratifiedInEveryDimension) {
  const SearchSpace space = lines(kSobolDimensions);
  for (const std::int64_t first : {0, 3 * 64}) {
    std::vector<std::set<int>> parts(kSobolDimensions);
    for (std::int64_t i = first; i < first + 64; ++i) {
      const Point point = sobol_point(space, 7, i);
      for (std::size_t d = 0; d < point.size(); ++d) parts[d].insert(static_cast<int>(point[d] * 64));
    }
    for (std::size_t d = 0; d < parts.size(); ++d) EXPECT_EQ(parts[d].size(), 64u) << first << " " << d;
  }
}

// Dimensions 1 and 2 are a (0, m, 2)-net: one point in every rectangle of 2^-a by 2^-b with a + b = m. Scrambling keeps
// that; independent draws hit it with a chance of about e^-256.
TEST(Sobol, ScrambledPointsStayANet) {
  const SearchSpace space = lines(2);
  constexpr int kLog = 8;
  for (int a = 0; a <= kLog; ++a) {
    std::set<std::pair<int, int>> rectangles;
    for (std::int64_t i = 0; i < 1 << kLog; ++i) {
      const Point point = sobol_point(space, 11, i);
      rectangles.emplace(static_cast<int>(point[0] * (1 << a)), static_cast<int>(point[1] * (1 << (kLog - a))));
    }
    EXPECT_EQ(rectangles.size(), std::size_t{1} << kLog) << a;
  }
}

// A nested scramble maps equal prefixes to equal prefixes, and flips what follows by draws of that prefix alone.
TEST(Sobol, ScramblingIsNested) {
  for (int length = 1; length < 32; ++length) {
    const std::uint32_t one = 0xA5C3F00Fu, other = one ^ 1u << (32 - 1 - length);
    const std::uint32_t difference = scrambled_digits(one, 3, "x") ^ scrambled_digits(other, 3, "x");
    EXPECT_EQ(difference >> (32 - length), 0u) << length;
    EXPECT_EQ(difference >> (31 - length), 1u) << length;
  }
}

// Over seeds every digit is flipped half the time: 10,000 fair draws stray from 5,000 by 300 with a chance of 2e-9.
TEST(Sobol, EveryDigitIsFlippedByAFairDraw) {
  int flipped[32] = {};
  for (std::uint64_t seed = 0; seed < 10000; ++seed) {
    const std::uint32_t scrambled = scrambled_digits(0x12345678u, seed, "x") ^ 0x12345678u;
    for (int digit = 0; digit < 32; ++digit) flipped[digit] += scrambled >> digit & 1;
  }
  for (const int count : flipped) EXPECT_NEAR(count, 5000, 300);
}

// What it is for: the mean of a smooth function over 1,024 points. Its error falls as n^-1.5 (Owen 1997), that of
// independent draws as n^-0.5; here the root mean square over 20 seeds.
TEST(Sobol, MeansAreFarBetterThanThoseOfIndependentDraws) {
  const SearchSpace space = lines(4);
  double sobol = 0, random = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto error = [&](auto&& point_at) {
      double sum = 0;
      for (std::int64_t i = 0; i < 1024; ++i) {
        double product = 1;
        for (const double u : point_at(i)) product *= 1 + (u - 0.5);
        sum += product;
      }
      return sum / 1024 - 1;
    };
    const double s = error([&](std::int64_t i) { return sobol_point(space, seed, i); });
    const double r = error([&](std::int64_t i) { return random_point(space, seed, i); });
    sobol += s * s;
    random += r * r;
  }
  EXPECT_LT(std::sqrt(sobol / 20), 2e-4);
  EXPECT_GT(std::sqrt(random / 20), 5e-3);
}

TEST(Sobol, ConstantsTakeNoDimension) {
  const auto with = SearchSpace(parse_sweep(
      "method: random\nparameters: {a: {value: 1}, b: {min: 0.0, max: 1.0}, c: {min: 0.0, max: 1.0}}\n", "sweep.yaml"));
  const auto without = SearchSpace(
      parse_sweep("method: random\nparameters: {b: {min: 0.0, max: 1.0}, c: {min: 0.0, max: 1.0}}\n", "sweep.yaml"));
  for (std::int64_t i = 0; i < 16; ++i) {
    const Point longer = sobol_point(with, 1, i), shorter = sobol_point(without, 1, i);
    EXPECT_EQ(longer[1], shorter[0]);
    EXPECT_EQ(longer[2], shorter[1]);
  }
}

TEST(Sobol, BeyondItsTableDrawsAreIndependent) {
  const SearchSpace space = lines(260);
  const Point point = sobol_point(space, 5, 9), drawn = random_point(space, 5, 9);
  EXPECT_NE(point[255], drawn[255]);
  for (std::size_t i = 256; i < 260; ++i) EXPECT_EQ(point[i], drawn[i]);
  EXPECT_EQ(sobol_point(space, 5, std::int64_t{1} << 32), random_point(space, 5, std::int64_t{1} << 32));
}

TEST(Sobol, FurtherAttemptsAreOtherConfigs) {
  SobolSampler sampler(lines(2), 1);
  std::set<Config> seen;
  for (int attempt = 0; attempt < 5; ++attempt) EXPECT_TRUE(seen.insert(sampler.suggest(4, attempt).value()).second);
}

}  // namespace
}  // namespace caviar
