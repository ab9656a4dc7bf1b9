#include "tuner/spec/spec.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>

#include "kernels/base/error.h"
#include "tuner/seeds/auto_seeds.h"
#include "tuner/spec/names.h"
#include "tuner/spec/spec_reader.h"
#include "tuner/spec/value.h"

namespace caviar {
namespace {

constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();

constexpr std::string_view kTopKeys[] = {
    "method",     "parameters", "metric",      "metrics", "early_terminate", "run_cap", "program",
    "command",    "name",       "description", "project", "entity",          "job",     "image_uri",
    "controller", "scheduler",  "apiVersion",  "kind",    "caviar",
};
constexpr std::string_view kMethods[] = {"grid", "random", "bayes", "custom"};
constexpr std::string_view kGoals[] = {"minimize", "maximize"};
constexpr std::string_view kImputes[] = {"latest", "best", "worst"};
constexpr std::string_view kRunningImputes[] = {"latest", "best", "worst", "false"};

constexpr SettingHelp kSettings[] = {
    {"data", "mnist", "a name `caviar data list` shows, or a directory", "The data set."},
    {"seeds", "1", "1 to 1000000, auto",
     "Runs of every trial, each on seeds of its own, so that chance can be told apart; auto: 3 each, and close "
     "contenders more until the best is settled."},
    {"max_seeds", "48", "4 to 1000000", "With seeds: auto, the most a trial may have."},
    {"confidence", "0.95", "0.5 to 0.999999", "With seeds: auto, with which the best is settled."},
    {"vary", "[init, order, dropout, augment]", "a list of init, order, dropout, augment, split",
     "Which seeds differ between the runs of a trial; the others are those of the config in all of them."},
    {"count", "run_cap, or the whole grid", "0 or more",
     "Trials, at most run_cap; random search needs one of the two; 0 checks the file and trains nothing."},
    {"window", "a tenth of the trials, at most 256", "1 or more",
     "How far a search that learns may lag behind: trial i is suggested, and judged, from the results of trials 0 to "
     "i - window, whatever the parallelism."},
    {"no_improvement", "none", "1 or more",
     "Ends the study once so many trials in a row brought no improvement beyond the noise between seeds."},
    {"noise", "estimated", "above 0",
     "Standard deviation of the metric between seeds, for no_improvement where every trial has one seed."},
    {"sampler", "what method means", "a name `caviar params --samplers` shows, or a map with that name and settings",
     "What to try next; W&B goes on to read method."},
    {"scheduler", "what early_terminate means", "a name `caviar params --schedulers` shows, or a map",
     "Which trials to stop early, or to give more seeds."},
    {"choice", "{}", "a map: parameter, value, and parameters or a list of names",
     "Parameters that have a place only beside some value of another, such as momentum beside optimizer sgd."},
    {"precision", "fp32", "fp32, mixed",
     "Arithmetic of the training: fp32 gives the same bits on every device, mixed is for GPUs."},
    {"validate_on", "validation", "validation, test",
     "What val_ metrics are measured on; `test` repeats studies that tuned on the test set, and is optimistic."},
    {"sweep_seed", "0", "0 to 2^64 - 1", "Chooses the trials of random search."},
    {"validation_examples", "10000", "1 or more",
     "Training examples kept for validation, drawn by seed_split; of a training set below 20000 a sixth."},
};

constexpr SeedSource kSeedSources[] = {{"init", &VariedSeeds::init},
                                       {"order", &VariedSeeds::order},
                                       {"dropout", &VariedSeeds::dropout},
                                       {"augment", &VariedSeeds::augment},
                                       {"split", &VariedSeeds::split}};

class SweepReader {
 public:
  explicit SweepReader(SweepSpec& spec) : spec_(spec), reader_(spec.filename, spec.warnings) {}

  void read() {
    const auto root = parse_yaml(spec_.text, spec_.filename);
    if (root->is_scalar() && root->scalar.is_null()) {
      reader_.refuse(1, "the file is empty; a sweep has at least method and parameters");
    }
    reader_.require_map(*root, "the sweep");
    root_ = root.get();
    check_top_keys();
    read_method();
    read_labels();
    read_run_cap();
    read_metric();
    read_metrics();
    read_controller();
    read_scheduler();
    read_early_terminate();
    read_all_parameters();
    read_settings();
    check_together();
  }

