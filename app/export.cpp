#include "app/export.h"

#include <cmath>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "app/decisions.h"
#include "app/floor.h"
#include "app/search_record.h"
#include "app/text.h"
#include "kernels/base/error.h"
#include "tuner/history.h"
#include "tuner/metric.h"
#include "tuner/outcome.h"

namespace caviar {
namespace {

using Json = nlohmann::ordered_json;

Json number_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json json_of(const Report& report) {
  Json json = {{"rung", report.rung}, {"step", report.step}};
  for (const MetricSet& set : metric_sets()) {
    const Metrics& metrics = report.*set.member;
    if (metrics.examples == 0) continue;
    const std::string prefix(set.prefix);
    json[prefix + "_loss"] = number_or_null(metrics.loss);
    json[prefix + "_accuracy"] = metrics.accuracy();
    json[prefix + "_correct"] = metrics.correct;
    json[prefix + "_examples"] = metrics.examples;
  }
  if (std::isfinite(report.learning_rate)) json[std::string(kAdaptedRate)] = report.learning_rate;
  return json;
}

Json json_of(const RunRecord& run, std::int64_t repeat, const std::vector<Report>& reports) {
  Json json = {{"repeat", repeat},
               {"run", run.id},
               {"identity", run.identity},
               {"state", to_string(run.state)},
               {"reason", run.reason.empty() ? Json(nullptr) : Json(run.reason)},
               {"steps", run.steps},
               {"seeds",
                {{"init", run.seeds.init},
                 {"order", run.seeds.order},
                 {"dropout", run.seeds.dropout},
                 {"augment", run.seeds.augment},
                 {"split", run.seeds.split}}},
               {"digest", run.digest.empty() ? Json(nullptr) : Json(run.digest)},
               {"reports", Json::array()}};
  for (const Report& report : reports) json["reports"].push_back(json_of(report));
  return json;
}

Json json_of(const StudyRecord& study) {
  const Value search = search_of(study);
  return {{"spec_name", study.spec_name},
          {"spec", study.spec},
          {"sweep_seed", study.sweep_seed},
          {"trials", study.trials ? Json(*study.trials) : Json(nullptr)},
          {"seeds", study.seeds},
          {"metric", study.metric},
          {"goal", study.maximize ? "maximize" : "minimize"},
          {"sampler", Json(search["sampler"])},
          {"scheduler", Json(search["scheduler"])},
          {"window", Json(search["window"])},
          {"validate_on_test", study.validate_on_test},
          {"data", study.data_name},
          {"data_digest", study.data_digest},
          {"numerics", study.numerics},
          {"caviar_version", study.caviar_version}};
}

// Text that is not UTF-8 (a file's name) is replaced, not refused.
std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == text.npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string csv_number(double value) { return std::isfinite(value) ? fmt::format("{}", value) : ""; }

void write_row(const std::vector<std::string>& cells, std::FILE* out) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) line.append(i ? "," : "").append(csv_cell(cells[i]));
  fmt::print(out, "{}\r\n", line);
}

void add_metric_names(std::vector<std::string>& cells) {
  for (const MetricSet& set : metric_sets()) {
    for (const char* kind : {"_loss", "_accuracy"}) cells.push_back(std::string(set.prefix) + kind);
  }
  cells.emplace_back(kAdaptedRate);
}

void add_metrics(std::vector<std::string>& cells, const Report& report) {
  for (const MetricSet& set : metric_sets()) {
    const Metrics& metrics = report.*set.member;
    cells.push_back(metrics.examples ? csv_number(metrics.loss) : "");
    cells.push_back(metrics.examples ? csv_number(metrics.accuracy()) : "");
  }
  cells.push_back(csv_number(report.learning_rate));
}

void add_seeds(std::vector<std::string>& cells, const Seeds& seeds) {
  for (const std::uint64_t seed : {seeds.init, seeds.order, seeds.dropout, seeds.augment, seeds.split}) {
    cells.push_back(fmt::format("{}", seed));
  }
}

void for_each_decision(Storage& storage, std::optional<std::int64_t> trial,
                       const std::function<void(const Decision&)>& visit) {
  if (!trial) return storage.for_each_decision(visit);
  require_trial(storage, *trial);
  for (const Decision& decision : storage.decisions(judged_as(storage, *trial))) visit(decision);
}

