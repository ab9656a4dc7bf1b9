#include "app/confirm_report.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "app/text.h"
#include "tuner/analysis/multiple.h"
#include "tuner/analysis/noise_floor.h"
#include "tuner/analysis/sample.h"
#include "tuner/analysis/spread.h"
#include "tuner/history.h"

namespace caviar {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kLevel = 1 - kConfidence;

TrialSpread spread_of(const TrialScores& scores) {
  const std::vector<double> values = scores.scores();
  return {mean_of(values), sd_of(values), static_cast<std::int64_t>(values.size())};
}

// The means of the trials that ran to their end on all their seeds, and their spreads.
std::vector<TrialSpread> spreads_of_search(const History& history) {
  std::vector<TrialSpread> spreads;
  for (const std::int64_t trial : history.ranking(static_cast<std::size_t>(history.trials()))) {
    const TrialSummary& summary = history[trial];
    if (summary.diverged > 0 || summary.stopped) continue;
    spreads.push_back({summary.mean, std::isfinite(summary.sd) ? std::optional(summary.sd) : std::nullopt,
                       std::max<std::int64_t>(1, summary.finished)});
  }
  return spreads;
}

// The search's own floor, where it has one; else what the fresh runs show, the split's share included.
void reckon_luck(const History& history, ConfirmReport& report) {
  const std::vector<TrialSpread> searched = spreads_of_search(history);
  std::optional<NoiseFloor> floor = noise_floor(searched);
  report.seed_sd_from_search = floor.has_value();
  if (!floor) {
    std::vector<TrialSpread> fresh;
    for (const ConfirmedArm& arm : report.arms) {
      if (!arm.fresh.scores().empty()) fresh.push_back(spread_of(arm.fresh));
    }
    floor = noise_floor(fresh);
  }
  if (!floor || searched.empty()) return;
  report.seed_sd = floor->sd;
  std::vector<double> means;
  means.reserve(searched.size());
  for (const TrialSpread& trial : searched) means.push_back(report.maximize ? trial.mean : -trial.mean);
  report.luck = search_luck(means, floor->sd / std::sqrt(static_cast<double>(searched.front().runs)));
}

// The best by the first half of the repeats, and its score by the second, which did not choose it.
void pick_afresh(ConfirmReport& report) {
  std::vector<std::vector<double>> to_pick, to_score;
  for (const ConfirmedArm& arm : report.arms) {
    to_pick.emplace_back();
    to_score.emplace_back();
    for (const RepeatScore& repeat : arm.fresh.repeats) {
      if (!repeat.score) continue;
      const double score = report.maximize ? *repeat.score : -*repeat.score;
      (2 * repeat.repeat < report.seeds ? to_pick : to_score).back().push_back(score);
    }
    if (to_pick.back().empty() || to_score.back().empty()) return;
  }
  report.pick = pick_and_score(to_pick, to_score, kConfidence);
  if (report.maximize) return;
  report.pick->score = -report.pick->score;
  report.pick->picking_score = -report.pick->picking_score;
  if (report.pick->interval) report.pick->interval = in_metric(*report.pick->interval, false);
}

std::string role_of(const ConfirmPlan& plan, std::size_t i) {
  std::string role = i == 0 ? "winner" : "runner-up";
  if (plan.baseline != plan.trials[i]) return role;
  return i + 1 == plan.trials.size() ? "baseline" : role + ", baseline";
}

void print_arms(const ConfirmReport& report) {
  std::vector<std::vector<std::string>> table = {
      {"trial", "role", "in the search", "fresh", "95 % interval", "sd", "runs", "diverged", "failed"}};
  for (const ConfirmedArm& arm : report.arms) {
    const std::vector<double> scores = arm.fresh.scores();
    const auto interval = scores.empty() ? std::nullopt : mean_interval(scores, kConfidence);
    const auto sd = sd_of(scores);
    table.push_back({fmt::format("{}", arm.trial), arm.role, show_metric(arm.searched),
                     scores.empty() ? "-" : show_metric(mean_of(scores)), interval ? show_interval(*interval) : "-",
                     sd ? show_metric(*sd) : "-", fmt::format("{}", scores.size()),
                     fmt::format("{}", arm.fresh.diverged), fmt::format("{}", arm.fresh.failed)});
  }
  fmt::print(
      "{} of {}, trained on {} never used in its search\n({} on, init, order, dropout, augment and split alike)\n"
      "\n{}intervals of the mean by Student's t, for normal scores\n\n",
      report.metric, report.searched, show_number_of(report.seeds, "seed"), report.first_seed, show_table(table));
}

void print_luck(const ConfirmReport& report) {
  const double sign = report.maximize ? 1 : -1;
  fmt::print("The winner was the best of {} looked at.", show_number_of(report.looked_at, "trial"));
  if (!report.luck || !report.luck->expected) {
    fmt::print(" How much luck that put into its score is not known: too few runs have a score.\n");
    return;
  }
  const SearchLuck& luck = *report.luck;
  fmt::print(
      " With seeds that move a score by {} ({})\nand configs by {}, choosing the best puts {} of luck into its score "
      "on "
      "average;\nwhat the search's numbers alone make of it, shrunken, is {}.\n",
      show_metric(*report.seed_sd), report.seed_sd_from_search ? "from the search" : "from the fresh runs",
      show_metric(*luck.config_sd), show_metric(*luck.expected),
      luck.shrunken ? show_metric(sign * *luck.shrunken) : "-");
  const ConfirmedArm& winner = report.arms.front();
  const std::vector<double> scores = winner.fresh.scores();
  if (!scores.empty() && std::isfinite(winner.searched)) {
    fmt::print("Found: its score of {} in the search was {:+.5f} away from the fresh {}.\n",
               show_metric(winner.searched), winner.searched - mean_of(scores), show_metric(mean_of(scores)));
  }
}

void print_pick(const ConfirmReport& report) {
  if (!report.pick) return;
  const ConfirmedPick& pick = *report.pick;
  fmt::print("Picked by the first half of the fresh seeds: trial {}; by the second half its score is {}",
             report.arms[pick.winner].trial, show_metric(pick.score));
  if (pick.interval) fmt::print(" (95 % interval {}, for normal scores)", show_interval(*pick.interval));
  fmt::print(",\nwhich no choice has flattered.\n");
}

void print_comparisons(const ConfirmReport& report) {
  if (report.comparisons.empty()) return;
  std::vector<std::vector<std::string>> table = {
      {"winner against", "difference", "probability of being better", "p", "p (Holm)", "verdict"}};
  for (const ConfirmedComparison& found : report.comparisons) {
    const Comparison& comparison = found.comparison.found;
    const Outperformance& share = comparison.in_pairs ? *comparison.pairs : comparison.all_pairs;
    std::string verdict = to_string(found.verdict);
    if (found.verdict != Conclusion::kCouldBeNoise)
      verdict += fmt::format(": {} is better", comparison.favours > 0 ? "the winner" : "the other");
    if (comparison.failures.differ) verdict += "; their failures differ";
    table.push_back({fmt::format("{}, {}", report.arms[found.other].trial, report.arms[found.other].role),
                     fmt::format("{:+.5f}", found.comparison.difference()),
                     fmt::format("{:.3f} ({:.3f} .. {:.3f})", share.share, share.interval.low, share.interval.high),
                     found.p ? show_p(*found.p) : "-", found.p_holm ? show_p(*found.p_holm) : "-", verdict});
  }
  fmt::print(
      "\n{}95 % intervals in brackets; p of the signed-rank test in pairs, else of Mann and Whitney's.\n"
      "A verdict other than noise also takes a p of at most 0.05 after Holm's correction for all {} comparisons.\n",
      show_table(table), report.comparisons.size());
}

Json json_of_luck(const ConfirmReport& report) {
  const double sign = report.maximize ? 1 : -1;
  Json json = {
      {"trials_looked_at", report.looked_at},
      {"seed_sd", json_of(report.seed_sd)},
      {"seed_sd_from", report.seed_sd ? Json(report.seed_sd_from_search ? "search" : "confirm") : Json(nullptr)},
      {"best", nullptr},
      {"mean_of_all", nullptr},
      {"config_sd", nullptr},
      {"expected_luck", nullptr},
      {"shrunken_best", nullptr}};
  if (!report.luck) return json;
  json["best"] = sign * report.luck->best;
  json["mean_of_all"] = sign * report.luck->mean_of_all;
  json["config_sd"] = json_of(report.luck->config_sd);
  json["expected_luck"] = json_of(report.luck->expected);
  if (report.luck->shrunken) json["shrunken_best"] = sign * *report.luck->shrunken;
  return json;
}

Json json_of(const ConfirmedArm& arm, std::size_t number) {
  const std::vector<double> scores = arm.fresh.scores();
  const bool any = !scores.empty();
  return {{"trial", arm.trial},
          {"confirmed_as", number},
          {"role", arm.role},
          {"search_mean", caviar::json_of(std::optional(arm.searched))},
          {"runs", scores.size()},
          {"mean", any ? Json(mean_of(scores)) : Json(nullptr)},
          {"interval", caviar::json_of(any ? mean_interval(scores, kConfidence) : std::nullopt)},
          {"sd", caviar::json_of(sd_of(scores))},
          {"diverged", arm.fresh.diverged},
          {"failed", arm.fresh.failed},
          {"unfinished", arm.fresh.unfinished}};
}

}  // namespace

