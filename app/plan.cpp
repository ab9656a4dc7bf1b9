// caviar plan FILE: what a sweep would do, what it would cost and what is odd about it; nothing is trained but for the
// timing.
#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "app/carry_out.h"
#include "app/commands.h"
#include "app/priors.h"
#include "app/text.h"
#include "engine/devices.h"
#include "engine/pack.h"
#include "kernels/base/error.h"
#include "tuner/advice/advice.h"
#include "tuner/advice/forecast.h"
#include "tuner/spec/enqueue.h"

namespace caviar {
namespace {

constexpr const char* kFooter = R"(
Shapes are what must be equal for runs to train side by side: network, batch size, optimizer state. Memory is counted,
not guessed; time is measured on a few steps of the most frequent shapes here and carried over to the rest. A line
`warn:` says what an experienced person would ask about; the rules are those of the Deep Learning Tuning Playbook. Flags
are those of `caviar sweep`. Where a search learns, also from --prior, points all over the space stand for its trials.

Exit codes: 0, also with warnings; 1 for a file that `caviar sweep` would refuse.

Example:
  caviar plan examples/scrying.yaml --seeds 3)";

constexpr std::int64_t kTrialsLookedAt = 1024;
constexpr std::size_t kShapesShown = 12, kShapesMeasured = 8;
constexpr double kTimingSeconds = 3, kMostSecondsAShape = 1;

struct Options {
  std::string file;
  CarryOutFlags flags;
  bool no_timing = false;
};

// Bytes of the shape of MNIST, and of the known data sets with it, where they are not here: their speed is the same.
std::shared_ptr<const Dataset> stand_in(const std::string& name) {
  auto data = std::make_shared<Dataset>();
  data->name = name;
  data->steps = data->features = 28;
  data->classes = 10;
  std::uint32_t state = 1;
  const auto fill = [&](Examples& examples, std::int64_t count) {
    examples.count = count;
    examples.features.resize(static_cast<std::size_t>(count) * 28 * 28);
    for (std::uint8_t& pixel : examples.features) {
      state = state * 1664525u + 1013904223u;  // Numerical Recipes' quick generator: any bytes do
      pixel = static_cast<std::uint8_t>(state >> 24);
    }
    for (std::int64_t i = 0; i < count; ++i) examples.labels.push_back(static_cast<std::uint8_t>(i % 10));
  };
  fill(data->train, 60000);
  fill(data->test, 10000);
  return data;
}

std::shared_ptr<const Dataset> data_or_stand_in(const SweepSpec& spec, const CarryOutFlags& flags) {
  const std::string name = flags.data.value_or(spec.settings.data.value_or("mnist"));
  for (const KnownDataset& known : known_datasets()) {
    if (known.name != name || !known.directory.empty()) continue;
    fmt::print("note: data set {} is not here (get it with: {}); random bytes of its shape stand for it\n", name,
               known.how_to_get);
    return stand_in(name);
  }
  return load_data(spec, flags);
}

std::string show_bytes(double bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  for (; bytes >= 1024 && unit + 1 < std::size(kUnits); ++unit) bytes /= 1024;
  return fmt::format("{:.{}f} {}", bytes, unit > 0 && bytes < 10 ? 1 : 0, kUnits[unit]);
}

// "about 12 ms", "about 3 min 20 s".
std::string show_time(double seconds) {
  if (seconds < 0.1) return fmt::format("{:.2g} ms", 1000 * seconds);
  if (seconds < 1) return fmt::format("{:.0f} ms", 1000 * seconds);
  return seconds < 10 ? fmt::format("{:.1f} s", seconds) : show_duration(seconds);
}

// What shapes cost where they are to train.
struct Costs {
  std::vector<std::int64_t> parameters;  // by shape
  std::vector<PackMemory> memory;
  std::vector<int> at_once;  // runs that fill all devices
};

Costs costs_of(const TrialSample& sample, const Preparation& prepared, std::int64_t runs) {
  Costs costs;
  for (const ShapeShare& shape : sample.shapes) {
    const PackKey& key = shape.example.key;
    costs.parameters.push_back(parameters_of(key, *prepared.data));
    std::int64_t full = prepared.devices.threads;
    if (prepared.devices.gpus.empty()) {
      costs.memory.push_back(cpu_pack_memory(key, *prepared.data));
    } else {
      full = 0;
      for (const int gpu : prepared.devices.gpus) full += gpu_demand(key, *prepared.data, gpu).slots;
      costs.memory.push_back(gpu_demand(key, *prepared.data, prepared.devices.gpus[0]).memory);
    }
    costs.at_once.push_back(static_cast<int>(std::clamp<std::int64_t>(runs, 1, full)));
  }
  return costs;
}

std::vector<std::optional<Speed>> measure(const TrialSample& sample, const Costs& costs, const Preparation& prepared) {
  std::vector<std::optional<Speed>> speeds(sample.shapes.size());
  const auto chosen = shapes_to_measure(sample.shapes, costs.parameters, kShapesMeasured);
  const double each = std::min(kMostSecondsAShape, kTimingSeconds / static_cast<double>(chosen.size()));
  const std::unique_ptr<Executor> executor = make_executor(prepared.data, prepared.devices);
  const std::int64_t most_validation = std::max<std::int64_t>(1, prepared.setup.use.validation_examples);
  for (const std::size_t i : chosen) {
    const BoundConfig& config = sample.shapes[i].example;
    const Speed speed = measure_speed(*executor, config, costs.at_once[i], std::chrono::duration<double>(each),
                                      std::min(most_validation, prepared.data->train.count - config.key.batch_size));
    if (speed.steps > 0) speeds[i] = speed;
  }
  return speeds;
}

std::string show_key(const PackKey& key) {
  constexpr const char* kCells[] = {"lstm", "gru", "rnn_tanh", "rnn_relu"};
  constexpr const char* kReadouts[] = {"last_step", "final_states", "mean"};
  return fmt::format("{} {}x{}{} {}", kCells[static_cast<int>(key.cell)], key.num_layers, key.hidden_size,
                     key.bidirectional ? "" : " one-way", kReadouts[static_cast<int>(key.readout)]);
}

// What parts a shape from others of the same network and batch is said beside it: arrays of the size of the network.
std::string show_shape(const std::vector<ShapeShare>& shapes, std::size_t at) {
  const PackKey& key = shapes[at].example.key;
  std::string network = show_key(key);
  const bool stands_alone = std::count_if(shapes.begin(), shapes.end(), [&](const ShapeShare& other) {
                              const PackKey& theirs = other.example.key;
                              return show_key(theirs) == network && theirs.batch_size == key.batch_size;
                            }) == 1;
  if (stands_alone) return network;
  return fmt::format("{}, {} of optimizer state{}", network, show_number_of(key.state_arrays, "array"),
                     key.averaged ? ", averaged" : "");
}

std::string show_shapes(const TrialSample& sample, const Costs& costs, const std::vector<Speed>& speeds) {
  std::vector<std::vector<std::string>> rows = {
      {"share", "network", "batch", "parameters", "memory a run", "steps a run", "ms a step"}};
  if (speeds.empty()) rows[0].pop_back();
  std::int64_t trials = 0;
  for (const ShapeShare& shape : sample.shapes) trials += shape.trials;
  for (std::size_t i = 0; i < std::min(kShapesShown, sample.shapes.size()); ++i) {
    const ShapeShare& shape = sample.shapes[i];
    rows.push_back({fmt::format("{:.1f}%", 100.0 * static_cast<double>(shape.trials) / static_cast<double>(trials)),
                    show_shape(sample.shapes, i), std::to_string(shape.example.key.batch_size),
                    std::to_string(costs.parameters[i]), show_bytes(static_cast<double>(costs.memory[i].slot_bytes)),
                    fmt::format("{:.0f}", shape.steps)});
    if (speeds.empty()) continue;
    rows.back().push_back(
        fmt::format("{}{:.3g}", speeds[i].steps > 0 ? "" : "~", 1000 * speeds[i].step_seconds * costs.at_once[i]));
  }
  std::string text = show_table(rows);
  if (sample.shapes.size() > kShapesShown)
    text += fmt::format("and {} more shapes\n", sample.shapes.size() - kShapesShown);
  return text;
}

// The largest the pack memory can be: on a core two packs of two runs, on GPUs as many slots as fill them.
double pack_bytes(const Costs& costs, const Preparation& prepared) {
  constexpr int kLiveRuns = 2;  // of a worker on a core
  double most = 0;
  for (std::size_t i = 0; i < costs.memory.size(); ++i) {
    const auto fixed = static_cast<double>(costs.memory[i].fixed_bytes);
    const auto slot = static_cast<double>(costs.memory[i].slot_bytes);
    const bool cores = prepared.devices.gpus.empty();
    most = std::max(most, cores ? prepared.devices.threads * (fixed + kLiveRuns * slot)
                                : static_cast<double>(prepared.devices.gpus.size()) * fixed + costs.at_once[i] * slot);
  }
  return most;
}

void print_memory(const Costs& costs, const Preparation& prepared) {
  const Dataset& data = *prepared.data;
  const bool cores = prepared.devices.gpus.empty();
  const double copies = cores ? 1 : static_cast<double>(prepared.devices.gpus.size());
  const double data_bytes = copies * static_cast<double>(data.train.features.size() + data.test.features.size() +
                                                         data.train.labels.size() + data.test.labels.size());
  fmt::print("memory    {}: data {}, and at most {} while the largest shape fills the {}\n",
             show_bytes(data_bytes + pack_bytes(costs, prepared)), show_bytes(data_bytes),
             show_bytes(pack_bytes(costs, prepared)), cores ? "cores" : "GPUs");
}

void print_time(const TrialSample& sample, const Costs& costs, const std::vector<std::optional<Speed>>& measured,
                const std::vector<Speed>& speeds, std::optional<std::int64_t> trials, const StudySetup& setup) {
  const auto count = static_cast<std::size_t>(
      std::count_if(measured.begin(), measured.end(), [](const auto& speed) { return speed.has_value(); }));
  std::int64_t steps = 0;
  for (const auto& speed : measured) steps += speed ? speed->steps : 0;
  const int at_once = *std::max_element(costs.at_once.begin(), costs.at_once.end());
  const double runs = static_cast<double>((trials ? sample.trainings(*trials) : 1) * setup.record.seeds);
  const double seconds = forecast_seconds(sample.shapes, speeds, runs, at_once);
  fmt::print("time      about {}{}, from {} steps of {} {} here\n", trials ? "" : "a trial: ", show_time(seconds),
             show_count(static_cast<double>(steps)),
             count == sample.shapes.size() ? "all" : fmt::format("{} of the", count),
             show_number_of(static_cast<std::int64_t>(sample.shapes.size()), "shape"));
  const std::optional<std::chrono::milliseconds> limit = setup.time_limit;
  if (limit && trials && seconds > 1e-3 * static_cast<double>(limit->count()))
    fmt::print("          --time-limit puts it down after {}, unfinished; --resume goes on\n",
               show_time(1e-3 * static_cast<double>(limit->count())));
}

// How many there could be.
std::string show_points(const Sampler& sampler, const TrialSample& sample) {
  const std::int64_t size = sampler.size();
  if (sample.population > 0) {
    const std::int64_t generations = (size + sample.population - 1) / sample.population;
    return fmt::format(": a population of {} through {}", show_count(static_cast<double>(sample.population)),
                       show_number_of(generations, "generation"));
  }
  return size >= 0 ? fmt::format(" of the {} points there are", show_count(static_cast<double>(size))) : "";
}

void print_facts(const Preparation& prepared, const Search& search, std::optional<std::int64_t> trials,
                 const TrialSample& sample) {
  const StudyRecord& record = prepared.setup.record;
  const Dataset& data = *prepared.data;
  const std::int64_t held_out = record.validate_on_test ? 0 : prepared.setup.use.validation_examples;
  const char* most = !search.scheduler->is_passive() ? " at most, as the scheduler stops trials"
                     : sample.is_whole               ? ""
                                                     : " at most";
  fmt::print("trials    {}{}\n", trials ? show_count(static_cast<double>(*trials)) : "no end",
             show_points(*search.sampler, sample));
  if (trials)
    fmt::print("runs      {}{}: {} a trial\n",
               show_count(static_cast<double>(sample.trainings(*trials) * record.seeds)), most,
               show_number_of(record.seeds, "seed"));
  if (sample.repeats > 0)
    fmt::print("          {} of {} {} another's training, and share{} its runs\n",
               show_count(static_cast<double>(sample.repeats)), show_number_of(sample.looked_at, "trial"),
               sample.repeats == 1 ? "repeats" : "repeat", sample.repeats == 1 ? "s" : "");
  if (sample.population > 0)
    fmt::print("          each goes on from one before, {} side by side: {:.3g} % of a whole training a run\n",
               show_number_of(sample.population * record.seeds, "run"), 100 * sample.share);
  fmt::print("data      {}: {} to train on, {} to validate on, {} to test on\n", data.name,
             show_count(static_cast<double>(data.train.count - held_out)),
             record.validate_on_test ? "the test set" : show_count(static_cast<double>(held_out)),
             show_count(static_cast<double>(data.test.count)));
  fmt::print("device    {}, precision {}\n", show_devices(prepared.devices), prepared.setup.precision);
}

SearchFacts facts_of(const Preparation& prepared, const Search& search, std::optional<std::int64_t> trials,
                     const TrialSample& sample, const Costs& costs) {
  SearchFacts facts;
  facts.trials = trials;
  facts.points = search.sampler->size();
  facts.seeds = prepared.setup.record.seeds;
  facts.learns = sample.drawn_evenly && sample.population == 0;  // a population waits for whole generations
  facts.window = prepared.setup.window;
  facts.runs_wanted = *std::max_element(costs.at_once.begin(), costs.at_once.end());
  facts.most_reports = sample.most_reports;
  facts.population = sample.population;
  return facts;
}

int plan(const Options& options) {
  SweepSpec spec = load_sweep(options.file);
  require_runnable(spec);
  check_parameters(spec);
  spec = with_search_flags(std::move(spec), options.flags);
  Preparation prepared = prepare(spec, options.flags, data_or_stand_in(spec, options.flags));
  const Search search = make_search(spec, prepared.setup);
  std::optional<std::int64_t> trials = prepared.setup.record.trials;
  if (search.sampler->size() >= 0) trials = std::min(trials.value_or(search.sampler->size()), search.sampler->size());
  const TrialSample sample = sample_trials(SearchSpace(spec), *search.sampler, trials, kTrialsLookedAt,
                                           prepared.setup.use, prepared.setup.shape, prepared.setup.precision);
  fmt::print("{}: a plan\n", spec.filename);
  print_facts(prepared, search, trials, sample);
  if (!options.flags.prior.empty()) load_priors(spec, options.flags, prepared.setup, *search.sampler);
  if (sample.shapes.empty()) {
    fmt::print("nothing would be trained\n");
    return kExitDone;
  }
  const std::int64_t side_by_side = sample.population > 0 ? sample.population : trials.value_or(std::int64_t{1} << 20);
  const Costs costs = costs_of(sample, prepared, side_by_side * prepared.setup.record.seeds);
  std::vector<Speed> speeds;
  std::vector<std::optional<Speed>> measured;
  if (!options.no_timing) measured = measure(sample, costs, prepared);
  const bool timed = std::any_of(measured.begin(), measured.end(), [](const auto& speed) { return speed.has_value(); });
  if (timed) speeds = all_speeds(sample.shapes, costs.parameters, measured);
  print_memory(costs, prepared);
  if (timed) print_time(sample, costs, measured, speeds, trials, prepared.setup);
  fmt::print("\n{} in {}:\n{}", show_number_of(static_cast<std::int64_t>(sample.shapes.size()), "shape"),
             sample.drawn_evenly ? fmt::format("{} points all over the space", sample.looked_at)
                                 : fmt::format("{} looked at", show_number_of(sample.looked_at, "trial")),
             show_shapes(sample, costs, speeds));

  std::vector<std::string> warnings = spec.warnings;
  for (std::string& note : notes_on_enqueued(spec, prepared.setup.record.trials)) warnings.push_back(std::move(note));
  if (sample.untrainable > 0)
    warnings.push_back(cat(spec.filename, ": ", sample.untrainable, " of ", show_number_of(sample.looked_at, "trial"),
                           " cannot be trained: ", sample.why));
  SearchFacts facts = facts_of(prepared, search, trials, sample, costs);
  facts.has_priors = !options.flags.prior.empty();
  for (std::string& text : advise(spec, facts, *search.scheduler)) warnings.push_back(std::move(text));
  if (!warnings.empty()) fmt::print("\n");
  for (const std::string& warning : warnings) fmt::print("{}\n", wrapped("warn: " + warning, "      "));
  return kExitDone;
}

}  // namespace

void add_plan(CLI::App& program, int& exit_code) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = program.add_subcommand("plan", "Show what a sweep would do and cost, without carrying it out");
  command->add_option("file", options->file, "the sweep file, YAML")->required();
  add_search_flags(*command, options->flags);
  add_ending_flags(*command, options->flags);
  add_common_flags(*command, options->flags);
  add_auto_seeds_flags(*command, options->flags);
  command->add_flag("--no-timing", options->no_timing, "do not train a few steps to estimate the time");
  command->footer(kFooter);
  command->callback([options, &exit_code] { exit_code = plan(*options); });
}

}  // namespace caviar
