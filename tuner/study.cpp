#include "tuner/study.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "kernels/base/error.h"
#include "tuner/failpoint.h"
#include "tuner/metric.h"

namespace caviar {
namespace {

constexpr std::chrono::milliseconds kPatience{200};  // how long a request to drain may go unseen
constexpr int kMostStartsAtOnce = 1024;              // bounds a transaction when repeats share finished runs

std::string describe(const Report& report) {
  return cat("val_loss ", report.validation.loss, ", val_correct ", report.validation.correct, ", train_loss ",
             report.train.loss);
}

}  // namespace

Study::Study(StudySetup setup, Storage& storage, Sampler& sampler, Scheduler& scheduler, Executor& executor)
    : setup_(std::move(setup)),
      storage_(storage),
      sampler_(sampler),
      scheduler_(scheduler),
      executor_(executor),
      history_(setup_.record.metric, setup_.record.maximize, setup_.record.seeds) {
  if (!setup_.checkpoints.empty()) checkpoints_.emplace(setup_.checkpoints);
}

StudyOutcome Study::carry_out() {
  started_ = last_checkpoint_ = Clock::now();
  open();
  try {
    executor_.keep_states(checkpoints_.has_value());
    while (true) {
      const bool more = fill_free_slots();
      storage_.commit();  // what was reported and what was decided, together
      tell_progress();
      keep_checkpoint(false);
      if (drain_requested_.load()) {
        drain();
        if (!all_over()) return StudyOutcome::kDrained;
        break;
      }
      if (live_.empty() && !more) break;
      if (live_.empty()) continue;
      judge(executor_.advance(kPatience));
    }
  } catch (const Error& error) {
    put_down(error.what());
    throw;
  }
  storage_.add_event("finished", cat("trials done: ", history_.done(), ", failed: ", history_.failed()));
  storage_.commit();
  failpoint(Failpoint::kFinished);
  if (checkpoints_) checkpoints_->clear();
  return StudyOutcome::kDone;
}

// True when nothing that was asked for is left to do.
bool Study::all_over() const {
  const std::optional<std::int64_t> asked = trials_asked();
  return live_.empty() && waiting_.empty() && asked && history_.done() + history_.failed() >= *asked;
}

// ---- opening and recovery

void Study::open() {
  const std::optional<StudyRecord> recorded = storage_.study();
  if (!recorded) {
    storage_.create_study(setup_.record);
    storage_.add_event("created", cat("caviar ", setup_.record.caviar_version));
    storage_.commit();
    failpoint(Failpoint::kStudyCreated);
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
  history_.fold(storage_);
  recover();
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
  if (recorded.trials && asked.trials && *asked.trials < *recorded.trials) {
    fail(file, ": the study was asked for ", *recorded.trials, " trials already; --count ", *asked.trials,
         " cannot take that back, only raise it");
  }
  if (asked.seeds < recorded.seeds || (asked.seeds > recorded.seeds && sampler_learns())) {
    fail(file, ": the study has ", recorded.seeds, " seeds a trial; ", asked.seeds,
         !sampler_learns() ? " would be fewer: they can only be raised"
                           : " would change what its sampler was told: start another study");
  }
}

bool Study::sampler_learns() const { return sampler_.needs(std::int64_t{1} << 40) >= 0; }

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
    if (found != saved.end() && found->second.reports <= static_cast<std::int64_t>(storage_.reports(run.id).size())) {
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
  replay_scheduler();
}

// The scheduler sees again what it saw; runs it had stopped in what a kill took with it stop now.
void Study::replay_scheduler() {
  storage_.for_each_run([&](const RunRecord& run) {
    std::vector<Report> reports = storage_.reports(run.id);
    const bool over = run.state == RunState::kComplete || run.state == RunState::kDiverged;
    if (over && !reports.empty()) reports.pop_back();
    for (const std::int64_t id : scheduler_.stops(reports)) {
      const auto waiting =
          std::find_if(waiting_.begin(), waiting_.end(), [&](const auto& w) { return w.run.id == id; });
      if (waiting == waiting_.end()) continue;
      waiting_.erase(waiting);
      const auto last = storage_.last_report(id);
      finish(id, RunState::kStopped, cat("stopped at step ", last ? last->step : 0), "", last);
    }
  });
}

BoundConfig Study::bind(const Config& config) const {
  BoundConfig bound = bind_config(config, setup_.use, setup_.shape);
  bound.key.precision = setup_.precision;
  return bound;
}

// ---- filling slots

// True when there is more to start than there was room for or patience.
bool Study::fill_free_slots() {
  for (int started = 0; executor_.room() > 0; ++started) {
    if (started == kMostStartsAtOnce) return true;
    if (!waiting_.empty()) {
      submit_waiting();
    } else if (!start_next_repeat()) {
      return false;
    }
  }
  if (live_.empty()) fail("the executor has no room for a run although it has none; check --device and --threads");
  return true;
}

// False when no repeat can start now.
bool Study::start_next_repeat() {
  while (next_ < history_.trials() &&
         (history_[next_].state == TrialState::kFailed || history_[next_].repeats >= setup_.record.seeds)) {
    ++next_;
  }
  if (next_ == history_.trials()) {
    if (!next_trial_may_start()) return false;
    const std::optional<Config> config = sampler_.suggest(next_);
    if (!config) {
      exhausted_ = true;
      return false;
    }
    storage_.add_trial({next_, *config});
    history_.add_trial(next_, TrialState::kOpen);
    if (!bind_trial(next_, *config)) return true;
  } else if (current_.number != next_) {
    const auto record = storage_.trial(next_);
    if (!record) fail(storage_.file(), ": trial ", next_, " is missing; bring the file back from a copy");
    if (record->state == TrialState::kDone) storage_.set_trial_state(next_, TrialState::kOpen);  // more seeds
    if (!bind_trial(next_, record->trial.config)) return true;
  }
  start_repeat({next_, history_[next_].repeats});
  return true;
}

bool Study::next_trial_may_start() {
  if (exhausted_ || drain_requested_.load()) return false;
  if (setup_.record.trials && next_ >= *setup_.record.trials) return false;
  if (setup_.target && history_.best()) {
    const double best = history_[*history_.best()].mean;
    if (setup_.record.maximize ? best >= *setup_.target : best <= *setup_.target) return false;
  }
  return sampler_knows_enough(next_);
}

// The window rule: before it suggests trial i, a sampler with a memory knows the results it may need, and no others,
// however many have arrived.
bool Study::sampler_knows_enough(std::int64_t number) {
  for (; told_ <= sampler_.needs(number); ++told_) {
    const TrialSummary& summary = history_[told_];
    if (summary.state == TrialState::kOpen) return false;
    TrialResult result;
    result.number = told_;
    if (const auto record = storage_.trial(told_)) result.config = record->trial.config;
    result.loss = setup_.record.maximize ? -summary.mean : summary.mean;
    sampler_.tell(result);
  }
  return true;
}

// A config that cannot be trained is a failed trial: the study goes on without it.
bool Study::bind_trial(std::int64_t number, const Config& config) {
  try {
    current_ = {number, bind(config)};
    require_measured(setup_.record.metric, current_.bound);
    return true;
  } catch (const Error& error) {
    storage_.set_trial_state(number, TrialState::kFailed, error.what());
    history_.fail_trial(number);
    notice(cat("trial ", number, " cannot be trained: ", error.what()));
    return false;
  }
}

void Study::start_repeat(const Owner& owner) {
  BoundConfig bound = current_.bound;
  bound.seeds = repeat_seeds(current_.bound.seeds, owner.repeat);
  RunRecord run;
  run.canonical = canonical_run(bound, setup_.shape.digest, setup_.record.numerics);
  run.identity = run_identity(run.canonical);
  history_.add_repeat(owner.trial);
  if (const auto known = storage_.find_run(run.identity)) {
    // Another trial, or another repeat, means the same training: it counts for both.
    storage_.add_repeat(owner, known->id);
    if (is_finished(known->state)) credit(owner, known->state, known->reason, storage_.last_report(known->id));
    return;
  }
  run.seeds = bound.seeds;
  run.steps = bound.hyper.total_steps;
  run.state = RunState::kRunning;
  run.id = storage_.add_run(run);
  storage_.add_repeat(owner, run.id);
  failpoint(Failpoint::kTrialRecorded);
  submit(std::move(run), bound, {});
}

void Study::submit_waiting() {
  Waiting waiting = std::move(waiting_.front());
  waiting_.pop_front();
  const std::vector<Owner> owners = storage_.owners(waiting.run.id);
  const auto record = owners.empty() ? std::nullopt : storage_.trial(owners.front().trial);
  if (!record) fail(storage_.file(), ": run ", waiting.run.id, " belongs to no trial; bring the file back from a copy");
  BoundConfig bound = bind(record->trial.config);
  bound.seeds = repeat_seeds(bound.seeds, owners.front().repeat);
  if (run_identity(canonical_run(bound, setup_.shape.digest, setup_.record.numerics)) != waiting.run.identity) {
    fail(storage_.file(), ": trial ", owners.front().trial,
         " means another training to this program than to the one that recorded it; go on with that version of caviar");
  }
  storage_.set_run_state(waiting.run.id, RunState::kRunning);
  submit(std::move(waiting.run), bound, std::move(waiting.saved));
}

void Study::submit(RunRecord run, const BoundConfig& bound, SavedRun saved) {
  const RunOrder order{run.id, bound.key, bound.hyper, bound.seeds, bound.data, bound.rung_steps, saved.state};
  try {
    executor_.submit(order);
  } catch (const Error& error) {
    if (!saved.state.empty()) {
      // A state is only ever a short cut: whatever is wrong with it, the run can start again.
      const std::string text =
          cat("the checkpoint of run ", run.id, " is of no use (", error.what(), "); it starts again");
      storage_.add_event("checkpoint", text);
      notice(text);
      submit(std::move(run), bound, {});
      return;
    }
    finish(run.id, RunState::kFailed, error.what(), "", std::nullopt);
    notice(cat("run ", run.id, " cannot be trained: ", error.what()));
    return;
  }
  failpoint(Failpoint::kRunSubmitted);
  live_[run.id] = {std::move(run.identity), run.steps, saved.step, saved.reports, std::move(saved.state)};
}

// ---- recording

// Records what arrived, then ends the runs that the scheduler does not want to go on.
void Study::judge(std::vector<Report> reports) {
  for (Report& report : reports) record(report);
  std::erase_if(reports, [](const Report& report) { return report.last; });
  for (const std::int64_t run : scheduler_.stops(reports)) {
    if (!live_.contains(run)) continue;
    executor_.stop(run);
    const auto last = storage_.last_report(run);
    finish(run, RunState::kStopped, cat("stopped at step ", last ? last->step : 0), "", last);
  }
}

void Study::record(Report& report) {
  samples_ += report.samples;
  const auto found = live_.find(report.run);
  if (found == live_.end()) return;  // it was stopped
  Live& live = found->second;
  if (report.rung != live.reports) {
    fail("run ", report.run, " reports rung ", report.rung, " where rung ", live.reports,
         " was due; go on with --resume, and please report this");
  }
  if (storage_.add_report(report) == ReportFate::kDifferent) raise_alarm(report);
  live.step = report.step;
  live.reports = report.rung + 1;
  live.state = std::move(report.state);
  if (!report.last) return;
  if (report.diverged) {
    finish(report.run, RunState::kDiverged,
           cat("diverged after step ", report.step, ": the loss is above a million or no number"),
           to_string(report.digest), report);
  } else {
    finish(report.run, RunState::kComplete, "", to_string(report.digest), report);
  }
}

// The same run trained twice has other numbers: a promise is broken, by this program, by the machine or by the file.
void Study::raise_alarm(const Report& report) {
  for (const Report& before : storage_.reports(report.run)) {
    if (before.rung != report.rung) continue;
    const std::string text = cat("run ", report.run, " gave other numbers when it was trained again: at step ",
                                 before.step, " ", describe(before), " is recorded and kept; now ", describe(report));
    storage_.add_event("alarm", text);
    notice(text);
  }
}

void Study::finish(std::int64_t run, RunState state, const std::string& reason, const std::string& digest,
                   const std::optional<Report>& last) {
  storage_.set_run_state(run, state, reason, digest);
  for (const Owner& owner : storage_.owners(run)) credit(owner, state, reason, last);
  live_.erase(run);
  failpoint(Failpoint::kRunFinished);
}

void Study::credit(const Owner& owner, RunState state, const std::string& reason, const std::optional<Report>& last) {
  if (!history_.add_result(owner, state, last)) return;
  const TrialState over = history_[owner.trial].state;
  storage_.set_trial_state(owner.trial, over, over == TrialState::kFailed ? reason : "");
}

// ---- putting down

void Study::keep_checkpoint(bool now) {
  if (!checkpoints_ || (!now && Clock::now() - last_checkpoint_ < setup_.checkpoint_interval)) return;
  std::vector<SavedRun> runs;
  for (const auto& [id, live] : live_) {
    if (!live.state.empty()) runs.push_back({live.identity, live.step, live.reports, live.state});
  }
  for (const Waiting& waiting : waiting_) {
    if (!waiting.saved.state.empty()) runs.push_back(waiting.saved);
  }
  if (!runs.empty()) checkpoints_->save(runs);
  last_checkpoint_ = Clock::now();
}

void Study::drain() {
  failpoint(Failpoint::kDrainBegun);
  std::vector<Parked> parked = executor_.drain();
  failpoint(Failpoint::kDrainParked);
  judge(executor_.advance(std::chrono::milliseconds(0)));
  for (Parked& run : parked) {
    const auto found = live_.find(run.run);
    if (found == live_.end()) continue;
    found->second.step = run.step;
    found->second.reports = run.rung;
    found->second.state = std::move(run.state);
  }
  for (const auto& [id, live] : live_) storage_.set_run_state(id, RunState::kWaiting);
  storage_.add_event("drained", cat("runs put down: ", live_.size()));
  storage_.commit();
  tell_progress();
  failpoint(Failpoint::kDrainRecorded);
  keep_checkpoint(true);
}

// After an error: says in the study what happened, if it can still be written.
void Study::put_down(const std::string& why) noexcept {
  try {
    const bool all_recorded = !storage_.pending();
    storage_.rollback();
    for (const RunRecord& run : storage_.unfinished_runs()) storage_.set_run_state(run.id, RunState::kWaiting);
    storage_.add_event("interrupted", why);
    storage_.commit();
    if (all_recorded) keep_checkpoint(true);
  } catch (const Error&) {
    // The first error is the one to show.
  }
}

// ---- progress

std::optional<std::int64_t> Study::trials_asked() const {
  if (exhausted_) return history_.trials();
  const std::int64_t size = sampler_.size();
  if (size < 0) return setup_.record.trials;
  return setup_.record.trials ? std::min(*setup_.record.trials, size) : size;
}

// In runs, those under way counted by the part they have done.
double Study::work_done() const {
  double work = static_cast<double>(history_.runs_finished());
  for (const auto& [id, live] : live_) {
    work += static_cast<double>(live.step) / static_cast<double>(std::max<std::int64_t>(live.total_steps, 1));
  }
  for (const Waiting& waiting : waiting_) {
    work += static_cast<double>(waiting.saved.step) / static_cast<double>(std::max<std::int64_t>(waiting.run.steps, 1));
  }
  return work;
}

void Study::tell_progress() {
  if (!on_progress) return;
  Progress progress;
  progress.trials = trials_asked();
  progress.seeds = setup_.record.seeds;
  progress.trials_done = history_.done();
  progress.trials_failed = history_.failed();
  progress.trials_running = history_.trials() - history_.done() - history_.failed();
  progress.runs_done = history_.runs_finished();
  progress.runs_running = static_cast<std::int64_t>(live_.size());
  progress.samples = samples_;
  progress.seconds = std::chrono::duration<double>(Clock::now() - started_).count();
  progress.best = history_.best();
  if (progress.best) progress.best_summary = history_[*progress.best];
  const double work = work_done();
  if (progress.trials && work > work_before_) {
    const double all = static_cast<double>((*progress.trials - history_.failed()) * setup_.record.seeds);
    progress.seconds_left = std::max(0.0, all - work) * progress.seconds / (work - work_before_);
  }
  on_progress(progress);
}

void Study::notice(const std::string& text) const {
  if (on_notice) on_notice(text);
}

}  // namespace caviar