 private:
  const YamlNode* find(std::string_view key) const { return root_->find(key); }

  int line_of(std::string_view key) const {
    for (const YamlEntry& entry : root_->entries) {
      if (entry.key == key) return entry.line;
    }
    return 1;
  }

  void check_top_keys() const {
    if (find("seed")) {
      reader_.refuse(line_of("seed"),
                     "'seed' is no key of a sweep; write sweep_seed in the caviar block for the "
                     "sampling, or a parameter seed for the runs");
    }
    reader_.require_keys(*root_, "the sweep", kTopKeys);
  }

  void read_method() {
    const YamlNode* method = find("method");
    if (!method) reader_.refuse(1, "the sweep has no method; add method: grid, method: random or method: bayes");
    spec_.method = static_cast<Method>(reader_.choice(*method, "method", kMethods));
  }

  void read_labels() {
    const auto label = [&](std::string_view key) {
      const YamlNode* node = find(key);
      return node ? reader_.string(*node, key) : std::string();
    };
    spec_.name = label("name");
    spec_.description = label("description");
    spec_.program = label("program");
    spec_.project = label("project");
    spec_.entity = label("entity");
    label("job");
    label("image_uri");
    label("apiVersion");
    if (find("job") && find("image_uri")) {
      reader_.refuse(line_of("image_uri"), "the sweep has both job and image_uri; keep one");
    }
    if (const YamlNode* kind = find("kind")) {
      constexpr std::string_view kKinds[] = {"sweep"};
      reader_.choice(*kind, "kind", kKinds);
    }
    if (const YamlNode* command = find("command")) {
      if (!command->is_list()) reader_.refuse(command->line, "command must be a list, one item a word");
      for (const auto& item : command->items) {
        if (!item->is_scalar()) reader_.refuse(item->line, "an item of command is a list or map; write one word");
        spec_.command.push_back(item->text);
      }
    }
  }

  void read_run_cap() {
    if (const YamlNode* cap = find("run_cap")) spec_.run_cap = reader_.integer(*cap, "run_cap", 1, kNoLimit);
  }

  MetricSpec metric(const YamlNode& node, std::string_view what) {
    constexpr std::string_view kKeys[] = {"name", "goal", "target", "impute", "impute_while_running"};
    reader_.require_map(node, what);
    reader_.require_keys(node, what, kKeys);
    MetricSpec metric;
    const YamlNode* name = node.find("name");
    if (!name) reader_.refuse(node.line, what, " has no name; add name: val_accuracy or another metric");
    metric.name = metric_name(*name);
    const YamlNode* goal = node.find("goal");
    metric.goal = goal ? static_cast<Goal>(reader_.choice(*goal, "goal", kGoals)) : Goal::kMinimize;
    const bool is_accuracy = metric.name.ends_with("accuracy");
    if (is_accuracy && metric.goal == Goal::kMinimize) {
      reader_.warn(goal ? goal->line : node.line, "the sweep minimizes ", metric.name,
                   goal ? "" : ", as W&B does without a goal", "; write goal: maximize if that is not meant");
    }
    if (const YamlNode* target = node.find("target")) {
      metric.target = reader_.number(*target, "target");
      if (is_accuracy && *metric.target > 1) {
        reader_.warn(target->line, "target is ", *metric.target, ", but ", metric.name,
                     " is a share between 0 and 1 here and never gets there; write ", *metric.target / 100);
      }
    }
    if (const YamlNode* impute = node.find("impute")) {
      metric.impute = kImputes[reader_.choice(*impute, "impute", kImputes)];
    }
    if (const YamlNode* impute = node.find("impute_while_running")) {
      if (impute->is_scalar() && impute->scalar == Value(false)) {
        reader_.refuse(impute->line,
                       "impute_while_running is the boolean false; W&B wants the word, so write \"false\"");
      }
      metric.impute_while_running = kRunningImputes[reader_.choice(*impute, "impute_while_running", kRunningImputes)];
    }
    return metric;
  }

