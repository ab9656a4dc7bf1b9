// caviar check and sweep --check, as a user meets them.
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/study_program.h"

namespace caviar {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;

class Check : public ::testing::Test {
 protected:
  Workplace place_{CAVIAR_PROGRAM};
};

std::string without_first_line(const std::string& text) { return text.substr(text.find('\n')); }

TEST_F(Check, AGoodSweepPassesWithARangeToPaste) {
  place_.write_sweep("a.yaml", 2);
  const Ended ended = place_.run({"check", "a.yaml", "--device", "cpu"});
  EXPECT_EQ(ended.code, 0) << ended.out << ended.err;
  EXPECT_THAT(ended.out,
              AllOf(HasSubstr("a.yaml: trial 0 tried on"), HasSubstr("cell=lstm learning_rate=0.001"),
                    ContainsRegex("pass +data +340 training examples"), ContainsRegex("pass +parameters"),
                    ContainsRegex("pass +initial loss .* ln 3 = 1.099"), ContainsRegex("pass +learning rates"),
                    ContainsRegex("pass +learning by heart .* 20 examples, 100 % right"),
                    HasSubstr("learning_rate: {distribution: log_uniform_values, min: "),
                    HasSubstr("5 passed, 0 to look at, 0 failed")));
  EXPECT_FALSE(std::filesystem::exists(place_.file("studies")));
}

TEST_F(Check, TheNumbersAreTheSameEveryTime) {
  place_.write_sweep("a.yaml", 2);
  const std::string one = place_.run({"check", "a.yaml", "--device", "cpu", "--threads", "1"}).out;
  const std::string three = place_.run({"check", "a.yaml", "--device", "cpu", "--threads", "3"}).out;
  EXPECT_EQ(without_first_line(one), without_first_line(three));
}

TEST_F(Check, RatesThatMissAreAWarningAndRatesThatDivergeAFailure) {
  place_.write_sweep("low.yaml", 2, "[1e-9, 1e-8]");
  const Ended low = place_.run({"check", "low.yaml"});
  EXPECT_EQ(low.code, 0) << low.out;
  EXPECT_THAT(low.out, ContainsRegex("warn +learning rates .*none of the sweep's rates"));
  place_.write_sweep("high.yaml", 2, "[10, 30, 100]");
  const Ended high = place_.run({"check", "high.yaml"});
  EXPECT_EQ(high.code, 1) << high.out;
  EXPECT_THAT(high.out, AllOf(ContainsRegex("FAIL +learning rates"), HasSubstr("1 failed")));
}

TEST_F(Check, AnotherTrialCanBeTried) {
  place_.write_sweep("a.yaml", 2);
  EXPECT_THAT(place_.run({"check", "a.yaml", "--trial", "3"}).out, HasSubstr("trial 3 tried on"));
  const Ended beyond = place_.run({"check", "a.yaml", "--trial", "6"});
  EXPECT_EQ(beyond.code, 1);
  EXPECT_THAT(beyond.err, HasSubstr("there is no trial 6; the sweep has 6 trials, counted from 0"));
  const Ended counted = place_.run({"check", "a.yaml", "--trial", "99", "--sampler", "random", "--count", "1"});
  EXPECT_EQ(counted.code, 1);
  EXPECT_THAT(counted.err, HasSubstr("there is no trial 99; the sweep has 1 trial, counted from 0"));
}

TEST_F(Check, ASweepStartsOnlyWhenNothingFails) {
  place_.write_sweep("high.yaml", 1, "[10, 30]");
  EXPECT_EQ(place_.run({"sweep", "high.yaml", "--check"}).code, 1);
  EXPECT_FALSE(std::filesystem::exists(place_.file("studies")));
  place_.write_sweep("a.yaml", 1);
  const Ended ended = place_.run({"sweep", "a.yaml", "--check"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("0 failed"), HasSubstr("6/6 trials done")));
}

}  // namespace
}  // namespace caviar
