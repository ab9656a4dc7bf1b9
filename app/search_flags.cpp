#include "app/search_flags.h"

#include <algorithm>
#include <map>
#include <thread>

#include <fmt/format.h>

#include "app/numbers.h"
#include "kernels/base/error.h"
#include "tuner/registry.h"
#include "tuner/seeds/auto_seeds.h"
#include "tuner/spec/enqueue.h"
#include "tuner/spec/names.h"
#include "tuner/spec/value.h"

namespace caviar {
namespace {

constexpr std::int64_t kMostSeedsOfATrial = 1'000'000;

// Of seconds: in milliseconds they are far below 2^63.
CLI::Validator at_most_a_century() {
  return CLI::Validator(
      [](const std::string& text) {
        const std::optional<Value> seconds = parse_number(text);
        return seconds && seconds->get<double>() > 36500.0 * 86400
                   ? std::string("is longer than 36500d; leave it away for a sweep without a limit")
                   : std::string();
      },
      "");
}

// seeds: auto, in the file or as flags, becomes the scheduler it is a name for.
void apply_auto_seeds(SweepSpec& spec, const CarryOutFlags& flags) {
  Settings& settings = spec.settings;
  if (flags.auto_seeds) settings.auto_seeds = true;
  if (flags.seeds) settings.auto_seeds = false;
  if (!settings.auto_seeds) {
    if (flags.max_seeds) fail("--max-seeds goes with --seeds auto; add that, or leave --max-seeds away");
    if (flags.confidence) fail("--confidence goes with --seeds auto; add that, or leave --confidence away");
    return;
  }
  const std::string_view stopper = !settings.scheduler.name.empty() ? std::string_view(settings.scheduler.name)
                                   : spec.early_terminate           ? "early_terminate"
                                                                    : "none";
  if (stopper != "none") {
    fail(settings.scheduler.where.empty() ? spec.filename + ": " : settings.scheduler.where,
         "seeds auto is itself a race that decides who has more seeds, so ", stopper,
         " cannot decide beside it; leave one of them away (--scheduler none, or --seeds with a number)");
  }
  settings.scheduler = auto_seeds_scheduler(flags.confidence.value_or(settings.confidence.value_or(kAutoConfidence)));
  settings.seeds = flags.max_seeds.value_or(settings.max_seeds.value_or(kAutoMaxSeeds));
}

}  // namespace

void add_search_flags(CLI::App& command, CarryOutFlags& flags) {
  command
      .add_option("--count", flags.count,
                  "trials; 0 checks the file and stops [default: the file's caviar.count, else its run_cap, else all "
                  "points of a grid]")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 40));
  command
      .add_option("--sweep-seed", flags.sweep_seed,
                  "chooses the trials of random search [default: the file's caviar.sweep_seed, else 0]")
      ->check(CLI::Validator(
          [](const std::string& text) {
            return text.starts_with('-') ? "is " + text + "; it must be a whole number from 0 on" : std::string();
          },
          ""));
  command.add_option("--sampler", flags.sampler,
                     "what to try next: a name `caviar params --samplers` shows, settings after commas, as in "
                     "tpe,startup=20 [default: the file's caviar.sampler, else what its method means]");
  command.add_option(
      "--scheduler", flags.scheduler,
      "which trials to stop early or give more seeds: a name `caviar params --schedulers` shows, settings "
      "after commas [default: the file's caviar.scheduler, else its early_terminate, else none]");
  command
      .add_option(
          "--window", flags.window,
          "how many trials a search that learns, or that judges, may lag behind: less learns faster, more keeps a "
          "wide device busy [default: the file's caviar.window, else a tenth of the trials, at most 256]")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40));
  command
      .add_option("--enqueue", flags.enqueue,
                  "a YAML file of configs to try before all others: a map of parameters and values, or a list of maps; "
                  "once for each file")
      ->allow_extra_args(false);
}

void add_weights_flag(CLI::App& command, CarryOutFlags& flags) {
  command
      .add_option(
          "--save-weights", flags.save_weights,
          "final weights to keep in the study's directory: none; best, of the one run with the best value of the "
          "metric; all, of every complete run, 4 bytes a parameter, 8 with averages. Any other's can be had "
          "again by `caviar replay` [default: best]")
      ->check(CLI::IsMember({"none", "best", "all"}));
}

void add_ending_flags(CLI::App& command, CarryOutFlags& flags) {
  command
      .add_option("--prior", flags.prior,
                  "directory of an earlier study whose finished trials the sampler starts with; once for each study")
      ->allow_extra_args(false);
  command
      .add_option("--no-improvement", flags.no_improvement,
                  "ends once so many trials in a row brought no improvement beyond the noise between seeds")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40));
  command
      .add_option("--noise", flags.noise,
                  "standard deviation of the metric between seeds, for --no-improvement with one seed a trial")
      ->check(above_zero());
  command
      .add_option("--time-limit", flags.time_limit,
                  "puts the study down, as Ctrl-C does, after so long: 90s, 30m, 2h; --resume goes on")
      ->transform(CLI::AsNumberWithUnit(std::map<std::string, double>{{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}}))
      ->check(above_zero())
      ->check(at_most_a_century());
}

