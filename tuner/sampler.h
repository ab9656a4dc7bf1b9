// What to try next.
#pragma once

#include <cstdint>
#include <optional>

#include "tuner/trial.h"

namespace caviar {

// What is known of a finished trial: its config and, over its seeds that did not diverge, the mean of the sweep's
// metric.
struct TrialResult {
  std::int64_t number = 0;
  Config config;
  double metric = 0;  // not finite when every seed diverged
  bool diverged = false;
};

// suggest(i) is a pure function of (spec, sweep seed, results of trials 0 .. i - lag()): parallelism never changes it.
class Sampler {
 public:
  virtual ~Sampler() = default;

  // The config of trial `number`; nothing when the space is exhausted before it.
  virtual std::optional<Config> suggest(std::int64_t number) = 0;

  // Number of trials there are in all, or -1 when there is no end.
  virtual std::int64_t size() const { return -1; }

  // How many trials the sampler may lag behind; -1: it needs no results and never waits.
  virtual std::int64_t lag() const { return -1; }

  // Results in order of trial number, without gaps.
  virtual void tell(const TrialResult&) {}
};

}  // namespace caviar
