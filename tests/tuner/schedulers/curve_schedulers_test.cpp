// Schedulers that look at a trial's own curve: threshold and patience.
#include <cmath>

#include <gtest/gtest.h>

#include "tests/tuner/course.h"

namespace caviar {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// The iteration at which a lone trial is stopped, -1: never.
std::int64_t stopped_at(const std::string& choice, std::vector<double> losses, bool maximize = false) {
  std::vector<Course> courses = {{std::move(losses), {}, 0, 0}};
  const auto scheduler = scheduler_of(choice, {0, 1, {}, 1, maximize});
  decisions_of(*scheduler, courses, 1, {1, 1, CourseOrder::kFirst});
  const auto length = static_cast<std::int64_t>(courses[0].losses.size());
  return courses[0].told_iterations < length ? courses[0].told_iterations : -1;
}

TEST(Threshold, StopsOutsideTheBoundsOnly) {
  EXPECT_EQ(stopped_at("threshold,upper=2", {2, 2, 2.1, 0, 0}), 3);
  EXPECT_EQ(stopped_at("threshold,lower=1", {2, 1, 0.9, 0, 0}), 3);
  EXPECT_EQ(stopped_at("threshold,lower=1,upper=2", {1, 2, 1.5, 1, 2}), -1);
  EXPECT_EQ(stopped_at("threshold,upper=2,warmup_iterations=3", {9, 9, 9, 1, 3, 1}), 5);
  EXPECT_EQ(stopped_at("threshold,upper=2", {1, kNaN, 1, 1}), 2);
}

// An accuracy is told as its negative; the bounds are in accuracies.
TEST(Threshold, BoundsAreInTheMetricAsTheUserWritesIt) {
  EXPECT_EQ(stopped_at("threshold,lower=0.5", {-0.6, -0.5, -0.4, -0.9}, true), 3);
  EXPECT_EQ(stopped_at("threshold,upper=0.5", {-0.4, -0.5, -0.6, -0.1}, true), 3);
  std::vector<Course> courses = {{{-0.25, -0.75}, {}, 0, 0}};
  const auto scheduler = scheduler_of("threshold,lower=0.5", {0, 1, {}, 1, true});
  const Decisions decisions = decisions_of(*scheduler, courses, 1, {1, 1, CourseOrder::kFirst});
  EXPECT_EQ(saw(decisions, 0, 1), Value::parse(R"({"value":0.25,"lower":0.5})"));
}

TEST(Threshold, NeedsABoundThatLeavesRoom) {
  EXPECT_EQ(scheduler_refusal("threshold"),
            "scheduler threshold has neither lower nor upper; add the bound a trial must keep");
  EXPECT_NE(scheduler_refusal("threshold,lower=2,upper=1").find("exchange them"), std::string::npos);
}

TEST(Patience, StopsWhenTheLastAreNoBetterThanThoseBefore) {
  EXPECT_EQ(stopped_at("patience,patience=3", {5, 4, 3, 3, 3, 3, 3}), 6);  // 3 3 3 against 5 4 3
  EXPECT_EQ(stopped_at("patience,patience=3", {5, 6, 6, 4, 6, 6, 6, 1}), 7);
  EXPECT_EQ(stopped_at("patience,patience=1", {5, 4, 3, 3, 2}), 4);
  EXPECT_EQ(stopped_at("patience,patience=2", {5, 6, 4, 6, 3, 6, 2, 9}), -1);
  EXPECT_EQ(stopped_at("patience", {1, 2, 2, 2, 2, 2, 2, 2}), 6);
}

TEST(Patience, AGainOfMinDeltaIsNotEnough) {
  EXPECT_EQ(stopped_at("patience,patience=2,min_delta=1", {5, 5, 4, 4, 4}), 3);
  EXPECT_EQ(stopped_at("patience,patience=2,min_delta=1", {5, 5, 3.5, 3.5, 2.25, 9}), -1);
}

TEST(Patience, ADivergedIterationIsTheWorst) {
  EXPECT_EQ(stopped_at("patience,patience=2", {kNaN, kNaN, 5, 5, 5, 5}), 5);  // 5 5 against nan nan 5
  EXPECT_EQ(stopped_at("patience,patience=2", {kNaN, kNaN, kNaN, 5, 5}), 3);
}

TEST(Patience, WhatItSawSaysWhatWasCompared) {
  std::vector<Course> courses = {{{5, 4, 6, 7, 1}, {}, 0, 0}};
  const auto scheduler = scheduler_of("patience,patience=2,min_delta=0.5", {0, 1, {}, 1, false});
  const Decisions decisions = decisions_of(*scheduler, courses, 1, {1, 1, CourseOrder::kFirst});
  EXPECT_EQ(saw(decisions, 0, 4), Value::parse(R"({"value":6.0,"threshold":3.5})"));
}

}  // namespace
}  // namespace caviar
