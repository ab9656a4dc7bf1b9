// caviar confirm STUDY: the best of a search again, on seeds the search never saw.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "app/carry_out.h"
#include "app/commands.h"
#include "app/confirm_report.h"
#include "app/numbers.h"
#include "app/output_aside.h"
#include "app/search_record.h"
#include "app/text.h"
#include "kernels/base/error.h"
#include "tuner/history.h"
#include "tuner/spec/names.h"

namespace caviar {
namespace {

constexpr const char* kFooter = R"(
The best of many noisy scores flatters its trial. So the best trials, and the baseline, are trained again from scratch
on seeds that no run of the search had: init, order, dropout, augment and split move together, the same for every
trial, so that runs are compared in pairs. What is printed rests on the fresh runs alone, except where it says `in the
search`.
Simulated with normal scores, 50 seeds tell a winner that is better in three pairs of four from one other trial with a
chance of 0.94, and from each of five, by Holm's correction, with 0.93; from all of them at once less often. --quick's
10 do so with 0.25 and 0.17, and with 0.92 and 0.88 where the winner is better in 19 pairs of 20. The runs are a study
of their own: `caviar show` and `caviar compare` read it.

--json: searched, study, metric, goal, confidence, first_seed, seeds, search (trials_looked_at, seed_sd, seed_sd_from,
best, mean_of_all, config_sd, expected_luck, shrunken_best), arms (trial, confirmed_as, role, search_mean, runs, mean,
interval, sd, diverged, failed, unfinished), comparisons (of the winner with each other arm: trial, p, p_holm, verdict,
favours, failures, comparison as in `caviar compare --json`, a the winner; null where an arm has no score, p is then
Fisher's, of the failures), pick (trial, picking_score, score, interval, runs_to_score). What is not known is null.

Exit codes: as of `caviar sweep`.

Example:
  caviar confirm studies/first --top 3 --baseline 0)";

constexpr std::int64_t kSeeds = 50, kQuickSeeds = 10;
constexpr std::int64_t kTop = 5;
constexpr const char* kFilename = "confirm";

struct Options {
  std::string searched;
  CarryOutFlags flags;  // its study is the one that confirms
  std::optional<std::int64_t> top;
  std::optional<std::int64_t> baseline;
  bool quick = false, json = false;
};

// Why fewer are confirmed than were asked for.
void say_who_is_missing(const ConfirmPlan& plan, std::size_t ranked) {
  if (plan.best >= plan.top) return;
  const std::string those = show_number_of(plan.best, "trial");
  const std::string why = static_cast<std::size_t>(plan.best) == ranked
                              ? fmt::format("the search has only {} with a score", those)
                              : fmt::format(
                                    "only {} of the search ran to the end on all seeds, of each behind a run "
                                    "diverged or was stopped",
                                    those);
  fmt::print(stderr, "caviar: note: {}; {} confirmed and not {}\n", why,
             plan.best == 1 ? "one is" : fmt::format("{} are", plan.best), plan.top);
}

// The best `top` that ran to their end on all their seeds, and the baseline.
ConfirmPlan plan_of(Storage& searched, const Options& options) {
  const StudyRecord study = searched.study().value();
  History history(study.metric, study.maximize, study.seeds);
  history.fold(searched, true);
  ConfirmPlan plan;
  plan.top = options.top.value_or(kTop);
  const std::vector<std::int64_t> order = history.ranking(static_cast<std::size_t>(history.trials()));
  for (const std::int64_t trial : order) {
    if (std::ssize(plan.trials) == plan.top || history[trial].stopped || history[trial].diverged > 0) break;
    plan.trials.push_back(trial);
  }
  plan.best = std::ssize(plan.trials);
  if (plan.trials.empty()) {
    fail(options.searched, ": no trial ran to its end on all its seeds, so there is nothing to confirm");
  }
  if (options.top || plan.best < std::ssize(order)) say_who_is_missing(plan, order.size());
  plan.baseline = options.baseline;
  if (plan.baseline && std::find(plan.trials.begin(), plan.trials.end(), *plan.baseline) == plan.trials.end())
    plan.trials.push_back(*plan.baseline);
  plan.first_seed = fresh_seeds(searched, options.flags.seeds.value_or(kSeeds));
  return plan;
}

std::vector<Config> configs_of(Storage& searched, const ConfirmPlan& plan) {
  std::vector<Config> configs;
  for (const std::int64_t number : plan.trials) {
    const auto record = searched.trial(number);
    if (!record) {
      fail(searched.file(), ": there is no trial ", number, "; the study has ",
           show_number_of(searched.trial_count(), "trial"), ", counted from 0");
    }
    if (record->trial.parent >= 0 || record->trial.until > 0) {
      fail(searched.file(), ": trial ", number,
           " went on from another's weights, as a population does; its config alone is not what was found, so it "
           "cannot be trained again from scratch");
    }
    Config config = record->trial.config;
    std::erase_if(config, [](const auto& entry) { return canonical_parameter(entry.first).starts_with("seed"); });
    config["seed"] = plan.first_seed;
    configs.push_back(std::move(config));
  }
  return configs;
}

// The sweep of those configs on fresh seeds, as the study that confirms records it. Its description has the plan, so
// that a resume need not ask the search again, which may have grown.
SweepSpec confirming_sweep(Storage& searched, const ConfirmPlan& plan) {
  const StudyRecord study = searched.study().value();
  const Value description = {{"confirms", plan.trials},
                             {"best", plan.best},
                             {"top", plan.top},
                             {"baseline", plan.baseline ? Value(*plan.baseline) : Value()},
                             {"first_seed", plan.first_seed}};
  std::string text = fmt::format(
      "description: '{}'\nmethod: grid\nmetric: {{name: {}, goal: {}}}\nparameters:\n  seed: {{value: {}}}\ncaviar:\n",
      description.dump(), study.metric, study.maximize ? "maximize" : "minimize", plan.first_seed);
  text += fmt::format(
      "  count: {}\n  vary: [init, order, dropout, augment, split]\n  data: {}\n  precision: {}\n  validate_on: {}\n",
      plan.trials.size(), Value(study.data_name).dump(), study.numerics.substr(0, study.numerics.find('/')),
      study.validate_on_test ? "test" : "validation");
  // What the search trained with and its file need not say: flags may have.
  if (const std::int64_t examples = validation_examples_of(searched); examples > 0)
    text += fmt::format("  validation_examples: {}\n", examples);
  SweepSpec spec = parse_sweep(text, kFilename);
  spec.settings.by_hand = configs_of(searched, plan);
  return spec;
}

bool is_confirming(const StudyRecord& study) { return study.spec_name == kFilename; }

ConfirmPlan recorded_plan(const SweepSpec& spec, const std::string& directory) {
  const Value description = Value::parse(spec.description, nullptr, false);
  if (!description.is_object() || !description.contains("confirms"))
    fail(directory, ": the study does not say what it confirms; name another directory with --study");
  ConfirmPlan plan;
  plan.trials = description["confirms"].get<std::vector<std::int64_t>>();
  if (!description["baseline"].is_null()) plan.baseline = description["baseline"].get<std::int64_t>();
  plan.first_seed = description["first_seed"].get<std::uint64_t>();
  plan.best = description.value("best", std::ssize(plan.trials) - (plan.baseline == plan.trials.back() ? 1 : 0));
  plan.top = description.value("top", std::int64_t{0});
  return plan;
}

// What is confirmed was settled when the study began.
void require_same_plan(const Options& options, const ConfirmPlan& plan) {
  const std::string& study = options.flags.study;
  const std::string remedy = "; leave it away to go on with these, or confirm others into another directory, --study";
  if (options.top && *options.top != plan.best && *options.top != plan.top)
    fail("--top ", *options.top, ": ", study, " confirms the best ", plan.best, " of the search", remedy);
  if (!options.baseline || plan.baseline == options.baseline) return;
  fail("--baseline ", *options.baseline, ": the study ", study, " has ",
       plan.baseline ? fmt::format("trial {} as its baseline", *plan.baseline) : "no baseline", remedy);
}

// Flags of a set that was not given by name carry no digest: the examples must be those of the search.
void require_same_data(const StudyRecord& search, const CarryOutFlags& flags, const SweepSpec& spec) {
  const std::shared_ptr<const Dataset> data = load_data(spec, flags);
  if (data->digest == search.data_digest) return;
  fail("the search was on other examples than ", data->name, " has; name its data set with --data");
}

int confirm(Options& options) {
  CarryOutFlags& flags = options.flags;
  if (flags.study.empty()) flags.study = (std::filesystem::path(options.searched) / "confirm").string();
  Storage searched = open_study(options.searched);
  const StudyRecord search = searched.study().value();
  if (!flags.data) flags.data = data_of(search);
  const std::optional<StudyRecord> recorded = recorded_study(flags.study);
  if (recorded && !is_confirming(*recorded))
    fail(flags.study, ": this is not a study of `caviar confirm` but of ", recorded->spec_name,
         "; name another directory with --study");
  if (!recorded && flags.resume && is_confirming(search)) {
    fail(flags.study, ": nothing is recorded here to go on with; ", options.searched,
         " is itself a study of `caviar confirm`: name the search, and this one with --study");
  }
  if (recorded && !flags.resume) {
    fail(flags.study,
         ": this search has been confirmed here already; --resume goes on with it, or shows it again. Another batch "
         "takes another directory, --study");
  }
  if (options.quick && !flags.seeds) flags.seeds = kQuickSeeds;
  if (!recorded && !flags.seeds) flags.seeds = kSeeds;
  SweepSpec spec;
  ConfirmPlan plan;
  if (recorded) {
    spec = parse_sweep(recorded->spec, recorded->spec_name);
    plan = recorded_plan(spec, flags.study);
    require_same_plan(options, plan);
  } else {
    plan = plan_of(searched, options);
    spec = confirming_sweep(searched, plan);
  }
  require_same_data(search, flags, spec);
  require_fresh(searched, plan.first_seed, flags.seeds.value_or(recorded ? recorded->seeds : kSeeds));
  std::optional<ConfirmReport> report;
  int exit_code = kExitError;
  {
    const OutputAside aside(options.json);
    exit_code = carry_out(spec, flags, [](Storage&) {});
    if (exit_code == kExitDone || exit_code == kExitPartial) {
      Storage confirmed = open_study(flags.study);
      report = confirm_report(searched, confirmed, plan);
    }
  }
  if (!report) return exit_code;
  report->searched = options.searched;
  report->study = flags.study;
  if (options.json) {
    write_confirm_json(*report, stdout);
  } else {
    print_confirm(*report);
    if (report->seeds < 29)
      fmt::print("note: {} tell only a winner that is better in nearly every run; --seeds {} --resume adds to them\n",
                 show_number_of(report->seeds, "seed"), kSeeds);
  }
  return exit_code;
}

}  // namespace

void add_confirm(CLI::App& program, int& exit_code) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = program.add_subcommand("confirm", "Train the best of a search again on fresh seeds");
  command->add_option("searched", options->searched, "directory of the study whose best are confirmed")->required();
  command->add_option("--top", options->top, fmt::format("how many of its best [default: {}]", kTop))
      ->check(CLI::Range(1, 1000));
  command->add_option("--baseline", options->baseline, "a trial of it to compare with as well")->check(whole_from(0));
  auto* seeds = command->add_option("--seeds", options->flags.seeds, "fresh seeds of each [default: 50]")
                    ->check(CLI::Range(std::int64_t{5}, std::int64_t{1'000'000}));
  command->add_flag("--quick", options->quick, "10 fresh seeds")->excludes(seeds);
  command->add_option("--study", options->flags.study, "directory to keep it in [default: confirm in the study's own]");
  command->add_flag("--resume", options->flags.resume, "go on with what is in that directory, or show it again");
  command->add_option("--data", options->flags.data, "data set, as `caviar sweep` has it [default: the study's]");
  command->add_flag("--json", options->json, "print one JSON object");
  add_weights_flag(*command, options->flags);
  add_device_flags(*command, options->flags);
  command->footer(kFooter);
  command->callback([options, &exit_code] { exit_code = confirm(*options); });
}

}  // namespace caviar
