#include "tuner/study.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/digest.h"
#include "kernels/base/error.h"
#include "tuner/failpoint.h"
#include "tuner/meaning.h"
#include "tuner/metric.h"
#include "tuner/spec/value.h"

namespace caviar {
namespace {

constexpr std::chrono::milliseconds kPatience{200};  // how long a request to drain may go unseen
constexpr int kMostStartsAtOnce = 1024;              // bounds a transaction when repeats share finished runs

std::string describe(const Report& report) {
  return cat("val_loss ", report.validation.loss, ", val_correct ", report.validation.correct, ", train_loss ",
             report.train.loss);
}

// All that a run's bits depend on, from those of its own line: with a parent, the whole line of its ancestors.
std::string within_lineage(Storage& storage, const Trial& trial, std::int64_t repeat, std::string own) {
  if (trial.parent < 0 && trial.until == 0) return own;
  Value line = Value::parse(own);
  if (trial.until > 0) line["until"] = trial.until;
  if (trial.parent >= 0) {
    storage.for_each_repeat_of(trial.parent, [&](const RepeatRecord& record) {
      if (record.repeat == repeat) line["parent"] = storage.run(record.run).value_or(RunRecord{}).identity;
    });
  }
  return line.dump();
}

}  // namespace

Study::Study(StudySetup setup, Storage& storage, Sampler& sampler, Scheduler& scheduler, Executor& executor)
    : setup_(std::move(setup)),
      storage_(storage),
      sampler_(sampler),
      executor_(executor),
      judge_(scheduler, setup_.record.metric, setup_.record.maximize, setup_.record.seeds),
      history_(setup_.record.metric, setup_.record.maximize, judge_.first_seeds()),
      stop_rule_(setup_.stop),
      lineage_(setup_.checkpoints),
      weights_(setup_.weights, setup_.save_weights, setup_.record.metric, setup_.record.maximize) {
  if (!setup_.checkpoints.empty()) checkpoints_.emplace(setup_.checkpoints);
}

StudyOutcome Study::carry_out() {
  started_ = last_checkpoint_ = Clock::now();
  open();
  if (const auto trials = trials_asked()) judge_.tell_count(*trials);
  try {
    carry_out_decisions();
    executor_.keep_states(true);  // of runs that wait, and of those that others go on from
    while (true) {
      const bool more = fill_free_slots();
      storage_.commit();  // what was reported and what was decided, together
      forget_weights();
      weights_.committed();
      tell_progress();
      keep_checkpoint(false);
      if (setup_.time_limit && Clock::now() - started_ > *setup_.time_limit && !drain_requested_.load()) {
        notice("the time is up");
        request_drain();
      }
      if (drain_requested_.load()) {
        drain();
        if (!all_over()) return StudyOutcome::kDrained;
        break;
      }
      if (!live_.empty()) {
        judge(executor_.advance(kPatience));
      } else if (!more) {
        break;
      }
    }
  } catch (const Error& error) {
    put_down(error.what());
    throw;
  }
  if (!parked_.empty()) {
    fail("no trial can go on: ", parked_.size(), " runs wait for decisions that do not come; please report this");
  }
  storage_.add_event("finished", cat("trials done: ", history_.done(), ", failed: ", history_.failed()));
  storage_.commit();
  failpoint(Failpoint::kFinished);
  if (checkpoints_) checkpoints_->clear();
  // With a greater --count the next generation goes on from the last one's weights.
  if (next_ >= sampler_.size())
    lineage_.clear();
  else
    lineage_.forget_before(sampler_.stage(next_).oldest_parent);
  return StudyOutcome::kDone;
}

// Weights that no trial goes on from any more, once it is durable that their children are over.
void Study::forget_weights() {
  if (forgotten_ < oldest_parent_) lineage_.forget_before(oldest_parent_);
  forgotten_ = oldest_parent_;
}

// True when nothing that was asked for is left to do.
bool Study::all_over() const {
  const std::optional<std::int64_t> asked = trials_asked();
  return live_.empty() && waiting_.empty() && parked_.empty() && asked && history_.done() + history_.failed() >= *asked;
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
    } else if (!start_granted() && !start_next_repeat() && waiting_.empty() && granted_.empty()) {
      return false;
    }
  }
  if (live_.empty()) fail("the executor has no room for a run although it has none; check --device and --threads");
  return true;
}

