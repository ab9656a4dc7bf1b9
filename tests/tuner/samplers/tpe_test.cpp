// The tree-structured Parzen estimator: its densities against SciPy, its split, its lie, and that it finds more than
// chance.
#include "tuner/samplers/tpe.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "tests/tuner/sweep_text.h"
#include "tuner/samplers/random.h"

namespace caviar {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

SearchSpace space_of(const std::string& parameters) {
  return SearchSpace(parse_sweep("method: random\nparameters:\n" + parameters, "sweep.yaml"));
}

const char* const kThree = "  a: {min: 0.0, max: 1.0}\n  b: {min: 0, max: 3}\n  c: {values: [x, y, z]}\n";

// a, with a child that has a place only where `pick` is x.
SearchSpace conditional() {
  SweepSpec spec = parse_sweep("method: random\nparameters:\n  pick: {values: [x, y]}\n  child: {min: 0.0, max: 1.0}\n",
                               "sweep.yaml");
  for (ParameterSpec& parameter : spec.parameters) {
    if (parameter.name == "child") parameter.when = Condition{"pick", {"x"}};
  }
  return SearchSpace(spec);  // child, pick
}

std::vector<const Point*> pointers(const std::vector<Point>& points) {
  std::vector<const Point*> out;
  for (const Point& point : points) out.push_back(&point);
  return out;
}

// SciPy 1.10.1, with s_a = 0.45285838532438571, s_b = 0.44384537673930069 by the formula of the header for three
// points:
//   def cut(s, m): return stats.truncnorm(-m / s, (1 - m) / s, loc=m, scale=s)
//   kernels = [0.25 / 3] + [cut(s_a, u).pdf(x) * (T.cdf((k1 + 1) / 4) - T.cdf(k1 / 4)) * ((c == c1) + A / 3) / (1 + A)
//       for u, k, c in [(.2, 1, 0), (.9, 3, 0), (.25, 0, 2)] for T in [cut(s_b, (k + .5) / 4)]], A = 3 / 4
//   numpy.log(numpy.mean(kernels)); numpy.log(numpy.average(kernels, weights=[1, 2, 1, .5]))
TEST(Parzen, DensityIsThatOfSciPy) {
  const SearchSpace space = space_of(kThree);
  const std::vector<Axis> axes = axes_of(space);
  const std::vector<Point> points = {{0.2, 0.375, 1.0 / 6}, {0.9, 0.875, 1.0 / 6}, {0.25, 0.125, 5.0 / 6}};
  const ParzenEstimator estimator(axes, pointers(points), {});
  EXPECT_NEAR(estimator.sigma(0), 0.45285838532438571, 1e-15);
  EXPECT_NEAR(estimator.sigma(1), 0.44384537673930069, 1e-15);
  const std::vector<Point> at = {{0.1, 0.125, 0.5}, {0.5, 0.625, 1.0 / 6}, {0.97, 0.875, 5.0 / 6}};
  const std::vector<double> found = estimator.log_density(at);
  EXPECT_NEAR(found[0], -2.960775854792748, 1e-12);
  EXPECT_NEAR(found[1], -1.944897958526671, 1e-12);
  EXPECT_NEAR(found[2], -2.99668151387373, 1e-12);
  const std::vector<double> weighted =
      ParzenEstimator(axes, pointers(points), {}, std::vector<double>{2, 1, 0.5}).log_density(at);
  EXPECT_NEAR(weighted[0], -2.999199034134112, 1e-12);
  EXPECT_NEAR(weighted[1], -1.770712887820651, 1e-12);
  EXPECT_NEAR(weighted[2], -3.139232755425544, 1e-12);
}

// Over all configs the density is 1: the sum over choices, the integral over the line.
TEST(Parzen, DensityOfAConditionalSpaceIsOne) {
  const SearchSpace space = conditional();
  const std::vector<Axis> axes = axes_of(space);
  const std::vector<Point> points = {{0.3, 0.25}, {kNan, 0.75}, {0.9, 0.25}, {kNan, 0.75}, {0.95, 0.25}};
  const ParzenEstimator estimator(axes, pointers(points), {});
  double total = std::exp(estimator.log_density(std::vector<Point>{{kNan, 0.75}})[0]);
  constexpr int kSteps = 2000;
  for (int i = 0; i < kSteps; ++i)
    total += std::exp(estimator.log_density(std::vector<Point>{{(i + 0.5) / kSteps, 0.25}})[0]) / kSteps;
  EXPECT_NEAR(total, 1, 1e-6);
}

// The share of draws in each of 4 x 4 x 3 cells is the mass of the density there: chi-square with 47 degrees of freedom
// is above 112 with probability 2e-7.
TEST(Parzen, DrawsFollowTheDensity) {
  const SearchSpace space = space_of(kThree);
  const std::vector<Axis> axes = axes_of(space);
  const std::vector<Point> points = {{0.05, 0.375, 1.0 / 6}, {0.9, 0.875, 1.0 / 6}, {0.25, 0.125, 5.0 / 6}};
  const ParzenEstimator estimator(axes, pointers(points), {}, std::vector<double>{0.3, 2.5, 1});
  constexpr int kDraws = 20000, kFine = 50;
  std::vector<double> mass(48), count(48);
  for (std::size_t cell = 0; cell < 48; ++cell) {
    for (int i = 0; i < kFine; ++i) {
      const Point at = {(static_cast<double>(cell / 12) + (i + 0.5) / kFine) / 4,
                        (static_cast<double>(cell / 3 % 4) + 0.5) / 4, (static_cast<double>(cell % 3) + 0.5) / 3};
      mass[cell] += std::exp(estimator.log_density(std::vector<Point>{at})[0]) / 4 / kFine;
    }
  }
  Draws draws(7, 0, "draws");
  for (int i = 0; i < kDraws; ++i) {
    const Point point = estimator.draw(draws);
    count[static_cast<std::size_t>(point[0] * 4) * 12 + static_cast<std::size_t>(point[1] * 4) * 3 +
          static_cast<std::size_t>(point[2] * 3)] += 1;
  }
  double chi_square = 0;
  for (std::size_t cell = 0; cell < 48; ++cell) {
    const double expected = mass[cell] * kDraws;
    chi_square += (count[cell] - expected) * (count[cell] - expected) / expected;
  }
  EXPECT_LT(chi_square, 112);
}

TEST(Observations, AreRankedAndTheDivergedComeLast) {
  Observations seen;
  for (const double loss : {2.0, kNan, 1.0, std::numeric_limits<double>::infinity(), 1.0, -3.0, kNan})
    seen.add({0.5}, loss);
  const std::vector<std::uint32_t> expected = {5, 2, 4, 0, 3, 1, 6};
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), seen.ranking().begin(), seen.ranking().end()));
  EXPECT_EQ(seen.trained(), 5u);
}

