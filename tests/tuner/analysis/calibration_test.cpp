// How often what is printed is wrong, by simulation: false alarms where there is no difference, and how often intervals
// hold the truth. Seeds are fixed, so a test passes or fails for good; were they random, a rate exactly at its limit
// would break it once in a thousand.
//
// "Collapsed": each run loses 8 standard deviations with probability 0.05. "Tied": scores rounded to a step of one
// standard deviation, far coarser than accuracies are.
#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tuner/analysis/compare.h"
#include "tuner/analysis/failures.h"
#include "tuner/analysis/multiple.h"
#include "tuner/analysis/outperform.h"
#include "tuner/analysis/sample.h"
#include "tuner/analysis/spread.h"
#include "tuner/analysis/verdict.h"
#include "tuner/numerics/draws.h"

namespace caviar {
namespace {

using Sample = std::vector<double>;

enum class Scores { kNormal, kCollapsed, kTied };
constexpr Scores kAllScores[] = {Scores::kNormal, Scores::kCollapsed, Scores::kTied};

std::string name_of(Scores scores) {
  return scores == Scores::kNormal ? "normal" : scores == Scores::kCollapsed ? "collapsed" : "tied";
}

Sample drawn(Draws& draws, Scores scores, std::size_t n, double shift = 0) {
  Sample sample(n);
  for (double& value : sample) {
    value = draws.normal() + shift;
    if (scores == Scores::kCollapsed && draws.chance(0.05)) value -= 8;
    if (scores == Scores::kTied) value = std::floor(value + 0.5);
  }
  return sample;
}

// Of `studies` simulated ones, the share where `happens`.
double share_of(int studies, const std::string& purpose, const std::function<bool(Draws&)>& happens) {
  int count = 0;
  for (int study = 0; study < studies; ++study) {
    Draws draws(20261121, study, purpose);
    count += happens(draws);
  }
  return count / static_cast<double>(studies);
}

// The greatest share that a true rate of `rate` shows but once in a thousand, and the least.
double upper_band(double rate, int studies) { return rate + 3.09 * std::sqrt(rate * (1 - rate) / studies); }
double lower_band(double rate, int studies) { return rate - 3.09 * std::sqrt(rate * (1 - rate) / studies); }

TEST(Calibration, VerdictOnUnpairedArmsRaisesNoMoreFalseAlarmsThanPromised) {
  constexpr int kStudies = 6000;
  for (const Scores scores : kAllScores) {
    for (const auto& [n_a, n_b] :
         std::vector<std::pair<std::size_t, std::size_t>>{{5, 5}, {7, 7}, {10, 10}, {29, 29}, {5, 29}}) {
      int for_a = 0;
      const double alarms = share_of(kStudies, "unpaired", [&, n_a = n_a, n_b = n_b](Draws& draws) {
        const Sample a = drawn(draws, scores, n_a), b = drawn(draws, scores, n_b);
        const Judgement found = judge(outperforming(a, b).interval);
        for_a += found.favours > 0;
        return found.finding != Conclusion::kCouldBeNoise;
      });
      EXPECT_LE(alarms, upper_band(0.05, kStudies)) << name_of(scores) << ' ' << n_a << ' ' << n_b;
      EXPECT_LE(for_a / double{kStudies}, upper_band(0.025, kStudies)) << name_of(scores) << ' ' << n_a << ' ' << n_b;
    }
  }
}

TEST(Calibration, VerdictOnPairsRaisesNoMoreFalseAlarmsThanPromised) {
  constexpr int kStudies = 6000;
  for (const Scores scores : kAllScores) {
    for (const std::size_t n : {5, 6, 8, 10, 17, 29}) {
      const double alarms = share_of(kStudies, "pairs", [&](Draws& draws) {
        Sample a = drawn(draws, scores, n), b = drawn(draws, scores, n);
        for (std::size_t i = 0; i < n; ++i) {  // half of the variance is the seed's, in both arms
          const double shared = draws.normal();
          a[i] += scores == Scores::kTied ? std::floor(shared + 0.5) : shared;
          b[i] += scores == Scores::kTied ? std::floor(shared + 0.5) : shared;
        }
        const Outperformance found = n < kFewestPairs ? outperforming(a, b) : outperforming_in_pairs(a, b);
        return judge(found.interval).finding != Conclusion::kCouldBeNoise;
      });
      EXPECT_LE(alarms, upper_band(0.05, kStudies)) << name_of(scores) << ' ' << n;
    }
  }
}

TEST(Calibration, AStudyOfPureNoiseEndsAsNoise) {
  for (const Scores scores : {Scores::kNormal, Scores::kCollapsed}) {
    for (const std::size_t n : {5, 10, 29, 50}) {
      const auto noise = [&](bool pairs) {
        return share_of(200, pairs ? "noise pairs" : "noise arms", [&](Draws& draws) {
          const Sample a = drawn(draws, scores, n), b = drawn(draws, scores, n);
          return (pairs ? compare_pairs({a}, {b}) : compare_arms({a}, {b})).finding == Conclusion::kCouldBeNoise;
        });
      };
      EXPECT_GE(noise(true), 0.95) << name_of(scores) << ' ' << n;
      EXPECT_GE(noise(false), 0.95) << name_of(scores) << ' ' << n;
    }
  }
}

// The rule is not silent either: P(A > B) = 0.75 is seen by 50 pairs, and by 29 unpaired runs an arm.
TEST(Calibration, AMeaningfulDifferenceIsFound) {
  constexpr double kShift = 0.9538725524;  // sqrt 2 times the 0.75 quantile of the normal law
  const double pairs = share_of(400, "power of pairs", [&](Draws& draws) {
    const Sample a = drawn(draws, Scores::kNormal, 50, kShift), b = drawn(draws, Scores::kNormal, 50);
    return compare_pairs({a}, {b}).favours == 1;
  });
  const double arms = share_of(400, "power of arms", [&](Draws& draws) {
    const Sample a = drawn(draws, Scores::kNormal, 29, kShift), b = drawn(draws, Scores::kNormal, 29);
    return compare_arms({a}, {b}).favours == 1;
  });
  EXPECT_GE(pairs, 0.9);
  EXPECT_GE(arms, 0.85);
}

TEST(Calibration, TestsOfTwoArmsRejectNoMoreThanTheirLevel) {
  constexpr int kStudies = 4000;
  for (const Scores scores : kAllScores) {
    for (const std::size_t n : {5, 10, 29}) {
      const std::string what = cat(name_of(scores), ' ', n);
      int ranks = 0, paired = 0, signed_ranks = 0;
      const double welch = share_of(kStudies, "tests", [&](Draws& draws) {
        const Sample a = drawn(draws, scores, n), b = drawn(draws, scores, n);
        ranks += *rank_test(a, b).p <= 0.05;
        const PairedTest pairs = paired_test(a, b);
        paired += pairs.p && *pairs.p <= 0.05;
        signed_ranks += pairs.signed_rank_p <= 0.05;
        const WelchTest test = welch_test(a, b);
        return test.p && *test.p <= 0.05;
      });
      const double band = upper_band(0.05, kStudies);
      EXPECT_LE(welch, band) << what;
      EXPECT_LE(ranks / double{kStudies}, band) << what;
      EXPECT_LE(paired / double{kStudies}, band) << what;
      EXPECT_LE(signed_ranks / double{kStudies}, band) << what;
    }
  }
}

TEST(Calibration, ArmsThatDifferByTheMarginAreNotCalledEquivalent) {
  constexpr int kStudies = 4000;
  for (const Scores scores : {Scores::kNormal, Scores::kCollapsed}) {
    for (const std::size_t n : {5, 10, 29}) {
      const double found = share_of(kStudies, "margin", [&](Draws& draws) {
        const std::optional<double> p = equivalence_p(drawn(draws, scores, n, 1.5), drawn(draws, scores, n), 1.5);
        return p && *p <= 0.05;
      });
      EXPECT_LE(found, upper_band(0.05, kStudies)) << name_of(scores) << ' ' << n;
    }
  }
}

TEST(Calibration, HolmKeepsTheChanceOfAnyFalseAlarm) {
  constexpr int kStudies = 2000;
  for (const Scores scores : {Scores::kNormal, Scores::kCollapsed}) {
    const double any = share_of(kStudies, "family", [&](Draws& draws) {
      const Sample baseline = drawn(draws, scores, 10);
      Sample p;
      for (int arm = 0; arm < 6; ++arm) p.push_back(*welch_test(drawn(draws, scores, 10), baseline).p);
      for (const double adjusted : holm(p)) {
        if (adjusted <= 0.05) return true;
      }
      return false;
    });
    EXPECT_LE(any, upper_band(0.05, kStudies)) << name_of(scores);
  }
}

TEST(Calibration, FailureWarningIsRarerThanItsLevel) {
  constexpr int kStudies = 4000;
  for (const std::int64_t n : {5, 12, 40}) {
    const double warned = share_of(kStudies, "failures", [&](Draws& draws) {
      std::int64_t failed[2] = {0, 0};
      for (std::int64_t i = 0; i < 2 * n; ++i) failed[i % 2] += draws.chance(0.3);
      return failure_test(failed[0], n, failed[1], n).differ;
    });
    EXPECT_LE(warned, upper_band(0.05, kStudies)) << n;
  }
}

TEST(Calibration, IntervalsOfOneArmHoldTheTruth) {
  constexpr int kStudies = 3000;
  for (const std::size_t n : {3, 5, 10, 30}) {
    int deviations = 0;
    const double means = share_of(kStudies, "intervals", [&](Draws& draws) {
      const Sample x = drawn(draws, Scores::kNormal, n, 7);
      const Interval deviation = *sd_interval(*sd_of(x), n), mean = *mean_interval(x);
      deviations += deviation.low <= 1 && 1 <= deviation.high;
      return mean.low <= 7 && 7 <= mean.high;
    });
    EXPECT_GE(means, lower_band(0.95, kStudies)) << n;
    EXPECT_GE(deviations / double{kStudies}, lower_band(0.95, kStudies)) << n;
    EXPECT_LE(means, upper_band(0.95, kStudies)) << n;
    EXPECT_LE(deviations / double{kStudies}, upper_band(0.95, kStudies)) << n;
  }
}

TEST(Calibration, BootstrapOfTheDeviationHoldsItFromAHundredRunsOn) {
  constexpr int kStudies = 400;
  const double collapsed = std::sqrt(1 + 64 * 0.05 * 0.95);
  for (const Scores scores : {Scores::kNormal, Scores::kCollapsed}) {
    const double truth = scores == Scores::kNormal ? 1 : collapsed;
    const double held = share_of(kStudies, "bootstrap", [&](Draws& draws) {
      const std::optional<Interval> found =
          sd_bootstrap_interval(drawn(draws, scores, kFewestBootstrapped), 5, 0.95, 500);
      return found && found->low <= truth && truth <= found->high;
    });
    EXPECT_GE(held, lower_band(0.93, kStudies)) << name_of(scores);
  }
}

// P(A > B) of shifted arms where a run of either collapses with probability 0.05: that of two that did not, or both
// did, and of A when B alone did.
double true_share(Scores scores, double shift) {
  const double normal = 0.5 * std::erfc(-shift / 2);
  if (scores != Scores::kCollapsed) return normal;
  const double a_fell = 0.5 * std::erfc(-(shift - 8) / 2), b_fell = 0.5 * std::erfc(-(shift + 8) / 2);
  return (0.05 * 0.05 + 0.95 * 0.95) * normal + 0.05 * 0.95 * (a_fell + b_fell);
}

TEST(Calibration, IntervalsOfOutperformingHoldTheTruth) {
  constexpr int kStudies = 3000;
  for (const Scores scores : {Scores::kNormal, Scores::kCollapsed}) {
    for (const std::size_t n : {5, 10, 29}) {
      for (const double shift : {0.0, 0.9538725524, 1.812387605, 2.659876}) {  // 0.5, 0.75, 0.9, 0.97
        const double truth = true_share(scores, shift);
        int by_pairs = 0;
        const double all = share_of(kStudies, "outperforming", [&](Draws& draws) {
          const Sample a = drawn(draws, scores, n, shift), b = drawn(draws, scores, n);
          const Interval pairs = outperforming_in_pairs(a, b).interval, every = outperforming(a, b).interval;
          by_pairs += pairs.low <= truth && truth <= pairs.high;
          return every.low <= truth && truth <= every.high;
        });
        EXPECT_GE(all, 0.93) << name_of(scores) << ' ' << n << ' ' << shift;
        EXPECT_GE(by_pairs / double{kStudies}, 0.93) << name_of(scores) << ' ' << n << ' ' << shift;
      }
    }
  }
}

}  // namespace
}  // namespace caviar
