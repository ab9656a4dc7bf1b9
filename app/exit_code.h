// What the program's exit code says.
#pragma once

namespace caviar {

enum ExitCode : int {
  kExitDone = 0,
  kExitError = 1,    // the sentence on standard error says what and what to do
  kExitUsage = 2,    // the command line was not understood
  kExitDrained = 3,  // put down on Ctrl-C or SIGTERM: go on with --resume
  kExitPartial = 4,  // done, but some trials could not be trained (they are recorded as failed)
  kExitKilled = 130  // a second Ctrl-C: stopped at once; what was recorded is safe, go on with --resume
};

}  // namespace caviar
