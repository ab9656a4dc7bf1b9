// How long to go on.
#pragma once

#include <vector>

#include "engine/run.h"

namespace caviar {

// Told every report that is not a run's last; answers which runs end at the rung where they wait.
class Scheduler {
 public:
  virtual ~Scheduler() = default;
  virtual std::vector<std::int64_t> stops(const std::vector<Report>& reports) = 0;
};

}  // namespace caviar