  std::string metric_name(const YamlNode& node) {
    const std::string given = reader_.string(node, "the metric's name");
    std::string name = canonical_metric(given);
    if (name.empty() && given.starts_with("test")) {
      reader_.refuse(node.line, "the metric ", show(given),
                     " cannot steer a sweep: the test set is touched once, at the ",
                     "end; use val_accuracy, and validate_on: test in the caviar block to reproduce a study that did");
    }
    if (name.empty()) {
      reader_.refuse(node.line, "the metric ", show(given), " is not measured here; known are ", join(known_metrics()),
                     did_you_mean(given, known_metrics()));
    }
    if (given == "loss")
      reader_.warn(node.line, "the metric 'loss' is taken as val_loss; write train_loss for the other");
    return name;
  }

  void read_metric() {
    if (const YamlNode* node = find("metric")) spec_.metric = metric(*node, "metric");
  }

  void read_metrics() {
    const YamlNode* list = find("metrics");
    if (!list) return;
    if (!list->is_list() || list->items.size() < 2) {
      reader_.refuse(list->line, "metrics must be a list of at least two metrics; for one use metric");
    }
    if (find("metric")) reader_.refuse(line_of("metrics"), "the sweep has both metric and metrics; keep one");
    if (spec_.method != Method::kCustom) {
      reader_.refuse(line_of("metrics"), "metrics works with method: custom only; for this method use one metric");
    }
    for (const auto& item : list->items) spec_.metrics.push_back(metric(*item, "an item of metrics"));
  }

  void read_controller() {
    const YamlNode* controller = find("controller");
    if (!controller) return;
    constexpr std::string_view kKeys[] = {"type"};
    constexpr std::string_view kTypes[] = {"local", "cloud"};
    reader_.require_map(*controller, "controller");
    reader_.require_keys(*controller, "controller", kKeys);
    const YamlNode* type = controller->find("type");
    if (!type) reader_.refuse(controller->line, "controller has no type; write type: local or type: cloud");
    const bool local = reader_.choice(*type, "type of controller", kTypes) == 0;
    if (local && find("scheduler")) {
      reader_.refuse(line_of("scheduler"), "a local controller cannot have a scheduler; remove one of them");
    }
  }

  void read_scheduler() {
    const YamlNode* scheduler = find("scheduler");
    if (!scheduler) return;
    constexpr std::string_view kKeys[] = {"engine", "source", "optimizer", "search_space"};
    constexpr std::string_view kEngines[] = {"wandb", "optuna", "ax"};
    reader_.require_map(*scheduler, "scheduler");
    reader_.require_keys(*scheduler, "scheduler", kKeys);
    if (const YamlNode* engine = scheduler->find("engine")) {
      if (reader_.choice(*engine, "engine of scheduler", kEngines) != 0) {
        reader_.refuse(engine->line, "the scheduler's engine ", show(engine->text),
                       " is not accepted by W&B; use wandb");
      }
    }
    if (spec_.method == Method::kCustom) {
      reader_.refuse(line_of("scheduler"), "a scheduler goes with method grid, random or bayes, not custom");
    }
    for (const std::string_view key : {"optimizer", "search_space"}) {
      const YamlNode* node = scheduler->find(key);
      if (node && !scheduler->find("source")) {
        reader_.refuse(node->line, "the scheduler has ", key, " but no source; add source");
      }
    }
    spec_.has_scheduler = true;
  }