std::vector<ConfirmedComparison> compare_with_winner(std::span<const TrialScores> fresh, bool maximize) {
  std::vector<ConfirmedComparison> comparisons;
  std::vector<double> known;
  for (std::size_t i = 1; i < fresh.size(); ++i) {
    if (fresh.front().scores().empty() || fresh[i].scores().empty()) continue;
    ConfirmedComparison found;
    found.other = i;
    found.comparison = compare_trials(fresh.front(), fresh[i], maximize);
    const Comparison& comparison = found.comparison.found;
    found.p = comparison.paired ? std::optional(comparison.paired->signed_rank_p) : comparison.ranks.p;
    if (found.p) known.push_back(*found.p);
    comparisons.push_back(std::move(found));
  }
  const std::vector<double> adjusted = holm(known);
  std::size_t next = 0;
  for (ConfirmedComparison& found : comparisons) {
    if (found.p) found.p_holm = adjusted[next++];
    const bool stands = found.p_holm && *found.p_holm <= kLevel;
    found.verdict = stands ? found.comparison.found.finding : Conclusion::kCouldBeNoise;
  }
  return comparisons;
}

ConfirmReport confirm_report(Storage& searched, Storage& confirmed, const ConfirmPlan& plan) {
  const StudyRecord search = searched.study().value(), study = confirmed.study().value();
  History history(search.metric, search.maximize, search.seeds);
  history.fold(searched, true);
  ConfirmReport report;
  report.metric = search.metric;
  report.maximize = search.maximize;
  report.first_seed = plan.first_seed;
  report.seeds = study.seeds;
  report.looked_at = history.done();
  for (std::size_t i = 0; i < plan.trials.size(); ++i) {
    ConfirmedArm arm;
    arm.trial = plan.trials[i];
    arm.role = role_of(plan, i);
    arm.searched = history[arm.trial].mean;
    arm.fresh = scores_of(confirmed, static_cast<std::int64_t>(i), report.metric);
    report.arms.push_back(std::move(arm));
  }
  reckon_luck(history, report);
  std::vector<TrialScores> fresh;
  for (const ConfirmedArm& arm : report.arms) fresh.push_back(arm.fresh);
  report.comparisons = compare_with_winner(fresh, report.maximize);
  pick_afresh(report);
  return report;
}

