// Schedulers that compare a trial with those a window before it: the median and percentile rules and W&B's Hyperband.
#include <cmath>

#include <gtest/gtest.h>

#include "tests/tuner/course.h"
#include "tests/tuner/sweep_text.h"
#include "tuner/numerics/draws.h"
#include "tuner/schedulers/wandb_hyperband.h"

namespace caviar {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
using Histories = std::vector<std::vector<double>>;
using Bands = std::vector<std::int64_t>;

Course curve(std::vector<double> losses) { return {std::move(losses), {}, 0, 0}; }

// Curves of 12 iterations from a few values, so that many are equal; some are short, some diverge.
std::vector<Course> random_courses(std::int64_t trials, std::uint64_t seed) {
  std::vector<Course> courses;
  for (std::int64_t trial = 0; trial < trials; ++trial) {
    Draws draws(seed, trial, "course");
    const std::int64_t length = draws.chance(0.2) ? draws.below(12) : 12;
    Course course;
    for (std::int64_t n = 0; n < length; ++n) {
      course.losses.push_back(static_cast<double>(draws.below(40) - 2 * n));
      if (draws.chance(0.01)) course.losses.back() = kNaN;
    }
    courses.push_back(std::move(course));
  }
  return courses;
}

// What trials 0 .. last told at an iteration, NaN as infinity.
std::vector<double> told_at(const std::vector<Course>& courses, std::int64_t last, std::int64_t iteration) {
  std::vector<double> losses;
  for (std::int64_t trial = 0; trial <= last; ++trial) {
    const Course& course = courses[static_cast<std::size_t>(trial)];
    if (course.told_iterations < iteration) continue;
    const double loss = course.losses[static_cast<std::size_t>(iteration - 1)];
    losses.push_back(std::isnan(loss) ? kInfinity : loss);
  }
  return losses;
}

double best_until(const Course& course, std::int64_t iteration) {
  double best = kInfinity;
  for (std::int64_t n = 0; n < iteration; ++n) best = std::fmin(best, course.losses[static_cast<std::size_t>(n)]);
  return best;
}

// numpy.percentile, by sorting.
double percentile(std::vector<double> values, double p) {
  std::sort(values.begin(), values.end());
  const double place = p / 100 * static_cast<double>(values.size() - 1);
  const auto low = static_cast<std::size_t>(place);
  const double share = place - static_cast<double>(low);
  return share > 0 ? values[low] + share * (values[low + 1] - values[low]) : values[low];
}

// JSON has no infinity: it is recorded as null.
void expect_seen(const Value& value, double expected) {
  if (std::isfinite(expected)) {
    ASSERT_TRUE(value.is_number());
    EXPECT_NEAR(value.get<double>(), expected, 1e-12);
  } else {
    EXPECT_TRUE(value.is_null());
  }
}

TEST(Median, StopsWhoIsBehindTheMedianOfThoseBefore) {
  std::vector<Course> courses = {curve({5, 4, 3}), curve({6, 6, 6}), curve({7, 2, 2}),
                                 curve({6, 9, 9}), curve({7, 1, 1}), curve({6.5, 5, 1})};
  const auto scheduler = scheduler_of("median,startup_trials=3", {0, 1, {}, 1, false});
  const Decisions decisions = decisions_of(*scheduler, courses, 1, {1, 1, CourseOrder::kFirst});
  for (std::int64_t trial = 0; trial < 3; ++trial) EXPECT_EQ(verdict_on(decisions, trial, 1), "go on");
  EXPECT_EQ(saw(decisions, 3, 1), Value::parse(R"({"best":6.0,"cohort":3,"threshold":6.0})"));  // of 5 6 7
  EXPECT_EQ(verdict_on(decisions, 3, 1), "go on");
  // At iteration 2 of 4, 6 and 2 the median is 4, and the best of trial 3 until there is 6.
  EXPECT_EQ(saw(decisions, 3, 2), Value::parse(R"({"best":6.0,"cohort":3,"threshold":4.0})"));
  EXPECT_EQ(verdict_on(decisions, 3, 2), "stop");
  EXPECT_EQ(saw(decisions, 4, 1)["threshold"], 6.0);  // of 5 6 6 7
  EXPECT_EQ(verdict_on(decisions, 4, 1), "stop");
  EXPECT_EQ(saw(decisions, 5, 1), Value::parse(R"({"best":6.5,"cohort":5,"threshold":6.0})"));
  EXPECT_EQ(verdict_on(decisions, 5, 1), "stop");
}

TEST(Median, ADivergedTrialCountsAsInfinite) {
  std::vector<Course> courses = {curve({kNaN}), curve({kNaN}), curve({1, 1}), curve({9, 9}), curve({9, 9})};
  const auto scheduler = scheduler_of("median,startup_trials=1", {0, 2, {}, 1, false});
  const Decisions decisions = decisions_of(*scheduler, courses, 1, {2, 1, CourseOrder::kFirst});
  expect_seen(saw(decisions, 3, 1)["threshold"], kInfinity);
  EXPECT_EQ(verdict_on(decisions, 3, 1), "go on");
  EXPECT_EQ(saw(decisions, 4, 1)["cohort"], 3);  // 1, infinite, infinite
  EXPECT_EQ(verdict_on(decisions, 4, 1), "go on");
}

TEST(Percentile, MeetsItsRuleWordForWord) {
  struct Case {
    std::string choice;
    double percentile;
    std::int64_t window, startup, warmup, interval;
  };
  for (const Case& use :
       {Case{"median", 50, 1, 5, 0, 1}, Case{"median,startup_trials=1", 50, 6, 1, 0, 1},
        Case{"percentile,startup_trials=2,warmup_iterations=3,interval=2", 25, 9, 2, 3, 2},
        Case{"percentile,percentile=0", 0, 4, 5, 0, 1}, Case{"percentile,percentile=100", 100, 4, 5, 0, 1},
        Case{"percentile,percentile=81.5", 81.5, 30, 5, 0, 1}}) {
    const auto scheduler = scheduler_of(use.choice, {0, use.window, {}, 1, false});
    std::vector<Course> courses = random_courses(120, 3);
    const Decisions decisions = decisions_of(*scheduler, courses, 1, {12, 2, CourseOrder::kFirst});
    std::size_t asked = 0, stopped = 0;
    for (std::int64_t trial = 0; trial < 120; ++trial) {
      const Course& course = courses[static_cast<std::size_t>(trial)];
      for (std::int64_t n = 1; n <= course.told_iterations; ++n) {
        if (n <= use.warmup || (n - use.warmup - 1) % use.interval != 0) continue;
        ++asked;
        const std::vector<double> cohort = told_at(courses, trial - use.window, n);
        const Value seen = saw(decisions, trial, n);
        EXPECT_EQ(seen["cohort"], cohort.size());
        expect_seen(seen["best"], best_until(course, n));
        bool stops = false;
        if (static_cast<std::int64_t>(cohort.size()) >= use.startup) {
          const double threshold = percentile(cohort, use.percentile);
          expect_seen(seen["threshold"], threshold);
          stops = best_until(course, n) > threshold;
        }
        stopped += stops;
        EXPECT_EQ(verdict_on(decisions, trial, n), stops ? "stop" : "go on") << use.choice << " " << trial << " " << n;
      }
    }
    EXPECT_EQ(decisions.size(), asked) << use.choice;
    EXPECT_TRUE(stopped > 0 || use.percentile == 100) << use.choice;
  }
}

// W&B's own tests of its rule: five histories, goal minimize.
TEST(WandbHyperband, MeetsTheGoldenValuesOfWandb) {
  const Histories histories = {{10, 9}, {10, 10}, {10, 8, 8}, {10, 7, 7}, {10, 6, 6}};  // the first and last are over
  const auto stops = [&](const Bands& bands, double eta, bool strict) {
    const std::vector<double> thresholds = band_thresholds(histories, bands, eta);
    std::string stopped;
    for (const std::size_t running : {1u, 2u, 3u}) {
      if (stops_at_bands(histories[running], bands, thresholds, strict)) stopped += "abcde"[running];
    }
    return stopped;
  };
  const auto bands = [](std::optional<std::int64_t> min_iter, std::optional<std::int64_t> max_iter,
                        std::optional<double> s, double eta) {
    Bands all = hyperband_bands({min_iter, max_iter, s, eta, true});
    all.resize(std::min<std::size_t>(all.size(), 6));
    return all;
  };
  using Thresholds = std::vector<double>;
  for (const bool strict : {true, false}) {
    const Bands halves = bands({}, 5, 2, 2);
    EXPECT_EQ(halves, (Bands{1, 2}));
    EXPECT_EQ(band_thresholds(histories, halves, 2), (Thresholds{10, 8}));
    EXPECT_EQ(stops(halves, 2, strict), "b");
    const Bands thirds = bands({}, 27, 2, 3);
    EXPECT_EQ(thirds, (Bands{3, 9}));
    EXPECT_EQ(band_thresholds(histories, thirds, 3), (Thresholds{7, kInfinity}));
    EXPECT_EQ(stops(thirds, 3, strict), "c");
    EXPECT_EQ(stops(bands(3, {}, {}, 3), 3, strict), "c");
    const Bands close = bands(1, {}, {}, 1.5);
    EXPECT_EQ(close, (Bands{1, 1, 2, 3, 5, 7}));
    EXPECT_EQ(band_thresholds(histories, close, 1.5), (Thresholds{10, 10, 9, 8, kInfinity, kInfinity}));
    EXPECT_EQ(stops(close, 1.5, strict), "b");
  }
}

TEST(WandbHyperband, StrictLooksAtTheBandAndOtherwiseAtTheBest) {
  const Histories histories = {{1, 5}, {4, 2}, {4, 2}};
  const Bands bands = {2};
  const std::vector<double> thresholds = band_thresholds(histories, bands, 3);  // 2 2 5, index 1
  EXPECT_EQ(thresholds, std::vector<double>{2});
  EXPECT_TRUE(stops_at_bands(histories[0], bands, thresholds, true));
  EXPECT_FALSE(stops_at_bands(histories[0], bands, thresholds, false));
  EXPECT_FALSE(stops_at_bands(std::vector<double>{9}, bands, thresholds, true));  // below the first band
}

// Each decision is W&B's rule on the histories of its cohort, cut at the band.
TEST(WandbHyperband, ADecisionIsTheRuleOnItsCohort) {
  for (const std::string choice : {"min_iter=1,eta=2", "min_iter=2,eta=1.5,strict=false", "max_iter=12,s=3,eta=2",
                                   "max_iter=12,s=2,eta=3,strict=false"}) {
    const bool strict = choice.find("strict") == std::string::npos;
    const double eta = choice.find("eta=2") != std::string::npos ? 2
                       : choice.find("1.5") != std::string::npos ? 1.5
                                                                 : 3;
    for (const std::int64_t window : {1, 10}) {
      const auto scheduler = scheduler_of("wandb_hyperband," + choice, {0, window, {}, 1, false});
      std::vector<Course> courses = random_courses(100, 4);
      const Decisions decisions = decisions_of(*scheduler, courses, 1, {12, 2, CourseOrder::kLate});
      std::size_t asked = 0, stopped = 0;
      for (std::int64_t trial = 0; trial < 100; ++trial) {
        for (std::int64_t n = 1; n <= courses[static_cast<std::size_t>(trial)].told_iterations; ++n) {
          if (!scheduler->judges(n)) continue;
          ++asked;
          Histories histories;
          for (std::int64_t j = 0; j <= trial; ++j) {
            const Course& course = courses[static_cast<std::size_t>(j)];
            if ((j > trial - window && j < trial) || course.told_iterations < n) continue;
            histories.emplace_back(course.losses.begin(), course.losses.begin() + n);
            for (double& loss : histories.back()) loss = std::isnan(loss) ? kInfinity : loss;
          }
          const Bands band = {n};
          const std::vector<double> thresholds = band_thresholds(histories, band, eta);
          expect_seen(saw(decisions, trial, n)["threshold"], thresholds[0]);
          EXPECT_EQ(saw(decisions, trial, n)["cohort"], histories.size());
          const bool stops = stops_at_bands(histories.back(), band, thresholds, strict);
          EXPECT_EQ(verdict_on(decisions, trial, n), stops ? "stop" : "go on") << choice << " " << trial << " " << n;
          stopped += stops;
        }
      }
      EXPECT_EQ(decisions.size(), asked);
      EXPECT_GT(stopped, 5u) << choice;
    }
  }
}

TEST(WandbHyperband, IsWhatEarlyTerminateMeans) {
  const std::string head = "method: random\nmetric: {name: val_loss}\nparameters: {x: {min: 0.0, max: 1.0}}\n";
  const SweepSpec spec =
      parse_sweep(head + "early_terminate: {type: hyperband, max_iter: 27, s: 2, strict: false}\n", "sweep.yaml");
  const auto scheduler = make_scheduler(spec, {0, 1, {}, 1, false});
  EXPECT_TRUE(dynamic_cast<WandbHyperbandScheduler*>(scheduler.get()));
  EXPECT_TRUE(scheduler->judges(3) && scheduler->judges(9));
  EXPECT_FALSE(scheduler->judges(1) || scheduler->judges(27));
  // Not strict: the second trial was the better one at first, and stays.
  std::vector<Course> courses = {curve({2, 2, 2, 2}), curve({1, 1, 9, 9})};
  EXPECT_EQ(verdict_on(decisions_of(*scheduler, courses, 1, {1, 1, CourseOrder::kFirst}), 1, 3), "go on");
  const SweepSpec other = parse_sweep(
      head + "early_terminate: {type: hyperband, min_iter: 3}\ncaviar: {scheduler: {name: patience, patience: 2}}\n",
      "sweep.yaml");
  EXPECT_TRUE(make_scheduler(other, {})->judges(5));  // what the block says comes first
}

TEST(WandbHyperband, NeedsABand) {
  EXPECT_EQ(scheduler_refusal("wandb_hyperband"),
            "scheduler wandb_hyperband has neither min_iter nor max_iter and s; add one of the two");
  EXPECT_EQ(scheduler_refusal("wandb_hyperband,max_iter=27"), "scheduler wandb_hyperband has max_iter but no s; add s");
  EXPECT_EQ(scheduler_refusal("wandb_hyperband,max_iter=2,s=1"),
            "scheduler wandb_hyperband stops nowhere: max_iter 2 / eta 3 with s 1 gives no iteration of at least 1; "
            "raise max_iter or s");
}

}  // namespace
}  // namespace caviar
