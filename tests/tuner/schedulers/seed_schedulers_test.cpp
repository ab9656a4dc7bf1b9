// Schedulers that decide on how many seeds a trial is trained: Wilcoxon and racing.
#include <cmath>

#include <gtest/gtest.h>

#include "tests/tuner/course.h"
#include "tuner/analysis/paired_tests.h"
#include "tuner/numerics/draws.h"

namespace caviar {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Trials of these levels on so many seeds; a seed adds the same to every trial, and a little of its own to each.
std::vector<Course> on_seeds(const std::vector<double>& levels, std::int64_t seeds, double own = 0.01) {
  std::vector<Course> courses;
  for (const double level : levels) {
    Course course;
    for (std::int64_t seed = 0; seed < seeds; ++seed) {
      const double common = Draws(1, seed, "common").normal();
      Draws draws(2, static_cast<std::int64_t>(courses.size()), "own" + std::to_string(seed));
      course.seeds.push_back(level + common + own * draws.normal());
    }
    courses.push_back(std::move(course));
  }
  return courses;
}

std::vector<std::size_t> seeds_told(const std::vector<Course>& courses) {
  std::vector<std::size_t> told;
  for (const Course& course : courses) told.push_back(course.told_seeds);
  return told;
}

Decisions decisions_on_seeds(const std::string& choice, std::vector<Course>& courses, std::int64_t seeds,
                             std::int64_t window) {
  const auto scheduler = scheduler_of(choice, {0, window, {}, seeds, false});
  return decisions_of(*scheduler, courses, seeds, {4, 1, CourseOrder::kFirst});
}

// The seeds' common part is a hundred times the difference: only pairing sees it, and four pairs are enough.
TEST(Wilcoxon, GivesUpATrialThatIsWorseOnEverySeed) {
  std::vector<Course> courses = on_seeds({0, 0.1, -0.1, 0.1}, 12);
  const Decisions decisions = decisions_on_seeds("wilcoxon", courses, 12, 1);
  EXPECT_EQ(seeds_told(courses), (std::vector<std::size_t>{12, 4, 12, 4}));
  const Value seen = saw(decisions, 1, 4, Question::kSeeds);
  EXPECT_EQ(seen["best"], 0);
  EXPECT_EQ(seen["p"], 1.0 / 16);
  EXPECT_GT(seen["mean"], seen["best_mean"]);
  EXPECT_EQ(saw(decisions, 3, 4, Question::kSeeds)["best"], 2);  // the better one took its place
  EXPECT_FALSE(saw(decisions, 0, 4, Question::kSeeds).contains("best"));
}

TEST(Wilcoxon, ComparesWithTrialsAWindowBefore) {
  std::vector<Course> courses = on_seeds({0, 0.1, 0.1, 0.1, 0.1}, 6);
  decisions_on_seeds("wilcoxon", courses, 6, 3);
  EXPECT_EQ(seeds_told(courses), (std::vector<std::size_t>{6, 6, 6, 4, 4}));
}

TEST(Wilcoxon, AsksAgainAfterEverySeed) {
  std::vector<Course> courses = on_seeds({0, 0}, 10);
  // Better on one seed by much, worse by less on the others: W is n (n + 1) / 2 - n on n seeds.
  for (std::size_t seed = 0; seed < 10; ++seed)
    courses[1].seeds[seed] = courses[0].seeds[seed] + 0.1 + 0.01 * static_cast<double>(seed);
  courses[1].seeds[2] = courses[0].seeds[2] - 0.5;
  const Decisions decisions = decisions_on_seeds("wilcoxon,first_seeds=2,p_threshold=0.2", courses, 10, 1);
  EXPECT_EQ(verdict_on(decisions, 1, 2, Question::kSeeds), "go on");  // p = 1/4
  EXPECT_EQ(verdict_on(decisions, 1, 3, Question::kSeeds), "go on");
  EXPECT_EQ(courses[1].told_seeds, 7u);
  for (std::size_t n = 3; n <= 7; ++n) {
    std::vector<double> differences;
    for (std::size_t seed = 0; seed < n; ++seed) differences.push_back(courses[1].seeds[seed] - courses[0].seeds[seed]);
    EXPECT_EQ(saw(decisions, 1, static_cast<std::int64_t>(n), Question::kSeeds)["p"], signed_rank_p(differences));
  }
}

TEST(Wilcoxon, ATrialThatDivergedGetsNoFurtherSeedAndIsNoReference) {
  std::vector<Course> courses = on_seeds({-5, 0, 0.1, -9}, 8);
  courses[0].seeds[6] = kNaN;
  courses[3].seeds[1] = kNaN;
  const Decisions decisions = decisions_on_seeds("wilcoxon", courses, 8, 1);
  EXPECT_EQ(seeds_told(courses), (std::vector<std::size_t>{7, 8, 4, 4}));
  EXPECT_EQ(saw(decisions, 2, 4, Question::kSeeds)["best"], 1);
  EXPECT_EQ(saw(decisions, 0, 7, Question::kSeeds), Value::parse(R"({"mean":null})"));
}

TEST(Wilcoxon, ATrialAsGoodAsTheBestIsNotGivenUp) {
  std::vector<Course> courses = on_seeds({0, 0, 0, 0}, 8, 0);  // equal to the bit
  const Decisions decisions = decisions_on_seeds("wilcoxon", courses, 8, 1);
  EXPECT_EQ(seeds_told(courses), (std::vector<std::size_t>{8, 8, 8, 8}));
  EXPECT_EQ(saw(decisions, 3, 6, Question::kSeeds)["p"], 1.0);
}

TEST(Wilcoxon, HasNothingToAskWhereSeedsAreFew) {
  std::vector<Course> courses = on_seeds({0, 9}, 3);
  EXPECT_TRUE(decisions_on_seeds("wilcoxon", courses, 3, 1).empty());
}

TEST(Race, EndsWhenOneIsLeft) {
  std::vector<Course> courses = on_seeds({3, 1, 0, 4, 2}, 20);
  const Decisions decisions = decisions_on_seeds("race,block=5", courses, 20, 1);
  std::vector<std::size_t> told = seeds_told(courses);
  EXPECT_LT(*std::max_element(told.begin(), told.end()), 6u);
  EXPECT_EQ(told[2], *std::max_element(told.begin(), told.end()));  // the winner is in it to the end
  const Value seen = saw(decisions, 0, 2, Question::kSeeds);
  EXPECT_EQ(seen["block"], 0);
  EXPECT_EQ(seen["alive"], 5);
  EXPECT_EQ(seen["leader"], 2);
  EXPECT_EQ(seen["threshold"], 0.05 / 4);
  const std::vector<double> differences = {courses[0].seeds[0] - courses[2].seeds[0],
                                           courses[0].seeds[1] - courses[2].seeds[1]};
  EXPECT_EQ(seen["p"], paired_t_p(differences));
  EXPECT_FALSE(saw(decisions, 2, 2, Question::kSeeds).contains("p"));
}

TEST(Race, TrialsThatCannotBeToldApartUseUpTheSeeds) {
  std::vector<Course> courses = on_seeds({0, 0, 5, 0}, 7, 1);
  decisions_on_seeds("race,block=4,alpha=0.001", courses, 7, 1);
  EXPECT_EQ(courses[0].told_seeds, 7u);
  EXPECT_EQ(courses[1].told_seeds, 7u);
  EXPECT_EQ(courses[3].told_seeds, 7u);
}

TEST(Race, SeedsAreAddedAsAsked) {
  std::vector<Course> courses = on_seeds({0, 0}, 10, 1);
  const Decisions decisions = decisions_on_seeds("race,block=2,first_seeds=3,add=4,alpha=0", courses, 10, 1);
  EXPECT_EQ(decisions.size(), 4u);  // at 3 and 7, for both
  EXPECT_EQ(verdict_on(decisions, 0, 3, Question::kSeeds), "go on");
  EXPECT_EQ(verdict_on(decisions, 1, 7, Question::kSeeds), "go on");
  EXPECT_EQ(courses[0].told_seeds, 10u);
}

TEST(Race, EveryBlockIsARaceOfItsOwnAndTheLastMayBeShort) {
  std::vector<Course> courses = on_seeds({0, 9, 10, 19, 20}, 12);
  decisions_on_seeds("race,block=2", courses, 12, 1);
  EXPECT_EQ(courses[4].told_seeds, 2u);  // alone, so it has won
  for (const std::size_t block : {0u, 2u}) EXPECT_LT(courses[block].told_seeds, 12u);
  EXPECT_EQ(scheduler_of("race,block=4", {})->horizon(5), 7);
  EXPECT_EQ(scheduler_of("race", {0, 64, {}, 1, false})->horizon(0), 63);
  EXPECT_EQ(scheduler_of("race", {0, 1, {}, 1, false})->horizon(0), 15);
}

TEST(Race, ADivergedTrialIsOutAndCountsForNothing) {
  std::vector<Course> courses = on_seeds({-9, 0, 0.5}, 9, 0.1);
  courses[0].seeds[1] = kNaN;
  const Decisions decisions = decisions_on_seeds("race,block=3", courses, 9, 1);
  EXPECT_EQ(saw(decisions, 0, 2, Question::kSeeds), Value::parse(R"({"block":0,"alive":2})"));
  EXPECT_EQ(verdict_on(decisions, 0, 2, Question::kSeeds), "stop");
  EXPECT_EQ(saw(decisions, 2, 2, Question::kSeeds)["threshold"], 0.05);
  EXPECT_EQ(saw(decisions, 2, 2, Question::kSeeds)["leader"], 1);
}

// Of two that differ by chance alone, the one behind is put out when its one-sided p is below alpha: it is chosen after
// the fact, so that happens with probability 2 alpha. Of 200 races with alpha 0.1 so 40 end at the first stage, 3.5
// standard deviations of 5.7 either way.
TEST(Race, ChanceAloneEndsARaceOfTwoAtTwiceAlpha) {
  int out = 0;
  for (std::int64_t race = 0; race < 200; ++race) {
    std::vector<Course> courses(2);
    for (std::size_t trial = 0; trial < 2; ++trial) {
      Draws draws(3, 2 * race + static_cast<std::int64_t>(trial), "race");
      for (int seed = 0; seed < 11; ++seed) courses[trial].seeds.push_back(draws.normal());
    }
    decisions_on_seeds("race,block=2,first_seeds=10,alpha=0.1", courses, 11, 1);
    out += courses[0].told_seeds == 10;
  }
  EXPECT_GT(out, 20);
  EXPECT_LT(out, 60);
}

}  // namespace
}  // namespace caviar
