// The subcommands of `caviar`: each adds itself to the command line and sets the exit code when it has run.
#pragma once

#include <CLI/CLI.hpp>

namespace caviar {

void add_sweep_command(CLI::App& app, int& exit_code);
void add_train_command(CLI::App& app, int& exit_code);
void add_show_command(CLI::App& app, int& exit_code);
void add_data_command(CLI::App& app, int& exit_code);

}  // namespace caviar
