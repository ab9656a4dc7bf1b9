#include "tuner/failpoint.h"

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string_view>

#include "kernels/base/error.h"

namespace caviar {
namespace {

constexpr const char* kNames[] = {
    "study_directory",    "study_schema",      "study_created",   "recover_begun",      "recovered",
    "trial_recorded",     "run_submitted",     "report_recorded", "run_finished",       "commit",
    "committed",          "checkpoint_opened", "checkpoint_half", "checkpoint_written", "checkpoint_synced",
    "checkpoint_renamed", "checkpoint_pruned", "drain_begun",     "drain_parked",       "drain_recorded",
    "finished",
};
static_assert(std::size(kNames) == static_cast<std::size_t>(Failpoint::kFinished) + 1);

struct Armed {
  int point = -1;
  long passes_left = 0;
  bool error = false;
};

int find(std::string_view name) {
  for (std::size_t i = 0; i < std::size(kNames); ++i) {
    if (name == kNames[i]) return static_cast<int>(i);
  }
  fail("there is no failpoint named '", name, "'; tuner/failpoint.h lists them");
}

Armed parse(std::string_view setting) {
  Armed armed;
  if (setting.empty()) return armed;
  const auto colon = setting.find(':');
  armed.point = find(setting.substr(0, colon));
  armed.passes_left = 1;
  for (std::string_view rest = colon == setting.npos ? "" : setting.substr(colon + 1); !rest.empty();) {
    const auto next = rest.find(':');
    const std::string part(rest.substr(0, next));
    rest = next == rest.npos ? "" : rest.substr(next + 1);
    if (part == "error") {
      armed.error = true;
      continue;
    }
    char* end = nullptr;
    armed.passes_left = std::strtol(part.c_str(), &end, 10);
    if (*end != '\0' || armed.passes_left < 1) {
      fail("failpoint setting '", setting, "': '", part, "' is neither a number from 1 nor 'error'");
    }
  }
  return armed;
}

Armed& armed() {
  static Armed state = [] {
    const char* setting = std::getenv("CAVIAR_FAILPOINT");
    return parse(setting ? setting : "");
  }();
  return state;
}

}  // namespace

std::span<const char* const> failpoint_names() { return kNames; }

void arm_failpoint(const std::string& setting) { armed() = parse(setting); }

void failpoint(Failpoint point) {
  Armed& state = armed();
  if (state.point != static_cast<int>(point) || --state.passes_left > 0) return;
  const std::string name = failpoint_names()[static_cast<std::size_t>(point)];
  state.point = -1;
  if (state.error) fail("failpoint '", name, "' was armed to fail; unset CAVIAR_FAILPOINT to go on");
  ::kill(::getpid(), SIGKILL);
}

}  // namespace caviar