// A further seed of a trial that was given some.
bool Study::start_granted() {
  while (!granted_.empty()) {
    const std::int64_t trial = *granted_.begin();
    if (history_.is_open(trial) && history_[trial].repeats < history_[trial].wanted) {
      if (bind_recorded(trial)) start_repeat({trial, history_[trial].repeats});
      return true;
    }
    granted_.erase(granted_.begin());
  }
  return false;
}

// False when no repeat can start now.
bool Study::start_next_repeat() {
  while (next_ < history_.trials() &&
         (history_[next_].state == TrialState::kFailed || history_[next_].repeats >= history_[next_].wanted)) {
    ++next_;
  }
  if (next_ == history_.trials()) {
    if (!next_trial_may_start()) return false;
    const std::optional<Config> config = sampler_.suggest(next_);
    if (!config) {
      end_trials(sampler_.repeats_configs() ? "the population is trained to the end"
                                            : "every point of the space was tried");
      return false;
    }
    const Sampler::Stage stage = sampler_.stage(next_);
    if (const std::string news = sampler_.news(); !news.empty()) {
      storage_.add_event("search", news);
      notice(news);
    }
    const Trial trial{next_, *config, stage.parent, stage.until};
    oldest_parent_ = stage.oldest_parent;
    storage_.add_trial(trial);
    sampler_.started(trial);
    history_.add_trial(next_, TrialState::kOpen);
    if (!bind_trial(trial)) return true;
  } else if (current_.trial.number != next_ && !bind_recorded(next_)) {
    return true;
  }
  start_repeat({next_, history_[next_].repeats});
  return true;
}

bool Study::bind_recorded(std::int64_t number) {
  if (current_.trial.number == number) return true;
  const auto record = storage_.trial(number);
  if (!record) fail(storage_.file(), ": trial ", number, " is missing; bring the file back from a copy");
  if (record->state == TrialState::kDone) storage_.set_trial_state(number, TrialState::kOpen);  // more seeds
  return bind_trial(record->trial);
}

bool Study::next_trial_may_start() {
  if (exhausted_ || drain_requested_.load()) return false;
  if (setup_.record.trials && next_ >= *setup_.record.trials) return false;
  if (!knows_enough(next_)) return false;
  if (stop_rule_.reason()) end_trials(*stop_rule_.reason());
  return !exhausted_;
}

// Nothing further is suggested.
void Study::end_trials(const std::string& why) {
  exhausted_ = true;
  const std::string news = next_ == 1 ? cat(why, "; there is one trial") : cat(why, "; there are ", next_, " trials");
  storage_.add_event("ended", news);
  notice(news);
  judge_.tell_count(next_);
  carry_out_decisions();
}

bool Study::learns() const { return sampler_.needs(std::int64_t{1} << 40) >= 0; }

// The window rule: before trial `number` is suggested, sampler and stop rule know the results they ask for, and no
// others, however many have arrived; but none of a trial that may have to wait for trials not yet suggested.
bool Study::knows_enough(std::int64_t number) {
  for (; told_ <= sampler_.needs(number) && judge_.horizon(told_) < number; ++told_) {
    if (!has_result(told_)) return false;
    tell_sampler(told_);
  }
  if (!stop_rule_.asks_anything()) return true;
  const double sign = setup_.record.maximize ? -1 : 1;
  for (; weighed_ <= number - setup_.window && judge_.horizon(weighed_) < number; ++weighed_) {
    if (!has_result(weighed_)) return false;
    const TrialSummary summary = result_of(weighed_);
    stop_rule_.tell(weighed_, sign * summary.mean, summary.sd, summary.finished - summary.diverged);
  }
  return true;
}

bool Study::has_result(std::int64_t trial) const {
  if (!history_.is_open(trial)) return true;
  return judge_.first_seeds_count() && history_[trial].finished >= judge_.first_seeds();
}

// What sampler and stop rule are told of a trial: the same before and after it was given more seeds.
TrialSummary Study::result_of(std::int64_t trial) {
  if (!judge_.first_seeds_count()) return history_[trial];
  TrialSummary summary;
  std::vector<double> values;
  storage_.for_each_repeat_of(trial, [&](const RepeatRecord& repeat) {
    if (repeat.repeat >= judge_.first_seeds()) return;
    ++summary.finished;
    summary.diverged += repeat.state == RunState::kDiverged;
    summary.failed |= repeat.state == RunState::kFailed;
    if (repeat.last && repeat.state == RunState::kComplete)
      values.push_back(metric_value(*repeat.last, setup_.record.metric));
  });
  if (!summary.failed) summarise(values, summary);
  return summary;
}

