// What a study recorded, as text: everything two studies of the same sweep must have in common, and nothing else (no
// times, no events, no numbers that runs were given in order of arrival).
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "tuner/storage/storage.h"

namespace caviar {

inline std::string text_of(const Metrics& metrics) {
  if (metrics.examples == 0) return "-";
  return fmt::format("{} {}/{}", metrics.loss, metrics.correct, metrics.examples);  // shortest form that reads back
}

inline std::string text_of(const Report& report) {
  const std::string rate = std::isnan(report.learning_rate) ? "" : fmt::format(" | {}", report.learning_rate);
  return fmt::format("  rung {} step {}: {} | {} | {} | {} | {}{}\n", report.rung, report.step, text_of(report.train),
                     text_of(report.validation), text_of(report.averaged), text_of(report.test),
                     text_of(report.averaged_test), rate);
}

// By trial, repeat and, for runs, identity.
inline std::string study_content(Storage& storage) {
  std::string out;
  std::map<std::int64_t, std::string> identities;
  std::vector<std::string> runs;
  storage.for_each_run([&](const RunRecord& run) {
    identities[run.id] = run.identity;
    std::string text = fmt::format("run {} {} steps {} seeds {} {} {} {} {} {} digest {} reason {}\n", run.identity,
                                   run.canonical, run.steps, run.seeds.init, run.seeds.order, run.seeds.dropout,
                                   run.seeds.augment, run.seeds.split, to_string(run.state), run.digest, run.reason);
    for (const Report& report : storage.reports(run.id)) text += text_of(report);
    runs.push_back(std::move(text));
  });
  storage.for_each_trial([&](const TrialRecord& record) {
    out += fmt::format("trial {} {} {} {}\n", record.trial.number, Value(record.trial.config).dump(),
                       to_string(record.state), record.reason);
  });
  storage.for_each_repeat([&](const RepeatRecord& record) {
    out += fmt::format("repeat {} {} {}\n", record.trial, record.repeat, identities[record.run]);
  });
  storage.for_each_decision([&](const Decision& d) {
    out += fmt::format("decision {} {} {} {} {} {}\n", d.trial, static_cast<int>(d.question), d.at,
                       static_cast<int>(d.verdict), d.seeds, d.saw.dump());
  });
  std::sort(runs.begin(), runs.end());
  for (const std::string& run : runs) out += run;
  return out;
}

}  // namespace caviar
