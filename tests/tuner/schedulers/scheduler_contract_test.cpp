// What every scheduler must do, whatever it is called: a new row of the registry is held to it at once.
#include <malloc.h>

#include <cmath>
#include <set>

#include <gtest/gtest.h>

#include "tests/tuner/course.h"
#include "tests/tuner/sweep_text.h"
#include "tuner/numerics/draws.h"

namespace caviar {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::int64_t kSeeds = 9;
const SearchScope kScope = {0, 7, {}, kSeeds, false};

// Settings that make each of them decide something within thirty iterations; others are tried without.
std::string choice_of(const std::string& name) {
  const std::map<std::string, std::string> settings = {
      {"threshold", ",upper=1.1,warmup_iterations=3"},
      {"patience", ",patience=15"},
      {"wandb_hyperband", ",min_iter=2"},
      {"successive_halving", ",max_iter=27"},
      {"hyperband", ",max_iter=27"},
      {"asha", ",max_iter=30"},
      {"race", ",block=8"},
      {"median", ",startup_trials=3"},
      {"percentile", ",startup_trials=3,interval=4,warmup_iterations=2"},
  };
  const auto found = settings.find(name);
  return found == settings.end() ? name : name + found->second;
}

// Curves that fall towards a level of the trial, with noise.
std::vector<Course> ordinary(std::int64_t trials) {
  std::vector<Course> courses;
  for (std::int64_t trial = 0; trial < trials; ++trial) {
    Draws draws(11, trial, "course");
    const double level = draws.unit();
    Course course;
    for (int n = 1; n <= 30; ++n) course.losses.push_back(level + 1.0 / n + 0.1 * draws.normal());
    for (int seed = 0; seed < kSeeds; ++seed) course.seeds.push_back(level + 0.2 * draws.normal());
    courses.push_back(std::move(course));
  }
  return courses;
}

// Among them trials that diverge, have infinite losses, are shorter, fail, or mean the same as an earlier one.
std::vector<Course> motley(std::int64_t trials) {
  std::vector<Course> courses = ordinary(trials);
  for (std::int64_t trial = 0; trial < trials; ++trial) {
    Course& course = courses[static_cast<std::size_t>(trial)];
    Draws draws(12, trial, "accident");
    const auto at = static_cast<std::size_t>(draws.below(30));
    const auto seed = static_cast<std::size_t>(draws.below(kSeeds));
    switch (draws.below(9)) {
      case 0:
        course.losses.resize(at + 1);
        course.losses.back() = kNaN;
        course.seeds.assign(kSeeds, kNaN);
        break;
      case 1:
        for (std::size_t i = at; i < course.losses.size(); ++i) course.losses[i] = kNaN;
        course.seeds[seed] = kNaN;
        break;
      case 2:
        course.losses[at] = kInfinity;
        course.seeds[seed] = kInfinity;
        break;
      case 3:
        course.losses[at] = -kInfinity;
        course.seeds[seed] = -kInfinity;
        break;
      case 4:
        course.losses.resize(at + 1);
        break;
      case 5:
        course.losses.resize(at);
        course.seeds.resize(seed);
        break;
      case 6:
        course.losses.clear();
        course.seeds.clear();
        break;
      default:
        break;
    }
  }
  return courses;
}

std::vector<Course> alike(std::int64_t trials, double loss) {
  return std::vector<Course>(static_cast<std::size_t>(trials),
                             {std::vector<double>(30, loss), std::vector<double>(kSeeds, loss), 0, 0});
}

class SchedulerContract : public testing::TestWithParam<std::string> {
 protected:
  std::unique_ptr<Scheduler> scheduler() const { return scheduler_of(choice_of(GetParam()), kScope); }

  Decisions run(std::vector<Course> courses, CourseOrder order) const {
    const auto subject = scheduler();
    return decisions_of(*subject, courses, kSeeds, order);
  }

  void expect_order_does_not_matter(const std::vector<Course>& courses) const {
    const Decisions first = run(courses, {1, 0, CourseOrder::kFirst});
    for (const int slots : {1, 4, 64}) {
      for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        EXPECT_EQ(run(courses, {slots, seed, CourseOrder::kFirst}), first) << slots << " slots, order " << seed;
        EXPECT_EQ(run(courses, {slots, seed, CourseOrder::kLate}), first) << slots << " slots, order " << seed;
      }
    }
  }
};

TEST_P(SchedulerContract, TheOrderOfArrivalDecidesNothing) {
  expect_order_does_not_matter(ordinary(100));
  expect_order_does_not_matter(motley(100));
}

