#include "app/noise_report.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/text.h"
#include "tuner/analysis/verdict.h"

namespace caviar {
namespace {

using Json = nlohmann::ordered_json;

std::string show(const std::optional<double>& value) {
  return show_metric(value.value_or(std::numeric_limits<double>::quiet_NaN()));
}

std::string show(const std::optional<Interval>& interval) {
  return interval ? fmt::format("[{}, {}]", show_metric(interval->low), show_metric(interval->high)) : "-";
}

std::string sources(const VariedSeeds& varied, bool which) {
  std::string words;
  for (const SeedSource& source : seed_sources()) {
    if (varied.*source.member == which) words += fmt::format("{}{}", words.empty() ? "" : ", ", source.name);
  }
  return words.empty() ? "none" : words;
}

void print_head(const NoiseReport& report) {
  const NoiseScores& scores = report.scores;
  std::string config;
  for (const auto& [name, value] : report.config)
    config += fmt::format("{}{}={}", config.empty() ? "" : " ", name, show_value(value));
  fmt::print("{}: one config on {}: {}\n", report.study, show_number_of(scores.runs, "seed"), config);
  fmt::print("seeds that differ between the runs: {}; the same in all: {}\n", sources(report.varied, true),
             sources(report.varied, false));
  fmt::print("complete: {}; diverged: {}; failed: {}", scores.complete, scores.diverged, scores.failed);
  if (scores.stopped > 0) fmt::print("; stopped: {}", scores.stopped);
  if (scores.unfinished > 0) fmt::print("; unfinished: {}", scores.unfinished);
  fmt::print(".{}\n", scores.complete > 0 ? fmt::format(" Everything below is of the {} alone.",
                                                        show_number_of(scores.complete, "complete run"))
                                          : "");
}

void print_metrics(const NoiseScores& scores) {
  std::vector<std::vector<std::string>> spreads = {{"metric", "n", "mean", "interval", "sd", "interval", "robust sd"}};
  std::vector<std::vector<std::string>> places = {
      {"metric", "min", "5 %", "25 %", "median", "75 %", "95 %", "max", "IQM"}};
  std::vector<std::string> equal, bootstrap;
  for (const auto& [metric, spread] : scores.metrics) {
    spreads.push_back({metric, fmt::format("{}", spread.n), show_metric(spread.mean), show(spread.mean_interval),
                       show(spread.sd), show(spread.sd_interval), show(spread.robust_sd)});
    places.push_back({metric, show_metric(spread.least), show_metric(spread.p05), show_metric(spread.p25),
                      show_metric(spread.median), show_metric(spread.p75), show_metric(spread.p95),
                      show_metric(spread.greatest), show_metric(spread.interquartile_mean)});
    if (spread.equal && spread.n > 1) equal.push_back(metric);
    if (spread.sd_bootstrap) bootstrap.push_back(fmt::format("{} {}", metric, show(spread.sd_bootstrap)));
  }
  fmt::print("\n{}", show_table(spreads));
  const bool intervals = std::any_of(scores.metrics.begin(), scores.metrics.end(), [](const MetricNoise& noise) {
    return noise.spread.mean_interval || noise.spread.sd_interval;
  });
  if (intervals) {
    fmt::print(
        "The intervals hold with 95 % confidence for normal scores only; where the robust sd (from the quartiles) is\n"
        "much smaller than the sd, a few runs went astray and the intervals are too short.\n");
  } else {
    fmt::print("One run has no spread; from two on there are standard deviations and intervals.\n");
  }
  for (const std::string& text : bootstrap)
    fmt::print("sd, 95 % confidence for scores of any shape (bootstrap): {}\n", text);
  for (const std::string& metric : equal)
    fmt::print("{} is the same in every run, which does not say that it will be in the next.\n", metric);
  fmt::print("\n{}IQM: the mean of the middle half.\n", show_table(places));
}

void print_quality(const TestSetNoise& noise) {
  const TrueQuality& quality = noise.quality;
  const double measured = std::sqrt(quality.test_set_variance);
  fmt::print("  on these examples the accuracies of the runs have a standard deviation of {}\n", show_metric(measured));
  if (quality.sd) {
    fmt::print("  on endlessly many examples they would have one of {}", show_metric(*quality.sd));
  } else {
    fmt::print("  on endlessly many examples they would have none that shows (the estimate of its square is {:.3g})",
               quality.variance);
  }
  if (quality.interval) {
    fmt::print("; 95 % confidence: {},\n  which is too narrow where a few runs in a hundred collapse\n",
               show(Interval{std::sqrt(quality.interval->low), std::sqrt(quality.interval->high)}));
  } else {
    fmt::print("; no interval {}\n", noise.runs < static_cast<std::int64_t>(kFewestRunsForInterval)
                                         ? fmt::format("below {} runs", kFewestRunsForInterval)
                                         : std::string("where the runs make equally many errors"));
  }
  if (quality.test_set_variance > 0) {
    const double share = std::clamp(1 - quality.truncated / quality.test_set_variance, 0.0, 1.0);
    fmt::print("  so about {:.0f} % of the variance between seeds is the luck of which examples are in the test set\n",
               100 * share);
  }
}

void print_test_set(const NoiseReport& report) {
  const TestSetNoise& noise = *report.test_set;
  fmt::print("\nThe test set ({} examples, {} classes, {} runs with their {} weights, mean error {})\n",
             show_count(static_cast<double>(noise.examples)), noise.classes, noise.runs, report.test_set_weights,
             show_metric(noise.error_rate));
  print_quality(noise);
  fmt::print(
      "  known beforehand, from its size and the mean error: {} of one model between test sets of this size "
      "(binomial);\n"
      "  between seeds at least {}, if the runs together are calibrated as an ensemble (Jordan 2024){}\n",
      show_metric(noise.binomial_sd), show_metric(noise.jordan_sd),
      std::sqrt(noise.quality.test_set_variance) < noise.jordan_sd
          ? ":\n  these scatter less, so they are not, or they are too few to show it"
          : "");
  fmt::print(
      "  two runs give different answers to {:.3g} % of the examples, and one of them is right and the other wrong "
      "on {:.3g} %\n",
      100 * noise.class_disagreement, 100 * noise.quality.disagreement);
  if (report.trained_again > 0) {
    fmt::print("  ({} trained again for this, as their weights were not kept)\n",
               show_number_of(report.trained_again, "run"));
  }
}

std::string show_seeds(const std::optional<std::int64_t>& seeds) {
  if (!seeds) return fmt::format("over {}", show_count(static_cast<double>(kMostSeeds)));
  return show_count(static_cast<double>(std::max(*seeds, static_cast<std::int64_t>(kFewestRuns))));
}

std::string show_difference(double difference) {
  return difference < 1e-4 || difference >= 1e6 ? fmt::format("{:.3g}", difference) : show_metric(difference);
}

std::string show_in_sd(double sds) { return sds < 1e6 ? fmt::format("{:.2f}", sds) : fmt::format("{:.3g}", sds); }

void print_plan(const NoiseReport& report) {
  const MetricNoise* noise = find_noise(report.scores, report.record.metric);
  if (!noise || report.plan.empty()) {
    fmt::print("\nHow many seeds show a difference cannot be planned: {}.\n",
               noise && noise->spread.n > 1 ? "the runs do not differ" : "that takes two complete runs");
    return;
  }
  fmt::print("\nSeeds that each of two configs needs to show a difference of {} (t test, two-sided 5 %, power 80 %)\n",
             report.record.metric);
  std::vector<std::vector<std::string>> table = {
      {"difference", "in sd", "seeds, by the sd's upper limit", "by the sd as measured"}};
  for (const PlannedDifference& row : report.plan) {
    table.push_back({show_difference(row.difference), show_in_sd(row.difference / row.plan.sigma),
                     show_seeds(row.plan.at_upper_limit), show_seeds(row.plan.at_estimate)});
  }
  fmt::print("{}", show_table(table));
  fmt::print(
      "Go by the upper limit ({}, 95 % confidence for normal scores): the sd of {} runs is itself a guess. {} is the\n"
      "fewest that any difference is called real from. Seeds that both configs share need fewer only as far as their\n"
      "scores go together.\n",
      show_metric(report.plan.front().plan.upper_sigma), noise->spread.n, kFewestRuns);
}

// Of a number that is not one: null.
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(); }
Json number(const std::optional<double>& value) { return value ? number(*value) : Json(); }
Json number(const std::optional<std::int64_t>& value) { return value ? Json(*value) : Json(); }
Json ends(const std::optional<Interval>& interval) {
  return interval ? Json::array({number(interval->low), number(interval->high)}) : Json();
}

Json json_of(const MetricNoise& noise) {
  const Spread& spread = noise.spread;
  return {{"metric", noise.metric},
          {"n", spread.n},
          {"mean", number(spread.mean)},
          {"mean_interval", ends(spread.mean_interval)},
          {"sd", number(spread.sd)},
          {"sd_interval", ends(spread.sd_interval)},
          {"sd_bootstrap_interval", ends(spread.sd_bootstrap)},
          {"unbiased_sd", number(spread.unbiased_sd)},
          {"robust_sd", number(spread.robust_sd)},
          {"min", number(spread.least)},
          {"p05", number(spread.p05)},
          {"p25", number(spread.p25)},
          {"median", number(spread.median)},
          {"p75", number(spread.p75)},
          {"p95", number(spread.p95)},
          {"max", number(spread.greatest)},
          {"iqm", number(spread.interquartile_mean)}};
}

Json json_of(const TestSetNoise& noise, const std::string& weights) {
  return {{"weights", weights},
          {"runs", noise.runs},
          {"examples", noise.examples},
          {"classes", noise.classes},
          {"error_rate", number(noise.error_rate)},
          {"sd_on_test_set", number(std::sqrt(noise.quality.test_set_variance))},
          {"sd_of_true_quality", number(noise.quality.sd)},
          {"variance_of_true_quality", number(noise.quality.variance)},
          {"variance_interval", ends(noise.quality.interval)},
          {"disagree_in_being_right", number(noise.quality.disagreement)},
          {"disagree_in_class", number(noise.class_disagreement)},
          {"binomial_sd", number(noise.binomial_sd)},
          {"jordan_sd", number(noise.jordan_sd)}};
}

Json json_of(const PlannedDifference& row) {
  return {{"difference", number(row.difference)},        {"sd", number(row.plan.sigma)},
          {"upper_sd", number(row.plan.upper_sigma)},    {"power", 0.8},
          {"seeds_at_sd", number(row.plan.at_estimate)}, {"seeds_at_upper_sd", number(row.plan.at_upper_limit)}};
}

}  // namespace

