// Fresh seeds, and the luck in the best score of a search.
#include "tuner/seeds/confirm.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tuner/analysis/sample.h"
#include "tuner/numerics/draws.h"

namespace caviar {
namespace {

class FreshSeeds : public ::testing::Test {
 protected:
  void SetUp() override { storage_.create_study({}); }

  void add_run(const Seeds& seeds) {
    RunRecord run;
    run.identity = "run-" + std::to_string(++runs_);
    run.canonical = "{}";
    run.seeds = seeds;
    storage_.add_run(run);
  }

  Storage storage_ = Storage::open_to_write(":memory:");
  int runs_ = 0;
};

TEST_F(FreshSeeds, LieFarAboveEverySeedOfEverySource) {
  EXPECT_EQ(fresh_seeds(storage_, 50), 2'000'000u);
  add_run({1, 2, 3, 4, 0});
  EXPECT_EQ(fresh_seeds(storage_, 50), 2'000'000u);
  add_run({1, 2, 3, 1'000'000, 0});
  EXPECT_EQ(fresh_seeds(storage_, 50), 3'000'000u);
  add_run({1, 2, 3, 4, 5'999'999});
  EXPECT_EQ(fresh_seeds(storage_, 50), 7'000'000u);
}

TEST_F(FreshSeeds, AreRefusedWhereNoneAreLeft) {
  add_run({std::uint64_t{1} << 53, 0, 0, 0, 0});
  EXPECT_THROW(fresh_seeds(storage_, 50), Error);
}

TEST_F(FreshSeeds, AreSeenToBeSpentBySeedsOfAnySource) {
  add_run({0, 0, 100, 0, 0});
  EXPECT_THROW(require_fresh(storage_, 100, 1), Error);
  EXPECT_THROW(require_fresh(storage_, 91, 10), Error);
  EXPECT_NO_THROW(require_fresh(storage_, 90, 10));
  EXPECT_NO_THROW(require_fresh(storage_, 101, 10));
}

TEST(SearchLuck, OfEqualConfigsIsAllOfTheLead) {
  const std::vector<double> means = {0.1, -0.1, 0.0};  // of variance 0.01, less than the seeds' own 0.04
  const SearchLuck luck = search_luck(means, 0.2);
  EXPECT_EQ(luck.config_sd, 0.0);
  EXPECT_NEAR(*luck.expected, 0.2 * 1.5 / std::sqrt(M_PI), 1e-12);  // E[max of 3 normals] is 1.5 / sqrt(pi)
  EXPECT_NEAR(*luck.shrunken, 0.0, 1e-15);
}

TEST(SearchLuck, OfScoresWithoutErrorIsNone) {
  const SearchLuck luck = search_luck(std::vector<double>{1, 2, 6}, 0);
  EXPECT_EQ(luck.expected, 0.0);
  EXPECT_DOUBLE_EQ(*luck.shrunken, 6);
  EXPECT_EQ(luck.best, 6);
}

TEST(SearchLuck, CountsTheTrialsThatHaveNoMean) {
  const SearchLuck luck = search_luck(std::vector<double>{0.1, -0.1}, 0.2, 3);
  EXPECT_EQ(luck.trials, 3);
  EXPECT_NEAR(*luck.expected, 0.2 * 1.5 / std::sqrt(M_PI), 1e-12);  // of three and not of two
}

TEST(SearchLuck, OfOneTrialIsNotKnown) {
  const SearchLuck luck = search_luck(std::vector<double>{1}, 0.1);
  EXPECT_FALSE(luck.config_sd);
  EXPECT_FALSE(luck.expected);
  EXPECT_FALSE(luck.shrunken);
}

// 500 searches of 50 configs of spread 1 on one seed of spread 1: the naive best is 1.59 too high on average
// (E[max of 50] / sqrt 2), the shrunken one is not. Its error over searches has a standard deviation of about 0.75.
TEST(SearchLuck, ShrinkingTakesTheLuckOutOnAverage) {
  double naive = 0, shrunken = 0;
  constexpr int kSearches = 500;
  for (int search = 0; search < kSearches; ++search) {
    Draws draws(static_cast<std::uint64_t>(search), 0, "luck");
    std::vector<double> truth, means;
    for (int i = 0; i < 50; ++i) {
      truth.push_back(draws.normal());
      means.push_back(truth.back() + draws.normal());
    }
    const auto best = static_cast<std::size_t>(std::max_element(means.begin(), means.end()) - means.begin());
    const SearchLuck luck = search_luck(means, 1);
    naive += (luck.best - truth[best]) / kSearches;
    shrunken += (*luck.shrunken - truth[best]) / kSearches;
  }
  EXPECT_NEAR(naive, 2.25 / std::sqrt(2), 0.13);
  EXPECT_NEAR(shrunken, 0, 0.13);
}

}  // namespace
}  // namespace caviar
