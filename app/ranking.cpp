#include "app/ranking.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "app/floor.h"
#include "app/text.h"
#include "kernels/base/error.h"
#include "tuner/history.h"
#include "tuner/metric.h"
#include "tuner/outcome.h"

namespace caviar {
namespace {

// Which parameters differ between trials, and how many trials there are of what kind.
struct Overview {
  Config first;
  std::set<std::string> varied;
  std::int64_t failed = 0, stopped = 0;
  std::string failed_reason;
};

Overview look_over(Storage& storage, const History& history) {
  Overview overview;
  bool any = false;
  storage.for_each_trial([&](const TrialRecord& record) {
    if (!any) overview.first = record.trial.config;
    any = true;
    for (const auto& [name, value] : record.trial.config) {
      const auto found = overview.first.find(name);
      if (found == overview.first.end() || found->second != value) overview.varied.insert(name);
    }
    for (const auto& [name, value] : overview.first) {
      if (!record.trial.config.contains(name)) overview.varied.insert(name);
    }
    // The runs of a generation of a population end early as asked.
    overview.stopped += history[record.trial.number].stopped && record.trial.until == 0;
    if (record.state != TrialState::kFailed) return;
    if (overview.failed++ == 0)
      overview.failed_reason = fmt::format("trial {}: {}", record.trial.number, record.reason);
  });
  return overview;
}

// Mean and spread of a metric over the last reports of a trial's runs that did not diverge.
std::string spread_of(Storage& storage, std::int64_t trial, const std::string& metric) {
  std::vector<double> values;
  storage.for_each_repeat_of(trial, [&](const RepeatRecord& repeat) {
    if (!repeat.last || repeat.state == RunState::kDiverged) return;
    const double value = metric_value(*repeat.last, metric);
    if (std::isfinite(value)) values.push_back(value);
  });
  if (values.empty()) return "";
  double sum = 0, squares = 0;
  for (const double value : values) sum += value;
  const double mean = sum / static_cast<double>(values.size());
  for (const double value : values) squares += (value - mean) * (value - mean);
  const double sd = values.size() > 1 ? std::sqrt(squares / static_cast<double>(values.size() - 1))
                                      : std::numeric_limits<double>::quiet_NaN();
  return show_spread(mean, sd, static_cast<int>(values.size()));
}

std::string show_like(const StudyFloor& found, std::int64_t trial) {
  if (found.trials.front() == trial) return "";
  const std::optional<bool> like = found.is_like_first(trial);
  return !like ? "n/a" : *like ? "yes" : "no";
}

void print_left_out(const History& history, const Overview& overview) {
  std::int64_t diverged = 0, open = 0;
  for (std::int64_t i = 0; i < history.trials(); ++i) {
    diverged += history[i].state == TrialState::kDone && std::isnan(history[i].mean);
    open += history[i].state == TrialState::kOpen;
  }
  if (overview.stopped)
    fmt::print("Stopped early, so behind the others: {}.\n", show_number_of(overview.stopped, "trial"));
  if (diverged) fmt::print("Diverged on every seed, so without a rank: {}.\n", show_number_of(diverged, "trial"));
  if (overview.failed) {
    fmt::print("Could not be trained: {}; {}\n", show_number_of(overview.failed, "trial"), overview.failed_reason);
  }
  if (open) fmt::print("Unfinished: {}.\n", show_number_of(open, "trial"));
}

// What the trial's score is worth: its spread over the seeds, its rank, and the noise floor of the study.
void print_standing(Storage& storage, const StudyRecord& study, std::int64_t number) {
  History history(study.metric, study.maximize, study.seeds);
  history.fold(storage, true);
  const TrialSummary& summary = history[number];
  if (summary.state != TrialState::kDone) return;
  fmt::print("\n");
  if (std::isfinite(summary.mean))
    fmt::print("{}: {}\n", study.metric, show_spread(summary.mean, summary.sd, summary.finished - summary.diverged));
  const StudyFloor found = floor_of(storage, history);
  const auto order = history.ranking(static_cast<std::size_t>(history.trials()));
  const auto rank = std::find(order.begin(), order.end(), number) - order.begin();
  if (history.done() > 1 && rank < std::ssize(order)) {
    fmt::print("It ranks {} of {}{}.\n", rank + 1, show_number_of(history.done(), "trial"),
               found.is_like_first(number).value_or(false)
                   ? fmt::format(" and cannot be told from the first, trial {}", order.front())
                   : "");
  }
  print_floor(found, study);
}

constexpr int kPlotRows = 12, kPlotColumns = 64;

// One letter a repeat, over the steps of the longest run.
void print_plot(const std::vector<std::vector<Report>>& curves, const std::string& metric) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  std::int64_t last_step = 1;
  std::size_t longest = 0;
  for (const auto& curve : curves) {
    longest = std::max(longest, curve.size());
    for (const Report& report : curve) {
      const double value = metric_value(report, metric);
      if (!std::isfinite(value)) continue;
      low = std::min(low, value);
      high = std::max(high, value);
      last_step = std::max(last_step, report.step);
    }
  }
  if (longest < 2 || !(low < high)) return;
  std::vector<std::string> canvas(kPlotRows, std::string(kPlotColumns, ' '));
  for (std::size_t repeat = 0; repeat < curves.size(); ++repeat) {
    for (const Report& report : curves[repeat]) {
      const double value = metric_value(report, metric);
      if (!std::isfinite(value)) continue;
      const auto row = static_cast<std::size_t>(std::lround((high - value) / (high - low) * (kPlotRows - 1)));
      const auto column = static_cast<std::size_t>(report.step * (kPlotColumns - 1) / last_step);
      canvas[row][column] = static_cast<char>('a' + repeat % 26);
    }
  }
  fmt::print("\n{} by step (a letter a repeat)\n", metric);
  for (int row = 0; row < kPlotRows; ++row) {
    const std::string label = row == 0 ? show_metric(high) : row == kPlotRows - 1 ? show_metric(low) : "";
    fmt::print("{:>9} |{}\n", label, canvas[static_cast<std::size_t>(row)]);
  }
  fmt::print("{:>9} +{}\n{:>10}0{:>{}}\n", "", std::string(kPlotColumns, '-'), "", last_step, kPlotColumns - 1);
}

}  // namespace