void print_noise(const NoiseReport& report) {
  print_head(report);
  if (report.scores.metrics.empty()) {
    fmt::print("No run is complete, so nothing can be said of their spread.\n");
    return;
  }
  print_metrics(report.scores);
  if (report.test_set) print_test_set(report);
  print_plan(report);
}

void write_noise_json(const NoiseReport& report, std::FILE* out) {
  const NoiseScores& scores = report.scores;
  Json varied = Json::array(), metrics = Json::array(), plan = Json::array();
  for (const SeedSource& source : seed_sources()) {
    if (report.varied.*source.member) varied.push_back(source.name);
  }
  for (const MetricNoise& noise : scores.metrics) metrics.push_back(json_of(noise));
  for (const PlannedDifference& row : report.plan) plan.push_back(json_of(row));
  const Json json = {{"study", report.study},
                     {"config", Value(report.config)},
                     {"varied", varied},
                     {"metric", report.record.metric},
                     {"runs",
                      {{"recorded", scores.runs},
                       {"complete", scores.complete},
                       {"diverged", scores.diverged},
                       {"failed", scores.failed},
                       {"stopped", scores.stopped},
                       {"unfinished", scores.unfinished}}},
                     {"confidence", 0.95},
                     {"metrics", metrics},
                     {"test_set", report.test_set ? json_of(*report.test_set, report.test_set_weights) : Json()},
                     {"plan", plan}};
  fmt::print(out, "{}\n", json.dump(2));
}

}  // namespace caviar
