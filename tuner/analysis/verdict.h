// One verdict from the scores of two arms, with everything that is printed beside it.
//
// Greater scores are better; of a loss, give the negatives. Scores are those of the runs that neither failed nor
// diverged; how many did is given apart.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "tuner/analysis/compare.h"
#include "tuner/analysis/failures.h"
#include "tuner/analysis/outperform.h"

namespace caviar {

// The three classes of Bouthillier et al. 2021 (appendix C.6), for whichever arm looks better; [low, high] is the
// interval of its probability of outperforming the other.
enum class Conclusion {
  kCouldBeNoise,       // low <= 1/2
  kRealNotMeaningful,  // low > 1/2, high <= 0.75
  kRealAndMeaningful,  // low > 1/2, high > 0.75
};

// The rule. Shared seeds, and at least kFewestPairs of them: the interval of the wins in pairs (Clopper and Pearson).
// Else: the interval from all pairs (outperforming()). Fewer than kFewestRuns in an arm: could be noise, whatever they
// score.
//
// Five pairs are judged as if unpaired, because five wins out of five happen once in 32 by chance, above the 0.025 a
// side may have: no outcome of five pairs could be told from noise. Shared seeds make scores move together if anything,
// which makes the unpaired rule slower to speak, not faster; it would be too fast were they to move against each other.
//
// False alarms, nominal 0.05 for both directions together, 0.025 for each. In pairs it is a theorem (with ties half it
// was computed for n = 6 .. 60, 80, 100, 150, 200 and shares of ties up to 0.99: at most 0.0245 a side, without ties at
// n = 17); unpaired it is simulated, see outperforming() and the tests: at most 0.05 from 5 runs an arm, for normal
// scores, with 5 % of runs collapsed, with ties.
inline constexpr std::size_t kFewestRuns = 5;
inline constexpr std::size_t kFewestPairs = 6;

// What an interval of P(A > B) says; 1 where A is the better, -1 where B is, 0 where it could be noise.
struct Judgement {
  Conclusion finding = Conclusion::kCouldBeNoise;
  int favours = 0;
};
Judgement judge(const Interval& outperforming, double meaningful = kMeaningful);

// An arm: its scores, and how many further runs failed or diverged.
struct ArmScores {
  std::span<const double> scores;
  std::int64_t failed = 0;
};

struct Comparison {
  Conclusion finding = Conclusion::kCouldBeNoise;
  int favours = 0;                      // 1: A, -1: B, 0: neither
  bool in_pairs = false;                // which of the two below the finding comes from
  Outperformance all_pairs;             // of A over B, every run with every run
  std::optional<Outperformance> pairs;  // of A over B on the seeds they share

  std::size_t runs_a = 0, runs_b = 0;  // with a score
  double mean_a = 0, mean_b = 0;
  WelchTest welch;
  RankTest ranks;
  std::optional<PairedTest> paired;

  // Their shares of failed runs differ: the scores compared are those of survivors.
  FailureTest failures;

  // When it could be noise: this many further seeds per arm (of the arm with fewer runs) give it a chance of 0.8 to be
  // called real, were P(A > B) truly what was measured - less (1/2 a win) where one arm always won. An estimate from a
  // guess: a difference that is not there is planned for all the same. Empty when more than kMostFurtherSeeds are
  // needed, or when neither arm is ahead. By the exact binomial law of the pairs where seeds are shared or the further
  // ones will be, else by Noether's size.
  std::optional<std::int64_t> further_seeds;
};
inline constexpr std::int64_t kMostFurtherSeeds = 1000;

// Unpaired arms, at least one score each. With further_shared, both arms have the same seeds, too few to judge by, and
// will have the same further ones.
Comparison compare_arms(const ArmScores& a, const ArmScores& b, double confidence = 0.95, bool further_shared = false);

// a.scores[i] and b.scores[i] come from the same seeds; a seed on which either arm failed is left out of both. As many
// of both, at least one.
Comparison compare_pairs(const ArmScores& a, const ArmScores& b, double confidence = 0.95);

}  // namespace caviar