  void read_early_terminate() {
    const YamlNode* node = find("early_terminate");
    if (!node) return;
    reader_.require_map(*node, "early_terminate");
    const YamlNode* type = node->find("type");
    if (!type) reader_.refuse(node->line, "early_terminate has no type; write type: hyperband");
    if (type->text == "envelope") {
      reader_.warn(type->line, "early_terminate type envelope no longer exists; no run is stopped early");
      return;
    }
    constexpr std::string_view kTypes[] = {"hyperband"};
    constexpr std::string_view kKeys[] = {"type", "min_iter", "max_iter", "s", "eta", "strict"};
    reader_.choice(*type, "type of early_terminate", kTypes);
    reader_.require_keys(*node, "early_terminate", kKeys);
    if (find("scheduler")) {
      reader_.refuse(line_of("early_terminate"), "early_terminate and scheduler exclude each other; remove one");
    }
    EarlyTerminateSpec early;
    if (const YamlNode* min_iter = node->find("min_iter")) {
      early.min_iter = reader_.integer(*min_iter, "min_iter", 1, kNoLimit);
    }
    if (const YamlNode* max_iter = node->find("max_iter")) {
      early.max_iter = reader_.integer(*max_iter, "max_iter", 1, kNoLimit);
    }
    if (const YamlNode* s = node->find("s")) early.s = reader_.number(*s, "s");
    if (const YamlNode* eta = node->find("eta")) {
      early.eta = reader_.number(*eta, "eta");
      if (!(early.eta > 1)) reader_.refuse(eta->line, "eta is ", early.eta, "; it must be above 1");
    }
    if (const YamlNode* strict = node->find("strict")) early.strict = reader_.boolean(*strict, "strict");
    check_bands(early, *node);
    spec_.early_terminate = early;
  }

  void check_bands(const EarlyTerminateSpec& early, const YamlNode& node) {
    if (early.max_iter && !early.s) reader_.refuse(node.line, "early_terminate has max_iter but no s; add s");
    if (!early.max_iter && !early.min_iter) {
      reader_.refuse(node.line, "early_terminate has neither min_iter nor max_iter and s; add one of the two");
    }
    if (early.max_iter && early.min_iter) {
      reader_.warn(node.line, "early_terminate has min_iter and max_iter; max_iter and s count, as in W&B");
    }
    if (hyperband_bands(early).empty()) {
      reader_.refuse(node.line, "early_terminate stops nowhere: max_iter ", *early.max_iter, " / eta ", early.eta,
                     " with s ", *early.s, " gives no iteration of at least 1; raise max_iter or s");
    }
  }

  void read_all_parameters() {
    const YamlNode* parameters = find("parameters");
    if (!parameters) {
      const YamlNode* scheduler = find("scheduler");
      if (scheduler && scheduler->find("search_space")) return;
      reader_.refuse(1, "the sweep has no parameters; add at least one");
    }
    reader_.require_map(*parameters, "parameters");
    if (parameters->entries.empty()) reader_.refuse(parameters->line, "parameters is empty; add at least one");
    read_parameters(reader_, *parameters, "", spec_.parameters);
    std::map<std::string, int> lines;
    for (const ParameterSpec& parameter : spec_.parameters) {
      const auto [first, is_new] = lines.emplace(parameter.name, parameter.line);
      if (!is_new) {
        reader_.refuse(parameter.line, "parameter '", parameter.name, "' is there twice, first in line ", first->second,
                       "; keep one");
      }
    }
  }

  void read_settings() {
    const YamlNode* block = find("caviar");
    if (!block) return;
    std::vector<std::string_view> keys;
    for (const SettingHelp& setting : kSettings) keys.push_back(setting.name);
    constexpr std::string_view kPrecisions[] = {"fp32", "mixed"};
    constexpr std::string_view kValidateOn[] = {"validation", "test"};
    reader_.require_map(*block, "caviar");
    reader_.require_keys(*block, "caviar", keys);
    Settings& settings = spec_.settings;
    if (const YamlNode* node = block->find("data")) settings.data = reader_.string(*node, "data");
    read_seeds(*block);
    if (const YamlNode* node = block->find("count")) settings.count = reader_.integer(*node, "count", 0, kNoLimit);
    if (const YamlNode* node = block->find("window")) settings.window = reader_.integer(*node, "window", 1, kNoLimit);
    if (const YamlNode* node = block->find("precision")) {
      settings.precision = kPrecisions[reader_.choice(*node, "precision", kPrecisions)];
    }
    if (const YamlNode* node = block->find("validate_on")) {
      settings.validate_on_test = reader_.choice(*node, "validate_on", kValidateOn) == 1;
    }
    if (const YamlNode* node = block->find("validation_examples")) {
      settings.validation_examples = reader_.integer(*node, "validation_examples", 1, kNoLimit);
    }
    if (const YamlNode* node = block->find("choice")) read_choices(reader_, *node, spec_.parameters);
    if (const YamlNode* node = block->find("vary")) settings.vary = varied(*node);
    if (const YamlNode* node = block->find("no_improvement")) {
      settings.no_improvement = reader_.integer(*node, "no_improvement", 1, kNoLimit);
    }
    if (const YamlNode* node = block->find("noise")) {
      settings.noise = reader_.number(*node, "noise");
      if (!(*settings.noise > 0)) reader_.refuse(node->line, "noise is ", *settings.noise, "; it must be above 0");
    }
    if (const YamlNode* node = block->find("sampler")) settings.sampler = choice(*node, "sampler");
    if (const YamlNode* node = block->find("scheduler")) settings.scheduler = choice(*node, "scheduler");
    if (const YamlNode* node = block->find("sweep_seed")) settings.sweep_seed = reader_.seed(*node, "sweep_seed");
  }

