// Checks the invariants of a study's directory, whatever happened to the processes that wrote it.
//
//   I1  the study opens, and SQLite finds it consistent
//   I2  every acknowledged result is there, unchanged
//   I3  one run per identity, which is the hash of what it stands for; digests equal the reference's
//   I4  nothing is unfinished once the study is finished
//   I5  the reports of a run are its rungs in ascending steps, without gaps: from 0, or from where the run ended whose
//       weights it goes on from, to its last step, or to where its trial was to end
//   I6  at most two checkpoints, and a whole one among them when there is any
//   I7  every trial asked for is there with every repeat, or with those after which it was to have no more, done or
//       failed
//   I8  what ended early says why
//   I11 what was recovered is in the events; there is no alarm
//   I10 when weights of all runs are kept, every complete run has its own
//   I12 the directory holds the files of a study and no others
#pragma once

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "kernels/base/error.h"
#include "tests/support/study_content.h"
#include "tuner/bind.h"
#include "tuner/storage/checkpoint.h"
#include "tuner/storage/directory.h"
#include "tuner/storage/storage.h"

namespace caviar {

struct VerifyOptions {
  bool finished = true;                   // the study has ended: I4 and I7 apply
  std::optional<std::string> reference;   // study_content() of an undisturbed study
  std::vector<std::string> acknowledged;  // "identity state digest" of runs whose commit returned
  std::optional<std::int64_t> trials;     // how many there must be; empty: as recorded
};

namespace verify_detail {

class Verifier {
 public:
  Verifier(const std::filesystem::path& study, const VerifyOptions& options) : study_(study), options_(options) {}

  std::vector<std::string> violations() {
    check_files();
    try {
      Storage storage = Storage::open_to_read(StudyDirectory::database_in(study_));
      storage.check_integrity();
      const auto record = storage.study();
      if (!record) {
        violated("I1", "there is no study in the database");
        return violations_;
      }
      check_runs(storage);
      check_trials(storage, *record);
      check_events(storage);
      if (options_.reference && options_.finished) check_reference(study_content(storage));
    } catch (const Error& error) {
      violated("I1", error.what());
    }
    return violations_;
  }

 private:
  void violated(const char* invariant, const std::string& what) {
    violations_.push_back(fmt::format("{}: {}", invariant, what));
  }

  void check_files() {
    static const std::set<std::string> known = {"study.db", "study.db-wal", "study.db-shm",
                                                "lock",     "checkpoints",  "weights"};
    for (const auto& entry : std::filesystem::directory_iterator(study_)) {
      if (!known.contains(entry.path().filename())) violated("I12", "a stray file " + entry.path().string());
    }
    int files = 0, whole = 0, temporary = 0;
    for (const auto& entry : std::filesystem::directory_iterator(StudyDirectory::checkpoints_in(study_))) {
      if (entry.path().extension() == ".weights") continue;  // of parents (lineage.h), as many as there are
      if (entry.path().extension() == ".tmp") {
        ++temporary;
        continue;
      }
      ++files;
      try {
        read_checkpoint(entry.path());
        ++whole;
      } catch (const Error&) {
      }
    }
    // Between the rename of a new one and the removal of the oldest there are three; a resume brings it down again.
    if (files > 3 || (files > 0 && whole == 0)) violated("I6", fmt::format("{} checkpoints, {} whole", files, whole));
    if (temporary > 1) violated("I6", fmt::format("{} temporary files", temporary));
  }

  void check_runs(Storage& storage) {
    std::set<std::string> identities, recorded;
    const std::vector<Event> weights = storage.events("weights");
    const bool keeps_all = !weights.empty() && std::all_of(weights.begin(), weights.end(),
                                                           [](const Event& e) { return e.detail == "all"; });
    std::map<std::int64_t, Span> spans = spans_of(storage);
    storage.for_each_run([&](const RunRecord& run) {
      if (!identities.insert(run.identity).second) violated("I3", "two runs with the identity " + run.identity);
      if (run_identity(run.canonical) != run.identity) violated("I3", "the identity of run " + run.identity);
      recorded.insert(fmt::format("{} {} {}", run.identity, to_string(run.state), run.digest));
      if (options_.finished && !is_finished(run.state)) violated("I4", "run " + run.identity + " is unfinished");
      const bool early =
          run.state == RunState::kDiverged || run.state == RunState::kStopped || run.state == RunState::kFailed;
      if (early && run.reason.empty()) violated("I8", "run " + run.identity + " ended early without a reason");
      const bool trained = run.state == RunState::kComplete || run.state == RunState::kDiverged;
      if (trained && run.digest.size() != 32) violated("I3", "run " + run.identity + " has no digest");
      check_reports(storage, run, spans[run.id]);
      if (keeps_all && run.state == RunState::kComplete) check_weights(run);
    });
    for (const std::string& result : options_.acknowledged) {
      if (!recorded.contains(result)) violated("I2", "lost or changed: " + result);
    }
  }

