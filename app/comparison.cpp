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

}  // namespace

TrialComparison compare_trials(const TrialScores& a, const TrialScores& b, bool maximize) {
  TrialComparison comparison;
  comparison.maximize = maximize;
  PairedScores pairs = pair_by_seeds(a, b);
  comparison.shared = static_cast<std::int64_t>(pairs.a.size());
  comparison.by_seeds = pairs.a.size() >= kFewestPairs;
  comparison.a = comparison.by_seeds ? std::move(pairs.a) : a.scores();
  comparison.b = comparison.by_seeds ? std::move(pairs.b) : b.scores();
  const std::vector<double> of_a = maximize ? comparison.a : negated(comparison.a);
  const std::vector<double> of_b = maximize ? comparison.b : negated(comparison.b);
  const ArmScores arm_a{of_a, a.failures()}, arm_b{of_b, b.failures()};
  comparison.found = (comparison.by_seeds ? compare_pairs : compare_arms)(arm_a, arm_b, kConfidence);
  comparison.found.failures = failures_of(a, b);
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
    return fmt::format("the difference between {} and {} could be noise", a, b);
  }
  const std::string& better = found.favours > 0 ? a : b;
  const std::string& worse = found.favours > 0 ? b : a;
  if (found.finding == Conclusion::kRealNotMeaningful)
    return fmt::format(
        "that {} is better than {} is real but not meaningful: of a run of each, the better is its own "
        "in at most {:g} of cases",
        better, worse, kMeaningful);
  return fmt::format("that {} is better than {} is real and meaningful", better, worse);
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
  json["verdict"] = to_string(found.finding);
  json["favours"] = found.favours == 0 ? Json(nullptr) : Json(found.favours > 0 ? "a" : "b");
  json["further_seeds"] = found.further_seeds ? Json(*found.further_seeds) : Json(nullptr);
  return json;
}

}  // namespace caviar