TEST_P(SchedulerContract, ASchedulerThatJudgesStopsSomeAndNotAll) {
  if (GetParam() == "none") GTEST_SKIP() << "none stops none";
  std::vector<Course> courses = ordinary(200);
  const auto subject = scheduler();
  const Decisions decisions = decisions_of(*subject, courses, kSeeds, {8, 1, CourseOrder::kFirst});
  std::set<std::int64_t> stopped;
  for (const auto& [key, text] : decisions) {
    if (text.starts_with("stop")) stopped.insert(std::get<0>(key));
  }
  EXPECT_GT(stopped.size(), 10u);
  EXPECT_LT(stopped.size(), 200u);
}

TEST_P(SchedulerContract, EqualDivergedAndInfiniteLossesAreDecidedToo) {
  for (const double loss : {0.5, kNaN, kInfinity, -kInfinity}) expect_order_does_not_matter(alike(40, loss));
}

TEST_P(SchedulerContract, AnyNumberOfTrialsComesToAnEnd) {
  for (const std::int64_t trials : {0, 1, 2, 5, 13, 28, 55}) {
    const std::vector<Course> courses = motley(trials);
    EXPECT_EQ(run(courses, {3, 1, CourseOrder::kFirst}), run(courses, {9, 2, CourseOrder::kLate})) << trials;
  }
}

TEST_P(SchedulerContract, ToldAgainTrialByTrialItDecidesTheSame) {
  for (std::vector<Course> courses : {ordinary(90), motley(90)}) {
    const auto live = scheduler();
    const Decisions decisions = decisions_of(*live, courses, kSeeds, {16, 5, CourseOrder::kLate});
    for (const bool count_first : {true, false}) {
      const auto again = scheduler();
      Decisions repeated;
      if (count_first) again->tell_count(90);
      for (std::int64_t trial = 0; trial < 90; ++trial) {
        const Course& course = courses[static_cast<std::size_t>(trial)];
        for (std::int64_t n = 1; n <= course.told_iterations; ++n) {
          again->tell({trial, n, course.losses[static_cast<std::size_t>(n - 1)]});
        }
        if (course.told_seeds > 0) again->tell_seeds(trial, std::span(course.seeds).first(course.told_seeds));
        again->tell_over(trial);
      }
      if (!count_first) again->tell_count(90);
      collect(again->decide(), repeated);
      EXPECT_EQ(repeated, decisions);
    }
  }
}

// Nothing beyond its horizon is needed to bring a trial to its end.
TEST_P(SchedulerContract, ADecisionWaitsForNoTrialBeyondTheHorizon) {
  for (const std::int64_t trial : {0, 3, 11, 26, 27, 40}) {
    const auto subject = scheduler();
    const std::int64_t last = subject->horizon(trial);
    EXPECT_GE(last, trial);
    EXPECT_GE(subject->horizon(trial + 1), last);
    std::vector<Course> courses = motley(last + 1);
    CourseRun run(*subject, courses, kSeeds, {5, 3, CourseOrder::kNever});
    for (const std::int64_t waiting : run.carry_out()) EXPECT_GT(waiting, trial);
  }
}

TEST_P(SchedulerContract, UnlessItSaysSoMoreTrialsChangeNoDecision) {
  const auto subject = scheduler();
  if (subject->fixed_by_count()) GTEST_SKIP() << "its decisions depend on the number of trials, and it says so";
  std::vector<Course> courses = motley(80);
  Decisions all = decisions_of(*subject, courses, kSeeds, {8, 1, CourseOrder::kFirst});
  std::erase_if(all, [](const auto& entry) { return std::get<0>(entry.first) >= 50; });
  EXPECT_EQ(run(motley(50), {8, 2, CourseOrder::kFirst}), all);
}

TEST_P(SchedulerContract, WhatItSawIsAnObject) {
  for (const auto& [key, text] : run(motley(60), {4, 1, CourseOrder::kFirst})) {
    EXPECT_TRUE(text.ends_with("}")) << text;
  }
}

// At twelve reports a trial.
TEST_P(SchedulerContract, ATrialCostsAtMostThreeHundredBytes) {
  constexpr std::int64_t kTrials = 5000;
  std::vector<Course> courses = ordinary(kTrials);
  for (Course& course : courses) course.losses.resize(12);
  const auto subject = scheduler();
  CourseRun run(*subject, courses, kSeeds, {64, 1, CourseOrder::kFirst});
  const std::size_t before = mallinfo2().uordblks;
  if (before == 0) GTEST_SKIP() << "this allocator does not count";
  std::size_t most = before;
  run.on_decisions = [&](std::span<const Decision>) { most = std::max<std::size_t>(most, mallinfo2().uordblks); };
  EXPECT_TRUE(run.carry_out().empty());
  EXPECT_LT((most - before) / kTrials, 300u);
  RecordProperty("bytes_a_trial", static_cast<int>((most - before) / kTrials));
}

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const SchedulerKind& kind : scheduler_kinds()) all.emplace_back(kind.name);
  return all;
}
INSTANTIATE_TEST_SUITE_P(All, SchedulerContract, testing::ValuesIn(names()),
                         [](const auto& name) { return name.param; });

}  // namespace
}  // namespace caviar
