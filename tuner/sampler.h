// What to try next.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "tuner/trial.h"

namespace caviar {

// What is known of a trial that is over. All metrics are turned so that less is better: samplers always minimise, and
// maximising a metric is the mirror image of minimising it.
struct TrialResult {
  struct Point {
    std::int64_t iteration = 0;  // 1, 2, ...: the n-th report
    double loss = 0;             // NaN: it diverged before
  };
  std::int64_t number = 0;  // below 0: an observation of an earlier study, -1, -2, ...
  Config config;
  double loss =
      std::numeric_limits<double>::quiet_NaN();  // mean over the seeds; NaN: it diverged or could not be trained
  double sd = std::numeric_limits<double>::quiet_NaN();  // between seeds (n - 1); NaN below two
  std::int64_t seeds = 1;                                // the mean is over so many
  bool stopped = false;                                  // a scheduler ended it before its last step
  std::vector<Point> curve;  // ascending: where its scheduler judged it, and its last report
};

// Suggests configs. suggest(i) is a pure function of (spec, sweep seed, the configs of trials 0 .. i - 1, the results
// told): the study tells results in order of number, without gaps, up to needs(i) before it asks for trial i, or fewer
// when a scheduler holds those trials until later ones report; how many is fixed by the spec too. So parallelism, and
// the moment when a result arrives, never change a suggestion.
class Sampler {
 public:
  virtual ~Sampler() = default;

  // The config of trial `number`; nothing when the space is exhausted before it. An attempt above 0 asks for another
  // config for the same trial, those of the attempts before having been tried already.
  std::optional<Config> suggest(std::int64_t number, int attempt = 0) { return propose(number, attempt); }

  // Number of trials there are in all, or -1 when there is no end.
  virtual std::int64_t size() const { return -1; }

  // Population based training: where trial `number` starts and ends, asked right after its suggestion. Runs of a child
  // are trained on its parent's seeds; parents of this and of all later trials are `oldest_parent` or later.
  struct Stage {
    std::int64_t parent = -1, until = 0;  // as in Trial
    std::int64_t oldest_parent = 0;
  };
  virtual Stage stage(std::int64_t) const { return {}; }

  // The last trial whose result is wanted before trial `number` is suggested; below 0: none.
  virtual std::int64_t needs(std::int64_t) const { return -1; }

  // Whether results of earlier studies (tell() with negative numbers) change what it suggests.
  virtual bool learns_from_priors() const { return needs(std::int64_t{1} << 40) >= 0; }

  // Whether it gives a config again on purpose. Otherwise samplers/once.h keeps repeats from the study.
  virtual bool repeats_configs() const { return false; }

  // What a user should know of the search since this was last asked: a region it now looks in. Mostly nothing.
  virtual std::string news() { return {}; }

  // Every trial of the study once, in order of number, before the next is asked for: also those given by hand.
  virtual void started(const Trial&) {}

  // Results: observations of earlier studies first, then in order of number, without gaps.
  virtual void tell(const TrialResult&) {}

 private:
  virtual std::optional<Config> propose(std::int64_t number, int attempt) = 0;
};

}  // namespace caviar
