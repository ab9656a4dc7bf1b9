#include "app/signal_findings.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/text.h"
#include "kernels/base/error.h"
#include "tuner/analysis/spread.h"
#include "tuner/seeds/scores.h"

namespace caviar {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kLevel = 0.05;
constexpr const char* kTooFew = "too few to tell";

double least_p(const std::vector<std::vector<double>>& groups) {
  std::vector<std::size_t> sizes;
  sizes.reserve(groups.size());
  for (const std::vector<double>& group : groups) sizes.push_back(group.size());
  return least_kruskal_wallis_p(sizes);
}

double least_p(std::int64_t configs, std::int64_t seeds) {
  return least_kruskal_wallis_p(
      std::vector<std::size_t>(static_cast<std::size_t>(configs), static_cast<std::size_t>(seeds)));
}

// Signal against one arm of noise, one score a config.
struct AgainstNoise {
  std::optional<VarianceRatio> ratio;
  std::optional<Interval> log_ratio;
  std::optional<GroupTest> spreads;
};

AgainstNoise against_noise(const Findings& found, const Arm& noise) {
  AgainstNoise against;
  if (found.firsts.size() < 2 || noise.scores.size() < 2) return against;
  against.ratio = variance_ratio(found.firsts, noise.scores);
  against.log_ratio = log_variance_ratio_interval(found.firsts, noise.scores, 0);
  if (found.firsts.size() >= 3 && noise.scores.size() >= 3)
    against.spreads = brown_forsythe(std::vector<std::vector<double>>{found.firsts, noise.scores});
  return against;
}

// "differ", "could be noise", "spread is larger", or kTooFew.
std::string verdict_of(const Findings& found) {
  if (found.seeds > 1) {
    if (!found.kruskal) return kTooFew;
    if (found.kruskal->p < kLevel) return "differ";
    return least_p(found.groups) < kLevel ? "could be noise" : kTooFew;
  }
  bool larger = true;
  for (std::size_t i = 1; i < found.arms.size(); ++i) {
    const AgainstNoise against = against_noise(found, found.arms[i]);
    if (!against.spreads || !against.ratio) return kTooFew;
    larger = larger && against.spreads->p < kLevel && (!against.ratio->ratio || *against.ratio->ratio > 1);
  }
  return larger ? "spread is larger" : "could be noise";
}

std::string show_interval(const std::optional<Interval>& interval) {
  return interval ? fmt::format("95 % interval [{:.4g}, {:.4g}]", interval->low, interval->high)
                  : "no interval, for want of spread or of runs";
}

std::string show_number(const std::optional<double>& number) { return number ? fmt::format("{:.4g}", *number) : "-"; }

void print_arms(const Findings& found) {
  std::vector<std::vector<std::string>> table = {{"", "scores", "mean", "sd", "sd, 95 % from", "to", "least",
                                                  "greatest", "failed", "diverged", "stopped", "unfinished"}};
  for (const Arm& arm : found.arms) {
    const Spread spread = spread_of(arm.scores, 0);
    const auto end = [&](double Interval::*which) {
      return spread.sd_interval ? show_metric((*spread.sd_interval).*which) : "-";
    };
    table.push_back({arm.name, fmt::format("{}", spread.n), show_metric(spread.mean),
                     spread.sd ? show_metric(*spread.sd) : "-", end(&Interval::low), end(&Interval::high),
                     show_metric(spread.least), show_metric(spread.greatest), fmt::format("{}", arm.left_out.failed),
                     fmt::format("{}", arm.left_out.diverged), fmt::format("{}", arm.left_out.stopped),
                     fmt::format("{}", arm.left_out.unfinished)});
  }
  fmt::print("\n{} of {} configs, {} each\n{}", found.metric, found.configs, show_number_of(found.seeds, "seed"),
             show_table(table));
  fmt::print(
      "Intervals of a standard deviation hold for normal, independent scores: not for several seeds a config.\n");
}

// A bar is as long as its bin's share of the scores of its arm, the longest of all being full.
void print_histogram(const Findings& found) {
  const CommonHistogram& histogram = found.histogram;
  if (histogram.edges.empty()) {
    fmt::print("\nEvery score is {}: there is no spread to draw.\n", show_metric(found.arms[0].scores[0]));
    return;
  }
  constexpr int kWidth = 24;
  const auto share = [&](std::size_t arm, std::size_t bin) {
    return static_cast<double>(histogram.counts[arm][bin]) / static_cast<double>(found.arms[arm].scores.size());
  };
  double most = 0;
  for (std::size_t arm = 0; arm < found.arms.size(); ++arm)
    for (std::size_t bin = 0; bin + 1 < histogram.edges.size(); ++bin) most = std::max(most, share(arm, bin));
  fmt::print("\n{:>9}   {:>9}", "from", "to");
  for (std::size_t arm = 0; arm < found.arms.size(); ++arm)
    fmt::print("  {:<{}}", found.arms[arm].name, arm + 1 < found.arms.size() ? kWidth + 7 : 0);
  for (std::size_t bin = histogram.edges.size() - 1; bin-- > 0;) {
    fmt::print("\n{:>9} - {:>9}", show_metric(histogram.edges[bin]), show_metric(histogram.edges[bin + 1]));
    for (std::size_t arm = 0; arm < found.arms.size(); ++arm)
      fmt::print("  {:<{}} {:>6}",
                 std::string(static_cast<std::size_t>(std::lround(share(arm, bin) / most * kWidth)), '#'), kWidth,
                 histogram.counts[arm][bin]);
  }
  fmt::print("\nThe first and the last bin hold all beyond the 2nd and the 98th percentile: they may be wider.\n");
}

void print_test(const char* what, const std::optional<GroupTest>& test) {
  if (!test)
    fmt::print("{}: too few scores, or none that differ\n", what);
  else
    fmt::print("{}: statistic {:.4g}, p {:.3g}\n", what, test->statistic, test->p);
}

void print_effect(const Findings& found) {
  if (!found.effect) return;
  const ConfigEffect& effect = *found.effect;
  fmt::print("\nOne-way random effects, {} configs, {} runs (intervals exact for normal scores only):\n",
             effect.configs, effect.runs);
  fmt::print("  sd between configs {:.4g}, sd between seeds {:.4g}\n", std::sqrt(effect.config_variance),
             std::sqrt(effect.seed_variance));
  fmt::print("  variance of configs over variance of seeds {}, {}\n",
             effect.seed_variance > 0 ? fmt::format("{:.4g}", effect.config_variance / effect.seed_variance) : "-",
             show_interval(effect.ratio_interval));
  fmt::print("  share of the variance that is the config's {}, {}; F {}, p {}\n", show_number(effect.intraclass),
             show_interval(effect.intraclass_interval), show_number(effect.f), show_number(effect.p));
  print_test("Do configs lie apart, by ranks (Kruskal-Wallis)", found.kruskal);
  print_test("Do their spreads differ (Brown-Forsythe)", found.spreads);
}

void print_against_noise(const Findings& found) {
  for (std::size_t i = 1; i < found.arms.size(); ++i) {
    const AgainstNoise against = against_noise(found, found.arms[i]);
    fmt::print("\nSpread of {}, one seed each, against {}:\n",
               show_number_of(static_cast<std::int64_t>(found.firsts.size()), "config"), found.arms[i].name);
    if (!against.ratio) {
      fmt::print("  too few scores\n");
      continue;
    }
    fmt::print("  variance ratio {}, {} (normal scores only)\n", show_number(against.ratio->ratio),
               show_interval(against.ratio->interval));
    fmt::print("  its logarithm by the bootstrap, {} (any scores)\n", show_interval(against.log_ratio));
    print_test("  is the spread another (Brown-Forsythe)", against.spreads);
  }
}

void print_verdict(const Findings& found) {
  const std::string verdict = verdict_of(found);
  fmt::print("\n");
  if (verdict == kTooFew && found.kruskal)
    fmt::print("There is too little to tell: {}.\n",
               too_few_to_tell(static_cast<std::int64_t>(found.groups.size()), found.seeds)
                   .value_or("too many runs have no score; --resume with more --seeds"));
  else if (verdict == kTooFew)
    fmt::print(
        "There are too few scores, or none that differ, to decide anything: more configs, more --seeds or more "
        "--noise-seeds.\n");
  else if (verdict == "differ")
    fmt::print("The configs differ by more than the seed: decided by Kruskal-Wallis at level {}.\n", kLevel);
  else if (verdict == "spread is larger")
    fmt::print("Scores spread more over configs than over seeds: decided by Brown-Forsythe at level {}.\n", kLevel);
  else
    fmt::print(
        "It could be noise: no difference beyond that between seeds was shown, which is not to say that there is "
        "none.\n");
  if (found.seeds > 1) return;
  fmt::print(
      "One fixed seed a config, as in the original, is weak evidence. The seed does not make the noise equal: on one\n"
      "seed every config still has its own luck, networks of other shapes draw other numbers, and that luck is inside\n"
      "the spread over configs. So a ratio of 1 is pure noise, and one above 1 tells neither config from luck nor "
      "which\n"
      "config is better; runs of one config on one seed say nothing of it. --seeds 3 separates the two.\n");
}

Json number(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }
Json json_of(const std::optional<Interval>& value) { return value ? Json{value->low, value->high} : Json(nullptr); }
Json json_of(const std::optional<GroupTest>& test) {
  return test ? Json{{"statistic", test->statistic}, {"p", test->p}} : Json(nullptr);
}

Json json_of(const Arm& arm) {
  const Spread spread = spread_of(arm.scores, 0);
  return {{"trial", arm.trial ? Json(*arm.trial) : Json(nullptr)},
          {"scores", arm.scores},
          {"mean", spread.mean},
          {"sd", number(spread.sd)},
          {"sd_interval", json_of(spread.sd_interval)},
          {"failed", arm.left_out.failed},
          {"diverged", arm.left_out.diverged},
          {"stopped", arm.left_out.stopped},
          {"unfinished", arm.left_out.unfinished}};
}

Json json_of(const ConfigEffect& effect) {
  return {{"configs", effect.configs},
          {"runs", effect.runs},
          {"config_variance", effect.config_variance},
          {"seed_variance", effect.seed_variance},
          {"ratio_interval", json_of(effect.ratio_interval)},
          {"intraclass", number(effect.intraclass)},
          {"intraclass_interval", json_of(effect.intraclass_interval)},
          {"f", number(effect.f)},
          {"p", number(effect.p)}};
}

}  // namespace

