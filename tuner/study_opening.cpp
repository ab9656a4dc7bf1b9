// The beginning of a study, and of going on with one: what is asked against what is recorded, and the fold over it.
#include <algorithm>
#include <unordered_map>
#include <utility>

#include "kernels/base/error.h"
#include "tuner/failpoint.h"
#include "tuner/spec/value.h"
#include "tuner/study.h"

namespace caviar {

namespace {

// The first config given by hand that is another one now, in words; empty when none is.
std::string other_by_hand(const std::string& recorded, const std::string& asked) {
  const auto configs = [](const std::string& search) {
    const Value all = Value::parse(search, nullptr, false);
    return all.is_object() ? all.value("by_hand", Value()) : Value();
  };
  const Value before = configs(recorded), now = configs(asked);
  if (!before.is_array() && !now.is_array()) return {};
  for (std::size_t i = 0; i < std::max(before.size(), now.size()); ++i) {
    const auto said = [i](const Value& list) {
      return list.is_array() && i < list.size() ? list[i].dump() : std::string("none");
    };
    if (said(before) != said(now)) return cat("config ", i + 1, " was ", said(before), " and now is ", said(now));
  }
  return {};
}

}  // namespace

void Study::open() {
  const std::optional<StudyRecord> recorded = storage_.study();
  if (!recorded) {
    storage_.create_study(setup_.record);
    for (const PriorRecord& prior : setup_.priors) storage_.add_prior(prior);
    storage_.add_event("created", cat("caviar ", setup_.record.caviar_version));
    weights_.open(storage_);
    storage_.commit();
    failpoint(Failpoint::kStudyCreated);
    tell_priors();
    return;
  }
  check_same_sweep(*recorded);
  failpoint(Failpoint::kRecoverBegun);
  storage_.add_event("resumed", cat("caviar ", setup_.record.caviar_version));
  const StudyRecord& asked = setup_.record;
  if (asked.trials != recorded->trials || asked.seeds != recorded->seeds) {
    storage_.extend_study(asked.trials, asked.seeds);
    const auto say = [](const StudyRecord& study) {
      return cat(study.trials ? std::to_string(*study.trials) : "all", " trials on ", study.seeds, " seeds");
    };
    storage_.add_event("extended", cat("from ", say(*recorded), " to ", say(asked)));
  }
  tell_priors();
  history_.fold(storage_, learns() || judge_.active());
  recover();
  weights_.open(storage_);
  storage_.commit();
  failpoint(Failpoint::kRecovered);
  work_before_ = work_done();
}

void Study::check_same_sweep(const StudyRecord& recorded) const {
  const StudyRecord& asked = setup_.record;
  const std::string& file = storage_.file();
  const char* const remedy = "; resume it as it was started, or name another directory with --study";
  if (asked.spec != recorded.spec) {
    fail(file, ": the study was started from another text of ", recorded.spec_name, remedy);
  }
  if (asked.sweep_seed != recorded.sweep_seed) {
    fail(file, ": the study has the sweep seed ", recorded.sweep_seed, " and not ", asked.sweep_seed, remedy);
  }
  if (asked.data_digest != recorded.data_digest) {
    fail(file, ": the study was trained on ", recorded.data_name, " with the digest ", recorded.data_digest,
         "; the data now are ", asked.data_name, " with the digest ", asked.data_digest, remedy);
  }
  if (asked.metric != recorded.metric || asked.maximize != recorded.maximize) {
    fail(file, ": the study ranks by ", recorded.metric, " and not by ", asked.metric, remedy);
  }
  if (asked.validate_on_test != recorded.validate_on_test) {
    fail(file, ": the study was started ", recorded.validate_on_test ? "with" : "without",
         " validation on the test set", remedy);
  }
  if (asked.numerics != recorded.numerics) {
    fail(file, ": the study was computed with the numerics ", recorded.numerics, ", this command asks for ",
         asked.numerics, "; go on with the caviar that started it (", recorded.caviar_version,
         "), with the same --precision and, if that is mixed, on the same kind of GPU");
  }
  if (asked.search != recorded.search && recorded.search != "{}") {
    if (const std::string other = other_by_hand(recorded.search, asked.search); !other.empty())
      fail(file, ": --enqueue gives other configs than the study was started with: ", other, remedy);
    fail(file, ": ", "the search of the study ",
         difference_of(Value::parse(recorded.search), Value::parse(asked.search)), remedy);
  }
  if (recorded.trials && asked.trials && *asked.trials < *recorded.trials) {
    fail(file, ": the study was asked for ", *recorded.trials, " trials already; --count ", *asked.trials,
         " cannot take that back, only raise it");
  }
  if (asked.trials != recorded.trials && judge_.fixed_by_count()) {
    fail(file,
         ": the study's scheduler compared its trials in groups that depend on how many there are; --count cannot ",
         "be changed any more. Start another study, with --prior to let it know of this one");
  }
  const bool fixed_seeds = learns() || judge_.active();
  if (asked.seeds < recorded.seeds || (asked.seeds > recorded.seeds && fixed_seeds)) {
    fail(file, ": the study has ", recorded.seeds, " seeds a trial; ", asked.seeds,
         fixed_seeds ? " would change what its search was told: start another study"
                     : " would be fewer: they can only be raised");
  }
}

void Study::tell_priors() {
  for (const PriorRecord& prior : storage_.priors()) {
    TrialResult result;
    result.number = prior.number;
    result.config = prior.config;
    result.loss = setup_.record.maximize ? -prior.metric : prior.metric;
    result.sd = prior.sd;
    result.seeds = prior.seeds;
    sampler_.tell(result);
  }
}

void Study::recover() {
  const std::vector<RunRecord> unfinished = storage_.unfinished_runs();
  std::map<std::string, SavedRun> saved;
  if (checkpoints_) {
    std::vector<std::string> notices;
    for (SavedRun& run : checkpoints_->load(notices)) saved.emplace(run.identity, std::move(run));
    for (const std::string& text : notices) {
      storage_.add_event("checkpoint", text);
      notice(text);
    }
  }
  std::int64_t interrupted = 0, from_checkpoint = 0;
  for (const RunRecord& run : unfinished) {
    if (run.state == RunState::kRunning) {
      storage_.set_run_state(run.id, RunState::kWaiting);
      ++interrupted;
    }
    Waiting waiting{run, {}};
    const auto found = saved.find(run.identity);
    // A state is of use only when every report up to it is recorded: else the curve would have a gap.
    const auto last = storage_.last_report(run.id);
    if (found != saved.end() && last && found->second.reports <= last->rung + 1) {
      waiting.saved = std::move(found->second);
      ++from_checkpoint;
    }
    waiting_.push_back(std::move(waiting));
  }
  if (!unfinished.empty()) {
    const auto again = static_cast<std::int64_t>(unfinished.size()) - from_checkpoint;
    const std::string text = cat("unfinished runs: ", unfinished.size(), ", interrupted: ", interrupted,
                                 "; going on from a checkpoint: ", from_checkpoint, ", from the start: ", again);
    storage_.add_event("recovered", text);
    notice(text);
  }
  recall_trials();
}

// Sampler and scheduler learn again what they learned, in the same order.
void Study::recall_trials() {
  for (std::int64_t trial = 0; trial < history_.trials(); ++trial) {
    if (!knows_enough(trial)) {
      fail(storage_.file(), ": trial ", trial,
           " was suggested before the results it needs; bring the file back from a copy");
    }
    const auto record = storage_.trial(trial);
    if (!record) fail(storage_.file(), ": trial ", trial, " is missing; bring the file back from a copy");
    sampler_.started(record->trial);
    if (judge_.active()) recall_trial(trial);
  }
  for (auto waiting = waiting_.begin(); waiting != waiting_.end();) {
    const std::vector<Owner> owners = storage_.owners(waiting->run.id);
    if (owners.empty() || !judge_.waits(owners.front().trial, waiting->saved.reports)) {
      ++waiting;
      continue;
    }
    const std::int64_t run = waiting->run.id;
    parked_.emplace(run, std::move(*waiting));
    waiting = waiting_.erase(waiting);
  }
}

void Study::recall_trial(std::int64_t trial) {
  std::vector<RepeatRecord> repeats;
  storage_.for_each_repeat_of(trial, [&](const RepeatRecord& repeat) { repeats.push_back(repeat); });
  const bool follows = !repeats.empty() && storage_.owners(repeats.front().run).front().trial != trial;
  judge_.open(trial, follows);
  for (const RepeatRecord& repeat : repeats) {
    const Owner owner{trial, repeat.repeat};
    std::vector<Report> reports = storage_.reports(repeat.run);
    if (repeat.state == RunState::kDiverged && !reports.empty()) reports.back().diverged = true;
    for (const Report& report : reports) judge_.report(owner, report);
    if (is_finished(repeat.state)) judge_.run_over(owner, repeat.state == RunState::kDiverged);
  }
  for (const Decision& decision : storage_.decisions(trial)) {
    judge_.recall(decision);
    if (decision.question == Question::kSeeds && decision.verdict == Verdict::kGoOn && history_.is_open(trial)) {
      history_.grant(trial, decision.seeds);
    }
  }
  const TrialSummary& summary = history_[trial];
  if (summary.state != TrialState::kOpen) {
    judge_.runs_over(trial);
    judge_.close(trial);
  } else if (summary.repeats < summary.wanted) {
    granted_.insert(trial);
  } else if (summary.finished == summary.wanted && !judge_.runs_over(trial)) {
    close_trial(trial, "");
  }
}

}  // namespace caviar
