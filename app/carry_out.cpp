#include "app/carry_out.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <memory>
#include <thread>

#include <fmt/format.h>

#include "app/commands.h"
#include "app/device_choice.h"
#include "app/numbers.h"
#include "app/priors.h"
#include "app/progress.h"
#include "app/search_record.h"
#include "app/text.h"
#include "kernels/base/error.h"
#include "kernels/recurrent_mixed.h"
#include "tuner/advice/advice.h"
#include "tuner/advice/forecast.h"
#include "tuner/bind.h"
#include "tuner/registry.h"
#include "tuner/seeds/auto_seeds.h"
#include "tuner/space.h"
#include "tuner/spec/enqueue.h"
#include "tuner/spec/names.h"
#include "tuner/spec/value.h"
#include "tuner/storage/directory.h"
#include "tuner/study.h"

namespace caviar {
namespace {

// The study that a signal puts down. Handlers may only touch lock-free atomics and write(2).
std::atomic<Study*> g_study = nullptr;
std::atomic<int> g_signals = 0;

void say(const char* text) { [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text, std::strlen(text)); }

void on_signal(int) {
  if (g_signals.fetch_add(1) > 0) {
    say("\ncaviar: stopped at once; nothing recorded is lost: --resume goes on\n");
    ::_exit(kExitInterrupted);
  }
  say("\ncaviar: finishing the steps under way; Ctrl-C again stops at once\n");
  if (Study* study = g_study.load()) study->request_drain();
}

// From construction to destruction, SIGINT, SIGTERM and SIGHUP put the study down.
class SignalsDrain {
 public:
  explicit SignalsDrain(Study& study) {
    g_study = &study;
    g_signals = 0;
    struct sigaction action {};
    action.sa_handler = on_signal;
    ::sigemptyset(&action.sa_mask);
    for (std::size_t i = 0; i < std::size(kSignals); ++i) ::sigaction(kSignals[i], &action, &before_[i]);
  }
  ~SignalsDrain() {
    for (std::size_t i = 0; i < std::size(kSignals); ++i) ::sigaction(kSignals[i], &before_[i], nullptr);
    g_study = nullptr;
  }
  SignalsDrain(const SignalsDrain&) = delete;
  SignalsDrain& operator=(const SignalsDrain&) = delete;

