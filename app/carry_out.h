// From a parsed sweep to a finished study: what `sweep` and `train` have in common.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "app/device_choice.h"
#include "engine/data/dataset.h"
#include "tuner/registry.h"
#include "tuner/spec/spec.h"
#include "tuner/storage/storage.h"
#include "tuner/study.h"

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

// The window of a search of so many trials where nobody says: a tenth of them, so that a search that learns has
// something to learn from; at most 256, which keep any device busy.
std::int64_t default_window(std::optional<std::int64_t> trials);

// The sweep as the flags of its search have it. Throws Error for what they cannot be.
SweepSpec with_search_flags(SweepSpec spec, const CarryOutFlags& flags);

// The data set of the flags, else of the file, else mnist. Throws Error when it cannot be had.
std::shared_ptr<const Dataset> load_data(const SweepSpec& spec, const CarryOutFlags& flags);

// What file, flags and machine together ask for.
struct Preparation {
  std::shared_ptr<const Dataset> data;
  DeviceChoice devices;
  StudySetup setup;
};

// Throws Error for a sweep that cannot be carried out on this machine; says on standard error when it will not be where
// it was asked for.
Preparation prepare(const SweepSpec& spec, const CarryOutFlags& flags, std::shared_ptr<const Dataset> data);

// What decides which trials there are.
struct Search {
  SearchScope scope;
  std::unique_ptr<Sampler> sampler;
  std::unique_ptr<Scheduler> scheduler;
};

// Sets setup.window. Throws Error for a search that has no end, no trial that can be trained, or two ways to vary
// seeds.
Search make_search(const SweepSpec& spec, StudySetup& setup);

// Carries the sweep out and leaves the study in `storage`, which show_end() then shows. Returns an ExitCode.
// With --count 0 nothing is trained and no directory is made.
int carry_out(SweepSpec spec, const CarryOutFlags& flags, void (*show_end)(Storage& storage));

}  // namespace caviar
