// What the tuner knows: a fold over what storage has recorded, the same whether it grew while the study ran or was
// read back by a resume. Holds no configs and no curves: 40 bytes a finished trial.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "tuner/storage/storage.h"

namespace caviar {

// One trial over its seeds. The mean and the standard deviation (n - 1 in the denominator; NaN below two runs) are of
// the sweep's metric at the last report of the runs that did not diverge, added up in the order of the repeats, so that
// they do not depend on which run ended first. NaN when there is none.
struct TrialSummary {
  double mean = std::numeric_limits<double>::quiet_NaN();
  double sd = std::numeric_limits<double>::quiet_NaN();
  std::int32_t repeats = 0;   // that have a run
  std::int32_t finished = 0;  // of them
  std::int32_t diverged = 0;  // of the finished
  std::int32_t wanted = 0;    // runs it is to have
  bool failed = false;        // one of them could not be trained
  bool stopped = false;       // one of them was ended early
  bool out = false;           // another was found better over the seeds, so that it had no more of them
  TrialState state = TrialState::kOpen;
};

// True for a trial that had no further seed because another was found better, or because a run of it diverged; not for
// the one that was left of its race.
bool puts_out(const Decision& decision);

// Mean and sd of the values that are numbers, in their order.
void summarise(const std::vector<double>& values, TrialSummary& summary);

class History {
 public:
  // `metric` as in tuner/metric.h; a trial begins with `seeds` runs wanted.
  History(std::string metric, bool maximize, std::int64_t seeds)
      : metric_(std::move(metric)), maximize_(maximize), seeds_(seeds) {}

  // Reads everything a study has recorded. With `fixed_seeds`, a trial that is recorded as done stays so with the runs
  // it has; without, it is open again when more seeds are wanted by now.
  void fold(Storage& storage, bool fixed_seeds = false);

  // Trials arrive in order of number, without gaps. A failed trial has no runs.
  void add_trial(std::int64_t number, TrialState state);
  void fail_trial(std::int64_t number);

  // The next repeat of the trial has a run.
  void add_repeat(std::int64_t trial);

  // More runs are wanted of an open trial.
  void grant(std::int64_t trial, std::int64_t seeds);

  // That run is finished; `last` is its last report (none when it failed). True when all that are wanted are finished:
  // close() is due, or grant().
  bool add_result(const Owner& owner, RunState state, const std::optional<Report>& last);

  // A scheduler gave the trial no further seed, and it is not the one that was left.
  void put_out(std::int64_t trial) { summaries_[static_cast<std::size_t>(trial)].out = true; }

  // The trial is over: done, or failed when one of its runs was.
  void close(std::int64_t trial);

  std::int64_t trials() const { return static_cast<std::int64_t>(summaries_.size()); }
  std::int64_t done() const { return done_; }
  std::int64_t failed() const { return failed_; }
  std::int64_t runs_finished() const { return runs_finished_; }
  bool is_open(std::int64_t trial) const { return (*this)[trial].state == TrialState::kOpen; }
  const TrialSummary& operator[](std::int64_t trial) const { return summaries_[static_cast<std::size_t>(trial)]; }

  // Trials that are done, the best first, at most `most`: those of which a run diverged stand behind all others, those
  // that were stopped early or put out over the seeds behind those that were not, those without any value are left out,
  // the lower number goes first among equals.
  std::vector<std::int64_t> ranking(std::size_t most) const;
  std::optional<std::int64_t> best() const;

 private:
  bool better(std::int64_t a, std::int64_t b) const;

  std::string metric_;
  bool maximize_;
  std::int64_t seeds_;
  std::int64_t done_ = 0, failed_ = 0, runs_finished_ = 0, best_ = -1;
  std::vector<TrialSummary> summaries_;
  // Values of the repeats of open trials, by repeat; NaN where there is none.
  std::unordered_map<std::int64_t, std::vector<double>> open_values_;
};

}  // namespace caviar
