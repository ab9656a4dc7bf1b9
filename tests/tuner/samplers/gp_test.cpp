// Bayesian optimisation: targets, batches, mixed and conditional spaces, that it finds more than chance.
#include "tuner/samplers/gp.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "tests/tuner/sweep_text.h"
#include "tuner/numerics/draws.h"
#include "tuner/registry.h"
#include "tuner/samplers/random.h"

namespace caviar {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

SearchSpace space_of(const std::string& parameters) {
  return SearchSpace(parse_sweep("method: random\nparameters:\n" + parameters, "sweep.yaml"));
}

TrialResult result_of(std::int64_t number, const Config& config, double loss) {
  TrialResult result;
  result.number = number;
  result.config = config;
  result.loss = loss;
  return result;
}

// By hand: least 0, median 2, so 2 + 2 ln(1 + 98 / 2) stands for 100.
TEST(Gp, TargetsAreStandardisedAndTheirHeightsCompressed) {
  const std::vector<double> plain = gp_targets(std::vector<double>{0, 1, 2, 3, 100});
  const double values[] = {0, 1, 2, 2 + 2 * std::log(1.5), 2 + 2 * std::log(50.0)};
  double mean = 0, squares = 0;
  for (const double y : values) mean += y / 5;
  for (const double y : values) squares += (y - mean) * (y - mean) / 5;
  for (std::size_t i = 0; i < 5; ++i) EXPECT_NEAR(plain[i], (values[i] - mean) / std::sqrt(squares), 1e-14);
  // What diverged counts as the worst that did not.
  const std::vector<double> with = gp_targets(std::vector<double>{0, 1, 2, 3, 100, kNan, kInfinity, -kInfinity});
  EXPECT_EQ(with[5], with[4]);
  EXPECT_EQ(with[6], with[4]);
  EXPECT_EQ(with[7], with[0]);
  EXPECT_EQ(gp_targets(std::vector<double>{kNan, kInfinity}), (std::vector<double>{0, 0}));
  EXPECT_EQ(gp_targets(std::vector<double>{5, 5, 5}), (std::vector<double>{0, 0, 0}));
}

// The loss has its minimum at a = 0.3, b = y; c says nothing.
double bowl(const Config& config) {
  const double a = config.at("a").get<double>() - 0.3;
  return a * a + (config.at("b") == "y" ? 0 : 0.3);
}
const char* const kMixed = "  a: {min: 0.0, max: 1.0}\n  b: {values: [x, y, z]}\n  c: {min: 1, max: 4}\n";

TEST(Gp, FindsTheMinimumAmongLinesAndChoices) {
  GpSampler sampler(space_of(kMixed), {}, 4, 1);
  double least = kInfinity;
  for (std::int64_t i = 0; i < 30; ++i) {
    const Config config = sampler.suggest(i).value();
    least = std::min(least, bowl(config));
    sampler.started({i, config});
    sampler.tell(result_of(i, config, bowl(config)));
  }
  EXPECT_LT(least, 1e-4);
}

// A batch of pending trials is spread: what is under way is no improvement on itself. Twice two valleys of noisy
// losses, with the trials announced and not.
TEST(Gp, ABatchSpreads) {
  const SearchSpace space = space_of("  a: {min: 0.0, max: 1.0}\n");
  const auto range = [&](bool announce) {
    GpSampler sampler(space, {}, 5, 8);
    Draws noise(8, 0, "noise");
    for (int i = 0; i < 50; ++i) {
      const double u = (i + 0.5) / 50;
      sampler.tell(result_of(-1 - i, space.config_at({u}), std::cos(12 * u) + 0.3 * noise.normal()));
    }
    std::vector<double> batch;
    for (int i = 0; i < 8; ++i) {
      const Config config = sampler.suggest(i).value();
      EXPECT_EQ(sampler.suggest(i), config);
      if (announce) sampler.started({i, config});
      batch.push_back(config.at("a").get<double>());
    }
    const auto [least, most] = std::minmax_element(batch.begin(), batch.end());
    return *most - *least;
  };
  EXPECT_GT(range(true), 0.4);
  EXPECT_LT(range(false), 0.01);
}

// On a plateau with noise most suggestions stay within 0.3 of the point of the least mean on every line, and some see
// the whole space.
TEST(Gp, MostSuggestionsKeepNearTheBest) {
  const SearchSpace space = space_of(
      "  a: {min: 0.0, max: 1.0}\n  b: {min: 0.0, max: 1.0}\n  c: {min: 0.0, max: 1.0}\n  d: {values: [x, y]}\n");
  const std::vector<Axis> axes = axes_of(space);
  Draws noise(8, 0, "plateau");
  Observations seen;
  for (std::int64_t i = 0; i < 30; ++i) seen.add(random_point(space, 8, i), noise.normal());
  seen.add({0.2, 0.6, 0.4, 0.25}, -5);
  GpSearch search(space, axes);
  int near = 0;
  constexpr int kTries = 60;
  for (std::int64_t i = 0; i < kTries; ++i) {
    const Point point = search.candidates(seen, {}, {4, i, "gp"}).front();
    near += std::abs(point[0] - 0.2) < 0.3001 && std::abs(point[1] - 0.6) < 0.3001 && std::abs(point[2] - 0.4) < 0.3001;
  }
  EXPECT_GE(near, kTries / 2);  // 2 of 3 by chance: fewer with probability 0.3 %
}

// A study that is resumed tells all results at once: what the sampler kept on the way must not show.
TEST(Gp, AResumedSearchGoesOnAsIfItHadNotStopped) {
  const SearchSpace space = space_of(kMixed);
  GpSampler steady(space, {}, 6, 1), resumed(space, {}, 6, 1);
  std::vector<Config> configs;
  for (std::int64_t i = 0; i < 75; ++i) {
    const Config config = steady.suggest(i).value();
    steady.started({i, config});
    steady.tell(result_of(i, config, i % 9 == 4 ? kNan : bowl(config)));
    configs.push_back(config);
  }
  for (std::size_t i = 0; i < configs.size(); ++i) {
    const auto number = static_cast<std::int64_t>(i);
    resumed.started({number, configs[i]});
    resumed.tell(result_of(number, configs[i], i % 9 == 4 ? kNan : bowl(configs[i])));
  }
  EXPECT_EQ(steady.suggest(75), resumed.suggest(75));
  EXPECT_EQ(steady.suggest(75, 3), resumed.suggest(75, 3));
}

// The loss falls to one side for ever, and the draws of these laws have no ends.
TEST(Gp, StaysWhereLawsWithoutEndsHaveTheirWeight) {
  GpSampler sampler(space_of("  a: {distribution: normal, mu: 1.0, sigma: 0.1}\n"
                             "  b: {distribution: log_normal, mu: 0.0, sigma: 1.0}\n"),
                    {}, 4, 1);
  for (std::int64_t i = 0; i < 30; ++i) {
    const Config config = sampler.suggest(i).value();
    const double a = config.at("a").get<double>(), b = config.at("b").get<double>();
    if (i >= GpSettings{}.startup) {  // draws before may lie anywhere
      EXPECT_LT(std::abs(a - 1.0), 0.1 * 3.5);
      EXPECT_LT(std::abs(std::log(b)), 3.5);
    }
    sampler.tell(result_of(i, config, -a - std::log(b)));
  }
}

TEST(Gp, AttemptsGiveOtherConfigs) {
  GpSampler sampler(space_of(kMixed), {}, 4, 1);
  for (std::int64_t i = 0; i < 12; ++i) {
    const Config config = sampler.suggest(i).value();
    sampler.tell(result_of(i, config, bowl(config)));
  }
  std::vector<Config> tried;
  for (int attempt = 0; attempt < 40; ++attempt) tried.push_back(sampler.suggest(12, attempt).value());
  std::sort(tried.begin(), tried.end());
  EXPECT_EQ(std::unique(tried.begin(), tried.end()), tried.end());
}

TEST(Gp, EqualAndDivergedLossesAreFine) {
  for (const double loss : {1.0, kNan, kInfinity}) {
    GpSampler sampler(space_of(kMixed), {}, 4, 1);
    for (std::int64_t i = 0; i < 15; ++i) {
      const Config config = sampler.suggest(i).value();
      sampler.tell(result_of(i, config, i == 3 ? 0.5 : loss));
    }
    EXPECT_TRUE(sampler.suggest(15));
  }
}

// The median over 9 searches of the best of 40 trials on a bowl in 4 parameters.
TEST(Gp, BeatsChanceOnABowl) {
  const SearchSpace space = space_of(
      "  a: {min: 0.0, max: 1.0}\n  b: {min: 0.0, max: 1.0}\n  c: {min: 0.0, max: 1.0}\n  d: {min: 0.0, max: 1.0}\n");
  const auto median = [&](const auto& make) {
    std::vector<double> best;
    for (std::uint64_t seed = 0; seed < 9; ++seed) {
      const std::unique_ptr<Sampler> sampler = make(seed);
      double least = kInfinity;
      for (std::int64_t i = 0; i < 40; ++i) {
        const Config config = sampler->suggest(i).value();
        double loss = 0;
        const Point point = space.point_of(config).value();
        for (const double u : point) loss += (u - 0.3) * (u - 0.3);
        least = std::min(least, loss);
        sampler->started({i, config});
        sampler->tell(result_of(i, config, loss));
      }
      best.push_back(least);
    }
    std::sort(best.begin(), best.end());
    return best[4];
  };
  const double chance = median([&](std::uint64_t seed) { return std::make_unique<RandomSampler>(space, seed); });
  const double found =
      median([&](std::uint64_t seed) { return std::make_unique<GpSampler>(space, GpSettings{}, seed, 1); });
  EXPECT_LT(found, chance / 30);
}

TEST(Gp, IsWhatMethodBayesMeans) {
  const SweepSpec spec =
      parse_sweep("method: bayes\nmetric: {name: val_loss, goal: minimize}\nparameters:\n  a: {min: 0.0, max: 1.0}\n",
                  "sweep.yaml");
  const SearchSpace space(spec);
  const auto sampler = make_sampler(spec, space, {3, 5, {}});
  EXPECT_EQ(sampler->needs(12), 7);
  GpSampler gp(space, {}, 3, 5);
  for (std::int64_t i = 0; i < 5; ++i) EXPECT_EQ(sampler->suggest(i), gp.suggest(i));
}

}  // namespace
}  // namespace caviar
