// The conductor: carries a sweep out, and goes on where it ended.
//
// All that the study decides is a function of what storage has recorded, so a resume is: read, fold, go on. A run that
// was under way when the process died is trained again from its checkpoint, or from its start: the bits are the same.
// What a kill can cost is time.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/executor.h"
#include "tuner/bind.h"
#include "tuner/history.h"
#include "tuner/judge.h"
#include "tuner/sampler.h"
#include "tuner/scheduler.h"
#include "tuner/stop_rule.h"
#include "tuner/storage/checkpoint.h"
#include "tuner/storage/lineage.h"
#include "tuner/storage/storage.h"
#include "tuner/storage/weight_keeper.h"

namespace caviar {

struct StudySetup {
  StudyRecord record;  // what is asked
  DataUse use;
  DataShape shape;
  VariedSeeds vary;                                       // between the runs of a trial
  std::string precision = "fp32";                         // of every run
  std::vector<PriorRecord> priors;                        // told to the sampler first; of a new study
  std::int64_t window = 1;                                // rules that end the study lag behind by so many trials
  StopSettings stop;                                      // its target as a loss: negated when more is better
  std::optional<std::chrono::milliseconds> time_limit;    // of this process; then the study is put down
  std::filesystem::path checkpoints;                      // directory; empty: none are written
  std::filesystem::path weights;                          // directory; empty: none are saved
  std::optional<SaveWeights> save_weights;                // empty: as recorded, of a new study kBest
  std::chrono::milliseconds checkpoint_interval{30'000};  // at most one in so long, and one at a drain
};

// Where the study stands. Times and samples are of this process, counts of the whole study.
struct Progress {
  std::optional<std::int64_t> trials;       // asked for; empty: no end
  std::int64_t seeds = 1;                   // of every trial, or the most it may have
  std::optional<std::int64_t> runs_wanted;  // by now, of trials that did not fail, where not all have all seeds
  std::int64_t trials_done = 0, trials_failed = 0, trials_running = 0;
  std::int64_t runs_done = 0, runs_running = 0;
  std::int64_t samples = 0;  // training examples processed
  double seconds = 0;
  std::optional<double> seconds_left;  // unknown until some work is done, and when there is no end
  std::optional<std::int64_t> best;    // trial
  TrialSummary best_summary;
};

enum class StudyOutcome {
  kDone,     // every trial asked for is over
  kDrained,  // put down on request; resumes where it stood
};

class Study {
 public:
  // Keeps references: all outlive the study. Sampler and scheduler are fresh.
  Study(StudySetup setup, Storage& storage, Sampler& sampler, Scheduler& scheduler, Executor& executor);

  // Told after every commit, and of what a user should know (recovery, alarms, skipped checkpoints). Optional.
  std::function<void(const Progress&)> on_progress;
  std::function<void(const std::string&)> on_notice;

  // Carries the sweep out. A storage without a study gets one; otherwise the recorded study goes on, and must be the
  // same sweep: more trials or more seeds are allowed, another file, sweep seed, data set or metric is an Error. An
  // Error from storage or executor ends it; everything committed until then stays.
  StudyOutcome carry_out();

  // Asks carry_out to put everything down. May be called from another thread or a signal handler.
  void request_drain() { drain_requested_.store(true); }

  const History& history() const { return history_; }

 private:
  // A run the executor has.
  struct Live {
    std::string identity;
    std::int64_t total_steps = 0, step = 0, reports = 0;
    std::vector<std::byte> state;  // of the last report or the checkpoint
    bool held = false;             // it waits at its rung for a decision
    std::int64_t until = 0;        // it ends with this report; 0: with its last
  };
  // A recorded run the executor does not have: not yet, or not now.
  struct Waiting {
    RunRecord run;
    SavedRun saved;
  };
  struct BoundTrial {
    Trial trial{-1, {}};
    BoundConfig bound;
  };

  // study_opening.cpp: what is asked, against what is recorded.
  void open();
  void check_same_sweep(const StudyRecord& recorded) const;
  void tell_priors();
  void recover();
  void recall_trials();
  void recall_trial(std::int64_t trial);

  bool fill_free_slots();
  bool start_granted();
  bool start_next_repeat();
  bool next_trial_may_start();
  bool learns() const;
  bool knows_enough(std::int64_t number);
  bool has_result(std::int64_t trial) const;
  TrialSummary result_of(std::int64_t trial);
  void tell_sampler(std::int64_t number);
  std::vector<TrialResult::Point> curve_of(std::int64_t number);
  void end_trials(const std::string& why);
  bool bind_trial(const Trial& trial);
  bool bind_recorded(std::int64_t number);
  BoundConfig bind(const Config& config) const;
  void start_repeat(const Owner& owner);
  void submit_waiting();
  std::string canonical_of(const Trial& trial, std::int64_t repeat, const BoundConfig& bound);
  void submit(RunRecord run, const Owner& owner, const BoundTrial& trial, SavedRun saved);
  void end_stage(const Report& report, Live& live);
  void forget_weights();

  void judge(std::vector<Report> reports);
  void record(Report& report);  // takes its state
  void carry_out_decisions();
  void carry_out(const Decision& decision);
  void let_go_on(std::int64_t trial, std::int64_t iteration);
  void stop_trial(std::int64_t trial, const std::string& why);
  void park_held();
  void raise_alarm(const Report& report);
  void finish(std::int64_t run, RunState state, const std::string& reason, const std::string& digest,
              const std::optional<Report>& last);
  void credit(const Owner& owner, RunState state, const std::string& reason, const std::optional<Report>& last);
  void close_trial(std::int64_t trial, const std::string& reason);

  bool all_over() const;
  void keep_checkpoint(bool now);
  void drain();
  void put_down(const std::string& why) noexcept;
  void tell_progress();
  double work_done() const;
  void notice(const std::string& text) const;
  std::optional<std::int64_t> trials_asked() const;

  StudySetup setup_;
  Storage& storage_;
  Sampler& sampler_;
  Executor& executor_;
  Judge judge_;
  History history_;
  StopRule stop_rule_;
  std::optional<Checkpoints> checkpoints_;
  Lineage lineage_;
  WeightKeeper weights_;
  std::int64_t oldest_parent_ = 0, forgotten_ = 0;  // trials before these are no parents any more, have no weights

  std::map<std::int64_t, Live> live_;
  std::deque<Waiting> waiting_;             // go on as soon as there is room
  std::map<std::int64_t, Waiting> parked_;  // wait for a decision, by run
  std::set<std::int64_t> granted_;          // trials before next_ that may have another run
  std::int64_t next_ = 0;                   // no trial before it lacks a first run
  std::int64_t told_ = 0, weighed_ = 0;     // trials whose result the sampler, the stop rule know
  bool exhausted_ = false;                  // there is no further trial
  BoundTrial current_;                      // the trial whose repeats are being started
  std::atomic<bool> drain_requested_ = false;

  using Clock = std::chrono::steady_clock;
  Clock::time_point started_, last_checkpoint_;
  std::int64_t samples_ = 0;
  double work_before_ = 0;  // runs' worth of work that was done before this process
};

}  // namespace caviar