// 20 trials: where b says, all diverge; the best others lie at a small a.
TEST(Tpe, WhatDivergedIsAvoided) {
  const SearchSpace space = space_of("  a: {min: 0.0, max: 1.0}\n  b: {values: [x, y]}\n");
  const std::vector<Axis> axes = axes_of(space);
  Observations seen;
  for (int i = 0; i < 20; ++i) {
    const double a = (i / 2 + 0.5) / 10;
    seen.add({a, i % 2 ? 0.25 : 0.75}, i % 2 ? a : kNan);
  }
  int good = 0;
  for (int i = 0; i < 100; ++i) {
    const Point best = tpe_candidates(space, axes, seen, {}, {}, {3, i, "tpe"}).front();
    good += best[0] < 0.5 && best[1] == 0.25;
  }
  EXPECT_GE(good, 80);
}

TEST(Tpe, NothingButDivergedTrialsIsFine) {
  TpeSampler sampler(space_of("  a: {min: 0.0, max: 1.0}\n"), {}, 1, 1);
  for (int i = 0; i < 30; ++i) {
    const Config config = sampler.suggest(i).value();
    TrialResult result;
    result.number = i;
    result.config = config;
    sampler.started({i, config});
    sampler.tell(result);
  }
  EXPECT_TRUE(sampler.suggest(30));
}

// Four of 40 trials are good, two and two at the ends of the line: candidates are drawn more often at the end of the
// best two, which weigh 0.77 of the four's sum.
TEST(Tpe, TheBestOfTheGoodCountMost) {
  const SearchSpace space = space_of("  a: {min: 0.0, max: 1.0}\n");
  const std::vector<Axis> axes = axes_of(space);
  Observations seen;
  for (int i = 0; i < 40; ++i) {
    const double good[] = {0.1, 0.12, 0.9, 0.88};
    seen.add({i < 4 ? good[i] : 0.3 + 0.01 * i}, i);
  }
  TpeSettings settings;
  settings.candidates = 1;
  settings.kernels.bandwidth = 0.1;
  int low = 0, high = 0;
  for (int i = 0; i < 400; ++i) {
    const double a = tpe_candidates(space, axes, seen, {}, settings, {3, i, "tpe"}).front()[0];
    low += a < 0.25;
    high += a > 0.75;
  }
  EXPECT_GT(low, 2 * high);
  EXPECT_GT(high, 40);
}