 private:
  static constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};
  struct sigaction before_[std::size(kSignals)];
};

std::string precision_of(const SweepSpec& spec, const CarryOutFlags& flags) {
  return flags.precision.value_or(spec.settings.precision);
}

StudyRecord record_of(const SweepSpec& spec, const CarryOutFlags& flags, const Dataset& data,
                      const DeviceChoice& devices) {
  const MetricSpec metric = spec.metric_or_default();
  StudyRecord record;
  record.spec_name = spec.filename;
  record.spec = spec.text;
  record.sweep_seed = flags.sweep_seed.value_or(spec.settings.sweep_seed.value_or(0));
  record.trials = flags.count ? flags.count : spec.settings.count;
  if (spec.run_cap) record.trials = std::min(record.trials.value_or(*spec.run_cap), *spec.run_cap);
  record.seeds = flags.seeds.value_or(spec.settings.seeds.value_or(1));  // of seeds: auto the most, by then
  record.metric = metric.name;
  record.maximize = metric.goal == Goal::kMaximize;
  record.validate_on_test = flags.validate_on ? *flags.validate_on == "test" : spec.settings.validate_on_test;
  record.data_name = data.name;
  record.data_digest = data.digest;
  record.numerics = numerics_of(devices, precision_of(spec, flags));
  record.caviar_version = kVersion;
  return record;
}

// What was not said again on resuming is as it was.
void keep_as_recorded(StudySetup& setup, const StudyRecord& before, const CarryOutFlags& flags,
                      const DeviceChoice& devices) {
  StudyRecord& record = setup.record;
  if (!flags.sweep_seed) record.sweep_seed = before.sweep_seed;
  if (!flags.count) record.trials = before.trials;
  if (!flags.seeds && !flags.max_seeds) record.seeds = before.seeds;
  if (!flags.validate_on) record.validate_on_test = before.validate_on_test;
  if (!flags.precision) {
    setup.precision = before.numerics.substr(0, before.numerics.find('/'));
    record.numerics = numerics_of(devices, setup.precision);
  }
}

// The examples of a study that is gone on with, from where they were unless it is said where they are now.
std::shared_ptr<const Dataset> data_to_go_on_with(const StudyRecord& before, const SweepSpec& spec,
                                                  const CarryOutFlags& flags) {
  try {
    return std::make_shared<const Dataset>(load_dataset(flags.data.value_or(data_of(before))));
  } catch (const Error& error) {
    if (flags.data) throw;
    if (spec.settings.data) return load_data(spec, flags);
    fail("the study was trained on ", before.data_name, ", with the digest ", before.data_digest,
         "; say where that is with --data: ", error.what());
  }
}

// Runs that are still to come carve out as many as those there are.
void keep_validation_examples(StudySetup& setup, Storage& storage, const CarryOutFlags& flags) {
  const std::int64_t recorded = validation_examples_of(storage);
  if (recorded == 0 || setup.record.validate_on_test) return;
  if (flags.validation_examples && *flags.validation_examples != recorded) {
    fail(storage.file(), ": the study is validated on ", recorded, " examples and not on ", *flags.validation_examples,
         "; leave --validation-examples away, or name another directory with --study");
  }
  setup.use.validation_examples = recorded;
}

// A record that is gone on with keeps where its data were; a new one says it.
std::string search_to_record(const Settings& settings, const std::optional<StudyRecord>& before,
                             const std::string& data) {
  const std::string record = search_record(settings);
  if (!before) return with_data_directory(record, data);
  const std::string recorded = data_of(*before);
  return recorded == before->data_name ? record : with_data_directory(record, recorded);
}

// Seeds auto said again, without its confidence, has that of the record.
void keep_auto_seeds(const std::string& recorded, const CarryOutFlags& flags, Settings& settings) {
  if (!settings.auto_seeds || flags.confidence) return;
  Settings before;
  recall_search(recorded, {}, before);
  if (is_auto_seeds(before.scheduler)) settings.scheduler = before.scheduler;
}

bool says_scheduler(const CarryOutFlags& flags) {
  return flags.scheduler || flags.auto_seeds || flags.confidence || flags.max_seeds;
}

// 10,000 as MNIST's split has it; where the training set is too small for that, the same share of it, a sixth.
std::int64_t validation_examples_of(const SweepSpec& spec, const CarryOutFlags& flags, const Dataset& data) {
  if (flags.validation_examples) return *flags.validation_examples;
  static const std::int64_t kDefault = Settings{}.validation_examples;
  const std::int64_t asked = spec.settings.validation_examples;
  if (asked != kDefault || data.train.count >= 2 * kDefault) return asked;
  return std::max<std::int64_t>(1, data.train.count / 6);
}

// A hole in the labels is more often a damaged file than a rare class.
void warn_of_empty_classes(const Dataset& data) {
  std::vector<std::int64_t> examples(static_cast<std::size_t>(data.classes));
  for (const std::uint8_t label : data.train.labels) ++examples[label];
  const auto empty = std::count(examples.begin(), examples.end(), 0);
  if (empty > 0)
    fmt::print(stderr, "caviar: warning: labels of {} go up to {} but {} of these classes have no training example\n",
               data.name, data.classes - 1, empty);
}

StudySetup setup_of(const SweepSpec& spec, const CarryOutFlags& flags, const Dataset& data,
                    const DeviceChoice& devices) {
  StudySetup setup;
  setup.record = record_of(spec, flags, data, devices);
  setup.precision = precision_of(spec, flags);
  setup.vary = spec.settings.vary;
  setup.use.validation_examples = validation_examples_of(spec, flags, data);
  setup.use.validate_on_test = setup.record.validate_on_test;
  setup.shape = {data.train.count, data.test.count, data.digest};
  if (flags.time_limit)
    setup.time_limit = std::chrono::milliseconds(static_cast<std::int64_t>(*flags.time_limit * 1e3));
  if (const auto target = spec.metric_or_default().target) {
    setup.stop.target = setup.record.maximize ? -*target : *target;
  }
  return setup;
}

// A few trials stand for the file: what is wrong in each of them is said before training; what is wrong in some is
// recorded with them.
void require_a_trial(const SweepSpec& spec, const StudySetup& setup, Sampler& sampler) {
  constexpr std::int64_t kTried = 64;
  std::string first_problem;
  for (std::int64_t number = 0; number < kTried; ++number) {
    const std::optional<Config> config = sampler.suggest(number);
    if (!config) break;
    try {
      const BoundConfig bound = bind_config(*config, setup.use, setup.shape);
      require_measured(setup.record.metric, bound);
      if (setup.precision == "mixed" && bound.key.hidden_size > kMaxMixedHidden)
        fail("hidden_size is ", bound.key.hidden_size, "; precision mixed takes at most ", kMaxMixedHidden,
             ". Use --precision fp32, or smaller layers");
      return;
    } catch (const Error& error) {
      if (first_problem.empty()) first_problem = error.what();
    }
  }
  if (first_problem.empty()) fail(spec.filename, ": the space has no point to try; give every parameter a value");
  fail(spec.filename, ": ", first_problem);
}

// A swept seed and repeats over seeds would train the same runs twice over under different names.
void require_one_way_to_vary_seeds(const SweepSpec& spec, std::int64_t seeds) {
  if (seeds == 1) return;
  for (const ParameterSpec& parameter : spec.parameters) {
    if (parameter.distribution == Distribution::kConstant) continue;
    if (!canonical_parameter(parameter.name).starts_with("seed")) continue;
    fail(spec.filename, ":", parameter.line, ": '", parameter.name, "' is swept and every trial is to run on ", seeds,
         " seeds; do one of the two: drop the parameter, or --seeds");
  }
}

void require_an_end(const SweepSpec& spec, const StudyRecord& record, const Sampler& sampler) {
  if (sampler.size() >= 0 || record.trials || spec.settings.no_improvement) return;
  fail(spec.filename,
       ": a search over continuous values never ends by itself; say how many trials with --count N or with run_cap: N "
       "in "
       "the file");
}

// What is known between seeds decides what an improvement is.
void require_noise(const SweepSpec& spec, std::int64_t seeds) {
  if (!spec.settings.no_improvement || spec.settings.noise || seeds > 1) return;
  fail(spec.filename,
       ": no_improvement must know the noise between seeds; run every trial on --seeds 2 or more, or say "
       "its standard deviation with --noise");
}

// What makes a search pointless is said before it costs anything.
void warn_of_search(const SweepSpec& spec, const StudySetup& setup, const Search& search, bool has_priors) {
  constexpr std::int64_t kLookedAt = 64;
  SearchFacts facts;
  facts.trials = setup.record.trials;
  if (search.sampler->size() >= 0)
    facts.trials = std::min(facts.trials.value_or(search.sampler->size()), search.sampler->size());
  facts.seeds = setup.record.seeds;
  facts.window = setup.window;
  facts.points = search.sampler->size();
  facts.population = population_of(*search.sampler);
  facts.has_priors = has_priors;
  if (!search.scheduler->is_passive() || chosen_sampler(spec).name == "bohb")
    facts.most_reports = sample_trials(SearchSpace(spec), *search.sampler, facts.trials, kLookedAt, setup.use,
                                       setup.shape, setup.precision)
                             .most_reports;
  for (const std::string& text : advise_on_search(spec, facts, *search.scheduler))
    fmt::print(stderr, "{}\n", wrapped("caviar: warning: " + text, "  "));
}

void say_what_starts(const SweepSpec& spec, const StudySetup& setup, const Dataset& data, const Sampler& sampler,
                     const DeviceChoice& devices, const CarryOutFlags& flags) {
  const StudyRecord& record = setup.record;
  std::optional<std::int64_t> trials = record.trials;
  if (sampler.size() >= 0) trials = trials ? std::min(*trials, sampler.size()) : sampler.size();
  const bool race = is_auto_seeds(spec.settings.scheduler);
  fmt::print("{}: {} on {}{}{}, data {}, ranked by {} ({}), {}\n", spec.filename,
             trials ? show_number_of(*trials, "trial") : "trials without an end",
             race ? fmt::format("{} to ", kAutoFirstSeeds) : "", show_number_of(record.seeds, "seed"),
             trials == 1 ? "" : " each", data.name, record.metric,
             record.maximize ? "more is better" : "less is better", show_devices(devices));
  if (!flags.study.empty()) fmt::print("study: {}\n", flags.study);
  const auto note = [](const std::string& text) { fmt::print("{}\n", wrapped("note: " + text, "  ")); };
  for (const std::string& text : notes_on_enqueued(spec, record.trials)) note(text);
  if (sampler.repeats_configs() && record.trials && *record.trials < sampler.size()) {
    note(fmt::format(
        "{} are not enough: a population trained to the end is {}, so no member is; raise --count, or make the "
        "population smaller or its interval longer",
        show_number_of(*record.trials, "trial"), show_number_of(sampler.size(), "trial")));
  }
  if (spec.run_cap && flags.count && *flags.count > *spec.run_cap) {
    note(fmt::format("run_cap of the file is {}, so --count {} means {}", *spec.run_cap, *flags.count, *spec.run_cap));
  }
  if (record.validate_on_test) {
    note(
        "the TEST set is used for validation (validate on test), so the ranking is optimistic: the test set has been "
        "tuned on");
  }
  std::fflush(stdout);
}

int carry_out_in(Storage& storage, StudySetup setup, Sampler& sampler, Scheduler& scheduler, Executor& executor,
                 const CarryOutFlags& flags, void (*show_end)(Storage&)) {
  const std::string metric = setup.record.metric;
  Study study(std::move(setup), storage, sampler, scheduler, executor);
  StudyOutcome outcome;
  {
    ProgressDisplay display(stdout, metric);
    study.on_progress = [&](const Progress& progress) { display.show(progress); };
    study.on_notice = [&](const std::string& text) { display.note(wrapped("note: " + text, "  ")); };
    const SignalsDrain signals(study);
    outcome = study.carry_out();
  }
  fmt::print("\n");
  show_end(storage);
  if (outcome == StudyOutcome::kDrained) {
    if (flags.study.empty()) {
      fmt::print("\nput down; nothing was kept: name a directory with --study to be able to go on\n");
    } else {
      fmt::print("\nput down; everything is recorded in {}: the same command with --resume goes on\n", flags.study);
    }
    return kExitDrained;
  }
  return study.history().failed() > 0 ? kExitPartial : kExitDone;
}

}  // namespace

