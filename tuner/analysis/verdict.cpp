#include "tuner/analysis/verdict.h"

#include <algorithm>

#include "tuner/analysis/laws.h"
#include "tuner/analysis/sample.h"

namespace caviar {
namespace {

constexpr double kPower = 0.8;

std::optional<std::int64_t> further_seeds(const Comparison& found, double confidence, bool by_pairs) {
  const auto runs = static_cast<std::int64_t>(std::min(found.runs_a, found.runs_b));
  const double nearest = 0.5 / static_cast<double>(runs);  // half a win of as many pairs
  const double measured = found.in_pairs ? found.pairs->share : found.all_pairs.share;
  if (measured == 0.5) return std::nullopt;
  // One run an arm is always one win: nearest is 1/2 and would plan for nothing.
  const double share = runs > 1 ? std::clamp(measured, nearest, 1 - nearest) : std::clamp(measured, 0.25, 0.75);
  std::optional<std::int64_t> needed;
  if (by_pairs) {
    needed = pairs_needed(share, kPower, confidence, runs + kMostFurtherSeeds);
  } else {
    needed = noether_size(share, (1 - confidence) / 2, kPower);
  }
  if (!needed) return std::nullopt;
  const auto least = static_cast<std::int64_t>(by_pairs ? kFewestPairs : kFewestRuns);
  const std::int64_t further = std::max<std::int64_t>(1, std::max(*needed, least) - runs);
  return further <= kMostFurtherSeeds ? std::optional(further) : std::nullopt;
}

Comparison measured(const ArmScores& a, const ArmScores& b, double confidence) {
  Comparison found;
  found.all_pairs = outperforming(a.scores, b.scores, confidence);
  found.runs_a = a.scores.size();
  found.runs_b = b.scores.size();
  found.mean_a = mean_of(a.scores);
  found.mean_b = mean_of(b.scores);
  found.welch = welch_test(a.scores, b.scores, confidence);
  found.ranks = rank_test(a.scores, b.scores);
  found.failures = failure_test(a.failed, a.failed + static_cast<std::int64_t>(found.runs_a), b.failed,
                                b.failed + static_cast<std::int64_t>(found.runs_b));
  return found;
}

void conclude(Comparison& found, double confidence, bool further_shared) {
  if (std::min(found.runs_a, found.runs_b) >= kFewestRuns) {
    const Judgement judgement = judge(found.in_pairs ? found.pairs->interval : found.all_pairs.interval);
    found.finding = judgement.finding;
    found.favours = judgement.favours;
  }
  if (found.finding == Conclusion::kCouldBeNoise)
    found.further_seeds = further_seeds(found, confidence, further_shared);
}

}  // namespace

Judgement judge(const Interval& outperforming, double meaningful) {
  if (outperforming.high < 0.5) {
    const Judgement mirrored = judge({1 - outperforming.high, 1 - outperforming.low}, meaningful);
    return {mirrored.finding, -mirrored.favours};
  }
  if (!(outperforming.low > 0.5)) return {};
  return {outperforming.high > meaningful ? Conclusion::kRealAndMeaningful : Conclusion::kRealNotMeaningful, 1};
}

Comparison compare_arms(const ArmScores& a, const ArmScores& b, double confidence, bool further_shared) {
  Comparison found = measured(a, b, confidence);
  conclude(found, confidence, further_shared);
  return found;
}

Comparison compare_pairs(const ArmScores& a, const ArmScores& b, double confidence) {
  Comparison found = measured(a, b, confidence);
  found.pairs = outperforming_in_pairs(a.scores, b.scores, confidence);
  found.paired = paired_test(a.scores, b.scores, confidence);
  found.in_pairs = found.runs_a >= kFewestPairs;
  conclude(found, confidence, true);
  return found;
}

}  // namespace caviar