void print_confirm(const ConfirmReport& report) {
  print_arms(report);
  print_luck(report);
  print_pick(report);
  print_comparisons(report);
}

void write_confirm_json(const ConfirmReport& report, std::FILE* out) {
  Json json = {{"searched", report.searched},
               {"study", report.study},
               {"metric", report.metric},
               {"goal", report.maximize ? "maximize" : "minimize"},
               {"confidence", kConfidence},
               {"first_seed", report.first_seed},
               {"seeds", report.seeds},
               {"search", json_of_luck(report)},
               {"arms", Json::array()},
               {"comparisons", Json::array()},
               {"pick", nullptr}};
  for (std::size_t i = 0; i < report.arms.size(); ++i) json["arms"].push_back(json_of(report.arms[i], i));
  for (const ConfirmedComparison& found : report.comparisons) {
    json["comparisons"].push_back({{"trial", report.arms[found.other].trial},
                                   {"p", json_of(found.p)},
                                   {"p_holm", json_of(found.p_holm)},
                                   {"verdict", to_string(found.verdict)},
                                   {"comparison", json_of(found.comparison)}});
  }
  if (report.pick) {
    json["pick"] = {{"trial", report.arms[report.pick->winner].trial},
                    {"picking_score", report.pick->picking_score},
                    {"score", report.pick->score},
                    {"interval", json_of(report.pick->interval)},
                    {"runs_to_score", report.pick->runs_to_score}};
  }
  fmt::print(out, "{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
}

}  // namespace caviar
