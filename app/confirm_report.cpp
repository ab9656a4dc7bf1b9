#include "app/confirm_report.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "app/text.h"
#include "tuner/analysis/failures.h"
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
  std::optional<double> chosen;
  if (const double winner = report.arms.front().searched; report.best_now && std::isfinite(winner))
    chosen = report.maximize ? winner : -winner;
  report.luck =
      search_luck(means, floor->sd / std::sqrt(static_cast<double>(searched.front().runs)), report.looked_at, chosen);
}

// The best by the first half of the repeats, and its score by the second, which did not choose it.
void pick_afresh(ConfirmReport& report) {
  std::vector<std::vector<double>> to_pick, to_score;
  std::vector<std::size_t> candidates;
  for (std::size_t i = 0; i < report.arms.size(); ++i) {
    std::vector<double> first, second;
    for (const RepeatScore& repeat : report.arms[i].fresh.repeats) {
      if (!repeat.score) continue;
      const double score = report.maximize ? *repeat.score : -*repeat.score;
      (2 * repeat.repeat < report.seeds ? first : second).push_back(score);
    }
    if (first.empty() || second.empty()) continue;
    candidates.push_back(i);
    to_pick.push_back(std::move(first));
    to_score.push_back(std::move(second));
  }
  if (candidates.empty()) return;
  report.pick = pick_and_score(to_pick, to_score, kConfidence);
  report.pick->winner = candidates[report.pick->winner];
  if (report.maximize) return;
  report.pick->score = -report.pick->score;
  report.pick->picking_score = -report.pick->picking_score;
  if (report.pick->interval) report.pick->interval = in_metric(*report.pick->interval, false);
}

std::string role_of(const ConfirmPlan& plan, std::size_t i) {
  if (static_cast<std::int64_t>(i) >= plan.best) return "baseline";
  const std::string role = i == 0 ? "winner" : "runner-up";
  return plan.baseline == plan.trials[i] ? role + ", baseline" : role;
}

// What the scores say of two arms, or where one has none, their failures.
ConfirmedComparison compared(const TrialScores& winner, const TrialScores& other, bool maximize) {
  ConfirmedComparison found;
  found.failures = failures_of(winner, other);
  if (winner.scores().empty() || other.scores().empty()) {
    found.p = found.failures.p;
    if (winner.scores().empty() && other.scores().empty()) return found;
    found.verdict = Conclusion::kRealAndMeaningful;
    found.favours = other.scores().empty() ? 1 : -1;
    return found;
  }
  found.comparison = compare_trials(winner, other, maximize);
  const Comparison& scores = found.comparison->found;
  found.p = scores.paired ? std::optional(scores.paired->signed_rank_p) : scores.ranks.p;
  found.verdict = scores.finding;
  found.favours = scores.favours;
  return found;
}

void print_arms(const ConfirmReport& report) {
  std::vector<std::vector<std::string>> table = {
      {"trial", "here", "role", "in the search", "fresh", "95 % interval", "sd", "runs", "diverged", "failed"}};
  for (std::size_t i = 0; i < report.arms.size(); ++i) {
    const ConfirmedArm& arm = report.arms[i];
    const std::vector<double> scores = arm.fresh.scores();
    const auto interval = scores.empty() ? std::nullopt : mean_interval(scores, kConfidence);
    const auto sd = sd_of(scores);
    table.push_back({fmt::format("{}", arm.trial), fmt::format("{}", i), arm.role, show_metric(arm.searched),
                     scores.empty() ? "-" : show_metric(mean_of(scores)), interval ? show_interval(*interval) : "-",
                     sd ? show_metric(*sd) : "-", fmt::format("{}", scores.size()),
                     fmt::format("{}", arm.fresh.diverged), fmt::format("{}", arm.fresh.failed)});
  }
  fmt::print(
      "{} of {}, trained on {} never used in its search\n({} on, init, order, dropout, augment and split alike)\n"
      "\n{}intervals of the mean by Student's t, for normal scores\n"
      "trial: its number in the search; here: its number in {}\n\n",
      report.metric, report.searched, show_number_of(report.seeds, "seed"), report.first_seed, show_table(table),
      report.study);
}

void print_luck(const ConfirmReport& report) {
  const double sign = report.maximize ? 1 : -1;
  if (report.best_now) {
    fmt::print(
        "The search has changed since its winner was chosen: its best is trial {} now, of {} looked at.\n"
        "`caviar confirm {} --study DIR`, another directory, confirms that.",
        *report.best_now, show_number_of(report.looked_at, "trial"), report.searched);
  } else {
    fmt::print("The winner was the best of {} looked at.", show_number_of(report.looked_at, "trial"));
  }
  if (!report.luck || !report.luck->expected) {
    fmt::print("\nHow much luck that put into its score is not known: {}.\n",
               report.luck ? "that takes the scores of two trials that ran to their end"
                           : "no trial has two runs with a score");
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
    const double above = winner.searched - mean_of(scores);
    fmt::print("Found: its score of {} in the search was {} {} the fresh {}:\n{}.\n", show_metric(winner.searched),
               show_metric(std::abs(above)), above < 0 ? "below" : "above", show_metric(mean_of(scores)),
               sign * above > 0   ? "better, so the search flattered it by that much"
               : sign * above < 0 ? "worse, so the search did not flatter it"
                                  : "the search did not flatter it");
  }
}