void Study::tell_sampler(std::int64_t number) {
  const TrialSummary summary = result_of(number);
  const double sign = setup_.record.maximize ? -1 : 1;
  TrialResult result;
  result.number = number;
  if (const auto record = storage_.trial(number)) result.config = record->trial.config;
  result.loss = sign * summary.mean;
  result.sd = summary.sd;
  result.seeds = std::max(1, summary.finished - summary.diverged);
  result.stopped = summary.stopped;
  result.curve = curve_of(number);
  sampler_.tell(result);
}

// Where the trial was judged, and its last report: means over the seeds that got there; NaN when one diverged before.
std::vector<TrialResult::Point> Study::curve_of(std::int64_t number) {
  std::vector<std::vector<Report>> runs;
  bool diverged = false;
  storage_.for_each_repeat_of(number, [&](const RepeatRecord& repeat) {
    if (judge_.first_seeds_count() && repeat.repeat >= judge_.first_seeds()) return;
    runs.push_back(storage_.reports(repeat.run));
    diverged |= repeat.state == RunState::kDiverged;
  });
  std::size_t longest = 0;
  for (const auto& reports : runs) longest = std::max(longest, reports.size());
  std::vector<TrialResult::Point> curve;
  for (std::size_t i = 0; i < longest; ++i) {
    const auto iteration = static_cast<std::int64_t>(i + 1);
    if (i + 1 < longest && !judge_.judges(iteration)) continue;
    double sum = 0;
    for (const auto& reports : runs) {
      const bool there = i < reports.size();
      sum += there ? metric_value(reports[i], setup_.record.metric) : std::numeric_limits<double>::quiet_NaN();
    }
    const double mean = sum / static_cast<double>(runs.size());
    curve.push_back({iteration, setup_.record.maximize ? -mean : mean});
  }
  if (diverged && !curve.empty()) curve.back().loss = std::numeric_limits<double>::quiet_NaN();
  return curve;
}

// A config that cannot be trained is a failed trial: the study goes on without it.
bool Study::bind_trial(const Trial& trial) {
  const std::int64_t number = trial.number;
  try {
    current_ = {trial, bind(trial.config)};
    require_measured(setup_.record.metric, current_.bound);
    return true;
  } catch (const Error& error) {
    storage_.set_trial_state(number, TrialState::kFailed, error.what());
    history_.fail_trial(number);
    judge_.close(number);
    notice(cat("trial ", number, " cannot be trained: ", error.what()));
    carry_out_decisions();
    return false;
  }
}

void Study::start_repeat(const Owner& owner) {
  BoundConfig bound = current_.bound;
  bound.seeds = repeat_seeds(current_.bound.seeds, owner.repeat, setup_.vary);
  RunRecord run;
  run.canonical = canonical_of(current_.trial, owner.repeat, bound);
  run.identity = run_identity(run.canonical);
  history_.add_repeat(owner.trial);
  auto known = storage_.find_run(run.identity);
  // A study that an older program began has runs under the names it gave them.
  if (!known)
    known = storage_.find_run(
        run_identity(within_lineage(storage_, current_.trial, owner.repeat,
                                    canonical_as_given(bound, setup_.shape.digest, setup_.record.numerics))));
  if (owner.repeat == 0) judge_.open(owner.trial, known.has_value());
  if (known) {
    // Another trial, or another repeat, means the same training: it counts for both, and so do its weights.
    if (current_.trial.until > 0 && is_finished(known->state)) {
      const Owner first = storage_.owners(known->id).front();
      if (const auto state = lineage_.find(first.trial, first.repeat)) lineage_.keep(owner.trial, owner.repeat, *state);
    }
    storage_.add_repeat(owner, known->id);
    if (is_finished(known->state)) credit(owner, known->state, known->reason, storage_.last_report(known->id));
    return;
  }
  run.seeds = bound.seeds;
  run.steps = bound.hyper.total_steps;
  run.state = RunState::kRunning;
  run.id = 1 + owner.trial * setup_.record.seeds + owner.repeat;  // whatever starts first
  run.id = storage_.add_run(run);
  storage_.add_repeat(owner, run.id);
  failpoint(Failpoint::kTrialRecorded);
  submit(std::move(run), owner, {current_.trial, bound}, {});
}