SweepSpec with_search_flags(SweepSpec spec, const CarryOutFlags& flags) {
  if (flags.sampler) spec.settings.sampler = parse_choice("--sampler", *flags.sampler);
  if (flags.scheduler) spec.settings.scheduler = parse_choice("--scheduler", *flags.scheduler);
  if (flags.window) spec.settings.window = flags.window;
  if (flags.no_improvement) spec.settings.no_improvement = flags.no_improvement;
  if (flags.noise) {
    if (!spec.settings.no_improvement && !flags.resume)
      fail("--noise says what an improvement is and goes with --no-improvement; add that, or leave --noise away");
    spec.settings.noise = flags.noise;
  }
  for (const std::string& file : flags.enqueue) {
    std::vector<Config> configs = load_enqueued(file, spec);
    spec.settings.by_hand.insert(spec.settings.by_hand.end(), configs.begin(), configs.end());
  }
  apply_auto_seeds(spec, flags);
  return spec;
}

void add_device_flags(CLI::App& command, CarryOutFlags& flags) {
  command
      .add_option("--device", flags.device,
                  "where to train: cpu; cuda, all GPUs; cuda:0,2, those GPUs; auto, GPUs where there are any, else the "
                  "cores (`caviar devices` lists them). In precision fp32 it changes no result")
      ->capture_default_str();
  command
      .add_option("--threads", flags.threads, "worker threads when training on cores; 0: one a core. Changes no result")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
}

void add_common_flags(CLI::App& command, CarryOutFlags& flags) {
  command.add_option("--data", flags.data,
                     "data set: a name `caviar data list` shows, or a directory of IDX files "
                     "[default: the file's caviar.data, else mnist]");
  command
      .add_option(
          "--seeds", flags.seeds,
          "runs of every trial, each on its own seeds, the same for all trials; "
          "init, order, dropout and augment move, split stays, unless the file's caviar.vary says otherwise [default: "
          "the file's caviar.seeds, else 1]")
      ->check(CLI::Range(std::int64_t{1}, kMostSeedsOfATrial));
  add_device_flags(command, flags);
  command
      .add_option(
          "--precision", flags.precision,
          "fp32: the same bits on every device; mixed: fp16 products on the tensor cores of a GPU, the same bits "
          "on GPUs of one architecture [default: the file's caviar.precision, else fp32]")
      ->check(CLI::IsMember({"fp32", "mixed"}));
  command
      .add_option(
          "--validation-examples", flags.validation_examples,
          "examples carved from the training set to rank by [default: the file's caviar.validation_examples, else "
          "10000; a sixth of a training set below 20,000]")
      ->check(above_zero());
  command
      .add_option("--validate-on", flags.validate_on,
                  "validation: examples carved from the training set by the "
                  "split seed; test: the test set, to reproduce studies that tuned on it [default: validation]")
      ->check(CLI::IsMember({"validation", "test"}));
}

void add_auto_seeds_flags(CLI::App& command, CarryOutFlags& flags) {
  CLI::Option* seeds = command.get_option("--seeds");
  const std::string meaning = seeds->get_description();
  command.remove_option(seeds);
  command
      .add_option_function<std::string>(
          "--seeds",
          [&flags](const std::string& text) {
            flags.auto_seeds = text == "auto";
            if (flags.auto_seeds) return;
            const std::optional<Value> number = parse_number(text);
            if (!number || !number->is_number_integer() || *number < 1 || *number > kMostSeedsOfATrial)
              throw CLI::ValidationError("--seeds",
                                         "is " + text + "; it must be auto, or a whole number from 1 to 1000000");
            flags.seeds = number->get<std::int64_t>();
          },
          fmt::format("{}; auto: {} for every trial, and twice as many again and again for those that may still be the "
                      "best, until one is left",
                      meaning, kAutoFirstSeeds))
      ->type_name("INT or auto");
  command
      .add_option("--max-seeds", flags.max_seeds,
                  fmt::format("with --seeds auto: the most a trial may have [default: the file's caviar.max_seeds, "
                              "else {}]",
                              kAutoMaxSeeds))
      ->check(CLI::Range(kFewestMaxSeeds, kMostSeedsOfATrial));
  command
      .add_option(
          "--confidence", flags.confidence,
          fmt::format("with --seeds auto: with which the best is settled, over the whole race, for scores whose "
                      "differences are normal [default: the file's caviar.confidence, else {}]",
                      kAutoConfidence))
      ->check(CLI::Range(0.5, 0.999999));
}

int threads_of(const CarryOutFlags& flags) {
  return flags.threads > 0 ? flags.threads : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

DeviceChoice devices_of(const CarryOutFlags& flags) {
  DeviceChoice devices = choose_devices(flags.device, threads_of(flags));
  if (!devices.note.empty()) fmt::print(stderr, "caviar: {}\n", devices.note);
  return devices;
}

}  // namespace caviar