void Counts::add(const TrialScores& trial) {
  failed += trial.failed;
  diverged += trial.diverged;
  stopped += trial.stopped;
  unfinished += trial.unfinished;
}

Findings look(const std::string& signal_directory, const std::vector<NoiseStudy>& noise_studies,
              const std::optional<std::string>& metric) {
  Storage signal = open_study(signal_directory);
  const StudyRecord study = signal.study().value();
  Findings found;
  found.metric = metric.value_or(study.metric);
  found.configs = signal.trial_count();
  found.seeds = study.seeds;
  Arm all;
  all.name = "signal";
  for (std::int64_t trial = 0; trial < found.configs; ++trial) {
    const TrialScores scores = scores_of(signal, trial, found.metric);
    all.left_out.add(scores);
    const std::vector<double> finite = scores.scores();
    if (finite.empty()) continue;
    all.scores.insert(all.scores.end(), finite.begin(), finite.end());
    if (scores.repeats.front().score) found.firsts.push_back(*scores.repeats.front().score);
    found.groups.push_back(finite);
  }
  const std::size_t scored = all.scores.size();
  found.arms.push_back(std::move(all));
  for (const auto& [directory, trial] : noise_studies) {
    Storage noise = open_study(directory);
    const TrialScores scores = scores_of(noise, 0, found.metric);
    Arm& arm = found.arms.emplace_back();
    arm.name = trial ? fmt::format("noise of trial {}", *trial) : "noise";
    arm.trial = trial;
    arm.scores = scores.scores();
    arm.left_out.add(scores);
  }
  std::vector<std::vector<double>> samples;
  for (const Arm& arm : found.arms) {
    if (arm.scores.empty())
      fail(signal_directory, ": the arm ", arm.name, " has no score of ", found.metric,
           ": every run diverged or failed; `caviar show` says more");
    samples.push_back(arm.scores);
  }
  found.histogram = common_histogram(samples, 12);
  const auto has = [&](std::size_t least) {
    return std::all_of(found.groups.begin(), found.groups.end(), [&](const auto& g) { return g.size() >= least; });
  };
  if (found.groups.size() < 2 || scored <= found.groups.size()) return found;
  found.effect = config_effect(found.groups);
  found.kruskal = kruskal_wallis(found.groups);
  if (has(3)) found.spreads = brown_forsythe(found.groups);
  return found;
}

