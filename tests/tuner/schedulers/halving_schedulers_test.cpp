// Successive halving, Hyperband and ASHA against their papers' tables, and against slow implementations of their rules.
#include <cmath>
#include <set>

#include <gtest/gtest.h>

#include "tests/tuner/course.h"
#include "tuner/numerics/draws.h"
#include "tuner/schedulers/asha.h"
#include "tuner/schedulers/halving.h"
#include "tuner/schedulers/rungs.h"

namespace caviar {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

using Iterations = std::vector<std::int64_t>;

// Trials whose loss is level + 1 / n at iteration n, free of noise: their order is the same everywhere.
std::vector<Course> monotone(const std::vector<double>& levels, int iterations) {
  std::vector<Course> courses;
  for (const double level : levels) {
    Course course;
    for (int n = 1; n <= iterations; ++n) course.losses.push_back(level + 1.0 / n);
    courses.push_back(std::move(course));
  }
  return courses;
}

// 0 .. n - 1 in an order without pattern.
std::vector<double> shuffled(int n) {
  std::vector<double> levels;
  for (int i = 0; i < n; ++i) levels.push_back(i);
  for (int i = n; i-- > 1;) {
    std::swap(levels[static_cast<std::size_t>(i)], levels[static_cast<std::size_t>(Draws(1, i, "swap").below(i + 1))]);
  }
  return levels;
}

// How many trials trained exactly so many iterations.
std::map<std::int64_t, int> lengths(const std::vector<Course>& courses, std::size_t first, std::size_t count) {
  std::map<std::int64_t, int> lengths;
  for (std::size_t i = first; i < first + count; ++i) ++lengths[courses[i].told_iterations];
  return lengths;
}

TEST(Rungs, AreAGeometricSeriesBelowTheEnd) {
  EXPECT_EQ(geometric_rungs(1, 81, 3), (Iterations{1, 3, 9, 27}));
  EXPECT_EQ(geometric_rungs(1, 82, 3), (Iterations{1, 3, 9, 27, 81}));
  EXPECT_EQ(geometric_rungs(2, 50, 4), (Iterations{2, 8, 32}));
  EXPECT_EQ(geometric_rungs(1, 6, 1.5), (Iterations{1, 2, 3, 5}));  // 1, 1.5, 2.25, 3.375, 5.0625
  EXPECT_EQ(geometric_rungs(9, 9, 3), Iterations{});
}

TEST(SuccessiveHalving, LeavesOneOfAFullBracket) {
  const BracketPlan plan = successive_halving_plan(1, 27, 3);
  EXPECT_EQ(plan.trials, 27);
  EXPECT_EQ(plan.rungs, (Iterations{1, 3, 9}));
  const auto scheduler = scheduler_of("successive_halving,max_iter=27", {});
  std::vector<Course> courses = monotone(shuffled(54), 27);
  decisions_of(*scheduler, courses, 1, {4, 1, CourseOrder::kFirst});
  for (const std::size_t bracket : {0u, 1u}) {
    EXPECT_EQ(lengths(courses, 27 * bracket, 27), (std::map<std::int64_t, int>{{1, 18}, {3, 6}, {9, 2}, {27, 1}}));
  }
}

TEST(SuccessiveHalving, KeepsTheBestOfCurvesWithoutNoise) {
  for (const std::string settings : {"max_iter=27", "max_iter=30,min_iter=2,eta=2", "max_iter=27,trials=10"}) {
    std::vector<Course> courses = monotone(shuffled(10), 30);
    decisions_of(*scheduler_of("successive_halving," + settings, {}), courses, 1, {3, 1, CourseOrder::kFirst});
    const auto best = std::min_element(courses.begin(), courses.end(),
                                       [](const Course& a, const Course& b) { return a.losses[0] < b.losses[0]; });
    EXPECT_EQ(best->told_iterations, 30) << settings;
    EXPECT_EQ(lengths(courses, 0, 10)[30], 1) << settings;
  }
}

TEST(SuccessiveHalving, CountsWhoEnteredAndLetsNoDivergedTrialGoOn) {
  std::vector<Course> courses = monotone({0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 9);
  for (Course& course : courses) course.losses.resize(9);
  courses[0].losses = {kNaN};                  // is there, ranks last, does not go on
  courses[1].losses.clear();                   // never reported: does not count
  courses[2].losses = {courses[2].losses[0]};  // ends at the rung: the study does not ask, its rank counts
  const auto scheduler = scheduler_of("successive_halving,max_iter=9,trials=10", {});
  const Decisions decisions = decisions_of(*scheduler, courses, 1, {4, 1, CourseOrder::kFirst});
  EXPECT_EQ(saw(decisions, 3, 1), Value::parse(R"({"bracket":0,"value":4.0,"rank":2,"keep":3,"cohort":9})"));
  EXPECT_EQ(saw(decisions, 0, 1)["rank"], 9);
  EXPECT_EQ(verdict_on(decisions, 0, 1), "stop");
  EXPECT_EQ(verdict_on(decisions, 4, 1), "go on");
  EXPECT_EQ(verdict_on(decisions, 5, 1), "stop");
  // Trials 2, 3 and 4 enter the next rung; 2 has ended.
  EXPECT_EQ(saw(decisions, 3, 3),
            Value::parse(R"({"bracket":0,"value":3.3333333333333335,"rank":1,"keep":1,"cohort":3})"));
  EXPECT_EQ(verdict_on(decisions, 3, 3), "go on");
  EXPECT_EQ(verdict_on(decisions, 4, 3), "stop");
}

TEST(SuccessiveHalving, WhereAllDivergedNoneGoesOn) {
  std::vector<Course> courses(9, Course{{kNaN, kNaN, kNaN}, {}, 0, 0});
  const Decisions decisions =
      decisions_of(*scheduler_of("successive_halving,max_iter=3,trials=9", {}), courses, 1, {2, 1, CourseOrder::kLate});
  for (std::int64_t trial = 0; trial < 9; ++trial) EXPECT_EQ(verdict_on(decisions, trial, 1), "stop");
}

TEST(SuccessiveHalving, EqualLossesGoByTheLowerTrial) {
  std::vector<Course> courses(9, Course{std::vector<double>(9, 0.5), {}, 0, 0});
  const Decisions decisions =
      decisions_of(*scheduler_of("successive_halving,max_iter=9", {}), courses, 1, {3, 2, CourseOrder::kFirst});
  for (std::int64_t trial = 0; trial < 9; ++trial) {
    EXPECT_EQ(verdict_on(decisions, trial, 1), trial < 3 ? "go on" : "stop");
  }
  EXPECT_EQ(verdict_on(decisions, 0, 3), "go on");
}

// Li et al. 2018, table 1: R 81, eta 3. Its rows are (n_i, r_i) of the brackets s = 4 .. 0.
TEST(Hyperband, BracketsAreThoseOfThePaper) {
  const std::vector<BracketPlan> plans = hyperband_plans(81, 3);
  ASSERT_EQ(plans.size(), 5u);
  const std::int64_t trials[] = {81, 34, 15, 8, 5};
  const Iterations rungs[] = {{1, 3, 9, 27}, {3, 9, 27}, {9, 27}, {27}, {}};
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(plans[i].trials, trials[i]);
    EXPECT_EQ(plans[i].rungs, rungs[i]);
  }
}

TEST(Hyperband, TrialsTrainAsLongAsInThePapersTable) {
  std::vector<Course> courses = monotone(shuffled(2 * 143), 81);
  decisions_of(*scheduler_of("hyperband,max_iter=81", {}), courses, 1, {32, 1, CourseOrder::kFirst});
  std::size_t first = 0;
  for (int turn = 0; turn < 2; ++turn) {
    // From the table's (n_i, r_i): n_i - n_{i+1} trials end at r_i.
    EXPECT_EQ(lengths(courses, first, 81), (std::map<std::int64_t, int>{{1, 54}, {3, 18}, {9, 6}, {27, 2}, {81, 1}}));
    EXPECT_EQ(lengths(courses, first + 81, 34), (std::map<std::int64_t, int>{{3, 23}, {9, 8}, {27, 2}, {81, 1}}));
    EXPECT_EQ(lengths(courses, first + 115, 15), (std::map<std::int64_t, int>{{9, 10}, {27, 4}, {81, 1}}));
    EXPECT_EQ(lengths(courses, first + 130, 8), (std::map<std::int64_t, int>{{27, 6}, {81, 2}}));
    EXPECT_EQ(lengths(courses, first + 138, 5), (std::map<std::int64_t, int>{{81, 5}}));
    first += 143;
  }
}

TEST(Hyperband, ATrialWaitsForItsOwnBracketAtMost) {
  const auto scheduler = scheduler_of("hyperband,max_iter=81", {});
  EXPECT_EQ(scheduler->horizon(0), 80);
  EXPECT_EQ(scheduler->horizon(80), 80);
  EXPECT_EQ(scheduler->horizon(81), 114);
  EXPECT_EQ(scheduler->horizon(138), 142);
  EXPECT_EQ(scheduler->horizon(143), 143 + 80);
}

TEST(Hyperband, NeedsItsIterations) {
  EXPECT_EQ(scheduler_refusal("hyperband"), "scheduler hyperband needs the setting max_iter; add it beside the name");
  EXPECT_EQ(scheduler_refusal("successive_halving"),
            "scheduler successive_halving needs the setting max_iter; add it beside the name");
  EXPECT_NE(scheduler_refusal("hyperband,max_iter=2").find("raise max_iter"), std::string::npos);
  EXPECT_NE(scheduler_refusal("asha,min_iter=100").find("lower min_iter"), std::string::npos);
  EXPECT_NE(scheduler_refusal("successive_halving,max_iter=5,min_iter=5").find("lower min_iter"), std::string::npos);
}

// The rule of asha.h word for word, from all losses at a rung: quadratic, and blind to the order of anything.
struct Asha {
  std::vector<std::vector<double>> losses;  // by trial, then by rung; shorter: it ended before
  double eta;
  std::int64_t horizon;

