// caviar next STUDY: where a study says to look next, as sweep files.
#include "tuner/advice/next.h"

#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "app/commands.h"
#include "app/search_record.h"
#include "app/text.h"
#include "engine/data/dataset.h"
#include "kernels/base/error.h"
#include "kernels/math/elementary.h"
#include "tuner/history.h"
#include "tuner/storage/storage.h"

namespace caviar {
namespace {

constexpr const char* kFooter = R"(
Three things are looked for: best trials at the edge of a range (widen it), an edge beyond which every trial diverged
(narrow it), and a region the best tenth of the trials agrees on (zoom in). Each is said only when chance would show it
in fewer than 1 in 20 studies in which nothing matters; tuner/advice/next.h has the rules. `chance` is corrected for all places
looked at. A trial whose train_loss ends above twice that of guessing, 2 ln(classes), counts as diverged where the data
set is at hand. The files have what the study was given by flags (sampler, scheduler, window, count, seeds, data, ...)
in their block `caviar:`.

Example:
  caviar next studies/first --out second.yaml && caviar sweep second.yaml)";

struct Options {
  std::string study, out, data;
  bool json = false, force = false;
};

// A rate far too high need not end in numbers that are not finite: gates saturate, and the network is sure of what is
// wrong. Twice the loss of guessing among all classes, ln(classes), is more than a network that knows nothing has on
// what it trains on. Empty where the examples are not here.
std::optional<double> hopeless_loss(const StudyRecord& study, const std::string& name) {
  try {
    const Dataset data = load_dataset(name.empty() ? data_of(study) : name);
    if (data.digest != study.data_digest) return std::nullopt;
    return 2 * log_double(static_cast<double>(data.classes));
  } catch (const Error&) {
    return std::nullopt;
  }
}

// Trials that are over and could be trained, as a sampler is told them; those without hope count as diverged.
std::vector<TrialResult> results_of(Storage& storage, const StudyRecord& study, const std::string& data,
                                    std::int64_t& hopeless) {
  History history(study.metric, study.maximize, study.seeds), losses("train_loss", false, study.seeds);
  history.fold(storage, true);
  const std::optional<double> limit = hopeless_loss(study, data);
  if (limit) losses.fold(storage, true);
  std::vector<TrialResult> results;
  storage.for_each_trial([&](const TrialRecord& record) {
    if (record.state != TrialState::kDone) return;
    const TrialSummary& summary = history[record.trial.number];
    TrialResult result;
    result.number = record.trial.number;
    result.config = record.trial.config;
    // A mean without the seeds that diverged would flatter the edge.
    if (summary.diverged == 0) result.loss = study.maximize ? -summary.mean : summary.mean;
    if (summary.diverged == 0 && limit && losses[record.trial.number].mean > *limit) {
      result.loss = std::numeric_limits<double>::quiet_NaN();
      ++hopeless;
    }
    result.sd = summary.sd;
    result.seeds = summary.finished;
    result.stopped = summary.stopped;
    results.push_back(std::move(result));
  });
  return results;
}

std::string rests_on(const NextSearch& next) {
  std::string text = show_number_of(next.trials, "trial");
  if (next.stopped) text += fmt::format(", {} of them stopped early", next.stopped);
  if (next.diverged) text += fmt::format(", {} of them diverged", next.diverged);
  if (next.elsewhere) text += fmt::format("; {} outside the space are left out", next.elsewhere);
  return text;
}

void print_findings(const NextSearch& next) {
  for (std::size_t i = 0; i < next.findings.size(); ++i) {
    const SearchFinding& finding = next.findings[i];
    fmt::print("{}\n\n{}\n", wrapped(fmt::format("{}. {}", i + 1, finding.sentence), "   "), finding.lines);
  }
  if (next.best == 0 && !next.findings.empty()) {
    fmt::print("from {}; fewer than 5 ran to their end, so nothing is said of the best\n", rests_on(next));
  } else if (next.best == 0) {
    fmt::print("nothing can be said yet: {}; at least {}, and 5 that ran to their end, are needed\n", rests_on(next),
               kFewestTrials);
  } else if (next.findings.empty()) {
    fmt::print(
        "nothing to say: no best trials at an edge, no edge beyond which all diverged, no region the best {} agree on "
        "more\nthan chance has it (from {})\n",
        next.best, rests_on(next));
  } else {
    fmt::print("from {}; the best are {}\n", rests_on(next), next.best);
  }
}

void print_json(const NextSearch& next) {
  Value findings = Value::array();
  for (const SearchFinding& finding : next.findings) {
    findings.push_back({{"kind", to_string(finding.kind)},
                        {"parameters", finding.parameters},
                        {"sentence", finding.sentence},
                        {"evidence", finding.evidence},
                        {"file", finding.file}});
  }
  const Value all = {{"trials", next.trials},       {"complete", next.complete},
                     {"stopped", next.stopped},     {"diverged", next.diverged},
                     {"elsewhere", next.elsewhere}, {"best", next.best},
                     {"findings", findings},        {"file", next.file}};
  fmt::print("{}\n", all.dump(2, ' ', false, Value::error_handler_t::replace));
}

constexpr std::string_view kFirstWords = "# Next after ";

// Whether a file begins as those this command writes.
bool is_of_next(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string begin(kFirstWords.size(), '\0');
  file.read(begin.data(), static_cast<std::streamsize>(begin.size()));
  return file && begin == kFirstWords;
}

void write_file(const NextSearch& next, const Options& options) {
  if (next.findings.empty()) fail(options.out, " is not written: the study says nothing about where to look next");
  if (!options.force && std::filesystem::exists(options.out) && !is_of_next(options.out))
    fail(options.out, " is there already and was not written by `caviar next`; name another file, or add --force");
  std::ofstream file(options.out, std::ios::binary | std::ios::trunc);
  file << kFirstWords << options.study << ":\n";
  for (const SearchFinding& finding : next.findings) file << wrapped("#   - " + finding.sentence, "#     ") << "\n";
  file << next.file;
  file.close();
  if (!file) fail(options.out, " cannot be written; check the path and the space on its disk");
  if (!options.json) fmt::print("written: {} (all of the above)\n", options.out);
}

int find_next(const Options& options) {
  Storage storage = open_study(options.study);
  const std::optional<StudyRecord> study = storage.study();
  const SweepSpec spec = parse_sweep(file_as_carried_out(storage), study->spec_name);
  std::int64_t hopeless = 0;
  const std::vector<TrialResult> results = results_of(storage, *study, options.data, hopeless);
  const NextSearch next = next_search(spec, results);
  if (options.json) {
    print_json(next);
  } else {
    print_findings(next);
    if (hopeless > 0)
      fmt::print("{} {} as diverged: train_loss is above twice that of guessing\n", show_number_of(hopeless, "trial"),
                 hopeless == 1 ? "counts" : "count");
  }
  if (!options.out.empty()) write_file(next, options);
  return kExitDone;
}

}  // namespace

void add_next(CLI::App& program, int& exit_code) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = program.add_subcommand("next", "Say where a study suggests to look next, as a sweep file");
  command->add_option("study", options->study, "directory of the study")->required();
  command->add_option("--out", options->out, "write the sweep file with everything that was found");
  command->add_flag("--force", options->force, "with --out: also over a file that this command did not write");
  command->add_option("--data", options->data,
                      "the data set of the study, to know what guessing costs [default: by the name it recorded]");
  command->add_flag("--json", options->json, "findings with their numbers and whole sweep files, as JSON");
  command->footer(kFooter);
  command->callback([options, &exit_code] { exit_code = find_next(*options); });
}

}  // namespace caviar
