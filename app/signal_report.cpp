#include <algorithm>
#include <cmath>
#include <cstdio>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/signal_findings.h"
#include "app/text.h"
#include "tuner/analysis/spread.h"

namespace caviar {
namespace {

using Json = nlohmann::ordered_json;

std::string show_interval(const std::optional<Interval>& interval) {
  return interval ? fmt::format("95 % interval [{:.4g}, {:.4g}]", interval->low, interval->high)
                  : "no interval, for want of spread or of runs";
}

std::string show_number(const std::optional<double>& number) { return number ? fmt::format("{:.4g}", *number) : "-"; }

std::string show_counts(const Counts& counts) {
  std::string text;
  for (const auto& [number, what] : {std::pair(counts.failed, "failed"), std::pair(counts.diverged, "diverged"),
                                     std::pair(counts.stopped, "stopped"), std::pair(counts.unfinished, "unfinished")})
    if (number > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", number, what);
  return text;
}

// Whose scores are missing, and what that says.
void print_left_out(const Findings& found) {
  std::string text;
  for (const Arm& arm : found.arms)
    if (arm.left_out.all() > 0)
      text +=
          fmt::format("{}{}: {}", text.empty() ? "Runs without a score: " : "; ", arm.name, show_counts(arm.left_out));
  if (!text.empty()) fmt::print("{}\n", wrapped(text + "."));
  for (std::size_t i = 1; i < found.arms.size(); ++i)
    if (found.arms[i].scores.empty())
      fmt::print("{}\n", wrapped(fmt::format("{} has no score (-), so nothing is held against it; --noise-of names "
                                             "another config, --resume keeps what was trained.",
                                             found.arms[i].name)));
  constexpr std::size_t kNamed = 10;
  std::string names;
  for (std::size_t i = 0; i < std::min(kNamed, found.left_out.size()); ++i) {
    const auto& [trial, runs] = found.left_out[i];
    names += fmt::format("{}trial {} ({})", names.empty() ? "" : ", ", trial,
                         runs.all() > 0 ? show_counts(runs) : "could not be trained");
  }
  if (found.left_out.size() > kNamed) names += fmt::format(" and {} more", found.left_out.size() - kNamed);
  if (!names.empty())
    fmt::print("{}\n",
               wrapped(fmt::format("Left out, having no run with a score: {}. All else below, the verdict "
                                   "too, is of the other {}.",
                                   names, show_number_of(static_cast<std::int64_t>(found.groups.size()), "config"))));
  if (found.failures_p)
    fmt::print("{}\n",
               wrapped(fmt::format(
                   "That runs of some configs fail or diverge more often than those of others {} (p {:.3g}, "
                   "chi-square by permutation).",
                   *found.failures_p <= kSignalLevel ? "is more than chance" : "could be chance", *found.failures_p)));
}

void print_arms(const Findings& found) {
  std::vector<std::vector<std::string>> table = {
      {"", "scores", "mean", "sd", "sd, 95 % from", "to", "least", "greatest", "no score"}};
  for (const Arm& arm : found.arms) {
    table.push_back({arm.name, fmt::format("{}", arm.scores.size())});
    std::vector<std::string>& row = table.back();
    if (arm.scores.empty()) {
      row.resize(table[0].size() - 1, "-");
    } else {
      const Spread spread = spread_of(arm.scores, 0);
      const auto end = [&](double Interval::*which) {
        return spread.sd_interval ? show_metric((*spread.sd_interval).*which) : "-";
      };
      row.insert(row.end(), {show_metric(spread.mean), spread.sd ? show_metric(*spread.sd) : "-", end(&Interval::low),
                             end(&Interval::high), show_metric(spread.least), show_metric(spread.greatest)});
    }
    row.push_back(fmt::format("{}", arm.left_out.all()));
  }
  fmt::print("\n{} of {} configs, {} each\n{}", found.metric, found.configs, show_number_of(found.seeds, "seed"),
             show_table(table));
  fmt::print(
      "Intervals of a standard deviation hold for normal, independent scores: not for several seeds a config.\n");
  print_left_out(found);
}

double share_in_bin(const Findings& found, std::size_t arm, std::size_t bin) {
  const auto all = static_cast<double>(found.arms[arm].scores.size());
  return all > 0 ? static_cast<double>(found.histogram.counts[arm][bin]) / all : 0;
}

// The arms from `first` on that have room beside one another. A bar is as long as its bin's share of the scores of its
// arm; `most` is the share that fills the width.
void print_arms_drawn(const Findings& found, std::size_t first, std::size_t last, double most) {
  const CommonHistogram& histogram = found.histogram;
  constexpr int kWidth = 24;
  fmt::print("\n{:>9}   {:>9}", "from", "to");
  for (std::size_t arm = first; arm < last; ++arm)
    fmt::print("  {:<{}}", found.arms[arm].name, arm + 1 < last ? kWidth + 7 : 0);
  for (std::size_t bin = histogram.edges.size() - 1; bin-- > 0;) {
    fmt::print("\n{:>9} - {:>9}", show_metric(histogram.edges[bin]), show_metric(histogram.edges[bin + 1]));
    for (std::size_t arm = first; arm < last; ++arm) {
      const double share = share_in_bin(found, arm, bin);
      fmt::print("  {:<{}} {:>6}", std::string(static_cast<std::size_t>(std::lround(share / most * kWidth)), '#'),
                 kWidth, histogram.counts[arm][bin]);
    }
  }
  fmt::print("\n");
}

void print_histogram(const Findings& found) {
  const CommonHistogram& histogram = found.histogram;
  if (histogram.edges.empty()) {
    fmt::print("\nEvery score is {}: there is no spread to draw.\n", show_metric(found.arms[0].scores[0]));
    return;
  }
  constexpr std::size_t kBeside = 3;  // as many as 120 columns hold
  double most = 0;
  for (std::size_t arm = 0; arm < found.arms.size(); ++arm)
    for (std::size_t bin = 0; bin + 1 < histogram.edges.size(); ++bin)
      most = std::max(most, share_in_bin(found, arm, bin));
  for (std::size_t arm = 0; arm < found.arms.size(); arm += kBeside)
    print_arms_drawn(found, arm, std::min(arm + kBeside, found.arms.size()), most);
  fmt::print("The first and the last bin hold all beyond the 2nd and the 98th percentile: they may be wider.\n");
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
  if (verdict == kTooFewToTell && found.kruskal)
    fmt::print("{}\n", wrapped(fmt::format("There is too little to tell: {}.",
                                           too_few_to_tell(static_cast<std::int64_t>(found.groups.size()), found.seeds)
                                               .value_or("too many runs have no score; --resume with more --seeds"))));
  else if (verdict == kTooFewToTell)
    fmt::print(
        "There are too few scores, or none that differ, to decide anything: more configs, more --seeds or more "
        "--noise-seeds.\n");
  else if (verdict == "differ")
    fmt::print("The configs differ by more than the seed: decided by Kruskal-Wallis at level {}.\n", kSignalLevel);
  else if (verdict == "spread is larger")
    fmt::print("Scores spread more over configs than over seeds: decided by Brown-Forsythe at level {}.\n",
               kSignalLevel);
  else
    fmt::print(
        "It could be noise: no difference beyond that between seeds was shown, which is not to say that there is "
        "none.\n");
  if (!found.left_out.empty())
    fmt::print("That is of the {} that have a score, and not of the {} without one.\n",
               show_number_of(static_cast<std::int64_t>(found.groups.size()), "config"), found.left_out.size());
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

Json json_of(const Counts& counts) {
  return {{"failed", counts.failed},
          {"diverged", counts.diverged},
          {"stopped", counts.stopped},
          {"unfinished", counts.unfinished}};
}

Json json_of(const Arm& arm) {
  std::optional<Spread> spread;
  if (!arm.scores.empty()) spread = spread_of(arm.scores, 0);
  Json json = {{"trial", arm.trial ? Json(*arm.trial) : Json(nullptr)},
               {"scores", arm.scores},
               {"mean", spread ? Json(spread->mean) : Json(nullptr)},
               {"sd", spread ? number(spread->sd) : Json(nullptr)},
               {"sd_interval", spread ? json_of(spread->sd_interval) : Json(nullptr)}};
  json.update(json_of(arm.left_out));
  return json;
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
  json["left_out"] = Json::array();
  for (const LeftOut& config : found.left_out) {
    json["left_out"].push_back({{"trial", config.trial}});
    json["left_out"].back().update(json_of(config.runs));
  }
  json["failures_p"] = number(found.failures_p);
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