  void check_weights(const RunRecord& run) {
    try {
      const auto file = StudyDirectory::weights_in(study_) / fmt::format("{}.weights", run.id);
      const std::vector<SavedRun> saved = read_checkpoint(file);
      if (saved.size() != 1 || saved.front().identity != run.identity)
        violated("I10", "the weights of another run instead of " + run.identity);
    } catch (const Error& error) {
      violated("I10", error.what());
    }
  }

  // Iterations of a run: it begins after `first` of them and is complete with `until`, 0: with its last step.
  struct Span {
    std::int64_t first = 0, until = 0;
  };

  static std::map<std::int64_t, Span> spans_of(Storage& storage) {
    std::map<std::int64_t, Trial> trials;
    storage.for_each_trial([&](const TrialRecord& record) { trials[record.trial.number] = record.trial; });
    std::map<std::int64_t, Span> spans;
    storage.for_each_repeat([&](const RepeatRecord& repeat) {
      const Trial& trial = trials[repeat.trial];
      spans[repeat.run] = {trial.parent < 0 ? 0 : trials[trial.parent].until, trial.until};
    });
    return spans;
  }

  void check_reports(Storage& storage, const RunRecord& run, const Span& span) {
    std::int64_t step = -1, rung = span.first;
    for (const Report& report : storage.reports(run.id)) {
      if (report.rung != rung++ || report.step < step) violated("I5", "a gap in the reports of run " + run.identity);
      step = report.step;
    }
    const bool is_whole = span.until > 0 ? rung == span.until : step == run.steps;
    if (run.state == RunState::kComplete && !is_whole) violated("I5", "run " + run.identity + " is cut short");
  }

  void check_trials(Storage& storage, const StudyRecord& record) {
    std::vector<TrialState> states;
    std::vector<std::int64_t> repeats, finished;
    storage.for_each_trial([&](const TrialRecord& trial) {
      if (trial.trial.number != static_cast<std::int64_t>(states.size())) violated("I7", "a trial is missing");
      states.push_back(trial.state);
      if (trial.state == TrialState::kFailed && trial.reason.empty()) violated("I8", "a failed trial without a reason");
    });
    repeats.resize(states.size());
    finished.resize(states.size());
    storage.for_each_repeat([&](const RepeatRecord& repeat) {
      const auto trial = static_cast<std::size_t>(repeat.trial);
      if (trial >= states.size()) return violated("I7", "a repeat of no trial");
      if (repeat.repeat != repeats[trial]++)
        violated("I7", fmt::format("a gap in the repeats of trial {}", repeat.trial));
      finished[trial] += is_finished(repeat.state);
    });
    const auto asked = options_.trials ? options_.trials : record.trials;
    if (options_.finished && asked && static_cast<std::int64_t>(states.size()) != *asked) {
      violated("I7", fmt::format("{} trials of {}", states.size(), *asked));
    }
    std::vector<std::int64_t> wanted(states.size(), record.seeds);
    storage.for_each_decision([&](const Decision& decision) {
      if (decision.question != Question::kSeeds || decision.verdict != Verdict::kStop) return;
      if (decision.trial < std::ssize(wanted)) wanted[static_cast<std::size_t>(decision.trial)] = decision.at;
    });
    for (std::size_t i = 0; i < states.size(); ++i) {
      const bool over = states[i] == TrialState::kFailed || finished[i] == wanted[i];
      if (options_.finished && !over) violated("I7", fmt::format("trial {} is not over", i));
      if ((states[i] == TrialState::kDone) != (over && states[i] != TrialState::kFailed)) {
        violated("I7", fmt::format("trial {} is marked {}", i, to_string(states[i])));
      }
    }
  }

  void check_events(Storage& storage) {
    for (const Event& event : storage.events("alarm")) violated("I3", "alarm: " + event.detail);
    if (options_.finished && storage.events("finished").empty()) violated("I11", "the end is not among the events");
  }

  void check_reference(const std::string& content) {
    if (content == *options_.reference) return;
    std::size_t at = 0;
    while (at < content.size() && at < options_.reference->size() && content[at] == (*options_.reference)[at]) ++at;
    const std::size_t from = at < 80 ? 0 : at - 80;
    violated("I3", fmt::format("the content differs from the undisturbed study's: '{}' against '{}'",
                               content.substr(from, 160), options_.reference->substr(from, 160)));
  }

  std::filesystem::path study_;
  const VerifyOptions& options_;
  std::vector<std::string> violations_;
};

}  // namespace verify_detail

// Every violation found, as "I3: sentence". The study must not be written meanwhile.
inline std::vector<std::string> verify_study(const std::filesystem::path& study, const VerifyOptions& options = {}) {
  return verify_detail::Verifier(study, options).violations();
}

}  // namespace caviar
