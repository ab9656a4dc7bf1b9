// Scores of crossed seeds, read from a study and taken apart.
#include "tuner/seeds/crossed_seeds.h"

#include <cmath>

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tests/support/study_fixture.h"
#include "tuner/seeds/scores.h"

namespace caviar {
namespace {

std::vector<Config> crossed_configs(int inits, int orders) {
  std::vector<Config> configs;
  for (int order = 0; order < orders; ++order) {
    for (int init = 0; init < inits; ++init) {
      Config config = small_sweep(2)[0];
      config["seed_init"] = 7 + init;
      config["seed_order"] = 3 - order;
      configs.push_back(config);
    }
  }
  return configs;
}

TEST(CrossedSeeds, ScoresStandWhereTheSeedsOfTheirRunsSay) {
  Storage storage = Storage::open_to_write(":memory:");
  FakeStudy fake(storage, small_setup(std::nullopt, 1), crossed_configs(2, 3));
  fake.study.carry_out();
  const CrossedScores crossed = crossed_scores(storage, "val_accuracy");
  EXPECT_EQ(crossed.sources, (std::vector<std::string>{"init", "order"}));
  EXPECT_EQ(crossed.levels, (std::vector<std::size_t>{2, 3}));
  EXPECT_EQ(crossed.missing, 0);
  ASSERT_EQ(crossed.scores.size(), 6u);
  for (std::int64_t trial = 0; trial < 6; ++trial) {
    const RepeatScore run = scores_of(storage, trial, "val_accuracy").repeats.at(0);
    EXPECT_EQ(crossed.scores[(run.seeds.init - 7) * 3 + (run.seeds.order - 1)], run.score);
  }
}

TEST(CrossedSeeds, WhatIsNotAGridOfSeedsIsRefused) {
  Storage storage = Storage::open_to_write(":memory:");
  std::vector<Config> configs = crossed_configs(2, 3);
  configs.pop_back();
  FakeStudy fake(storage, small_setup(std::nullopt, 1), configs);
  fake.study.carry_out();
  EXPECT_THROW(crossed_scores(storage, "val_accuracy"), Error);
}

// a_i + b_j with s^2(a) = 2.5 and s^2(b) = 10 has no interaction: each source alone has its own spread, and holding one
// leaves the other's.
TEST(CrossedSeeds, OfASumEachSourceHasItsOwnSpread) {
  CrossedScores crossed{{"init", "order"}, {5, 5}, {}, 0};
  for (int i = 0; i < 5; ++i) {
    for (int j = 0; j < 5; ++j) crossed.scores.push_back(i + 2 * j);
  }
  const SeedDecomposition found = decompose_seeds(crossed, 1);
  EXPECT_NEAR(found.total_sd, std::sqrt(12.5), 1e-12);
  ASSERT_EQ(found.sources.size(), 2u);
  EXPECT_NEAR(found.sources[0].alone_sd, std::sqrt(2.5), 1e-12);
  EXPECT_NEAR(found.sources[0].fixed_sd, std::sqrt(10.0), 1e-12);
  EXPECT_NEAR(found.sources[1].alone_sd, std::sqrt(10.0), 1e-12);
  EXPECT_NEAR(found.sources[1].fixed_sd, std::sqrt(2.5), 1e-12);
  EXPECT_EQ(component_name(crossed, 0), "the combination");
  EXPECT_EQ(component_name(crossed, 2), "order");
}

// From the definition, cell by cell.
TEST(CrossedSeeds, AloneIsTheMeanOverAllWaysToHoldTheOthers) {
  CrossedScores crossed{{"init", "order", "split"}, {2, 3, 2}, {1, 4, 2, 8, 5, 7, 3, 6, 9, 0, 2, 2}, 0};
  const SeedDecomposition found = decompose_seeds(crossed, 1);
  const auto at = [&](std::size_t i, std::size_t j, std::size_t k) { return crossed.scores[(i * 3 + j) * 2 + k]; };
  double init = 0, split = 0;
  for (std::size_t j = 0; j < 3; ++j) {
    for (std::size_t k = 0; k < 2; ++k) init += std::pow(at(0, j, k) - at(1, j, k), 2) / 2 / 6;
  }
  for (std::size_t i = 0; i < 2; ++i) {
    for (std::size_t j = 0; j < 3; ++j) split += std::pow(at(i, j, 0) - at(i, j, 1), 2) / 2 / 6;
  }
  EXPECT_NEAR(found.sources[0].alone_sd, std::sqrt(init), 1e-12);
  EXPECT_NEAR(found.sources[2].alone_sd, std::sqrt(split), 1e-12);
  EXPECT_FALSE(found.sources[0].matters) << "two levels are too few to tell";
}

}  // namespace
}  // namespace caviar
