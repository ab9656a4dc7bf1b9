#include "app/comparison.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "app/text.h"
#include "tuner/analysis/failures.h"

namespace caviar {
namespace {

using Json = nlohmann::ordered_json;

std::vector<double> negated(std::vector<double> scores) {
  for (double& score : scores) score = -score;
  return scores;
}

Json json_of_share(const Outperformance& found) {
  return {{"share", found.share}, {"low", found.interval.low}, {"high", found.interval.high}};
}

Json json_of_pairs(const PairedTest& test, bool maximize) {
  std::optional<Interval> interval;
  if (test.interval) interval = in_metric(*test.interval, maximize);
  return {{"difference", maximize ? test.difference : -test.difference},
          {"sd", json_of(test.sd)},
          {"interval", json_of(interval)},
          {"t", json_of(test.t ? std::optional(maximize ? *test.t : -*test.t) : std::nullopt)},
          {"degrees_of_freedom", json_of(test.freedom)},
          {"p", json_of(test.p)},
          {"signed_rank_p", test.signed_rank_p},
          {"correlation", json_of(test.correlation)}};
}

// A failed run as worse than any score; the failed ones tie.
std::vector<double> failures_last(const std::vector<std::optional<double>>& ended, bool maximize, double worst) {
  std::vector<double> values;
  values.reserve(ended.size());
  for (const std::optional<double>& score : ended) values.push_back(!score ? worst : maximize ? *score : -*score);
  return values;
}

// of_a, of_b: all scores of either, more is better.
Outperformance count_failures(const TrialScores& a, const TrialScores& b, const PairedScores& pairs,
                              const std::vector<double>& of_a, const std::vector<double>& of_b, bool maximize) {
  const double least =
      std::min(*std::min_element(of_a.begin(), of_a.end()), *std::min_element(of_b.begin(), of_b.end()));
  const double worst = least - std::abs(least) - 1;
  if (pairs.ended_a.size() >= kFewestPairs)
    return outperforming_in_pairs(failures_last(pairs.ended_a, maximize, worst),
                                  failures_last(pairs.ended_b, maximize, worst), kConfidence);
  return outperforming(with_failures_at(of_a, static_cast<std::size_t>(a.failures()), worst),
                       with_failures_at(of_b, static_cast<std::size_t>(b.failures()), worst), kConfidence);
}

std::string verdict_sentence(const Judgement& judged, const std::string& a, const std::string& b) {
  if (judged.finding == Conclusion::kCouldBeNoise)
    return fmt::format("the difference between {} and {} could be noise", a, b);
  const std::string& better = judged.favours > 0 ? a : b;
  const std::string& worse = judged.favours > 0 ? b : a;
  if (judged.finding == Conclusion::kRealNotMeaningful)
    return fmt::format(
        "that {} is better than {} is real but not meaningful: of a run of each, the better is its own "
        "in at most {:g} of cases",
        better, worse, kMeaningful);
  return fmt::format("that {} is better than {} is real and meaningful", better, worse);
}

}  // namespace

TrialComparison compare_trials(const TrialScores& a, const TrialScores& b, bool maximize) {
  TrialComparison comparison;
  comparison.maximize = maximize;
  const PairedScores pairs = pair_by_seeds(a, b);
  comparison.shared = static_cast<std::int64_t>(pairs.a.size());
  comparison.by_seeds = pairs.a.size() >= kFewestPairs;
  comparison.a = comparison.by_seeds ? pairs.a : a.scores();
  comparison.b = comparison.by_seeds ? pairs.b : b.scores();
  const std::vector<double> of_a = maximize ? comparison.a : negated(comparison.a);
  const std::vector<double> of_b = maximize ? comparison.b : negated(comparison.b);
  const ArmScores arm_a{of_a, a.failures()}, arm_b{of_b, b.failures()};
  const bool same_seeds = comparison.shared > 0 && pairs.a.size() == std::min(of_a.size(), of_b.size());
  comparison.found = comparison.by_seeds ? compare_pairs(arm_a, arm_b, kConfidence)
                                         : compare_arms(arm_a, arm_b, kConfidence, same_seeds);
  comparison.found.failures = failures_of(a, b);
  if (a.failures() + b.failures() > 0) {
    const std::vector<double> all_a = maximize ? a.scores() : negated(a.scores());
    const std::vector<double> all_b = maximize ? b.scores() : negated(b.scores());
    comparison.with_failures = count_failures(a, b, pairs, all_a, all_b, maximize);
    if (std::min(comparison.found.failures.runs_a, comparison.found.failures.runs_b) >=
        static_cast<std::int64_t>(kFewestRuns))
      comparison.judged_with_failures = judge(comparison.with_failures->interval);
  }
  return comparison;
}

FailureTest failures_of(const TrialScores& a, const TrialScores& b) {
  const auto runs = [](const TrialScores& arm) {
    return static_cast<std::int64_t>(arm.scores().size()) + arm.failures();
  };
  return failure_test(a.failures(), runs(a), b.failures(), runs(b));
}

std::string sentence_of(const FailureTest& failures, const std::string& a, const std::string& b) {
  const bool none_of_a = failures.failed_a == failures.runs_a, none_of_b = failures.failed_b == failures.runs_b;
  const std::string who =
      none_of_a && none_of_b ? "neither arm has a score" : fmt::format("{} has no score", none_of_a ? a : b);
  if (!failures.differ)
    return fmt::format("{}, and how many runs failed or diverged could be noise (p {})", who, show_p(failures.p));
  const bool more_of_a = failures.failed_a * failures.runs_b > failures.failed_b * failures.runs_a;
  return fmt::format("{}; that {} fails or diverges more often than {} is more than chance (p {})", who,
                     more_of_a ? a : b, more_of_a ? b : a, show_p(failures.p));
}

const char* to_string(Conclusion finding) {
  switch (finding) {
    case Conclusion::kCouldBeNoise:
      return "could be noise";
    case Conclusion::kRealNotMeaningful:
      return "real but not meaningful";
    case Conclusion::kRealAndMeaningful:
      return "real and meaningful";
  }
  return "";
}

std::string sentence_of(const TrialComparison& comparison, const std::string& a, const std::string& b) {
  const Comparison& found = comparison.found;
  if (found.finding == Conclusion::kCouldBeNoise) {
    if (std::min(found.runs_a, found.runs_b) < kFewestRuns)
      return fmt::format("the difference between {} and {} could be noise: fewer than {} runs an arm can tell nothing",
                         a, b, kFewestRuns);
  }
  return verdict_sentence({found.finding, found.favours}, a, b);
}

std::string warning_of_failures(const TrialComparison& comparison, const std::string& a, const std::string& b) {
  const FailureTest& failures = comparison.found.failures;
  if (!failures.differ || !comparison.with_failures) return "";
  const bool more_of_a = failures.failed_a * failures.runs_b > failures.failed_b * failures.runs_a;
  return fmt::format(
      "That is of the runs with a score: {} fails or diverges more often than {} (p {}).\n"
      "With those runs as worse than any score, {}.",
      more_of_a ? a : b, more_of_a ? b : a, show_p(failures.p),
      verdict_sentence(comparison.judged_with_failures, a, b));
}

std::string show_p(double p) { return p < 1e-4 ? "below 0.0001" : fmt::format("{:.4f}", p); }

std::string show_interval(const Interval& range) {
  return fmt::format("{} .. {}", show_metric(range.low), show_metric(range.high));
}

Interval in_metric(const Interval& range, bool maximize) {
  return maximize ? range : Interval{-range.high, -range.low};
}

Json json_of(std::optional<double> value) { return value && std::isfinite(*value) ? Json(*value) : Json(nullptr); }

Json json_of(const std::optional<Interval>& range) {
  if (!range) return nullptr;
  return {{"low", json_of(range->low)}, {"high", json_of(range->high)}};
}

Json json_of(const FailureTest& failures) {
  return {{"a", failures.failed_a},    {"runs_a", failures.runs_a}, {"b", failures.failed_b},
          {"runs_b", failures.runs_b}, {"p", failures.p},           {"differ", failures.differ}};
}

Json json_of(const TrialComparison& comparison) {
  const Comparison& found = comparison.found;
  const double sign = comparison.maximize ? 1 : -1;
  std::optional<Interval> welch;
  if (found.welch.interval) welch = in_metric(*found.welch.interval, comparison.maximize);
  Json json = {{"paired", comparison.by_seeds},
               {"shared_seeds", comparison.shared},
               {"runs_a", found.runs_a},
               {"runs_b", found.runs_b},
               {"mean_a", sign * found.mean_a},
               {"mean_b", sign * found.mean_b},
               {"difference", comparison.difference()}};
  json["welch"] = {{"interval", json_of(welch)},
                   {"t", json_of(found.welch.t ? std::optional(sign * *found.welch.t) : std::nullopt)},
                   {"degrees_of_freedom", json_of(found.welch.freedom)},
                   {"p", json_of(found.welch.p)}};
  json["paired_test"] = found.paired ? json_of_pairs(*found.paired, comparison.maximize) : Json(nullptr);
  json["mann_whitney"] = {{"u", found.ranks.u}, {"exact", found.ranks.exact}, {"p", json_of(found.ranks.p)}};
  json["outperforms_in_pairs"] = found.pairs ? json_of_share(*found.pairs) : Json(nullptr);
  json["outperforms_in_all_pairs"] = json_of_share(found.all_pairs);
  json["failures"] = json_of(found.failures);
  json["outperforms_with_failures"] =
      comparison.with_failures ? json_of_share(*comparison.with_failures) : Json(nullptr);
  json["verdict_with_failures"] =
      comparison.with_failures ? Json(to_string(comparison.judged_with_failures.finding)) : Json(nullptr);
  json["verdict"] = to_string(found.finding);
  json["favours"] = found.favours == 0 ? Json(nullptr) : Json(found.favours > 0 ? "a" : "b");
  json["further_seeds"] = found.further_seeds ? Json(*found.further_seeds) : Json(nullptr);
  return json;
}

}  // namespace caviar