std::string Study::canonical_of(const Trial& trial, std::int64_t repeat, const BoundConfig& bound) {
  return within_lineage(storage_, trial, repeat, canonical_run(bound, setup_.shape.digest, setup_.record.numerics));
}

void Study::submit_waiting() {
  Waiting waiting = std::move(waiting_.front());
  waiting_.pop_front();
  const std::vector<Owner> owners = storage_.owners(waiting.run.id);
  const auto record = owners.empty() ? std::nullopt : storage_.trial(owners.front().trial);
  if (!record) fail(storage_.file(), ": run ", waiting.run.id, " belongs to no trial; bring the file back from a copy");
  BoundConfig bound = bind(record->trial.config);
  bound.seeds = repeat_seeds(bound.seeds, owners.front().repeat, setup_.vary);
  const std::int64_t repeat = owners.front().repeat;
  const std::string now = canonical_of(record->trial, repeat, bound);
  // A study that an older program began has runs under the names it gave them.
  if (run_identity(now) != waiting.run.identity &&
      run_identity(within_lineage(storage_, record->trial, repeat,
                                  canonical_as_given(bound, setup_.shape.digest, setup_.record.numerics))) !=
          waiting.run.identity) {
    fail(storage_.file(), ": trial ", owners.front().trial, " means another training now: it ",
         difference_of(Value::parse(waiting.run.canonical), Value::parse(now)),
         ". Give the same flags and data as then, or go on with the caviar that started the study");
  }
  storage_.set_run_state(waiting.run.id, RunState::kRunning);
  submit(std::move(waiting.run), owners.front(), {record->trial, bound}, std::move(waiting.saved));
}

void Study::submit(RunRecord run, const Owner& owner, const BoundTrial& trial, SavedRun saved) {
  const BoundConfig& bound = trial.bound;
  RunOrder order{run.id, bound.key, bound.hyper, bound.seeds, bound.data, bound.rung_steps, saved.state};
  try {
    if (order.resume.empty() && trial.trial.parent >= 0) {
      const auto parent = lineage_.find(trial.trial.parent, owner.repeat);
      if (!parent) fail("the weights of trial ", trial.trial.parent, ", which it goes on from, are not there");
      saved.step = parent->step;
      saved.reports = parent->reports;
      order.resume = parent->state;
      order.inherits = true;
    }
    executor_.submit(order);
  } catch (const Error& error) {
    if (!saved.state.empty()) {
      // A state is only ever a short cut: whatever is wrong with it, the run can start again.
      const std::string text =
          cat("the checkpoint of run ", run.id, " is of no use (", error.what(), "); it starts again");
      storage_.add_event("checkpoint", text);
      notice(text);
      submit(std::move(run), owner, trial, {});
      return;
    }
    finish(run.id, RunState::kFailed, error.what(), "", std::nullopt);
    notice(cat("run ", run.id, " cannot be trained: ", error.what()));
    return;
  }
  failpoint(Failpoint::kRunSubmitted);
  live_[run.id] = {std::move(run.identity), run.steps, saved.step,       saved.reports,
                   std::move(saved.state),  false,     trial.trial.until};
}

// ---- recording

// Records what arrived, carries out what that decides, and puts aside the runs that have to wait.
void Study::judge(std::vector<Report> reports) {
  for (Report& report : reports) record(report);
  carry_out_decisions();
  park_held();
}

void Study::carry_out_decisions() {
  if (!judge_.active()) return;
  for (std::vector<Decision> decisions = judge_.decide(); !decisions.empty(); decisions = judge_.decide()) {
    for (const Decision& decision : decisions) carry_out(decision);
  }
}

void Study::carry_out(const Decision& decision) {
  storage_.add_decision(decision);
  const bool go_on = decision.verdict == Verdict::kGoOn;
  if (decision.question == Question::kIteration) {
    if (go_on) {
      let_go_on(decision.trial, decision.at);
    } else {
      stop_trial(decision.trial, cat("stopped at iteration ", decision.at, ": ", decision.saw.dump()));
    }
  } else if (go_on) {
    history_.grant(decision.trial, decision.seeds);
    granted_.insert(decision.trial);
  } else {
    if (puts_out(decision)) history_.put_out(decision.trial);
    close_trial(decision.trial, "");
  }
}