void print_pick(const ConfirmReport& report) {
  if (!report.pick) return;
  const ConfirmedPick& pick = *report.pick;
  fmt::print("Picked by the first half of the fresh seeds: trial {}; by the second half its score is {}",
             report.arms[pick.winner].trial, show_metric(pick.score));
  if (pick.interval) fmt::print("\n(95 % interval {}, for normal scores)", show_interval(*pick.interval));
  fmt::print(", which no choice has flattered.\n");
}

// "real and meaningful: the winner is better", "by failures: the winner is better".
std::string verdict_of(const ConfirmedComparison& found) {
  const bool stands = found.verdict != Conclusion::kCouldBeNoise;
  const char* better = found.favours > 0 ? "the winner" : "the other";
  if (!found.comparison)
    return stands ? fmt::format("by failures: {} is better", better) : "could be noise, by failures";
  return to_string(found.verdict) + (stands ? fmt::format(": {} is better", better) : "");
}

// What a verdict from the scores of survivors leaves out.
void print_failures(const ConfirmReport& report) {
  for (const ConfirmedComparison& found : report.comparisons) {
    const FailureTest& failures = found.failures;
    if (!failures.differ) continue;
    const std::string winner = fmt::format("trial {}", report.arms.front().trial),
                      other = fmt::format("trial {}", report.arms[found.other].trial);
    fmt::print("{} of {} runs of {} failed or diverged, and {} of {} of {} (p {}, by itself).\n", failures.failed_a,
               failures.runs_a, winner, failures.failed_b, failures.runs_b, other, show_p(failures.p));
    if (found.comparison && found.comparison->with_failures)
      fmt::print("With those runs as worse than any score, by itself: {}.\n",
                 to_string(found.comparison->judged_with_failures.finding));
  }
}

void print_comparisons(const ConfirmReport& report) {
  if (report.comparisons.empty()) return;
  std::vector<std::vector<std::string>> table = {
      {"winner against", "difference", "probability of being better", "p", "p (Holm)", "verdict"}};
  bool by_failures = false;
  for (const ConfirmedComparison& found : report.comparisons) {
    std::string difference = "-", probability = "-";
    if (found.comparison) {
      const Comparison& comparison = found.comparison->found;
      const Outperformance& share = comparison.in_pairs ? *comparison.pairs : comparison.all_pairs;
      difference = fmt::format("{:+.5f}", found.comparison->difference());
      probability = fmt::format("{:.3f} ({:.3f} .. {:.3f})", share.share, share.interval.low, share.interval.high);
    }
    by_failures |= !found.comparison;
    table.push_back({fmt::format("{}, {}", report.arms[found.other].trial, report.arms[found.other].role), difference,
                     probability, found.p ? show_p(*found.p) : "-", found.p_holm ? show_p(*found.p_holm) : "-",
                     verdict_of(found)});
  }
  fmt::print("\n{}95 % intervals in brackets; p of the signed-rank test in pairs, else of Mann and Whitney's{}.\n",
             show_table(table), by_failures ? ",\nor of Fisher's test of the failures where an arm has no score" : "");
  print_failures(report);
  if (report.comparisons.size() == 1) {
    fmt::print("A verdict other than noise also takes a p of at most 0.05.\n");
  } else {
    fmt::print(
        "A verdict other than noise also takes a p of at most 0.05 after Holm's correction for all {} comparisons.\n",
        report.comparisons.size());
  }
  fmt::print("`caviar compare` takes each pair alone, without that p, so it may call real what could be noise here.\n");
}

Json favours_of(const ConfirmedComparison& found) {
  if (found.favours == 0) return nullptr;
  return found.favours > 0 ? "winner" : "other";
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
    ConfirmedComparison found = compared(fresh.front(), fresh[i], maximize);
    if (found.failures.runs_a == 0 || found.failures.runs_b == 0) continue;
    found.other = i;
    if (found.p) known.push_back(*found.p);
    comparisons.push_back(std::move(found));
  }
  const std::vector<double> adjusted = holm(known);
  std::size_t next = 0;
  for (ConfirmedComparison& found : comparisons) {
    if (found.p) found.p_holm = adjusted[next++];
    const bool stands = found.p_holm && *found.p_holm <= kLevel;
    if (stands) continue;
    found.verdict = Conclusion::kCouldBeNoise;
    found.favours = 0;
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
  if (const auto best = history.best(); best && *best != plan.trials.front()) report.best_now = best;
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
                                   {"favours", favours_of(found)},
                                   {"failures",
                                    {{"winner", found.failures.failed_a},
                                     {"runs_of_winner", found.failures.runs_a},
                                     {"other", found.failures.failed_b},
                                     {"runs_of_other", found.failures.runs_b},
                                     {"p", found.failures.p}}},
                                   {"comparison", found.comparison ? json_of(*found.comparison) : Json(nullptr)}});
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
