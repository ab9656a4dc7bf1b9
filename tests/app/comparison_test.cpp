// A comparison of two trials: what failed runs make of it, and which rule its further seeds are planned by.
#include "app/comparison.h"

#include <cstdint>
#include <optional>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace caviar {
namespace {

using ::testing::HasSubstr;

// One run a seed, from `first_seed` on; empty: it diverged.
TrialScores trial_of(const std::vector<std::optional<double>>& scores, std::uint64_t first_seed = 0) {
  TrialScores trial;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const std::uint64_t seed = first_seed + i;
    trial.repeats.push_back({static_cast<std::int64_t>(i),
                             static_cast<std::int64_t>(i),
                             {seed, seed, seed, seed, seed},
                             scores[i] ? RunState::kComplete : RunState::kDiverged,
                             scores[i]});
    trial.diverged += !scores[i];
  }
  return trial;
}

const std::optional<double> kFailed;

TEST(Comparison, AFailedRunIsWorseThanAnyScore) {
  std::vector<std::optional<double>> good, steady;
  for (int i = 0; i < 14; ++i) {
    good.push_back(i % 2 == 0 ? std::optional(0.9 + 0.001 * i) : kFailed);
    steady.push_back(0.8 + 0.001 * i);
  }
  const TrialComparison found = compare_trials(trial_of(good), trial_of(steady), true);
  EXPECT_EQ(found.found.finding, Conclusion::kRealAndMeaningful) << "of the seven that have a score";
  EXPECT_EQ(found.found.favours, 1);
  ASSERT_TRUE(found.with_failures);
  EXPECT_DOUBLE_EQ(found.with_failures->share, 0.5);  // 7 wins of 14
  EXPECT_EQ(found.judged_with_failures.finding, Conclusion::kCouldBeNoise);
  EXPECT_THAT(warning_of_failures(found, "A", "B"), HasSubstr("A fails or diverges more often than B (p 0.0058)"));
  EXPECT_THAT(warning_of_failures(found, "A", "B"), HasSubstr("the difference between A and B could be noise"));
  const auto json = json_of(found);
  EXPECT_EQ(json["verdict_with_failures"], "could be noise");
  EXPECT_EQ(json["outperforms_with_failures"]["share"], 0.5);
}

// Of a loss the failed run is worse too, and runs that share no seed are compared all with all: A wins 5 x 5 of 5 x 6.
TEST(Comparison, AFailedRunIsWorseThanAnyLoss) {
  const TrialScores a = trial_of({0.1, 0.2, 0.3, 0.4, 0.5}), b = trial_of({0.6, 0.7, 0.8, 0.9, 1.0, kFailed}, 100);
  const TrialComparison found = compare_trials(a, b, false);
  ASSERT_TRUE(found.with_failures);
  EXPECT_DOUBLE_EQ(found.with_failures->share, 1);
  EXPECT_DOUBLE_EQ(compare_trials(b, a, false).with_failures->share, 0);
  EXPECT_EQ(warning_of_failures(found, "A", "B"), "") << "1 of 6 against 0 of 5 is no difference";
}

TEST(Comparison, WithoutFailuresThereIsNothingToCount) {
  const TrialComparison found = compare_trials(trial_of({1, 2, 3}), trial_of({2, 3, 4}), true);
  EXPECT_FALSE(found.with_failures);
  EXPECT_TRUE(json_of(found)["verdict_with_failures"].is_null());
  EXPECT_EQ(warning_of_failures(found, "A", "B"), "");
}

// Three seeds each: those to come are judged in pairs where they are shared.
TEST(Comparison, PlansByTheRuleThatWillJudge) {
  const std::vector<std::optional<double>> a = {1, 2, 3}, b = {2.5, 0, 0.5};
  const auto shared = compare_trials(trial_of(a), trial_of(b), true).found.further_seeds;
  const auto apart = compare_trials(trial_of(a), trial_of(b, 100), true).found.further_seeds;
  ASSERT_TRUE(shared);
  ASSERT_TRUE(apart);
  EXPECT_EQ(*shared, *pairs_needed(7.0 / 9) - 3);
  EXPECT_GT(*shared, *apart);
}

}  // namespace
}  // namespace caviar
