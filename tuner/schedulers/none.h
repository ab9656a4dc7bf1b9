// The scheduler that never stops a trial.
#pragma once

#include "tuner/scheduler.h"

namespace caviar {

class NoScheduler final : public Scheduler {
 public:
  bool is_passive() const override { return true; }
};

}  // namespace caviar
