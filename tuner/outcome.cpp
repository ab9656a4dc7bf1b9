#include "tuner/outcome.h"

#include <algorithm>

#include "kernels/base/error.h"
#include "tuner/history.h"

namespace caviar {
namespace {

constexpr const char* kEndings[] = {"open", "done", "stopped", "raced out", "failed"};

// Reports of a run that nothing ends early. Its canonical line has what its bits depend on, so also how often it
// reports.
std::int64_t iterations_of(const RunRecord& run) {
  const Value line = Value::parse(run.canonical, nullptr, false);
  const std::int64_t rung_steps = line.is_object() ? line.value("rung_steps", std::int64_t{0}) : 0;
  return rung_steps > 0 ? (run.steps + rung_steps - 1) / rung_steps : 0;
}

// How the question for more seeds ended, when it ended with a no.
void see_race(Storage& storage, std::int64_t judged, TrialOutcome& outcome) {
  for (const Decision& decision : storage.decisions(judged)) {
    if (decision.question != Question::kSeeds || decision.verdict != Verdict::kStop) continue;
    outcome.won = !puts_out(decision);
    outcome.ending = outcome.won ? Ending::kDone : Ending::kRacedOut;
  }
}

}  // namespace

const char* to_string(Ending ending) { return kEndings[static_cast<int>(ending)]; }

TrialOutcome outcome_of(Storage& storage, const StudyRecord& study, const TrialRecord& record) {
  TrialOutcome outcome;
  outcome.seeds_asked = study.seeds;
  bool stopped = false;
  std::int64_t first_run = 0;
  storage.for_each_repeat_of(record.trial.number, [&](const RepeatRecord& repeat) {
    if (repeat.repeat == 0) first_run = repeat.run;
    outcome.seeds += is_finished(repeat.state);
    outcome.diverged += repeat.state == RunState::kDiverged;
    stopped |= repeat.state == RunState::kStopped;
    if (repeat.last) outcome.iteration = std::max<std::int64_t>(outcome.iteration, repeat.last->rung + 1);
  });
  if (const auto run = storage.run(first_run)) outcome.iterations = iterations_of(*run);
  if (record.state != TrialState::kDone) {
    outcome.ending = record.state == TrialState::kFailed ? Ending::kFailed : Ending::kOpen;
    return outcome;
  }
  outcome.ending = Ending::kDone;
  if (stopped && record.trial.until == 0) {
    outcome.ending = Ending::kStopped;
  } else if (outcome.seeds < outcome.seeds_asked) {
    const std::vector<Owner> owners = storage.owners(first_run);
    see_race(storage, owners.empty() ? record.trial.number : owners.front().trial, outcome);
  }
  return outcome;
}

std::string describe(const TrialOutcome& outcome) {
  const auto on_seeds = [&] { return cat(" on ", outcome.seeds, " of ", outcome.seeds_asked, " seeds"); };
  std::string ending;
  switch (outcome.ending) {
    case Ending::kOpen:
      return "unfinished";
    case Ending::kFailed:
      return "failed";
    case Ending::kStopped:
      ending = cat("stopped at ", outcome.iteration, " of ", outcome.iterations);
      break;
    case Ending::kRacedOut:
      ending = "raced out" + on_seeds();
      break;
    case Ending::kDone:
      if (outcome.won) ending = "won" + on_seeds();
      if (!outcome.won && outcome.iteration < outcome.iterations && outcome.diverged < outcome.seeds) {
        ending = cat("done to ", outcome.iteration, " of ", outcome.iterations);
      }
      break;
  }
  if (outcome.diverged == 0) return ending.empty() ? "done" : ending;
  return cat(outcome.diverged, " of ", outcome.seeds, " diverged", ending.empty() ? "" : ", ", ending);
}

}  // namespace caviar
