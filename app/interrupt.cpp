#include "app/interrupt.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <string_view>

#include "app/exit_code.h"
#include "tuner/study.h"

namespace caviar {

namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};
std::atomic<Study*> study_under_way = nullptr;
std::atomic<bool> asked = false;

void say(std::string_view text) {
  // Whether it can be written changes nothing.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

// Only what is safe in a signal handler: atomics, write, _exit.
void on_signal(int) {
  Study* study = study_under_way.load();
  if (asked.exchange(true) || !study) {
    say("\nStopped at once. What was recorded is safe; go on with --resume.\n");
    ::_exit(kExitKilled);
  }
  say("\nFinishing the steps under way ... (Ctrl-C again stops at once)\n");
  study->request_drain();
}

}  // namespace

InterruptGuard::InterruptGuard(Study& study) {
  study_under_way = &study;
  asked = false;
  struct sigaction action {};
  action.sa_handler = on_signal;
  for (const int signal : kSignals) sigaction(signal, &action, nullptr);
}

InterruptGuard::~InterruptGuard() {
  for (const int signal : kSignals) std::signal(signal, SIG_DFL);
  study_under_way = nullptr;
}

}  // namespace caviar
