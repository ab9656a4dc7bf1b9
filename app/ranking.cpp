#include "app/ranking.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <vector>

#include <fmt/format.h>

#include "app/progress.h"
#include "tuner/metric.h"
#include "tuner/value.h"

namespace caviar {

namespace {

// Names of the parameters whose value is not the same in all trials shown; all when there is one trial.
std::set<std::string> varied(const std::vector<TrialRecord>& trials) {
  std::map<std::string, std::set<std::string>> values;
  std::map<std::string, std::size_t> seen;
  for (const TrialRecord& t : trials)
    for (const auto& [name, value] : t.trial.config) {
      values[name].insert(value.dump());
      ++seen[name];
    }
  std::set<std::string> names;
  for (const auto& [name, all] : values)
    if (all.size() > 1 || seen[name] < trials.size() || trials.size() == 1) names.insert(name);
  return names;
}

std::string show_value(const Value& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

std::string show_config(const Config& config, const std::set<std::string>& names) {
  std::string text;
  for (const auto& [name, value] : config)
    if (names.contains(name)) text += fmt::format("{}{}={}", text.empty() ? "" : " ", name, show_value(value));
  return text.empty() ? "(defaults)" : text;
}

std::string show_state(const TrialSummary& s) {
  if (s.state == TrialState::kOpen) return "running";
  if (s.failed || s.state == TrialState::kFailed) return "failed";
  if (s.diverged == 0) return "done";
  return s.diverged == s.finished ? "diverged" : fmt::format("{} diverged", s.diverged);
}

// Numbers of all trials: ranked ones first, then those without a rank.
std::vector<std::int64_t> in_order(const History& history, std::size_t most) {
  std::vector<std::int64_t> order = history.ranking(most);
  std::set<std::int64_t> ranked(order.begin(), order.end());
  for (std::int64_t t = 0; t < history.trials() && order.size() < most; ++t)
    if (!ranked.contains(t)) order.push_back(t);
  return order;
}

// The mean over seeds of the test accuracy at the end of each run.
std::map<std::int64_t, std::pair<double, int>> test_accuracy(Storage& storage) {
  std::map<std::int64_t, std::pair<double, int>> sums;
  storage.for_each_repeat([&](const RepeatRecord& r) {
    if (!r.last || r.last->test.examples == 0) return;
    auto& [sum, n] = sums[r.trial];
    sum += r.last->test.accuracy();
    ++n;
  });
  return sums;
}

std::string noise_lines(const History& history, const StudyRecord& study) {
  const SeedNoise noise = seed_noise(history);
  const auto looked_at = history.done();
  if (std::isnan(noise.sd)) {
    if (study.seeds > 1) return "";
    return fmt::format(
        "One seed a trial: how far seeds alone move {} is not known, so no rank above is more than a hint (best of {} "
        "trials).\nTo measure it, run the sweep again with --seeds 5 and --resume: seeds are added, nothing is trained "
        "twice.\n",
        study.metric, looked_at);
  }
  const double chance = noise.sd * std::sqrt(2.0 / static_cast<double>(study.seeds));
  return fmt::format(
      "Noise: between seeds of one trial {} varies with a standard deviation of {} (pooled over {} trials). Two means "
      "of "
      "{} seeds\ndiffer by {} from chance alone (one standard deviation); the best was picked out of {} trials.\n",
      study.metric, show_metric(study.metric, noise.sd), noise.trials, study.seeds, show_metric(study.metric, chance),
      looked_at);
}

}  // namespace

SeedNoise seed_noise(const History& history) {
  double squares = 0, degrees = 0;
  std::int64_t trials = 0;
  for (std::int64_t t = 0; t < history.trials(); ++t) {
    const TrialSummary& s = history[t];
    const int values = s.finished - s.diverged;
    if (std::isnan(s.sd) || values < 2) continue;
    squares += s.sd * s.sd * (values - 1);
    degrees += values - 1;
    ++trials;
  }
  return {degrees > 0 ? std::sqrt(squares / degrees) : std::numeric_limits<double>::quiet_NaN(), trials};
}

std::string ranking_table(Storage& storage, const History& history, const StudyRecord& study, std::size_t most) {
  const std::vector<std::int64_t> order = in_order(history, most);
  const std::size_t ranked = history.ranking(most).size();
  std::vector<TrialRecord> records;
  for (const std::int64_t t : order) records.push_back(storage.trial(t).value());
  const std::set<std::string> names = varied(records);
  const auto tests = test_accuracy(storage);

  std::string out = fmt::format("{:>4}  {:>5}  {:>12}  {:>8}  {:>5}  {:>8}  {:<10}  {}\n", "rank", "trial",
                                study.metric, "sd", "seeds", "test acc", "state", "config");
  for (std::size_t i = 0; i < order.size(); ++i) {
    const TrialSummary& s = history[order[i]];
    const auto test = tests.find(order[i]);
    out +=
        fmt::format("{:>4}  {:>5}  {:>12}  {:>8}  {:>5}  {:>8}  {:<10}  {}\n", i < ranked ? std::to_string(i + 1) : "-",
                    order[i], show_metric(study.metric, s.mean), show_metric(study.metric, s.sd),
                    s.finished == s.repeats ? std::to_string(s.finished) : fmt::format("{}/{}", s.finished, s.repeats),
                    test == tests.end() ? "-" : show_metric("test_accuracy", test->second.first / test->second.second),
                    show_state(s), show_config(records[i].trial.config, names));
  }
  if (static_cast<std::int64_t>(order.size()) < history.trials())
    out += fmt::format("... and {} more\n", history.trials() - static_cast<std::int64_t>(order.size()));
  if (study.validate_on_test)
    out +=
        "Validated on the test set (--validate-on test): these scores are tuned on the examples they are measured on "
        "and "
        "too good.\n";
  return out + noise_lines(history, study);
}

}  // namespace caviar
