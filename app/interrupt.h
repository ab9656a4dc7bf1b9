// Ctrl-C: the first asks the study to put its runs down, the second ends the program at once.
#pragma once

namespace caviar {

class Study;

// While it lives, SIGINT, SIGTERM and SIGHUP reach the study.
class InterruptGuard {
 public:
  explicit InterruptGuard(Study& study);
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
};

}  // namespace caviar
