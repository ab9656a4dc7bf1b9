// What is asked: a sweep file, parsed and checked. The format is W&B's, unchanged, plus one block of our own,
// `caviar:`.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tuner/spec/options.h"
#include "tuner/trial.h"

namespace caviar {

enum class Method { kGrid, kRandom, kBayes, kCustom };
enum class Goal { kMinimize, kMaximize };

// The laws a parameter can have; the names are those of the sweep file, in to_string(). Space (space.h) samples them.
enum class Distribution {
  kConstant,
  kCategorical,
  kCategoricalWithProbabilities,
  kIntUniform,
  kUniform,
  kQUniform,
  kLogUniform,  // deprecated: bounds are natural logarithms
  kLogUniformValues,
  kQLogUniform,  // deprecated
  kQLogUniformValues,
  kInvLogUniform,  // deprecated
  kInvLogUniformValues,
  kNormal,
  kQNormal,
  kLogNormal,
  kQLogNormal,
  kBeta,
  kQBeta,
};
const char* to_string(Distribution distribution);

// A parameter that has a place in a config only when another parameter has one of some values.
struct Condition {
  std::string parameter;      // label of the other
  std::vector<Value> values;  // at least one
};

// One parameter, nested groups flattened to a dotted name. Fields the distribution does not use keep their defaults.
struct ParameterSpec {
  std::string name;
  std::string label;              // unique: the name, or "optimizer=sgd/momentum" for one that belongs to a choice
  std::optional<Condition> when;  // empty: it has a place in every config
  int line = 0;                   // of the sweep file
  Distribution distribution = Distribution::kConstant;
  std::vector<Value> values;          // constant: exactly one; categorical: at least one, as in the file
  std::vector<double> probabilities;  // as many as values, sum 1
  double min = 0, max = 0;            // int_uniform: whole numbers inside +-2^53
  bool integer_bounds = false;        // both bounds are integers in the file
  double q = 1;                       // > 0
  bool integer_q = false;             // q is an integer in the file, so results are integers
  double mu = 0, sigma = 1;           // sigma >= 0
  double a = 1, b = 1;                // > 0
};

// Whether one config can hold both: no choice above them excludes one by the other's value.
bool can_meet(const std::vector<ParameterSpec>& parameters, const ParameterSpec& one, const ParameterSpec& other);

// What "better" means. Without a `metric:` in the file: val_accuracy, maximize.
struct MetricSpec {
  std::string name = "val_accuracy";  // canonical, one of known_metrics()
  Goal goal = Goal::kMaximize;
  std::optional<double> target;  // no new trials once one reaches it
  std::string impute = "worst";
  std::string impute_while_running = "false";
};

// W&B's Hyperband settings. min_iter alone, or max_iter and s; with both, max_iter and s count.
struct EarlyTerminateSpec {
  std::optional<std::int64_t> min_iter, max_iter;
  std::optional<double> s;
  double eta = 3;  // > 1
  bool strict = true;
};

// Iterations at which Hyperband compares runs, ascending: max_iter / eta^i for i = 1 .. s down to 1, cut to whole
// numbers, or min_iter eta^i, up to 100 of them.
std::vector<std::int64_t> hyperband_bands(const EarlyTerminateSpec& early);

// Which seeds differ between the runs of a trial (engine/run.h says what each is for). The split is not among them
// unless asked for: runs are then compared on other validation examples.
struct VariedSeeds {
  bool init = true, order = true, dropout = true, augment = true, split = false;
  bool operator==(const VariedSeeds&) const = default;
};

// A seed by the word for it.
struct SeedSource {
  std::string_view name;
  bool VariedSeeds::*member;
};

// init, order, dropout, augment, split.
std::span<const SeedSource> seed_sources();

// The block `caviar:`; flags of the command line override it.
struct Settings {
  std::optional<std::string> data;
  std::optional<std::int64_t> seeds;      // >= 1: runs per trial
  bool auto_seeds = false;                // seeds: auto, see tuner/seeds/auto_seeds.h; `seeds` is then empty
  std::optional<std::int64_t> max_seeds;  // of auto_seeds: the most a trial may have
  std::optional<double> confidence;       // of auto_seeds: with which the best is settled
  std::optional<std::int64_t> count;      // >= 0: trials, before run_cap
  std::optional<std::int64_t> window;     // >= 1: how far a search that learns may lag behind
  std::string precision = "fp32";
  bool validate_on_test = false;
  std::int64_t validation_examples = 10000;  // >= 1
  VariedSeeds vary;
  std::optional<std::uint64_t> sweep_seed;
  std::optional<std::int64_t> no_improvement;  // >= 1: ends after so many trials without one (tuner/stop_rule.h)
  std::optional<double> noise;                 // > 0: standard deviation between seeds, where it is known
  std::vector<Config> by_hand;                 // the first trials; from the flag --enqueue
  Choice sampler, scheduler;  // names and settings of tuner/registry.h; without a name: what `method` and
                              // `early_terminate` mean
};

// A key of the block `caviar:`, as help shows it.
struct SettingHelp {
  std::string_view name, fallback, legal, meaning;
};

// Every key of the block; parse_sweep refuses others.
std::span<const SettingHelp> setting_help();

struct SweepSpec {
  std::string filename;
  std::string text;  // the file, byte for byte

  Method method = Method::kRandom;
  std::vector<ParameterSpec> parameters;  // in the order of the file; those that a choice defines follow
  std::optional<MetricSpec> metric;       // as in the file; see metric_or_default()
  std::vector<MetricSpec> metrics;        // several objectives: method custom only
  std::optional<EarlyTerminateSpec> early_terminate;
  std::optional<std::int64_t> run_cap;  // > 0
  bool has_scheduler = false;
  Settings settings;

  // Labels and settings of W&B's agents: checked and kept, never acted upon.
  std::string name, description, program, project, entity;
  std::vector<std::string> command;

  std::vector<std::string> warnings;  // "file:line: sentence", in the order of the file

  MetricSpec metric_or_default() const { return metric.value_or(MetricSpec{}); }
};

// Parses and checks a sweep file. Throws Error ("filename:line: ...", with a remedy) at the first thing that is wrong:
// every violation of W&B's schema, an unknown key, a metric caviar does not measure.
SweepSpec parse_sweep(const std::string& text, const std::string& filename);

// The same for a file on disk; Error when it cannot be read.
SweepSpec load_sweep(const std::string& path);

// Throws Error for what parses but does not run yet: method custom, metrics and scheduler.
void require_runnable(const SweepSpec& spec);

}  // namespace caviar