std::int64_t default_window(std::optional<std::int64_t> trials) {
  return std::clamp<std::int64_t>(trials.value_or(2560) / 10, 1, 256);
}

std::shared_ptr<const Dataset> load_data(const SweepSpec& spec, const CarryOutFlags& flags) {
  return std::make_shared<const Dataset>(load_dataset(flags.data.value_or(spec.settings.data.value_or("mnist"))));
}

Preparation prepare(const SweepSpec& spec, const CarryOutFlags& flags, std::shared_ptr<const Dataset> data) {
  Preparation prepared;
  prepared.devices = devices_of(flags);
  prepared.setup = setup_of(spec, flags, *data, prepared.devices);
  prepared.data = std::move(data);
  return prepared;
}

Search make_search(const SweepSpec& spec, StudySetup& setup) {
  setup.window = spec.settings.window.value_or(default_window(setup.record.trials));
  Search search;
  search.scope = {setup.record.sweep_seed, setup.window,          setup.record.trials,
                  setup.record.seeds,      setup.record.maximize, spec.settings.by_hand};
  search.sampler = make_sampler(spec, SearchSpace(spec), search.scope);
  search.scheduler = make_scheduler(spec, search.scope);
  if (search.sampler->repeats_configs() && !search.scheduler->is_passive()) {
    fail(spec.filename,
         ": a population judges its members itself; leave the scheduler, or seeds auto, away, or name another sampler");
  }
  require_a_trial(spec, setup, *search.sampler);
  require_an_end(spec, setup.record, *search.sampler);
  require_one_way_to_vary_seeds(spec, setup.record.seeds);
  require_noise(spec, setup.record.seeds);
  setup.stop.patience = spec.settings.no_improvement;
  setup.stop.noise = spec.settings.noise;
  return search;
}