std::optional<std::string> too_few_to_tell(std::int64_t configs, std::int64_t seeds) {
  const double least = least_p(configs, seeds);
  if (least < kLevel) return std::nullopt;
  std::int64_t enough = seeds + 1;
  while (least_p(configs, enough) >= kLevel) ++enough;
  return fmt::format(
      "however {} on {} each come out, the p of Kruskal-Wallis cannot be below {:.3f}, so none can be told "
      "from noise; --seeds {} can, with --resume too",
      show_number_of(configs, "config"), show_number_of(seeds, "seed"), least, enough);
}

void print_findings(const Findings& found) {
  print_arms(found);
  print_histogram(found);
  print_effect(found);
  print_against_noise(found);
  print_verdict(found);
}

void print_json(const Findings& found) {
  Json json = {{"metric", found.metric}, {"configs", found.configs}, {"seeds", found.seeds}, {"confidence", 0.95}};
  json["signal"] = json_of(found.arms[0]);
  json["noise"] = Json::array();
  json["against_noise"] = Json::array();
  for (std::size_t i = 1; i < found.arms.size(); ++i) {
    json["noise"].push_back(json_of(found.arms[i]));
    const AgainstNoise against = against_noise(found, found.arms[i]);
    json["against_noise"].push_back(
        {{"trial", found.arms[i].trial ? Json(*found.arms[i].trial) : Json(nullptr)},
         {"variance_ratio", against.ratio ? number(against.ratio->ratio) : Json(nullptr)},
         {"variance_ratio_interval", against.ratio ? json_of(against.ratio->interval) : Json(nullptr)},
         {"log_variance_ratio_interval", json_of(against.log_ratio)},
         {"brown_forsythe", json_of(against.spreads)}});
  }
  json["effect"] = found.effect ? json_of(*found.effect) : Json(nullptr);
  json["kruskal_wallis"] = json_of(found.kruskal);
  json["brown_forsythe_of_configs"] = json_of(found.spreads);
  json["histogram"] = {{"edges", found.histogram.edges}, {"counts", found.histogram.counts}};
  json["verdict"] = verdict_of(found);
  fmt::print("{}\n", json.dump());
}

}  // namespace caviar
