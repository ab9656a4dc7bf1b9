// BOHB: which iteration the model is of, the share of random draws, and that it learns from short trainings.
#include "tuner/samplers/bohb.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "tests/tuner/sweep_text.h"
#include "tuner/samplers/random.h"

namespace caviar {
namespace {

const char* const kTwo = "  a: {min: 0.0, max: 1.0}\n  b: {values: [x, y, z]}\n  c: {value: 1}\n";

SearchSpace space_of(const std::string& parameters) {
  return SearchSpace(parse_sweep("method: random\nparameters:\n" + parameters, "sweep.yaml"));
}

// A trial judged at iterations 1, 3, 9, ... up to `last`; the loss is least at a = 0.3, b = y, and falls with training.
TrialResult result_of(std::int64_t number, const Config& config, std::int64_t last) {
  TrialResult result;
  result.number = number;
  result.config = config;
  const double off = config.at("a").get<double>() - 0.3;
  for (std::int64_t iteration = 1; iteration <= last; iteration *= 3) {
    result.loss = off * off + (config.at("b") == "y" ? 0 : 0.5) + 1.0 / static_cast<double>(iteration);
    result.curve.push_back({iteration, result.loss});
  }
  return result;
}

TEST(Bohb, TheModelIsOfTheLongestTrainingThatEnoughTrialsHad) {
  const SearchSpace space = space_of(kTwo);
  BohbSampler sampler(space, {}, 1, 1);
  std::int64_t number = 0;
  const auto tell = [&](int trials, std::int64_t last) {
    for (int i = 0; i < trials; ++i, ++number) {
      sampler.tell(result_of(number, space.config_at(random_point(space, 1, number)), last));
    }
  };
  tell(3, 1);
  EXPECT_EQ(sampler.modelled_iteration(), -1);  // two parameters vary: 4 are enough
  tell(1, 1);
  EXPECT_EQ(sampler.modelled_iteration(), 1);
  tell(3, 9);
  EXPECT_EQ(sampler.modelled_iteration(), 1);
  tell(1, 3);
  EXPECT_EQ(sampler.modelled_iteration(), 3);
  tell(1, 9);
  EXPECT_EQ(sampler.modelled_iteration(), 9);
}

TEST(Bohb, ADivergedTrialCountsAtItsLastIteration) {
  const SearchSpace space = space_of(kTwo);
  BohbSampler sampler(space, {}, 1, 1);
  for (std::int64_t i = 0; i < 4; ++i) {
    TrialResult result = result_of(i, space.config_at(random_point(space, 1, i)), 3);
    result.loss = std::numeric_limits<double>::quiet_NaN();
    sampler.tell(result);
  }
  EXPECT_EQ(sampler.modelled_iteration(), 3);
  EXPECT_TRUE(sampler.suggest(4));
}

// Of 600 trials a third are the random draws that random search has; 6 standard deviations of the binomial law are 69.
TEST(Bohb, AShareOfTheTrialsIsRandom) {
  const SearchSpace space = space_of(kTwo);
  for (const bool by_gp : {false, true}) {
    BohbSettings settings;
    settings.by_gp = by_gp;
    BohbSampler sampler(space, settings, 1, 1);
    for (std::int64_t i = 0; i < 12; ++i) {
      sampler.tell(result_of(-1 - i, space.config_at(random_point(space, 9, i)), 3));
    }
    const int trials = by_gp ? 150 : 600;
    int random = 0, good = 0;
    for (std::int64_t i = 0; i < trials; ++i) {
      const Config config = sampler.suggest(i).value();
      const bool is_random = config == space.config_at(random_point(space, 1, i));
      random += is_random;
      good += !is_random && config.at("b") == "y";
    }
    EXPECT_NEAR(random, trials / 3.0, 6 * std::sqrt(trials * 2 / 9.0));
    EXPECT_GT(good, (trials - random) / 2);  // a third by chance
  }
}

// All but every fifth trial are stopped after one iteration.
TEST(Bohb, ShortTrainingsGuideTheSearch) {
  const SearchSpace space = space_of(kTwo);
  BohbSampler sampler(space, {}, 2, 4);
  std::vector<TrialResult> results;
  int near = 0;
  for (std::int64_t i = 0; i < 80; ++i) {
    if (i >= 4) sampler.tell(results[static_cast<std::size_t>(i - 4)]);
    const Config config = sampler.suggest(i).value();
    sampler.started({i, config});
    results.push_back(result_of(i, config, i % 5 == 0 ? 9 : 1));
    if (i >= 40) near += config.at("b") == "y" && std::abs(config.at("a").get<double>() - 0.3) < 0.15;
  }
  EXPECT_GE(near, 12);  // 4 by chance
}

}  // namespace
}  // namespace caviar