int carry_out(SweepSpec spec, const CarryOutFlags& flags, void (*show_end)(Storage&)) {
  for (const std::string& warning : spec.warnings) fmt::print(stderr, "{}\n", wrapped("caviar: " + warning, "  "));
  require_runnable(spec);
  check_parameters(spec);
  spec = with_search_flags(std::move(spec), flags);
  const std::filesystem::path study = flags.study;
  const bool on_disk = !flags.study.empty();
  std::optional<StudyDirectory> directory;
  std::optional<Storage> storage;
  const auto open = [&] {
    directory.emplace(StudyDirectory::open_to_write(study));
    storage.emplace(Storage::open_to_write(directory->database()));
  };
  if (flags.resume && flags.count != 0 && std::filesystem::exists(StudyDirectory::database_in(study))) {
    open();
    storage->check_integrity();
  }
  const std::optional<StudyRecord> before = storage ? storage->study() : std::nullopt;
  Preparation prepared =
      prepare(spec, flags, before ? data_to_go_on_with(*before, spec, flags) : load_data(spec, flags));
  const std::shared_ptr<const Dataset>& data = prepared.data;
  const DeviceChoice& devices = prepared.devices;
  StudySetup& setup = prepared.setup;
  warn_of_empty_classes(*data);
  if (before) {
    keep_as_recorded(setup, *before, flags, devices);
    keep_validation_examples(setup, *storage, flags);
    keep_auto_seeds(before->search, flags, spec.settings);
    SweepSpec as_before = spec;
    recall_search(before->search, {}, as_before.settings);
    recall_search(before->search,
                  {flags.sampler.has_value(), says_scheduler(flags), flags.window.has_value(),
                   flags.no_improvement.has_value(), flags.noise.has_value(), !flags.enqueue.empty()},
                  spec.settings);
    keep_words(as_before, spec);
    require_recorded_priors(*storage, spec, flags, before->metric);
    setup.use.validate_on_test = setup.record.validate_on_test;
  }
  if (!spec.settings.window) spec.settings.window = default_window(setup.record.trials);
  setup.record.search =
      search_to_record(spec.settings, before, flags.data.value_or(spec.settings.data.value_or("mnist")));
  const Search search = make_search(spec, setup);
  const std::unique_ptr<Sampler>& sampler = search.sampler;
  for (const ParameterSpec* unread : unread_everywhere(spec))
    fmt::print(stderr, "caviar: warning: '{}' is swept but the other values leave it without effect\n", unread->name);
  warn_of_search(spec, setup, search, !flags.prior.empty() || (before && !storage->priors().empty()));
  if (setup.record.trials == 0) {
    fmt::print("{}: the file is valid", spec.filename);
    if (sampler->size() >= 0) fmt::print(", a grid of {}", show_number_of(sampler->size(), "point"));
    fmt::print("; nothing was trained (count is 0)\n");
    return kExitDone;
  }
  if (!storage || !storage->study()) setup.priors = load_priors(spec, flags, setup, *sampler);
  say_what_starts(spec, setup, *data, *sampler, devices, flags);

  const std::unique_ptr<Executor> executor = make_executor(data, devices);
  if (!on_disk) {
    storage.emplace(Storage::open_to_write(":memory:"));
    return carry_out_in(*storage, std::move(setup), *sampler, *search.scheduler, *executor, flags, show_end);
  }
  if (!storage) open();
  const bool recorded = storage->study().has_value();
  if (recorded && !flags.resume) {
    fail(flags.study,
         ": a study is recorded here already; go on with it with --resume, or name another directory with "
         "--study");
  }
  if (!recorded && flags.resume) fmt::print("note: nothing is recorded in {} yet; starting\n", flags.study);
  setup.checkpoints = directory->checkpoints();
  setup.weights = directory->weights();
  if (flags.save_weights) setup.save_weights = save_weights_of(*flags.save_weights);
  return carry_out_in(*storage, std::move(setup), *sampler, *search.scheduler, *executor, flags, show_end);
}

}  // namespace caviar
