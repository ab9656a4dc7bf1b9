// The cohort of schedulers that compare a trial with those long before it.
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <vector>

#include "tuner/schedulers/ranked.h"

namespace caviar {

// At an iteration, trial t is compared with the trials 0 .. t - window that reached it. The comparison waits until each
// of them has reported that iteration or is over, so it waits for earlier trials alone and never stands still; and it
// is made against exactly these trials, however many later ones are known by then.
//
// Of the cohort two neighbours in its order are known: the value of rank best_part(size) and the one behind it. Memory:
// 8 bytes for every trial and iteration told, 1 bit for every trial, and 24 bytes for each of the last `window` trials
// and iterations.
class WindowCohort {
 public:
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

  // How many of the best values stand before the cut in a cohort of this size: never descending in it.
  using BestPart = std::int64_t (*)(std::int64_t size, double setting);

  struct Comparison {
    std::int64_t trial = 0, iteration = 0;
    double loss = 0, best = 0;  // as told; diverged: infinite
    std::int64_t size = 0;      // of the cohort
    double before_cut = kNone, behind_cut = kNone;
  };

  // window >= 1.
  WindowCohort(std::int64_t window, BestPart best_part, double setting);

  // A trial reached an iteration, each once: its loss there and its best so far. Only for iterations at which trials
  // are compared. NaN counts as infinite.
  void tell(std::int64_t trial, std::int64_t iteration, double loss, double best);
  void tell_over(std::int64_t trial);

  // Every comparison that became complete, once.
  std::vector<Comparison> take();

 private:
  struct Reached {
    double loss, best;
  };
  struct Cut {
    std::int64_t size = 0;
    double before = kNone, behind = kNone;
  };
  struct Level {
    std::int64_t resolved = 0;                  // trials 0 .. resolved - 1 have reported this iteration or are over
    DividedSet<double> losses;                  // of those
    std::deque<Cut> cuts = std::deque<Cut>(1);  // of the trials 0 .. c - 1 for c = first_cut .. resolved
    std::int64_t first_cut = 0;
    std::map<std::int64_t, Reached> ahead;  // trials from `resolved` on that have reported
  };

  std::int64_t cohort_end(std::int64_t trial) const { return trial < window_ ? 0 : trial - window_ + 1; }
  void advance(std::int64_t iteration, Level& level);
  void compare(std::int64_t trial, std::int64_t iteration, const Reached& reached, const Level& level);

  std::int64_t window_;
  BestPart best_part_;
  double setting_;
  std::vector<bool> over_;
  std::map<std::int64_t, Level> levels_;  // by iteration
  std::vector<Comparison> complete_;
};

}  // namespace caviar
