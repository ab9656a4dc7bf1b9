// caviar compare A B.
#pragma once

#include <CLI/CLI.hpp>

namespace caviar {

// As the subcommands of app/commands.h.
void add_compare(CLI::App& program, int& exit_code);

}  // namespace caviar