  void read_seeds(const YamlNode& block) {
    Settings& settings = spec_.settings;
    if (const YamlNode* node = block.find("seeds")) {
      settings.auto_seeds = node->is_scalar() && node->scalar == Value("auto");
      if (!settings.auto_seeds) settings.seeds = reader_.integer(*node, "seeds", 1, 1'000'000);
    }
    for (const std::string_view key : {"max_seeds", "confidence"}) {
      const YamlNode* node = block.find(key);
      if (node && !settings.auto_seeds) reader_.warn(node->line, key, " has an effect only with seeds: auto");
    }
    if (const YamlNode* node = block.find("max_seeds"))
      settings.max_seeds = reader_.integer(*node, "max_seeds", kFewestMaxSeeds, 1'000'000);
    if (const YamlNode* node = block.find("confidence")) {
      settings.confidence = reader_.number(*node, "confidence");
      if (!(*settings.confidence >= 0.5 && *settings.confidence <= 0.999999))
        reader_.refuse(node->line, "confidence is ", *settings.confidence, "; it must be between 0.5 and 0.999999");
    }
  }

  VariedSeeds varied(const YamlNode& node) {
    constexpr std::string_view kWords[] = {"init", "order", "dropout", "augment", "split"};
    VariedSeeds varied{false, false, false, false, false};
    const auto add = [&](const YamlNode& word) {
      bool& varies = varied.*kSeedSources[reader_.choice(word, "vary", kWords)].member;
      if (varies) reader_.refuse(word.line, "vary names '", word.text, "' twice; once is enough");
      varies = true;
    };
    if (!node.is_list()) {
      add(node);
      return varied;
    }
    for (const auto& word : node.items) add(*word);
    if (node.items.empty()) {
      reader_.refuse(node.line,
                     "vary is empty, so all runs of a trial would be the same; name one or more of init, order, "
                     "dropout, augment, split");
    }
    return varied;
  }

  // A name, or a map with the name and settings; what they mean is the registry's to say.
  Choice choice(const YamlNode& node, std::string_view what) {
    const auto where = [&](int line) { return cat(spec_.filename, ":", line, ": "); };
    const std::string remedy =
        cat("; write a name that `caviar params --", what, "s` shows, or a map of it and its settings, as in ", what,
            what == "sampler" ? ": {name: tpe, startup: 20}" : ": {name: asha, max_iter: 27}");
    Choice choice;
    choice.where = where(node.line);
    if (!node.is_map()) {
      choice.name = name_of_choice(node, what, remedy);
      return choice;
    }
    for (const YamlEntry& entry : node.entries) {
      if (entry.key == "name") {
        choice.name = name_of_choice(*entry.value, cat("name of ", what), remedy);
      } else {
        choice.settings[entry.key] = {entry.value->to_value(), where(entry.line)};
      }
    }
    if (choice.name.empty()) reader_.refuse(node.line, what, " is a map without name", remedy);
    return choice;
  }

