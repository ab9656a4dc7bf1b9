#include "app/decompose_report.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/text.h"

namespace caviar {
namespace {

using Json = nlohmann::ordered_json;

std::string show_design(const CrossedScores& crossed) {
  std::string text;
  for (std::size_t f = 0; f < crossed.sources.size(); ++f)
    text += fmt::format("{}{} seeds of {}", f ? " x " : "", crossed.levels[f], crossed.sources[f]);
  return text;
}

void print_components(const CrossedScores& crossed, const SeedDecomposition& found) {
  std::vector<std::vector<std::string>> table = {{"where it comes from", "share of variance", "sd", "95 %"}};
  for (const VarianceComponent& part : found.parts.components) {
    table.push_back({component_name(crossed, part.factors), part.share ? fmt::format("{:.1f}", 100 * *part.share) : "-",
                     show_metric(std::sqrt(part.variance)),
                     part.interval ? fmt::format("[{}, {}]", show_metric(std::sqrt(part.interval->low)),
                                                 show_metric(std::sqrt(part.interval->high)))
                                   : "-"});
  }
  fmt::print("{}", show_table(table));
  if (found.parts.enough_levels) {
    fmt::print("The intervals hold with 95 % confidence for normal effects; shares are in percent.\n");
  } else {
    fmt::print("No intervals: with fewer than {} seeds of each source they would say next to nothing.\n",
               kFewestLevels);
  }
}

void print_sources(const SeedDecomposition& found) {
  fmt::print("\nAll together: a standard deviation of {}. One source at a time:\n", show_metric(found.total_sd));
  std::vector<std::vector<std::string>> table = {{"source", "sd when it alone varies", "sd left when it is held"}};
  for (const SourceSpread& source : found.sources)
    table.push_back({source.source, show_metric(source.alone_sd), show_metric(source.fixed_sd)});
  fmt::print("{}", show_table(table));
  for (const SourceSpread& source : found.sources) {
    const double left = 100 * source.fixed_sd / found.total_sd;
    if (!source.matters) {
      fmt::print("Whether holding the seed of {} shrinks the spread cannot be told from so few seeds.\n",
                 source.source);
    } else if (*source.matters) {
      fmt::print("Holding the seed of {} shrinks the spread, to {:.0f} % of its standard deviation.\n", source.source,
                 left);
    } else {
      fmt::print("Holding the seed of {} does not shrink the spread by anything that shows ({:.0f} % is left).\n",
                 source.source, left);
    }
  }
}

void print_metric(const MetricDecomposition& metric) {
  fmt::print("\n{} ({} runs)\n", metric.metric, metric.crossed.scores.size());
  if (!metric.found) {
    fmt::print(
        "{} diverged or failed, so that the design is not balanced and cannot be taken apart.\n"
        "Choose a config that trains on every seed, or look at `caviar noise` without --decompose.\n",
        show_number_of(metric.crossed.missing, "run"));
  } else if (metric.found->parts.total == 0) {
    fmt::print("It is the same in every run: there is no spread to take apart.\n");
  } else {
    print_components(metric.crossed, *metric.found);
    print_sources(*metric.found);
  }
}

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(); }

Json sources_of(const CrossedScores& crossed, unsigned factors) {
  Json names = Json::array();
  for (std::size_t f = 0; f < crossed.sources.size(); ++f) {
    if (factors & 1u << f) names.push_back(crossed.sources[f]);
  }
  return names;
}

Json json_of(const MetricDecomposition& metric) {
  Json json = {{"metric", metric.metric},
               {"sources", metric.crossed.sources},
               {"levels", metric.crossed.levels},
               {"combinations", metric.crossed.scores.size()},
               {"missing", metric.crossed.missing},
               {"total_sd", metric.found ? number(metric.found->total_sd) : Json()},
               {"components", Json()},
               {"sources_alone", Json()}};
  if (!metric.found) return json;
  json["components"] = Json::array();
  json["sources_alone"] = Json::array();
  for (const VarianceComponent& part : metric.found->parts.components) {
    Json component = {{"sources", sources_of(metric.crossed, part.factors)},
                      {"freedom", number(part.freedom)},
                      {"variance", number(part.variance)},
                      {"raw_variance", number(part.raw)},
                      {"share", part.share ? number(*part.share) : Json()},
                      {"variance_interval", Json()}};
    if (part.interval) component["variance_interval"] = {number(part.interval->low), number(part.interval->high)};
    json["components"].push_back(component);
  }
  for (const SourceSpread& source : metric.found->sources) {
    json["sources_alone"].push_back(
        {{"source", source.source},
         {"sd_alone", number(source.alone_sd)},
         {"sd_when_held", number(source.fixed_sd)},
         {"holding_it_shrinks_the_spread", source.matters ? Json(*source.matters) : Json()}});
  }
  return json;
}

// Of the first metric, by which the study ranks.
bool combination_leads(const MetricDecomposition& metric) {
  if (!metric.found) return false;
  const auto& parts = metric.found->parts.components;
  const auto largest = std::max_element(parts.begin(), parts.end(), [](const auto& a, const auto& b) {
    return a.share.value_or(0) < b.share.value_or(0);
  });
  return largest != parts.end() && largest->factors == 0 && largest->share;
}

}  // namespace

void print_decomposition(const DecomposeReport& report) {
  std::string config;
  for (const auto& [name, value] : report.config)
    config += fmt::format("{}{}={}", config.empty() ? "" : " ", name, show_value(value));
  fmt::print("{}: one config on all combinations of {}: {}\n", report.study,
             show_design(report.metrics.front().crossed), config);
  for (const MetricDecomposition& metric : report.metrics) print_metric(metric);
  const auto is_apart = [](const MetricDecomposition& metric) { return metric.found && metric.found->parts.total > 0; };
  if (std::none_of(report.metrics.begin(), report.metrics.end(), is_apart)) return;
  fmt::print("\nThe combination is what only the meeting of all sources makes.\n");
  if (combination_leads(report.metrics.front())) {
    fmt::print(
        "It is the largest part here, as it is as a rule: a run is so sensitive that changing any one seed gives "
        "nearly\n"
        "all the spread (Summers & Dinneen 2021).\n");
  }
}

void write_decomposition_json(const DecomposeReport& report, std::FILE* out) {
  Json metrics = Json::array();
  for (const MetricDecomposition& metric : report.metrics) metrics.push_back(json_of(metric));
  const Json json = {
      {"study", report.study}, {"config", Value(report.config)}, {"confidence", 0.95}, {"metrics", metrics}};
  fmt::print(out, "{}\n", json.dump(2));
}

}  // namespace caviar