Json json_of(const Decision& decision) {
  const bool grants = decision.question == Question::kSeeds && decision.verdict == Verdict::kGoOn;
  return {{"trial", decision.trial},
          {"question", to_string(decision.question)},
          {"at", decision.at},
          {"verdict", to_string(decision.verdict)},
          {"seeds", grants ? Json(decision.seeds) : Json(nullptr)},
          {"saw", Json(decision.saw)}};
}

Json json_of(const Copy& copy) {
  Json changed = Json::object();
  for (const auto& [name, values] : copy.changed) changed[name] = {{"from", values.first}, {"to", values.second}};
  return {{"trial", copy.trial}, {"parent", copy.parent}, {"at", copy.at}, {"changed", changed}};
}

}  // namespace

void require_trial(Storage& storage, std::int64_t number) {
  if (storage.trial(number)) return;
  fail(storage.file(), ": there is no trial ", number, "; the study has ",
       show_number_of(storage.trial_count(), "trial"), ", counted from 0");
}

void write_json(Storage& storage, std::optional<std::int64_t> trial, std::FILE* out) {
  const StudyRecord study = *storage.study();
  if (trial) require_trial(storage, *trial);
  History history(study.metric, study.maximize, study.seeds);
  history.fold(storage, true);
  const StudyFloor found = floor_of(storage, history);
  std::vector<std::int64_t> ranks(static_cast<std::size_t>(history.trials()), 0);
  std::int64_t ranked = 0;
  for (const std::int64_t number : history.ranking(ranks.size())) ranks[static_cast<std::size_t>(number)] = ++ranked;
  fmt::print(out, "{{\"study\":{},\n\"noise_floor\":{},\n\"race\":{},\n\"trials\":[", dump(json_of(study)),
             dump(json_of_floor(found, study)), dump(json_of_race(found)));
  bool first = true;
  storage.for_each_trial([&](const TrialRecord& record) {
    const std::int64_t number = record.trial.number;
    if (trial && number != *trial) return;
    const TrialSummary& summary = history[number];
    const TrialOutcome outcome = outcome_of(storage, study, record);
    const std::int64_t rank = ranks[static_cast<std::size_t>(number)];
    const std::optional<bool> like = found.is_like_first(number);
    Json json = {{"trial", number},
                 {"config", Json(record.trial.config)},
                 {"state", to_string(outcome.ending)},
                 {"reason", record.reason.empty() ? Json(nullptr) : Json(record.reason)},
                 {"iteration", outcome.iteration},
                 {"iterations", outcome.iterations},
                 {"seeds", outcome.seeds},
                 {"seeds_asked", outcome.seeds_asked},
                 {"mean", number_or_null(summary.mean)},
                 {"sd", number_or_null(summary.sd)},
                 {"diverged", summary.diverged},
                 {"rank", rank > 0 ? Json(rank) : Json(nullptr)},
                 {"like_first", like ? Json(*like) : Json(nullptr)},
                 {"runs", Json::array()}};
    storage.for_each_repeat_of(number, [&](const RepeatRecord& repeat) {
      json["runs"].push_back(json_of(*storage.run(repeat.run), repeat.repeat, storage.reports(repeat.run)));
    });
    fmt::print(out, "{}\n{}", first ? "" : ",", dump(json));
    first = false;
  });
  fmt::print(out, "\n]}}\n");
}

