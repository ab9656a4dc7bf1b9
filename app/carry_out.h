// What `sweep` and `train` share: from a parsed sweep to a study on disk and a ranking on the screen.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include "tuner/spec.h"

namespace caviar {

// Flags of both commands; what is not given comes from the file's `caviar:` block or a default.
struct CarryOutFlags {
  std::optional<std::string> data, study, validate_on;
  std::optional<std::int64_t> seeds, count;
  std::optional<std::uint64_t> sweep_seed;
  std::string device = "auto";
  int threads = 0;  // 0: one a core
  bool resume = false;
};

void add_carry_out_flags(CLI::App& command, CarryOutFlags& flags);

// Trains the sweep and prints the ranking. Returns an exit code. default_study: the directory without --study.
int carry_out(const SweepSpec& spec, const CarryOutFlags& flags, const std::string& default_study);

}  // namespace caviar
