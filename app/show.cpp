// caviar show STUDY: ranking, one trial with its curves, everything as JSON or CSV.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <memory>
#include <set>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "app/progress.h"
#include "app/ranking.h"
#include "kernels/base/error.h"
#include "tuner/history.h"
#include "tuner/metric.h"
#include "tuner/storage/directory.h"
#include "tuner/storage/storage.h"

namespace caviar {

namespace {

using Json = nlohmann::ordered_json;

struct ShowFlags {
  std::string study;
  std::int64_t trial = -1;
  bool json = false, csv = false;
  std::size_t top = 25;
};

// A NaN has no form in JSON: null.
Json number(double x) { return std::isfinite(x) ? Json(x) : Json(nullptr); }

Json report_json(const Report& r) {
  Json j;
  j["rung"] = r.rung;
  j["step"] = r.step;
  for (const MetricSet& set : metric_sets()) {
    const Metrics& m = r.*set.member;
    if (m.examples == 0) continue;
    j[std::string(set.prefix) + "_loss"] = number(m.loss);
    j[std::string(set.prefix) + "_accuracy"] = m.accuracy();
    j[std::string(set.prefix) + "_correct"] = m.correct;
    j[std::string(set.prefix) + "_examples"] = m.examples;
  }
  return j;
}

Json seeds_json(const Seeds& s) {
  return {{"init", s.init}, {"order", s.order}, {"dropout", s.dropout}, {"augment", s.augment}, {"split", s.split}};
}

Json run_json(Storage& storage, const RepeatRecord& repeat) {
  const RunRecord run = storage.run(repeat.run).value();
  Json j;
  j["repeat"] = repeat.repeat;
  j["run"] = run.id;
  j["identity"] = run.identity;
  j["seeds"] = seeds_json(run.seeds);
  j["steps"] = run.steps;
  j["state"] = to_string(run.state);
  if (!run.reason.empty()) j["reason"] = run.reason;
  j["digest"] = run.digest.empty() ? Json(nullptr) : Json(run.digest);
  j["curve"] = Json::array();
  for (const Report& r : storage.reports(run.id)) j["curve"].push_back(report_json(r));
  if (repeat.last) j["last"] = report_json(*repeat.last);
  return j;
}

// Written as it is read, so that a large study needs little memory.
void print_json(Storage& storage, const History& history, const StudyRecord& study) {
  Json head;
  head["spec_name"] = study.spec_name;
  head["spec"] = study.spec;
  head["sweep_seed"] = study.sweep_seed;
  head["seeds"] = study.seeds;
  head["metric"] = study.metric;
  head["goal"] = study.maximize ? "maximize" : "minimize";
  head["validate_on"] = study.validate_on_test ? "test" : "validation";
  head["data"] = {{"name", study.data_name}, {"digest", study.data_digest}};
  head["numerics"] = study.numerics;
  head["caviar_version"] = study.caviar_version;
  fmt::print("{{\"study\": {},\n\"trials\": [", head.dump());
  std::vector<RepeatRecord> repeats;
  storage.for_each_repeat([&](const RepeatRecord& r) { repeats.push_back(r); });
  std::size_t next = 0;
  bool first = true;
  storage.for_each_trial([&](const TrialRecord& t) {
    const TrialSummary& s = history[t.trial.number];
    Json j;
    j["trial"] = t.trial.number;
    j["state"] = to_string(t.state);
    if (!t.reason.empty()) j["reason"] = t.reason;
    j["config"] = Json::object();
    for (const auto& [name, value] : t.trial.config) j["config"][name] = value;
    j["mean"] = number(s.mean);
    j["sd"] = number(s.sd);
    j["diverged"] = s.diverged;
    j["runs"] = Json::array();
    for (; next < repeats.size() && repeats[next].trial == t.trial.number; ++next)
      j["runs"].push_back(run_json(storage, repeats[next]));
    fmt::print("{}\n{}", first ? "" : ",", j.dump());
    first = false;
  });
  fmt::print("\n]}}\n");
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

// Shortest text that reads back as the same number; empty for what was not measured.
std::string csv_number(double x) { return std::isnan(x) ? "" : fmt::format("{}", x); }

// A row a run; the columns do not depend on time or machine, so two studies of the same sweep give equal files.
void print_csv(Storage& storage) {
  std::set<std::string> names;
  storage.for_each_trial([&](const TrialRecord& t) {
    for (const auto& [name, value] : t.trial.config) names.insert(name);
  });
  std::string header = "trial,repeat,state,steps_done";
  for (const std::string& name : names) header += "," + csv_field(name);
  header += ",seed_init,seed_order,seed_dropout,seed_augment,seed_split";
  for (const MetricSet& set : metric_sets()) header += fmt::format(",{0}_loss,{0}_accuracy", set.prefix);
  fmt::print("{},identity,digest,reason\n", header);
  Config config;
  std::int64_t number = -1;
  storage.for_each_repeat([&](const RepeatRecord& repeat) {
    if (repeat.trial != number) config = storage.trial(number = repeat.trial).value().trial.config;
    const RunRecord run = storage.run(repeat.run).value();
    const Report last = repeat.last.value_or(Report{});
    std::string row = fmt::format("{},{},{},{}", repeat.trial, repeat.repeat, to_string(run.state), last.step);
    for (const std::string& name : names) {
      const auto it = config.find(name);
      row += "," + (it == config.end()
                        ? ""
                        : csv_field(it->second.is_string() ? it->second.get<std::string>() : it->second.dump()));
    }
    row += fmt::format(",{},{},{},{},{}", run.seeds.init, run.seeds.order, run.seeds.dropout, run.seeds.augment,
                       run.seeds.split);
    for (const MetricSet& set : metric_sets())
      for (const char* kind : {"_loss", "_accuracy"})
        row += "," + csv_number(metric_value(last, std::string(set.prefix) + kind));
    fmt::print("{},{},{},{}\n", row, run.identity, run.digest, csv_field(run.reason));
  });
}

// A curve as rows of characters, the axis labelled with its ends.
void plot(const std::string& title, const std::string& metric, const std::vector<std::vector<double>>& curves) {
  constexpr int kRows = 10, kColumns = 60;
  double low = std::numeric_limits<double>::infinity(), high = -low;
  std::size_t points = 0;
  for (const auto& curve : curves)
    for (const double y : curve)
      if (std::isfinite(y)) {
        low = std::min(low, y);
        high = std::max(high, y);
        points = std::max(points, curve.size());
      }
  if (points < 2) return;
  if (high == low) high = low + 1e-9;
  std::vector<std::string> cells(kRows, std::string(kColumns, ' '));
  for (std::size_t c = 0; c < curves.size(); ++c)
    for (std::size_t i = 0; i < curves[c].size(); ++i) {
      if (!std::isfinite(curves[c][i])) continue;
      const auto x = static_cast<std::size_t>(
          std::lround(static_cast<double>(i) / static_cast<double>(points - 1) * (kColumns - 1)));
      const auto y = static_cast<std::size_t>(std::lround((curves[c][i] - low) / (high - low) * (kRows - 1)));
      cells[kRows - 1 - y][x] = static_cast<char>('0' + c % 10);
    }
  fmt::print("\n{} (digits: repeats)\n", title);
  for (int r = 0; r < kRows; ++r)
    fmt::print("{:>10} |{}\n",
               r == 0           ? show_metric(metric, high)
               : r == kRows - 1 ? show_metric(metric, low)
                                : "",
               cells[static_cast<std::size_t>(r)]);
  fmt::print("{:>10} +{}\n{:>12}report 1{:>{}}\n", "", std::string(kColumns, '-'), "", points, kColumns - 8);
}

void print_trial(Storage& storage, const History& history, const StudyRecord& study, std::int64_t number) {
  const auto record = number < 0 ? std::nullopt : storage.trial(number);
  if (!record)
    fail("The study has no trial ", number, "; it has trials 0 to ", history.trials() - 1,
         ", see them without --trial.");
  const TrialSummary& s = history[number];
  fmt::print("trial {}: {}, {} {}\n", number, to_string(record->state), study.metric,
             show_mean(study.metric, s.mean, s.sd));
  if (!record->reason.empty()) fmt::print("reason: {}\n", record->reason);
  for (const auto& [name, value] : record->trial.config) fmt::print("  {}: {}\n", name, value.dump());
  std::vector<std::vector<double>> curves;
  std::vector<RepeatRecord> repeats;
  storage.for_each_repeat([&](const RepeatRecord& r) {
    if (r.trial == number) repeats.push_back(r);
  });
  for (const RepeatRecord& repeat : repeats) {
    const RunRecord run = storage.run(repeat.run).value();
    fmt::print("\nrepeat {} (run {}, seeds {}): {}{}{}\n", repeat.repeat, run.id, seeds_json(run.seeds).dump(),
               to_string(run.state), run.reason.empty() ? "" : ", ", run.reason);
    if (!run.digest.empty()) fmt::print("digest {}\n", run.digest);
    fmt::print("{:>8}  {:>10}  {:>10}  {:>10}  {:>10}  {:>12}\n", "step", "train_loss", "train_acc", "val_loss",
               "val_acc", "averaged_acc");
    std::vector<double> curve;
    for (const Report& r : storage.reports(run.id)) {
      const auto value = [&](const char* metric) { return show_metric(metric, metric_value(r, metric)); };
      fmt::print("{:>8}  {:>10}  {:>10}  {:>10}  {:>10}  {:>12}\n", r.step, value("train_loss"),
                 value("train_accuracy"), value("val_loss"), value("val_accuracy"), value("averaged_val_accuracy"));
      curve.push_back(metric_value(r, study.metric));
    }
    if (repeat.last && repeat.last->test.examples > 0)
      fmt::print("{:>8}  test: loss {}, accuracy {}\n", "", show_metric("test_loss", repeat.last->test.loss),
                 show_metric("test_accuracy", repeat.last->test.accuracy()));
    curves.push_back(curve);
  }
  plot(study.metric, study.metric, curves);
}

void show(const ShowFlags& flags) {
  const std::filesystem::path path = flags.study;
  if (!std::filesystem::exists(StudyDirectory::database_in(path)))
    fail(path.string(),
         " holds no study (no study.db); name the directory that --study named, or studies/<name of the file>.");
  Storage storage = Storage::open_to_read(StudyDirectory::database_in(path));
  const auto study = storage.study();
  if (!study) fail(path.string(), ": the study was begun but nothing is recorded yet.");
  History history(study->metric, study->maximize, study->seeds);
  history.fold(storage);
  if (flags.json) return print_json(storage, history, *study);
  if (flags.csv) return print_csv(storage);
  if (flags.trial >= 0) return print_trial(storage, history, *study, flags.trial);
  std::string owner;
  fmt::print("{}: {} trials done, {} failed, {} open; {} seed{} a trial; {}; sweep seed {}{}\n\n", study->spec_name,
             history.done(), history.failed(), history.trials() - history.done() - history.failed(), study->seeds,
             study->seeds == 1 ? "" : "s", study->data_name, study->sweep_seed,
             is_being_written(path, &owner) ? fmt::format("; being written by {}", owner) : "");
  fmt::print("{}", ranking_table(storage, history, *study, flags.top));
  for (const Event& e : storage.events("alarm")) fmt::print("ALARM {}: {}\n", e.time, e.detail);
}

}  // namespace

void add_show_command(CLI::App& app, int&) {
  auto flags = std::make_shared<ShowFlags>();
  CLI::App* command =
      app.add_subcommand("show", "what a study has found: ranking, curves, JSON, CSV; also while it runs");
  command->add_option("STUDY", flags->study, "directory of the study")->required();
  CLI::Option* trial = command->add_option("--trial", flags->trial, "one trial: its runs, digests and learning curves")
                           ->check(CLI::NonNegativeNumber);
  CLI::Option* json =
      command->add_flag("--json", flags->json, "every trial and run with seeds, metrics, curves and digest as JSON");
  CLI::Option* csv = command->add_flag("--csv", flags->csv, "a row a run; no column depends on time or machine");
  json->excludes(csv)->excludes(trial);
  csv->excludes(trial);
  command->add_option("--top", flags->top, "ranks shown [25]")->check(CLI::PositiveNumber);
  command->footer("Example: caviar show studies/birnn_mnist --trial 3");
  command->callback([flags] { show(*flags); });
}

}  // namespace caviar
