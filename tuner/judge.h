// Between runs and the scheduler: puts the runs of a trial together, so that trials are judged and not seeds, and knows
// where a run has to wait for a decision.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tuner/scheduler.h"
#include "tuner/storage/storage.h"

namespace caviar {

// Holds the curves of open trials, and 8 bytes of every other. A trial that means the same training as an earlier one
// follows it: the runs are judged as the earlier trial's, and their end is its end too.
class Judge {
 public:
  // Keeps the reference. `metric` as in tuner/metric.h; `seeds`: the most a trial may have.
  Judge(Scheduler& scheduler, std::string metric, bool maximize, std::int64_t seeds);

  // Trials begin in order of number.
  void open(std::int64_t trial, bool follows);

  // False when the scheduler never decides anything: then nothing need be told.
  bool active() const { return !scheduler_.is_passive(); }
  bool judges(std::int64_t iteration) const { return scheduler_.judges(iteration); }
  bool fixed_by_count() const { return scheduler_.fixed_by_count(); }

  std::int64_t first_seeds() const { return first_seeds_; }
  bool asks_for_seeds() const { return first_seeds_ < seeds_; }
  bool first_seeds_count() const { return asks_for_seeds() && scheduler_.first_seeds_count(); }

  // A report of one of the trial's runs, each once, in order of rung.
  void report(const Owner& owner, const Report& report);

  // The run is finished; its loss is that of its last report, NaN when it diverged. Told after its last report.
  void run_over(const Owner& owner, bool diverged);

  // All runs the trial has are over. True when it now waits for an answer on more seeds; else it is over.
  bool runs_over(std::int64_t trial);

  // The trial is over; also for one that could not be trained.
  void close(std::int64_t trial);

  // True when a run of this trial must not go on from this iteration yet.
  bool waits(std::int64_t trial, std::int64_t iteration) const;

  // Decisions that are new: of open trials, beyond those taken. They are taken as made.
  std::vector<Decision> decide();

  // A decision that is on record, of an open trial.
  void recall(const Decision& decision);

  std::int64_t horizon(std::int64_t trial) const { return scheduler_.horizon(trial); }
  void tell_count(std::int64_t trials) { scheduler_.tell_count(trials); }

 private:
  struct Curve {
    std::vector<double> losses;  // by iteration, from 1
    bool over = false, diverged = false;
  };
  struct Open {
    bool follows = false;
    std::int64_t passed = 0;      // the last iteration from which it may go on
    std::int64_t told = 0;        // iterations the scheduler knows
    std::int64_t seeds = 0;       // runs it may have
    std::int64_t seeds_told = 0;  // finished runs the scheduler knows of
    std::vector<Curve> curves;    // by repeat
  };

  void tell_iterations(std::int64_t trial, Open& open);
  void tell_seeds(std::int64_t trial, Open& open, std::int64_t count);
  bool take(const Decision& decision);

  Scheduler& scheduler_;
  std::string metric_;
  bool maximize_;
  std::int64_t seeds_, first_seeds_;
  std::map<std::int64_t, Open> open_;
};

}  // namespace caviar