void Study::let_go_on(std::int64_t trial, std::int64_t iteration) {
  storage_.for_each_repeat_of(trial, [&](const RepeatRecord& repeat) {
    if (const auto live = live_.find(repeat.run); live != live_.end() && live->second.reports == iteration) {
      live->second.held = false;
    }
    if (const auto parked = parked_.find(repeat.run); parked != parked_.end()) {
      waiting_.push_front(std::move(parked->second));
      parked_.erase(parked);
    }
  });
}

void Study::stop_trial(std::int64_t trial, const std::string& why) {
  std::vector<std::int64_t> runs;
  storage_.for_each_repeat_of(trial, [&](const RepeatRecord& repeat) {
    if (!is_finished(repeat.state)) runs.push_back(repeat.run);
  });
  for (const std::int64_t run : runs) {
    if (live_.contains(run)) executor_.stop(run);
    parked_.erase(run);
    std::erase_if(waiting_, [run](const Waiting& waiting) { return waiting.run.id == run; });
    finish(run, RunState::kStopped, why, "", storage_.last_report(run));
  }
}

// Runs that wait for others to report give their slots to them.
void Study::park_held() {
  for (auto live = live_.begin(); live != live_.end();) {
    if (!live->second.held) {
      ++live;
      continue;
    }
    executor_.stop(live->first);
    const auto run = storage_.run(live->first);
    if (!run) fail(storage_.file(), ": run ", live->first, " is missing; bring the file back from a copy");
    storage_.set_run_state(run->id, RunState::kWaiting);
    Live& held = live->second;
    parked_[run->id] = {*run, {held.identity, held.step, held.reports, std::move(held.state)}};
    live = live_.erase(live);
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
  if (judge_.active()) {
    for (const Owner& owner : storage_.owners(report.run)) {
      judge_.report(owner, report);
      live.held |= !report.last && judge_.waits(owner.trial, live.reports);
    }
  }
  if (!report.last) {
    if (live.until > 0 && live.reports >= live.until) end_stage(report, live);
    return;
  }
  if (report.diverged) {
    finish(report.run, RunState::kDiverged,
           cat("diverged after step ", report.step, ": the loss is above a million or no number"),
           to_string(report.digest), report);
  } else {
    weights_.run_complete(report, {live.identity, live.step, live.reports, std::move(live.state)});
    finish(report.run, RunState::kComplete, "", to_string(report.digest), report);
  }
}

// The run has come as far as its trial goes; what later trials go on from is durable before that is recorded.
void Study::end_stage(const Report& report, Live& live) {
  const Digest digest = hash128(live.state.data(), live.state.size(), 0);
  const SavedRun state{live.identity, live.step, live.reports, std::move(live.state)};
  for (const Owner& owner : storage_.owners(report.run)) lineage_.keep(owner.trial, owner.repeat, state);
  executor_.stop(report.run);
  finish(report.run, RunState::kStopped, cat("its stage ends at iteration ", state.reports), to_string(digest), report);
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
  judge_.run_over(owner, state == RunState::kDiverged);
  if (!history_.add_result(owner, state, last)) return;
  if (judge_.runs_over(owner.trial) && !history_[owner.trial].failed) return;  // it may be given more seeds
  close_trial(owner.trial, reason);
}

void Study::close_trial(std::int64_t trial, const std::string& reason) {
  history_.close(trial);
  judge_.close(trial);
  const TrialState over = history_[trial].state;
  storage_.set_trial_state(trial, over, over == TrialState::kFailed ? reason : "");
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
  for (const auto& [id, parked] : parked_) runs.push_back(parked.saved);
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
  storage_.add_event("drained", cat("runs put down: ", live_.size() + parked_.size()));
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

std::optional<std::int64_t> Study::trials_asked() const {
  if (exhausted_) return next_;
  const std::int64_t size = sampler_.size();
  if (size < 0) return setup_.record.trials;
  return setup_.record.trials ? std::min(*setup_.record.trials, size) : size;
}

void Study::notice(const std::string& text) const {
  if (on_notice) on_notice(text);
}

}  // namespace caviar
