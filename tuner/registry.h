// Which samplers there are, and which one a sweep means.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "tuner/sampler.h"
#include "tuner/scheduler.h"
#include "tuner/space.h"
#include "tuner/spec/options.h"
#include "tuner/spec/spec.h"

namespace caviar {

// What a sampler is told of the sweep, beside the space and its own settings.
struct SearchScope {
  std::uint64_t sweep_seed = 0;
  std::int64_t window = 1;             // >= 1: trial i may be suggested from the results of trials 0 .. i - window
  std::optional<std::int64_t> trials;  // asked for; empty: no end
  std::int64_t seeds = 1;              // of every trial, or the most a trial may have
  bool maximize = false;               // losses are the metric negated
  std::vector<Config> by_hand = {};    // the first trials
};

struct SamplerKind {
  std::string_view name;
  std::string_view summary;  // one sentence for help
  std::span<const OptionHelp> options;
  std::unique_ptr<Sampler> (*make)(const SearchSpace& space, const OptionSet& options, const SearchScope& scope);
};

struct SchedulerKind {
  std::string_view name;
  std::string_view summary;  // one sentence for help
  std::span<const OptionHelp> options;
  std::unique_ptr<Scheduler> (*make)(const OptionSet& options, const SearchScope& scope);
};

// All of them, in the order help shows them.
std::span<const SamplerKind> sampler_kinds();
std::span<const SchedulerKind> scheduler_kinds();

// What is chosen by name: settings.sampler, else what spec.method means (an empty name where it means none);
// settings.scheduler, else what early_terminate means, else none.
Choice chosen_sampler(const SweepSpec& spec);
Choice chosen_scheduler(const SweepSpec& spec);

// The settings of a choice, defaults included. Throws Error as make_sampler() and make_scheduler() do.
OptionSet sampler_options(const Choice& choice);
OptionSet scheduler_options(const Choice& choice);

// The sampler a sweep asks for, chosen_sampler(). Throws Error for a method without one,
// an unknown name, a setting it does not have, or a space it cannot sample. It comes inside a OnceSampler.
std::unique_ptr<Sampler> make_sampler(const SweepSpec& spec, const SearchSpace& space, const SearchScope& scope);

// The scheduler a sweep asks for, chosen_scheduler(). Throws Error for an unknown name or a setting it does not have.
std::unique_ptr<Scheduler> make_scheduler(const SweepSpec& spec, const SearchScope& scope);

}  // namespace caviar
