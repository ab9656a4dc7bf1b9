// The flags of what carries a sweep out, the same for every command that has them, and what they make of a sweep file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "app/device_choice.h"
#include "tuner/spec/spec.h"

namespace caviar {

// Flags of `sweep` and `train`. What is empty comes from the file's block `caviar:`, else from the default.
struct CarryOutFlags {
  std::optional<std::string> data;
  std::string study;  // directory; empty: kept in memory
  std::optional<std::int64_t> count;
  std::optional<std::int64_t> validation_examples;
  std::optional<std::int64_t> seeds;
  bool auto_seeds = false;  // --seeds auto; `seeds` is then empty
  std::optional<std::int64_t> max_seeds;
  std::optional<double> confidence;
  std::optional<std::uint64_t> sweep_seed;
  std::string device = "auto";
  std::optional<std::string> precision;
  int threads = 0;  // 0: one a core
  bool resume = false;
  std::optional<std::string> validate_on;
  std::optional<std::string> sampler;  // "tpe" or "tpe,gamma=0.2"
  std::vector<std::string> enqueue;    // files of configs to try first
  std::vector<std::string> prior;      // directories of studies to learn from
  std::optional<std::string> scheduler;
  std::optional<std::int64_t> window, no_improvement;
  std::optional<double> noise;
  std::optional<double> time_limit;  // seconds
  std::optional<std::string> save_weights;
};

// Flags of what looks at a whole sweep: --count, --sweep-seed, --sampler, --scheduler, --window, --enqueue.
void add_search_flags(CLI::App& command, CarryOutFlags& flags);

// --save-weights, of what may leave a study on disk.
void add_weights_flag(CLI::App& command, CarryOutFlags& flags);

// Flags of what carries a search out: --prior, --no-improvement, --noise, --time-limit.
void add_ending_flags(CLI::App& command, CarryOutFlags& flags);

// Flags of whatever trains: --device, --threads.
void add_device_flags(CLI::App& command, CarryOutFlags& flags);

// Worker threads of those flags.
int threads_of(const CarryOutFlags& flags);

// The devices of those flags; says on standard error when they are not what was asked for.
DeviceChoice devices_of(const CarryOutFlags& flags);

// The flags both have, and those of add_device_flags: --data, --seeds, --device, --precision, --threads, --validate-on.
void add_common_flags(CLI::App& command, CarryOutFlags& flags);

// What --seeds auto takes: that word for --seeds, --max-seeds, --confidence. After add_common_flags().
void add_auto_seeds_flags(CLI::App& command, CarryOutFlags& flags);

// The sweep as the flags of its search have it. Throws Error for what they cannot be.
SweepSpec with_search_flags(SweepSpec spec, const CarryOutFlags& flags);

}  // namespace caviar