  // A flag's way of writing settings is not a file's.
  std::string name_of_choice(const YamlNode& node, std::string_view what, const std::string& remedy) {
    const bool is_text = node.is_scalar() && node.scalar.is_string();
    if (is_text && !node.text.empty() && node.text.find_first_of(",=: ") == std::string::npos) return node.text;
    reader_.refuse(node.line, what, " is ",
                   node.is_list()             ? "a list"
                   : node.is_map()            ? "a map"
                   : node.scalar.is_null()    ? "empty"
                   : node.scalar == Value("") ? "empty text"
                                              : show(node.scalar),
                   is_text && !node.text.empty() ? "; settings do not stand behind a name in a file" : "", remedy);
  }

  // Rules that need more than one key.
  void check_together() {
    if (spec_.method == Method::kBayes && !spec_.metric) {
      reader_.refuse(line_of("method"), "method bayes needs a metric; add metric with name and goal");
    }
    if (spec_.early_terminate && !spec_.metric) {
      reader_.refuse(line_of("early_terminate"), "early_terminate needs a metric; add metric with name and goal");
    }
    const auto is_constant = [](const ParameterSpec& p) { return p.distribution == Distribution::kConstant; };
    if (spec_.method == Method::kBayes && !spec_.parameters.empty() &&
        std::all_of(spec_.parameters.begin(), spec_.parameters.end(), is_constant)) {
      reader_.refuse(line_of("parameters"), "method bayes has nothing to choose; make one parameter vary");
    }
    if (spec_.method == Method::kGrid) check_grid();
  }

  void check_grid() const {
    for (const ParameterSpec& parameter : spec_.parameters) {
      switch (parameter.distribution) {
        case Distribution::kConstant:
        case Distribution::kCategorical:
        case Distribution::kIntUniform:
        case Distribution::kQUniform:
          break;
        default:
          reader_.refuse(parameter.line, "parameter '", parameter.name, "' is ", to_string(parameter.distribution),
                         ", which has no grid; list values, use int_uniform or q_uniform, or method: random");
      }
    }
  }

  SweepSpec& spec_;
  SpecReader reader_;
  const YamlNode* root_ = nullptr;
};

}  // namespace

std::vector<std::int64_t> hyperband_bands(const EarlyTerminateSpec& early) {
  constexpr int kMostBands = 100;
  constexpr double kLargest = 9e18;  // iterations are 64-bit
  std::vector<std::int64_t> bands;
  double power = 1;  // eta^i by multiplication, which is exact on every host in the same way
  if (early.max_iter) {
    for (int i = 1; i <= early.s.value_or(0) && i <= kMostBands; ++i) {
      power *= early.eta;
      const double band = static_cast<double>(*early.max_iter) / power;
      if (band < 1) break;
      bands.push_back(static_cast<std::int64_t>(band));
    }
    std::reverse(bands.begin(), bands.end());
  } else if (early.min_iter) {
    for (int i = 0; i < kMostBands; ++i) {
      const double band = static_cast<double>(*early.min_iter) * power;
      if (band >= kLargest) break;
      bands.push_back(static_cast<std::int64_t>(band));
      power *= early.eta;
    }
  }
  return bands;
}

std::span<const SeedSource> seed_sources() { return kSeedSources; }

std::span<const SettingHelp> setting_help() { return kSettings; }

SweepSpec parse_sweep(const std::string& text, const std::string& filename) {
  SweepSpec spec;
  spec.filename = filename;
  spec.text = text;
  SweepReader(spec).read();
  return spec;
}

SweepSpec load_sweep(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) fail(path, ": the sweep file cannot be opened; check the path and its permissions");
  std::string text;
  text.resize(kYamlMaxBytes + 1);  // one more than the parser accepts, so that a device file cannot fill the memory
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) fail(path, ": the sweep file cannot be read");
  text.resize(static_cast<std::size_t>(file.gcount()));
  return parse_sweep(text, path);
}

void require_runnable(const SweepSpec& spec) {
  if (spec.method == Method::kCustom) {
    fail(spec.filename, ": method custom needs a controller of W&B's; use method: bayes, random or grid");
  }
  if (!spec.metrics.empty()) fail(spec.filename, ": several metrics are not available yet; use one metric");
  if (spec.has_scheduler) fail(spec.filename, ": scheduler belongs to W&B's Launch; remove it");
}

}  // namespace caviar
