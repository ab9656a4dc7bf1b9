// Failures over several configs. The exact probabilities are by going through every table with the same margins and
// weighing it by the multivariate hypergeometric law, in Python.
#include "tuner/analysis/failures.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace caviar {
namespace {

double p_over(const std::vector<FailureCount>& arms, std::uint64_t seed = 1) { return failures_p_over(arms, seed); }

TEST(FailuresOverConfigs, AreTheExactProbabilityUpToTheLuckOfTheDraws) {
  struct Case {
    std::vector<FailureCount> arms;
    double exact;
  };
  const std::vector<Case> cases = {{{{3, 3}, {0, 3}, {0, 3}}, 0.03571428571428571},
                                   {{{4, 5}, {1, 4}, {0, 6}}, 0.012654012654012652},
                                   {{{1, 5}, {4, 4}, {3, 6}, {2, 3}}, 0.11878970702500112},
                                   {{{0, 3}, {3, 3}, {3, 3}}, 0.03571428571428571}};
  for (const auto& [arms, exact] : cases)
    EXPECT_NEAR(p_over(arms), exact, 1e-4 + 4.5 * std::sqrt(exact * (1 - exact) / 9999)) << arms.size();
}

TEST(FailuresOverConfigs, OfTwoEqualArmsAreFishers) {
  const double exact = failure_test(4, 5, 0, 5).p;
  EXPECT_NEAR(p_over({{4, 5}, {0, 5}}), exact, 4.5 * std::sqrt(exact * (1 - exact) / 9999));
}

TEST(FailuresOverConfigs, ThatSayNothingHaveProbabilityOne) {
  const std::vector<std::vector<FailureCount>> cases = {
      {}, {{2, 3}}, {{0, 3}, {0, 4}}, {{3, 3}, {2, 2}}, {{1, 3}, {0, 0}}, {{1, 3}, {0, 3}, {0, 3}}};
  for (const auto& arms : cases) EXPECT_EQ(p_over(arms), 1) << arms.size();
}

TEST(FailuresOverConfigs, AreAFunctionOfTheirArgumentsInAnyOrderOfArmsUpToLuck) {
  const std::vector<FailureCount> arms = {{4, 5}, {1, 4}, {0, 6}}, turned = {{0, 6}, {4, 5}, {1, 4}};
  EXPECT_EQ(p_over(arms), p_over(arms));
  EXPECT_NEAR(p_over(arms), p_over(turned), 0.008);
}

}  // namespace
}  // namespace caviar
