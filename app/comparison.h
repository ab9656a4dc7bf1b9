// What two arms of scores say of each other, as people and as programs read it.
#pragma once

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "tuner/analysis/verdict.h"
#include "tuner/seeds/scores.h"

namespace caviar {

inline constexpr double kConfidence = 0.95;  // of every interval these commands print

// A comparison of two trials in the direction of the metric: where less is better, of the negatives, so that the one
// that is ahead is the better one. By pairs where the trials share the seeds of kFewestPairs runs that both have a
// score for; else all scores against all. Failures are of all finished runs of either.
struct TrialComparison {
  Comparison found;
  bool maximize = true;
  bool by_seeds = false;     // the scores compared are those of the seeds they share
  std::int64_t shared = 0;   // seeds that both have a score for
  std::vector<double> a, b;  // the scores compared, in the metric's own sign
  // Where runs failed or diverged: of A over B with each of those as worse than any score, and what that says. In pairs
  // where kFewestPairs seeds ended for both, else of all with all.
  std::optional<Outperformance> with_failures;
  Judgement judged_with_failures;
  double difference() const { return maximize ? found.welch.difference : -found.welch.difference; }  // a - b
};
TrialComparison compare_trials(const TrialScores& a, const TrialScores& b, bool maximize);

// Fisher's test of the runs of two trials that failed or diverged, of those that ended; it needs no scores.
FailureTest failures_of(const TrialScores& a, const TrialScores& b);

// The verdict where an arm has no score, as sentence_of() has that of the others: all that can differ is how many fail.
std::string sentence_of(const FailureTest& failures, const std::string& a, const std::string& b);

const char* to_string(Conclusion finding);  // "could be noise", "real but not meaningful", "real and meaningful"

// The verdict as one sentence without its full stop.
std::string sentence_of(const TrialComparison& comparison, const std::string& a, const std::string& b);

// Nothing where failures do not differ; else the warning that the verdict is of survivors, and what failures make of
// it.
std::string warning_of_failures(const TrialComparison& comparison, const std::string& a, const std::string& b);

std::string show_p(double p);                      // "0.0123", "below 0.0001"
std::string show_interval(const Interval& range);  // "0.01200 .. 0.03400"

// Of a - b in the metric's own sign.
Interval in_metric(const Interval& range, bool maximize);

nlohmann::ordered_json json_of(std::optional<double> value);           // null for what is not known or not a number
nlohmann::ordered_json json_of(const std::optional<Interval>& range);  // {"low", "high"} or null
nlohmann::ordered_json json_of(const TrialComparison& comparison);
nlohmann::ordered_json json_of(const FailureTest& failures);

}  // namespace caviar
