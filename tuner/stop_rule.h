// When a whole study ends before its last trial: a target that is reached, or no improvement beyond noise.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

namespace caviar {

// What ends a study. Losses are the metric turned so that less is better.
struct StopSettings {
  std::optional<double> target;          // a finished trial's mean is this good
  std::optional<std::int64_t> patience;  // so many trials in a row bring no improvement beyond noise; >= 1
  std::optional<double> noise;  // standard deviation between seeds; empty: estimated from trials of 2 seeds or more
};

// A fold over finished trials in order of number.
//
// An improvement is beyond noise when the new loss is below the best so far by more than 1.645 sd sqrt(1/n + 1/n_best):
// the one-sided 5 % point of the difference of two means over n and n_best seeds, when both trials are equally good. sd
// is the given one, or the pooled standard deviation between the seeds of all trials so far, infinite until there is
// one: until then every trial counts as no improvement but the first. The best moves only with an improvement beyond
// noise, so that many small steps in one direction do add up to one.
class StopRule {
 public:
  explicit StopRule(StopSettings settings) : settings_(settings) {}

  bool asks_anything() const { return settings_.target || settings_.patience; }

  // loss, sd: NaN where there is none (diverged; one seed). seeds: the mean is over so many.
  void tell(std::int64_t trial, double loss, double sd, std::int64_t seeds);

  // Why the study ends, or nothing.
  const std::optional<std::string>& reason() const { return reason_; }

 private:
  StopSettings settings_;
  double best_ = std::numeric_limits<double>::infinity();
  std::int64_t best_seeds_ = 1, best_trial_ = -1, since_best_ = 0;
  double squares_ = 0;
  std::int64_t freedom_ = 0;  // degrees of freedom of squares_
  std::optional<std::string> reason_;
};

}  // namespace caviar