void write_csv(Storage& storage, std::optional<std::int64_t> trial, std::FILE* out) {
  if (trial) {
    require_trial(storage, *trial);
    std::vector<std::string> heading = {"trial", "repeat", "rung", "step"};
    add_metric_names(heading);
    write_row(heading, out);
    storage.for_each_repeat_of(*trial, [&](const RepeatRecord& repeat) {
      for (const Report& report : storage.reports(repeat.run)) {
        std::vector<std::string> row = {fmt::format("{}", *trial), fmt::format("{}", repeat.repeat),
                                        fmt::format("{}", report.rung), fmt::format("{}", report.step)};
        add_metrics(row, report);
        write_row(row, out);
      }
    });
    return;
  }
  const StudyRecord study = *storage.study();
  std::set<std::string> names;
  storage.for_each_trial([&](const TrialRecord& record) {
    for (const auto& [name, value] : record.trial.config) names.insert(name);
  });
  std::vector<std::string> heading = {"trial", "repeat", "state", "reason"};
  for (const std::string& name : names) heading.push_back("config." + name);
  for (const char* name : {"seed_init", "seed_order", "seed_dropout", "seed_augment", "seed_split", "trial_state",
                           "iteration", "iterations", "step"}) {
    heading.push_back(name);
  }
  add_metric_names(heading);
  heading.push_back("digest");
  write_row(heading, out);
  storage.for_each_trial([&](const TrialRecord& record) {
    const TrialOutcome outcome = outcome_of(storage, study, record);
    const auto row_of = [&](const std::string& repeat, const RunRecord& run, const Report& last, bool reported) {
      const bool failed = record.state == TrialState::kFailed && run.identity.empty();
      std::vector<std::string> row = {fmt::format("{}", record.trial.number), repeat,
                                      failed ? to_string(record.state) : to_string(run.state),
                                      failed ? record.reason : run.reason};
      for (const std::string& name : names) {
        const auto found = record.trial.config.find(name);
        row.push_back(found == record.trial.config.end() ? "" : show_value(found->second));
      }
      if (failed) {
        row.insert(row.end(), 5, "");
      } else {
        add_seeds(row, run.seeds);
      }
      row.push_back(to_string(outcome.ending));
      row.push_back(reported ? fmt::format("{}", last.rung + 1) : "");
      row.push_back(outcome.iterations > 0 ? fmt::format("{}", outcome.iterations) : "");
      row.push_back(reported ? fmt::format("{}", last.step) : "");
      add_metrics(row, last);
      row.push_back(run.digest);
      write_row(row, out);
    };
    bool any = false;
    storage.for_each_repeat_of(record.trial.number, [&](const RepeatRecord& repeat) {
      any = true;
      row_of(fmt::format("{}", repeat.repeat), *storage.run(repeat.run), repeat.last.value_or(Report{}),
             repeat.last.has_value());
    });
    if (!any && record.state == TrialState::kFailed) row_of("", {}, {}, false);
  });
}

void write_decisions_json(Storage& storage, std::optional<std::int64_t> trial, std::FILE* out) {
  const StudyRecord study = *storage.study();
  fmt::print(out, "{{\"metric\":{},\"goal\":\"{}\",\"saw\":\"{}\",\n\"decisions\":[", dump(study.metric),
             study.maximize ? "maximize" : "minimize",
             study.maximize ? "as losses: the metric, negated; bounds lower and upper as they are"
                            : "as losses: the metric as it is");
  bool first = true;
  const auto write = [&](const Json& json) {
    fmt::print(out, "{}\n{}", first ? "" : ",", dump(json));
    first = false;
  };
  for_each_decision(storage, trial, [&](const Decision& decision) { write(json_of(decision)); });
  fmt::print(out, "\n],\n\"copies\":[");
  first = true;
  for (const Copy& copy : copies(storage, trial)) write(json_of(copy));
  fmt::print(out, "\n],\n\"search\":[");
  first = true;
  if (!trial) {
    for (const Event& news : search_news(storage)) write({{"news", news.detail}});
  }
  fmt::print(out, "\n]}}\n");
}

void write_decisions_csv(Storage& storage, std::optional<std::int64_t> trial, std::FILE* out) {
  const auto text_of = [](std::int64_t number) { return fmt::format("{}", number); };
  write_row({"trial", "question", "at", "verdict", "seeds", "parent", "saw"}, out);
  for_each_decision(storage, trial, [&](const Decision& decision) {
    const bool grants = decision.question == Question::kSeeds && decision.verdict == Verdict::kGoOn;
    write_row({text_of(decision.trial), to_string(decision.question), text_of(decision.at), to_string(decision.verdict),
               grants ? text_of(decision.seeds) : "", "", dump(Json(decision.saw))},
              out);
  });
  for (const Copy& copy : copies(storage, trial)) {
    write_row({text_of(copy.trial), "weights", text_of(copy.at), "go on", "", text_of(copy.parent),
               dump(json_of(copy)["changed"])},
              out);
  }
  if (trial) return;
  for (const Event& news : search_news(storage)) write_row({"", "search", "", "", "", "", news.detail}, out);
}

}  // namespace caviar
