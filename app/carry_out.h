// From a parsed sweep to a finished study: what `sweep` and `train` have in common.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include "engine/data/dataset.h"
#include "engine/executor.h"
#include "tuner/spec.h"
#include "tuner/storage/storage.h"

namespace caviar {

// Flags of `sweep` and `train`. What is empty comes from the file's block `caviar:`, else from the default.
struct CarryOutFlags {
  std::optional<std::string> data;
  std::string study;  // directory; empty: kept in memory
  std::optional<std::int64_t> count;
  std::optional<std::int64_t> validation_examples;
  std::optional<std::int64_t> seeds;
  std::optional<std::uint64_t> sweep_seed;
  std::string device = "auto";
  std::optional<std::string> precision;
  int threads = 0;  // 0: one a core
  bool resume = false;
  std::optional<std::string> validate_on;
};

// The flags both have: --data, --seeds, --device, --precision, --threads, --validate-on.
void add_common_flags(CLI::App& command, CarryOutFlags& flags);

// Carries the sweep out and leaves the study in `storage`, which show_end() then shows. Returns an ExitCode.
// With --count 0 nothing is trained and no directory is made.
int carry_out(const SweepSpec& spec, const CarryOutFlags& flags, void (*show_end)(Storage& storage));

}  // namespace caviar
