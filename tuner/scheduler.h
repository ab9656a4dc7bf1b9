// How long to go on, and on how many seeds.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tuner/trial.h"

namespace caviar {

// A trial at one of its reports. Iterations are counted from 1: iteration n is the n-th report of its runs, as W&B
// counts logged values. The loss is the mean of the sweep's metric over the trial's seeds, turned so that less is
// better; NaN: a run diverged, which is worse than every number.
struct TrialReport {
  std::int64_t trial = 0;
  std::int64_t iteration = 0;
  double loss = 0;
};

enum class Question : std::uint8_t {
  kIteration,  // may the trial train on beyond this iteration
  kSeeds,      // may it have more seeds than these, which are finished
};
enum class Verdict : std::uint8_t { kGoOn, kStop };

struct Decision {
  std::int64_t trial = 0;
  Question question = Question::kIteration;
  std::int64_t at = 0;  // the iteration, or how many seeds are finished
  Verdict verdict = Verdict::kGoOn;
  std::int64_t seeds = 0;  // kSeeds and kGoOn: how many it may have now, above `at`
  Value saw;               // an object: the numbers the decision was made from, for the record and its reader
};

// Judges trials. Every decision is a pure function of a cohort fixed in advance: a set of trials that follows from the
// judged trial's number, and their losses at their iterations. The order in which reports arrive, and how many slots
// there are, never enters; a trial waits until its cohort has reported, or is known not to.
//
// The study tells what it learns and then asks decide(). Told again from the start after a resume, a scheduler comes to
// the same decisions; what is recorded stands.
class Scheduler {
 public:
  virtual ~Scheduler() = default;

  // True when nothing is ever decided: no trial waits, none is stopped, all have all seeds.
  virtual bool is_passive() const { return false; }

  // True when trials wait at this iteration for a decision. Their last iteration is never judged.
  virtual bool judges(std::int64_t) const { return false; }

  // How many of the study's seeds a trial has before it is judged on them; below `seeds`, decide() answers kSeeds.
  virtual std::int64_t first_seeds(std::int64_t seeds) const { return seeds; }

  // True when a trial counts by its first seeds alone for samplers and for rules that end the study: they are told as
  // soon as these are finished, and nothing that later seeds show changes it.
  virtual bool first_seeds_count() const { return false; }

  // A trial has reported an iteration on all of its seeds: every iteration once, ascending within the trial.
  virtual void tell(const TrialReport&) {}

  // The trial's runs on the seeds it has are finished: their final losses in the order of the seeds, NaN: diverged. All
  // trials are trained on the same seeds in the same order. Told only when first_seeds() is below `seeds`.
  virtual void tell_seeds(std::int64_t trial, std::span<const double> losses) { (void)trial, (void)losses; }

  // No iteration of this trial comes any more: it is complete, stopped, or could not be trained. Of a trial that means
  // the same training as an earlier one nothing else is told.
  virtual void tell_over(std::int64_t) {}

  // No trial of this number or above ever comes.
  virtual void tell_count(std::int64_t) {}

  // Every decision that became possible, once, in any order.
  virtual std::vector<Decision> decide() { return {}; }

  // The last trial whose reports a decision on this trial may wait for, whatever comes between: at least `trial`, never
  // descending in it. A sampler is not made to wait for a trial that may wait for trials not yet suggested.
  virtual std::int64_t horizon(std::int64_t trial) const { return trial; }

  // True when decisions depend on how many trials there are, so that a study cannot be given more of them later.
  virtual bool fixed_by_count() const { return false; }
};

}  // namespace caviar