// Eight suggestions without a result between them: the pending ones push the next away.
TEST(Tpe, ABatchSpreads) {
  const SearchSpace space = space_of("  a: {min: 0.0, max: 1.0}\n");
  const auto spread = [&](int candidates, bool announce) {
    TpeSettings settings;
    settings.candidates = candidates;
    TpeSampler sampler(space, settings, 5, 8);
    for (int i = 0; i < 40; ++i) {
      TrialResult result;
      result.number = -1 - i;
      result.config = space.config_at({(i + 0.5) / 40});
      result.loss = std::abs(i - 12.0);
      sampler.tell(result);
    }
    std::vector<double> batch;
    for (int i = 0; i < 64; ++i) {
      const Config config = sampler.suggest(i).value();
      if (announce) sampler.started({i, config});
      batch.push_back(config.at("a").get<double>());
    }
    double mean = 0, squares = 0;
    for (const double a : batch) mean += a / 64;
    for (const double a : batch) squares += (a - mean) * (a - mean);
    return std::sqrt(squares / 63);
  };
  EXPECT_GT(spread(24, true), 2 * spread(24, false));
  // The best of fewer candidates spread without knowing of each other.
  EXPECT_GT(spread(TpeSettings{}.candidates, true), 1.3 * spread(TpeSettings{}.candidates, false));
}

TEST(Tpe, AttemptsGiveOtherConfigs) {
  const SearchSpace space = space_of(kThree);
  TpeSampler sampler(space, {}, 5, 1);
  for (int i = 0; i < 12; ++i) {
    TrialResult result;
    result.number = -1 - i;
    result.config = space.config_at(random_point(space, 3, i));
    result.loss = i;
    sampler.tell(result);
  }
  std::vector<Config> tried;
  for (int attempt = 0; attempt < 60; ++attempt) tried.push_back(sampler.suggest(0, attempt).value());
  EXPECT_EQ(sampler.suggest(0, 0), tried.front());
  std::sort(tried.begin(), tried.end());
  EXPECT_EQ(std::unique(tried.begin(), tried.end()), tried.end());
}

// A child without a place takes no part, and no config has one that should not.
TEST(Tpe, ConditionalParametersAreTrimmed) {
  const SearchSpace space = conditional();
  TpeSampler sampler(space, {}, 9, 1);
  int with = 0;
  for (int i = 0; i < 60; ++i) {
    const Config config = sampler.suggest(i).value();
    const bool has = config.count("child") > 0;
    EXPECT_EQ(has, config.at("pick") == "x");
    TrialResult result;
    result.number = i;
    result.config = config;
    result.loss = has ? std::abs(config.at("child").get<double>() - 0.3) : 0.5;
    sampler.started({i, config});
    sampler.tell(result);
    if (i >= 40) with += has && result.loss < 0.15;
  }
  EXPECT_GE(with, 12);
}

// The best of 60 trials on a bowl in 4 parameters, median of 15 searches.
TEST(Tpe, BeatsChanceOnABowl) {
  const SearchSpace space = space_of(
      "  a: {min: 0.0, max: 1.0}\n  b: {min: 0.0, max: 1.0}\n  c: {min: 0, max: 20}\n  d: {min: 0.0, max: 1.0}\n");
  const auto median = [&](const auto& make) {
    std::vector<double> best;
    for (std::uint64_t seed = 0; seed < 15; ++seed) {
      const std::unique_ptr<Sampler> sampler = make(seed);
      double least = 1e9;
      for (int i = 0; i < 60; ++i) {
        TrialResult result;
        result.number = i;
        result.config = sampler->suggest(i).value();
        result.loss = 0;
        const Point point = space.point_of(result.config).value();
        for (const double u : point) result.loss += (u - 0.3) * (u - 0.3);
        least = std::min(least, result.loss);
        sampler->started({i, result.config});
        sampler->tell(result);
      }
      best.push_back(least);
    }
    std::sort(best.begin(), best.end());
    return best[7];
  };
  const double chance = median([&](std::uint64_t seed) { return std::make_unique<RandomSampler>(space, seed); });
  const double found =
      median([&](std::uint64_t seed) { return std::make_unique<TpeSampler>(space, TpeSettings{}, seed, 1); });
  EXPECT_LT(found, chance / 3);
}

}  // namespace
}  // namespace caviar