  // The first m that promotes the trial from the rung, or -1.
  std::int64_t promoted_by(std::int64_t trial, std::size_t rung) const {
    const auto loss = [&](std::int64_t j) { return losses[static_cast<std::size_t>(j)][rung]; };
    if (std::isnan(loss(trial))) return -1;
    for (std::int64_t m = trial; m <= trial + horizon && m < static_cast<std::int64_t>(losses.size()); ++m) {
      std::int64_t reached = 0, before = 0;
      for (std::int64_t j = 0; j <= m; ++j) {
        if (losses[static_cast<std::size_t>(j)].size() <= rung) continue;
        ++reached;
        before += loss(j) < loss(trial) || (loss(j) == loss(trial) && j < trial);
      }
      if (before < std::max<std::int64_t>(1, static_cast<std::int64_t>(static_cast<double>(reached) / eta))) return m;
    }
    return -1;
  }
};

TEST(Asha, MeetsItsRuleWordForWord) {
  for (const std::int64_t horizon : {0, 1, 5, 40}) {
    for (const double eta : {2.0, 3.0, 4.5}) {
      const Iterations rungs = geometric_rungs(1, 20, eta);
      AshaScheduler scheduler({rungs, eta, horizon});
      std::vector<Course> courses;
      for (std::int64_t trial = 0; trial < 70; ++trial) {
        Draws draws(5, trial, "course");
        Course course;
        const auto length = draws.chance(0.2) ? draws.below(20) : 20;
        for (std::int64_t n = 0; n < length; ++n) {
          course.losses.push_back(draws.chance(0.02) ? kNaN : static_cast<double>(draws.below(30)));
        }
        courses.push_back(std::move(course));
      }
      const Decisions decisions = decisions_of(scheduler, courses, 1, {8, 3, CourseOrder::kLate});
      Asha slow{{}, eta, horizon};
      for (const Course& course : courses) {
        slow.losses.emplace_back();
        for (const std::int64_t rung : rungs) {
          if (course.told_iterations >= rung)
            slow.losses.back().push_back(course.losses[static_cast<std::size_t>(rung - 1)]);
        }
      }
      std::size_t asked = 0;
      for (std::int64_t trial = 0; trial < 70; ++trial) {
        for (std::size_t rung = 0; rung < slow.losses[static_cast<std::size_t>(trial)].size(); ++rung, ++asked) {
          const std::int64_t through = slow.promoted_by(trial, rung);
          EXPECT_EQ(verdict_on(decisions, trial, rungs[rung]), through < 0 ? "stop" : "go on") << trial << " " << rung;
          if (through >= 0) {
            EXPECT_EQ(saw(decisions, trial, rungs[rung])["through"], through);
          }
        }
      }
      EXPECT_EQ(decisions.size(), asked);
    }
  }
}

TEST(Asha, TheBestTrialAlwaysTrainsToTheEnd) {
  for (const int trials : {1, 2, 3, 10, 200}) {
    std::vector<Course> courses = monotone(shuffled(trials), 81);
    decisions_of(*scheduler_of("asha,max_iter=81", {0, 16, {}, 1, false}), courses, 1, {8, 1, CourseOrder::kFirst});
    for (const Course& course : courses) {
      if (course.losses[0] == 1) {
        EXPECT_EQ(course.told_iterations, 81) << trials;
      }
    }
  }
}

TEST(Asha, WaitsForItsHorizonAtEveryRung) {
  EXPECT_EQ(scheduler_of("asha,max_iter=27,horizon_trials=10", {})->horizon(5), 5 + 3 * 10);
  EXPECT_EQ(scheduler_of("asha,max_iter=27", {0, 256, {}, 1, false})->horizon(5), 5 + 3 * 256);
  const std::int64_t largest = std::numeric_limits<std::int64_t>::max();
  EXPECT_GT(scheduler_of("asha", {0, largest, {}, 1, false})->horizon(5), largest / 512);
}

}  // namespace
}  // namespace caviar
