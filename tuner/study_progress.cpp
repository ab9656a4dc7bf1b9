// What a study says of how far it is.
#include <algorithm>

#include "tuner/study.h"

namespace caviar {

// In runs, those under way counted by the part they have done.
double Study::work_done() const {
  double work = static_cast<double>(history_.runs_finished());
  for (const auto& [id, live] : live_) {
    work += static_cast<double>(live.step) / static_cast<double>(std::max<std::int64_t>(live.total_steps, 1));
  }
  for (const auto& [id, parked] : parked_) {
    work += static_cast<double>(parked.saved.step) / static_cast<double>(std::max<std::int64_t>(parked.run.steps, 1));
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
  if (progress.trials && judge_.asks_for_seeds()) {  // who knows what a race will ask for
    std::int64_t wanted = (*progress.trials - history_.trials()) * judge_.first_seeds();
    for (std::int64_t trial = 0; trial < history_.trials(); ++trial) {
      const TrialSummary& summary = history_[trial];
      if (summary.state != TrialState::kFailed)
        wanted += summary.state == TrialState::kOpen ? summary.wanted : summary.repeats;
    }
    progress.runs_wanted = wanted;
  }
  const double work = work_done();
  if (progress.trials && work > work_before_) {
    const std::int64_t wanted = (*progress.trials - history_.failed()) * setup_.record.seeds;
    const auto all = static_cast<double>(progress.runs_wanted.value_or(wanted));
    progress.seconds_left = std::max(0.0, all - work) * progress.seconds / (work - work_before_);
  }
  on_progress(progress);
}

}  // namespace caviar
