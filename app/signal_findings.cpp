#include "app/signal_findings.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "app/text.h"
#include "kernels/base/error.h"
#include "tuner/analysis/failures.h"
#include "tuner/seeds/scores.h"

namespace caviar {
namespace {

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

}  // namespace

AgainstNoise against_noise(const Findings& found, const Arm& noise) {
  AgainstNoise against;
  if (found.firsts.size() < 2 || noise.scores.size() < 2) return against;
  against.ratio = variance_ratio(found.firsts, noise.scores);
  against.log_ratio = log_variance_ratio_interval(found.firsts, noise.scores, 0);
  if (found.firsts.size() >= 3 && noise.scores.size() >= 3)
    against.spreads = brown_forsythe(std::vector<std::vector<double>>{found.firsts, noise.scores});
  return against;
}

std::string verdict_of(const Findings& found) {
  if (found.seeds > 1) {
    if (!found.kruskal) return kTooFewToTell;
    if (found.kruskal->p < kSignalLevel) return "differ";
    return least_p(found.groups) < kSignalLevel ? "could be noise" : kTooFewToTell;
  }
  bool larger = true;
  for (std::size_t i = 1; i < found.arms.size(); ++i) {
    const AgainstNoise against = against_noise(found, found.arms[i]);
    if (!against.spreads || !against.ratio) return kTooFewToTell;
    larger = larger && against.spreads->p < kSignalLevel && (!against.ratio->ratio || *against.ratio->ratio > 1);
  }
  return larger ? "spread is larger" : "could be noise";
}

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
  std::vector<FailureCount> failures;
  for (std::int64_t trial = 0; trial < found.configs; ++trial) {
    const TrialScores scores = scores_of(signal, trial, found.metric);
    all.left_out.add(scores);
    const std::vector<double> finite = scores.scores();
    failures.push_back({scores.failures(), static_cast<std::int64_t>(finite.size()) + scores.failures()});
    if (finite.empty()) {
      found.left_out.push_back({trial, {}});
      found.left_out.back().runs.add(scores);
      continue;
    }
    all.scores.insert(all.scores.end(), finite.begin(), finite.end());
    if (scores.repeats.front().score) found.firsts.push_back(*scores.repeats.front().score);
    found.groups.push_back(finite);
  }
  if (all.scores.empty())
    fail(signal_directory, ": the signal has no score of ", found.metric,
         ": every run diverged or failed; `caviar show` says more");
  if (found.seeds > 1 && all.left_out.failed + all.left_out.diverged > 0)
    found.failures_p = failures_p_over(failures, study.sweep_seed);
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
  for (const Arm& arm : found.arms) samples.push_back(arm.scores);
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
  if (least < kSignalLevel) return std::nullopt;
  std::int64_t enough = seeds + 1;
  while (least_p(configs, enough) >= kSignalLevel) ++enough;
  return fmt::format(
      "however {} on {} each come out, the p of Kruskal-Wallis cannot be below {:.3f}, so none can be told "
      "from noise; --seeds {} can, with --resume too",
      show_number_of(configs, "config"), show_number_of(seeds, "seed"), least, enough);
}

}  // namespace caviar