void print_ranking(Storage& storage, std::size_t rows) {
  const StudyRecord study = *storage.study();
  History history(study.metric, study.maximize, study.seeds);
  history.fold(storage, true);
  const Overview overview = look_over(storage, history);
  const auto order = history.ranking(rows ? rows : static_cast<std::size_t>(history.trials()));

  const StudyFloor found = floor_of(storage, history);
  const bool has_floor = found.floor && order.size() > 1;
  std::vector<std::vector<std::string>> table = {{"rank", "trial", study.metric, "sd", "seeds"}};
  if (has_floor) table[0].push_back("like first");
  for (const std::string& name : overview.varied) table[0].push_back(name);
  table[0].push_back("state");
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    const TrialSummary& summary = history[order[rank]];
    const TrialRecord record = *storage.trial(order[rank]);
    std::vector<std::string> row = {fmt::format("{}", rank + 1), fmt::format("{}", order[rank]),
                                    show_metric(summary.mean), show_metric(summary.sd),
                                    fmt::format("{}", summary.finished - summary.diverged)};
    if (has_floor) row.push_back(show_like(found, order[rank]));
    for (const std::string& name : overview.varied) {
      const auto value = record.trial.config.find(name);
      row.push_back(value == record.trial.config.end() ? "" : show_value(value->second));
    }
    row.push_back(describe(outcome_of(storage, study, record)));
    table.push_back(std::move(row));
  }
  if (order.empty()) {
    fmt::print("no trial has a result yet\n");
  } else {
    fmt::print("{}", show_table(table));
    if (history.done() > static_cast<std::int64_t>(order.size()) && rows && order.size() == rows) {
      fmt::print("... and {} more; --top 0 shows all\n", history.done() - static_cast<std::int64_t>(order.size()));
    }
  }
  std::string shared;
  for (const auto& [name, value] : overview.first) {
    if (!overview.varied.contains(name))
      shared += fmt::format("{}{}={}", shared.empty() ? "" : " ", name, show_value(value));
  }
  if (!shared.empty()) fmt::print("in every trial: {}\n", shared);
  fmt::print("\n");
  print_left_out(history, overview);
  if (order.empty()) return;
  print_floor(found, study);
  print_lead(found, storage);
  // Of the weights that were ranked: the averages when the metric is theirs.
  const std::string test_metric = study.metric.starts_with("averaged_") ? "averaged_test_accuracy" : "test_accuracy";
  const std::string test = spread_of(storage, order.front(), test_metric);
  if (!test.empty()) {
    fmt::print("{} of the first, trial {}: {}{}\n", test_metric, order.front(), test,
               study.validate_on_test ? "" : "; the test set was not used to rank");
  }
  if (study.validate_on_test) {
    fmt::print("Validation was on the TEST set (validate on test): these numbers are optimistic.\n");
  }
}

