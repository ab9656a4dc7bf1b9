// caviar show STUDY: what a study found, also while it runs.
#include <filesystem>
#include <memory>

#include <fmt/format.h>

#include "app/commands.h"
#include "app/decisions.h"
#include "app/export.h"
#include "app/numbers.h"
#include "app/ranking.h"
#include "kernels/base/error.h"
#include "tuner/storage/directory.h"

namespace caviar {
namespace {

constexpr const char* kFooter = R"(
The ranking shows the mean and the standard deviation (sd) of the sweep's metric over the seeds of a trial that did not
diverge, at its last report: the state says at which iteration of how many a scheduler stopped it, and on how many seeds
it was raced out. Accuracies are fractions in [0, 1], losses mean cross-entropies in nats. A study can be shown while
its sweep runs; showing never stops it.

Below stands the noise floor: how much the seed alone moves the metric, which differences that hides, and which trials
cannot be told from the first: `like first` is n/a for a trial of which a run diverged or was stopped. --json has it as
noise_floor (metric, seed_sd, degrees_of_freedom, confidence, seeds, hidden_difference, trials_looked_at, not_compared,
luck_of_the_first, first, like_first), the end of a sweep with --seeds auto as race (confidence, over, settled, trials,
diverged, best, seeds, rivals), and in each of trials its rank and like_first. What is not known is null.

Example:
  caviar show studies/first --trial 7)";

struct Options {
  std::string study;
  std::optional<std::int64_t> trial;
  std::size_t top = kRankingRows;
  bool decisions = false, json = false, csv = false;
};

void print_alarms(Storage& storage) {
  for (const Event& event : storage.events("alarm")) fmt::print("ALARM, {}: {}\n", event.time, event.detail);
}

int show(const Options& options) {
  const std::filesystem::path study = options.study;
  Storage storage = open_study(study);
  if (options.json) {
    (options.decisions ? write_decisions_json : write_json)(storage, options.trial, stdout);
  } else if (options.csv) {
    (options.decisions ? write_decisions_csv : write_csv)(storage, options.trial, stdout);
  } else {
    print_alarms(storage);
    std::string owner;
    if (is_being_written(study, &owner)) {
      fmt::print("this study is being written by {}\n", owner);
    } else if (!storage.unfinished_runs().empty()) {
      fmt::print("this study is not finished and nobody is at work on it; `caviar sweep` with --resume goes on\n");
    }
    if (options.decisions) {
      print_decisions(storage, options.trial);
    } else if (options.trial) {
      print_trial(storage, *options.trial);
    } else {
      print_ranking(storage, options.top);
    }
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout))
    fail("the output cannot be written; free some space and try again");
  return kExitDone;
}

}  // namespace

void add_show(CLI::App& program, int& exit_code) {
  const auto options = std::make_shared<Options>();
  CLI::App* command =
      program.add_subcommand("show", "Show a study: ranking, curves of one trial, decisions, JSON, CSV");
  command->add_option("study", options->study, "directory of the study")->required();
  command->add_option("--trial", options->trial, "one trial: its config, its runs and their curves");
  command->add_flag("--decisions", options->decisions,
                    "what was decided, and from what: who was stopped, given more seeds, copied, where the search "
                    "looked; with --trial: about that one. With --json, --csv: as recorded");
  command->add_option("--top", options->top, "rows of the ranking; 0: all")
      ->check(whole_from(0))
      ->capture_default_str();
  auto* json =
      command->add_flag("--json", options->json, "every run with its seeds, metrics, curves and digest, as JSON");
  command->add_flag("--csv", options->csv, "a row a run (with --trial: a row a report), without any clock time")
      ->excludes(json);
  command->footer(kFooter);
  command->callback([options, &exit_code] { exit_code = show(*options); });
}

}  // namespace caviar
