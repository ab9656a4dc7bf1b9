// The subcommands of the program. Each adds itself to the command line and, when chosen, leaves its exit code.
#pragma once

#include <CLI/CLI.hpp>

namespace caviar {

inline constexpr const char* kVersion = "0.1.0";

// What the program returns.
enum ExitCode {
  kExitDone = 0,           // everything asked for is done and recorded
  kExitError = 1,          // an error was shown; what was recorded before it stays
  kExitUsage = 2,          // the command line was not understood
  kExitDrained = 3,        // put down on request (Ctrl-C, SIGTERM, SIGHUP); --resume goes on
  kExitPartial = 4,        // done, but some trials could not be trained at all; `caviar show` says why
  kExitInterrupted = 130,  // a second Ctrl-C: ended at once; --resume goes on
};

void add_sweep(CLI::App& program, int& exit_code);
void add_plan(CLI::App& program, int& exit_code);
void add_check(CLI::App& program, int& exit_code);
void add_train(CLI::App& program, int& exit_code);
void add_noise(CLI::App& program, int& exit_code);
void add_compare(CLI::App& program, int& exit_code);
void add_confirm(CLI::App& program, int& exit_code);
void add_show(CLI::App& program, int& exit_code);
void add_next(CLI::App& program, int& exit_code);
void add_replay(CLI::App& program, int& exit_code);
void add_signal(CLI::App& program, int& exit_code);
void add_ensemble(CLI::App& program, int& exit_code);
void add_devices(CLI::App& program, int& exit_code);
void add_data(CLI::App& program, int& exit_code);
void add_params(CLI::App& program, int& exit_code);

}  // namespace caviar