void print_trial(Storage& storage, std::int64_t number) {
  const StudyRecord study = *storage.study();
  const auto record = storage.trial(number);
  if (!record) {
    fail(storage.file(), ": there is no trial ", number, "; the study has ",
         show_number_of(storage.trial_count(), "trial"), ", counted from 0");
  }
  fmt::print("trial {}: {}{}\n", number, describe(outcome_of(storage, study, *record)),
             record->reason.empty() ? "" : ": " + record->reason);
  for (const auto& [name, value] : record->trial.config) fmt::print("  {} = {}\n", name, show_value(value));

  std::vector<std::vector<Report>> curves;
  std::vector<std::vector<std::string>> table = {
      {"repeat", "rung", "step", "train_loss", "train_accuracy", "val_loss", "val_accuracy"}};
  bool averaged = false, adapts_rate = false;
  storage.for_each_repeat_of(number, [&](const RepeatRecord& repeat) {
    const RunRecord run = *storage.run(repeat.run);
    fmt::print("run {} (repeat {}): {}{}, seeds init {} order {} dropout {} augment {} split {}, digest {}\n", run.id,
               repeat.repeat, to_string(run.state), run.reason.empty() ? "" : " (" + run.reason + ")", run.seeds.init,
               run.seeds.order, run.seeds.dropout, run.seeds.augment, run.seeds.split,
               run.digest.empty() ? "-" : run.digest);
    curves.push_back(storage.reports(run.id));
    for (const Report& report : curves.back()) {
      averaged |= report.averaged.examples > 0;
      adapts_rate |= std::isfinite(report.learning_rate);
    }
  });
  if (averaged) table[0].insert(table[0].end(), {"averaged_val_loss", "averaged_val_accuracy"});
  table[0].push_back("test_accuracy");
  if (averaged) table[0].push_back("averaged_test_accuracy");
  if (adapts_rate) table[0].emplace_back(kAdaptedRate);
  for (std::size_t repeat = 0; repeat < curves.size(); ++repeat) {
    for (const Report& report : curves[repeat]) {
      std::vector<std::string> row = {fmt::format("{}", repeat), fmt::format("{}", report.rung),
                                      fmt::format("{}", report.step)};
      for (std::size_t c = 3; c < table[0].size(); ++c) {
        const double value = metric_value(report, table[0][c]);
        const bool is_rate = table[0][c] == kAdaptedRate && std::isfinite(value);
        row.push_back(is_rate ? fmt::format("{:.4g}", value) : show_metric(value));
      }
      table.push_back(std::move(row));
    }
  }
  if (table.size() > 1) fmt::print("\n{}", show_table(table));
  print_plot(curves, study.metric);
  print_standing(storage, study, number);
}

}  // namespace caviar
