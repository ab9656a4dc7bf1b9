// caviar confirm STUDY.
#pragma once

#include <CLI/CLI.hpp>

namespace caviar {

// As the subcommands of app/commands.h.
void add_confirm(CLI::App& program, int& exit_code);

}  // namespace caviar
