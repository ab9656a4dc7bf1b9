// When a study ends: the target, and no improvement beyond noise.
#include "tuner/stop_rule.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace caviar {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

TEST(StopRule, ATargetIsReachedByTheFirstTrialThatIsThisGood) {
  StopRule rule({.target = 0.5, .patience = {}, .noise = {}});
  rule.tell(0, kNone, kNone, 1);
  rule.tell(1, 0.6, kNone, 1);
  EXPECT_FALSE(rule.reason());
  rule.tell(2, 0.5, kNone, 1);
  rule.tell(3, 0.1, kNone, 1);
  EXPECT_EQ(rule.reason(), "trial 2 reached the target");
}

TEST(StopRule, StepsInsideTheNoiseAreNoImprovement) {
  StopRule rule({.target = {}, .patience = 3, .noise = 0.1});
  rule.tell(0, 1.0, kNone, 1);
  rule.tell(1, 0.8, kNone, 1);  // needs more than 1.645 * 0.1 * sqrt(2) = 0.2326
  rule.tell(2, 0.78, kNone, 1);
  EXPECT_FALSE(rule.reason());
  rule.tell(3, 0.75, kNone, 1);  // beyond noise: 0.25
  rule.tell(4, 0.7, kNone, 1);
  rule.tell(5, 0.6, kNone, 1);
  EXPECT_FALSE(rule.reason());
  rule.tell(6, kNone, kNone, 1);
  ASSERT_TRUE(rule.reason());
  EXPECT_NE(rule.reason()->find("over trial 3"), std::string::npos) << *rule.reason();
}

TEST(StopRule, ManySmallStepsAddUpToOneImprovement) {
  StopRule rule({.target = {}, .patience = 4, .noise = 0.1});
  double loss = 1;
  for (int trial = 0; trial < 40; ++trial) rule.tell(trial, loss -= 0.07, kNone, 1);
  EXPECT_FALSE(rule.reason());
}

TEST(StopRule, TheNoiseIsEstimatedFromTheSeeds) {
  StopRule rule({.target = {}, .patience = 2, .noise = {}});
  rule.tell(0, 1.0, 0.3, 2);
  rule.tell(1, 0.8, 0.1, 3);  // pooled sd sqrt((0.09 + 2 * 0.01) / 3) = 0.1915; floor 1.645 * 0.1915 * sqrt(1/3 + 1/2)
  EXPECT_FALSE(rule.reason());
  rule.tell(2, 0.69, 0.1, 3);  // floor 0.2565 with one more trial: 0.31 is beyond it
  rule.tell(3, 0.6, 0.1, 3);
  EXPECT_FALSE(rule.reason());
  rule.tell(4, 0.55, 0.1, 3);
  EXPECT_TRUE(rule.reason());
}

TEST(StopRule, WithoutAnyEstimateNothingCountsAsAnImprovement) {
  StopRule rule({.target = {}, .patience = 2, .noise = {}});
  rule.tell(0, 1.0, kNone, 1);
  rule.tell(1, 0.1, kNone, 1);
  EXPECT_FALSE(rule.reason());
  rule.tell(2, 0.01, kNone, 1);
  EXPECT_TRUE(rule.reason());
}

}  // namespace
}  // namespace caviar
