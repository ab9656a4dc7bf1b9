// caviar compare A B: is the difference between two trials, or two configs, more than the seeds would show?
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "app/arms.h"
#include "app/carry_out.h"
#include "app/commands.h"
#include "app/compare_configs.h"
#include "app/comparison.h"
#include "app/numbers.h"
#include "app/output_aside.h"
#include "app/search_record.h"
#include "app/text.h"
#include "kernels/base/error.h"
#include "tuner/analysis/paired_tests.h"
#include "tuner/analysis/sample.h"
#include "tuner/history.h"
#include "tuner/metric.h"
#include "tuner/registry.h"
#include "tuner/space.h"
#include "tuner/spec/spec.h"
#include "tuner/storage/directory.h"

namespace caviar {
namespace {

constexpr const char* kFooter = R"(
A and B are STUDY:TRIAL, or STUDY alone: its best trial. Or both are sweep files of one point: then the two configs are
trained on the same --seeds (init, order, dropout, augment and split move together, unless both files say the same
vary), into a study that is kept, and compared.

Runs on seeds that both have a score for are compared in pairs, from 6 of them on; else all runs with all. The verdict
is decided by the probability that a run of A is better than a run of B and its 95 % interval (pairs: Clopper and
Pearson; else all pairs, see tuner/analysis/outperform.h): one half inside it `could be noise`; above one half, but
not above 0.75, `real but not meaningful`; else `real and meaningful` (Bouthillier et al. 2021). The other tests stand
beside it and decide nothing.

--json: metric, goal, confidence, a and b (study, trial, chosen, trials_tried, rank, config, runs, mean, sd, failed,
diverged, stopped, unfinished), comparison (paired, shared_seeds, runs_a, runs_b, mean_a, mean_b, difference, welch,
paired_test, mann_whitney, outperforms_in_pairs, outperforms_in_all_pairs, failures, outperforms_with_failures,
verdict_with_failures, verdict, favours, further_seeds), equivalence. What is not known is null: where an arm has no score, all of the comparison but failures.

Examples:
  caviar compare studies/first:3 studies/first:7
  caviar compare lstm.yaml gru.yaml --seeds 30)";

struct Options {
  std::string a, b;
  std::optional<std::string> metric;
  std::optional<double> equivalent;
  bool json = false;
  CarryOutFlags flags;  // of two configs
};

std::string config_of(const TrialArm& arm) {
  std::string text;
  for (const auto& [name, value] : arm.record.trial.config)
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", name, show_value(value));
  return text;
}

void print_arms(const TrialArm& a, const TrialArm& b, const std::string& metric) {
  std::vector<std::vector<std::string>> table = {
      {"arm", "runs", "mean " + metric, "sd", "diverged", "failed", "stopped", "unfinished"}};
  for (const TrialArm* arm : {&a, &b}) {
    fmt::print("{}: trial {} of {}{}: {}\n", arm->label, arm->record.trial.number, arm->directory,
               arm->chosen_as_best ? ", its best" : "", config_of(*arm));
    const std::vector<double> scores = arm->scores.scores();
    table.push_back({arm->label, fmt::format("{}", scores.size()), scores.empty() ? "-" : show_metric(mean_of(scores)),
                     sd_of(scores) ? show_metric(*sd_of(scores)) : "-", fmt::format("{}", arm->scores.diverged),
                     fmt::format("{}", arm->scores.failed), fmt::format("{}", arm->scores.stopped),
                     fmt::format("{}", arm->scores.unfinished)});
  }
  fmt::print("\n{}\n", show_table(table));
}

void print_failures(const FailureTest& failures) {
  fmt::print("Failed or diverged: {} of {} against {} of {}; Fisher's exact test p {}\n", failures.failed_a,
             failures.runs_a, failures.failed_b, failures.runs_b, show_p(failures.p));
}

void print_tests(const TrialComparison& comparison) {
  const Comparison& found = comparison.found;
  if (comparison.by_seeds) {
    fmt::print("Compared in pairs on the {} they share.\n", show_number_of(comparison.shared, "seed"));
  } else {
    fmt::print("Compared all runs with all: they share {}, and pairs are judged from {} on.\n",
               show_number_of(comparison.shared, "seed"), kFewestPairs);
  }
  const WelchTest& welch = found.welch;
  fmt::print("A - B on average{}: {:+.5f}", comparison.by_seeds ? " of those seeds" : "", comparison.difference());
  if (welch.exact) fmt::print(", neither arm with any spread");
  fmt::print("{}\n", comparison.maximize ? "" : "; less is better");
  std::vector<std::vector<std::string>> table = {{"test", "p", "95 % interval of A - B", "remarks"}};
  const auto add = [&](const std::string& name, std::optional<double> p, const std::optional<Interval>& interval,
                       const std::string& remark) {
    table.push_back({name, p ? show_p(*p) : "-",
                     interval ? show_interval(in_metric(*interval, comparison.maximize)) : "-", remark});
  };
  add("Welch's t", welch.p, welch.interval, "its interval holds for normal scores");
  if (found.paired) {
    const PairedTest& paired = *found.paired;
    add("paired t", paired.p, paired.interval,
        paired.correlation ? fmt::format("for normal differences; correlation of the pairs {:.2f}", *paired.correlation)
                           : "for normal differences");
    add("signed rank", paired.signed_rank_p, std::nullopt, "");
  }
  add("Mann-Whitney", found.ranks.p, std::nullopt,
      !found.ranks.p      ? "needs 4 runs an arm"
      : found.ranks.exact ? "exact"
                          : "normal approximation");
  fmt::print("{}", show_table(table));
  const auto share = [](const char* of, const Outperformance& measured) {
    fmt::print("Probability that A is the better, {}: {:.3f}, 95 % interval {:.3f} .. {:.3f}\n", of, measured.share,
               measured.interval.low, measured.interval.high);
  };
  if (found.pairs) share("in pairs", *found.pairs);
  share("of all with all", found.all_pairs);
  if (comparison.with_failures) share("failed runs as worse than any score", *comparison.with_failures);
  print_failures(found.failures);
}

// As the verdict is made, in pairs or not. Nothing where neither arm has a spread, or one has one run.
std::optional<double> equivalence_of(const TrialComparison& comparison, double margin) {
  if (!comparison.by_seeds) return equivalence_p(comparison.a, comparison.b, margin);
  std::vector<double> differences;
  differences.reserve(comparison.a.size());
  for (std::size_t i = 0; i < comparison.a.size(); ++i) differences.push_back(comparison.a[i] - comparison.b[i]);
  return paired_equivalence_p(differences, margin);
}

void print_equivalence(const TrialComparison& comparison, double margin, std::optional<double> p) {
  if (p) {
    fmt::print("Equivalent within {:g} (two one-sided {}): p {}, {}\n", margin,
               comparison.by_seeds ? "paired t tests, for normal differences" : "Welch tests, for normal scores",
               show_p(*p), *p <= 1 - kConfidence ? "they are" : "not shown");
  } else if (comparison.found.welch.exact) {
    fmt::print("Equivalent within {:g}: {}, as neither arm has any spread\n", margin,
               std::abs(comparison.difference()) < margin ? "they are" : "they are not");
  } else {
    fmt::print("Equivalent within {:g}: not known, it takes two runs an arm\n", margin);
  }
}

// Two configs that were named before they were trained, by this command.
bool is_of_configs(const TrialArm& arm) { return arm.study.spec_name == kCompareName; }

// A word as a shell takes it.
std::string quoted(const std::string& word) {
  if (word.find_first_of(" \t'\"\\$`&;|<>()*?[]#~!{}") == word.npos) return word;
  std::string text = "'";
  for (const char letter : word) text += letter == '\'' ? std::string("'\\''") : std::string(1, letter);
  return text + "'";
}

// The search that a study of `caviar confirm` confirms, where the study lies in it as it does unless told otherwise.
std::optional<std::string> confirmed_search(const TrialArm& arm) {
  const std::filesystem::path directory = std::filesystem::path(arm.directory).lexically_normal();
  if (arm.study.spec_name != "confirm" || directory.filename() != "confirm") return std::nullopt;
  const std::string searched = directory.has_parent_path() ? directory.parent_path().string() : "";
  if (searched.empty() || !std::filesystem::exists(StudyDirectory::database_in(searched))) return std::nullopt;
  return searched;
}

// The command that gives the arm more seeds, to be pasted: what it leaves out stays as it is recorded. Nothing where
// the record cannot tell it.
std::optional<std::string> more_seeds_of(const TrialArm& arm, std::int64_t seeds) {
  const std::string study = quoted(arm.directory);
  const auto resumed = [&](const std::string& command) {
    return fmt::format("{} --seeds {} --resume", command, seeds);
  };
  if (is_of_configs(arm)) return resumed(fmt::format("caviar compare {0}:0 {0}:1", study));
  if (const std::optional<std::string> searched = confirmed_search(arm))
    return resumed(fmt::format("caviar confirm {}", quoted(*searched)));
  const std::string& name = arm.study.spec_name;
  if (std::filesystem::is_regular_file(name)) {
    std::ifstream file(name, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (text == arm.study.spec) return resumed(fmt::format("caviar sweep {} --study {}", quoted(name), study));
  }
  // `caviar noise` goes on with any study of one config, whoever made it, and needs no more than its directory.
  const SweepSpec spec = parse_sweep(arm.study.spec, name);
  if (!spec.parameters.empty() && SearchSpace(spec).count(SearchSpace::Listing::kAll) == 1 && arm.trials == 1)
    return resumed(fmt::format("caviar noise --study {}", study));
  return std::nullopt;
}

void print_more_seeds(const TrialArm& arm, std::int64_t seeds) {
  if (arm.study.seeds >= seeds) return;
  if (const std::optional<std::string> command = more_seeds_of(arm, seeds))
    fmt::print("  {}\n", *command);
  else
    fmt::print("  for {}: the command that began it, without its --seeds or --quick, and --seeds {} --resume\n",
               arm.directory, seeds);
}

void print_what_would_settle_it(const TrialComparison& comparison, const TrialArm& a, const TrialArm& b) {
  const Comparison& found = comparison.found;
  if (found.finding != Conclusion::kCouldBeNoise) return;
  if (!found.further_seeds) {
    fmt::print("No number of seeds up to {} more would be likely to settle it: the arms are too much alike.\n",
               kMostFurtherSeeds);
    return;
  }
  fmt::print("If it is as large as it looks, {} more an arm would show it with a chance of 0.8",
             show_number_of(*found.further_seeds, "seed"));
  const std::int64_t fewer = static_cast<std::int64_t>(std::min(a.scores.repeats.size(), b.scores.repeats.size()));
  const std::int64_t seeds = fewer + *found.further_seeds;
  if (a.can_have_more_seeds && b.can_have_more_seeds) {
    fmt::print(":\n");
    print_more_seeds(a, seeds);
    if (a.directory != b.directory) print_more_seeds(b, seeds);
  } else {
    fmt::print(
        ".\nA search that learns, or stops trials, cannot be given more seeds: train the two configs with\n"
        "`caviar train --seeds {}`.\n",
        seeds);
  }
}

void print_how_they_were_chosen(const TrialArm& a, const TrialArm& b) {
  if (is_of_configs(a) && a.directory == b.directory) {
    fmt::print("Both configs were named before they were trained, so no choice flatters either.\n");
    return;
  }
  for (const TrialArm* arm : {&a, &b}) {
    if (arm == &b && a.directory == b.directory) continue;
    fmt::print("{} looked at in {}", arm->tried == 1 ? "One trial was" : show_number_of(arm->tried, "trial") + " were",
               arm->directory);
    const bool same = a.directory == b.directory;
    const auto rank = [](const TrialArm& of) { return of.rank ? fmt::format("{} ranks {}", of.label, *of.rank) : ""; };
    for (const TrialArm* of : {&a, &b}) {
      if ((of == arm || same) && of->rank) fmt::print(", {}", rank(*of));
    }
    fmt::print(".\n");
    if (arm->study.spec_name == "confirm")
      fmt::print(
          "These are of `caviar confirm`, on fresh seeds; trial 0 is what the search chose, and by other runs.\n");
  }
  // In a study that confirms, only `its best` is chosen by these scores, and not if that is the search's winner.
  const auto is_chosen = [](const TrialArm& arm) {
    const bool confirms = arm.study.spec_name == "confirm";
    return arm.rank == 1 && arm.tried > 1 && !(confirms && (!arm.chosen_as_best || arm.record.trial.number == 0));
  };
  if (is_chosen(a) || is_chosen(b))
    fmt::print(
        "Scores by which a trial was chosen as the best of many flatter it: what holds here need not hold on fresh "
        "seeds.\n");
}

nlohmann::ordered_json json_of(const TrialArm& arm) {
  const std::vector<double> scores = arm.scores.scores();
  return {{"study", arm.directory},
          {"trial", arm.record.trial.number},
          {"chosen", arm.chosen_as_best ? "best" : "named"},
          {"trials_tried", arm.tried},
          {"rank", arm.rank ? nlohmann::ordered_json(*arm.rank) : nlohmann::ordered_json(nullptr)},
          {"config", arm.record.trial.config},
          {"runs", scores.size()},
          {"mean", scores.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(mean_of(scores))},
          {"sd", caviar::json_of(sd_of(scores))},
          {"failed", arm.scores.failed},
          {"diverged", arm.scores.diverged},
          {"stopped", arm.scores.stopped},
          {"unfinished", arm.scores.unfinished}};
}

// Two trials of one study that this command made of two configs: it has all that is needed to train more of them.
int go_on_with(Options& options) {
  const std::string directory = parse_named(options.a).directory;
  const StudyRecord study = open_study(directory).study().value();
  if (parse_named(options.b).directory != directory || study.spec_name != kCompareName)
    fail(
        "--resume is for two configs in files, or for the two trials of one study that `caviar compare` made of them; ",
        options.a, " and ", options.b, " are others");
  options.flags.study = directory;
  const OutputAside aside(options.json);
  return carry_out(parse_sweep(study.spec, study.spec_name), options.flags, [](Storage&) {});
}

// Trains what is to be trained; afterwards A and B are trials. 0, or the exit code to end with.
int train_if_configs(Options& options) {
  const bool a = names_a_file(options.a), b = names_a_file(options.b);
  CarryOutFlags& flags = options.flags;
  if (!a && !b && flags.resume && flags.study.empty()) return go_on_with(options);
  if (!a && !b) {
    if (flags.seeds || flags.resume || !flags.study.empty() || flags.data)
      fail("--seeds, --study, --resume and --data are for two configs in files; ", options.a, " and ", options.b,
           " are trials, whose runs are recorded");
    return kExitDone;
  }
  if (a != b)
    fail(a ? options.a : options.b, " is a file and ", a ? options.b : options.a,
         " is not; name two files of one point each, or two trials as STUDY:TRIAL");
  const OutputAside aside(options.json);
  const int code = train_two_configs(options.a, options.b, options.metric, flags);
  options.a = flags.study + ":0";
  options.b = flags.study + ":1";
  return code;
}

void print_json(const Options& options, const TrialArm& a, const TrialArm& b, const std::string& metric, bool maximize,
                const nlohmann::ordered_json& comparison, std::optional<double> equivalence) {
  nlohmann::ordered_json json = {{"metric", metric},          {"goal", maximize ? "maximize" : "minimize"},
                                 {"confidence", kConfidence}, {"a", json_of(a)},
                                 {"b", json_of(b)},           {"comparison", comparison},
                                 {"equivalence", nullptr}};
  if (options.equivalent) json["equivalence"] = {{"margin", *options.equivalent}, {"p", caviar::json_of(equivalence)}};
  fmt::print("{}\n", json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

// Of arms one of which has no score: how many of their runs failed is all there is to compare.
int show_failures(const Options& options, const TrialArm& a, const TrialArm& b, const std::string& metric,
                  bool maximize) {
  const FailureTest failures = failures_of(a.scores, b.scores);
  if (options.json) {
    nlohmann::ordered_json comparison = nlohmann::ordered_json::object();
    for (const char* key : {"paired", "shared_seeds", "runs_a", "runs_b", "mean_a", "mean_b", "difference", "welch",
                            "paired_test", "mann_whitney", "outperforms_in_pairs", "outperforms_in_all_pairs"})
      comparison[key] = nullptr;
    comparison["failures"] = caviar::json_of(failures);
    for (const char* key :
         {"outperforms_with_failures", "verdict_with_failures", "verdict", "favours", "further_seeds"})
      comparison[key] = nullptr;
    print_json(options, a, b, metric, maximize, comparison, std::nullopt);
    return kExitDone;
  }
  print_arms(a, b, metric);
  print_failures(failures);
  print_how_they_were_chosen(a, b);
  fmt::print("\nVerdict: {}.\n", sentence_of(failures, "A", "B"));
  return kExitDone;
}

int compare(Options& options) {
  if (options.metric) options.metric = metric_of_word(*options.metric);  // an error now, not after the training
  if (const int code = train_if_configs(options); code != kExitDone) return code;
  const TrialArm a = open_arm("A", options.a, options.metric), b = open_arm("B", options.b, options.metric);
  require_comparable(a, b, options.metric);
  const std::string metric = options.metric.value_or(a.study.metric);
  const bool maximize = metric == a.study.metric ? a.study.maximize : metric_is_maximized(metric);
  if (a.scores.scores().empty() || b.scores.scores().empty()) return show_failures(options, a, b, metric, maximize);
  const TrialComparison comparison = compare_trials(a.scores, b.scores, maximize);
  std::optional<double> equivalence;
  if (options.equivalent) equivalence = equivalence_of(comparison, *options.equivalent);
  if (options.json) {
    print_json(options, a, b, metric, maximize, caviar::json_of(comparison), equivalence);
    return kExitDone;
  }
  print_arms(a, b, metric);
  print_tests(comparison);
  if (options.equivalent) print_equivalence(comparison, *options.equivalent, equivalence);
  print_how_they_were_chosen(a, b);
  fmt::print("\nVerdict: {}.\n", sentence_of(comparison, "A", "B"));
  if (const std::string warning = warning_of_failures(comparison, "A", "B"); !warning.empty())
    fmt::print("{}\n", warning);
  print_what_would_settle_it(comparison, a, b);
  return kExitDone;
}

}  // namespace

void add_compare(CLI::App& program, int& exit_code) {
  const auto options = std::make_shared<Options>();
  CLI::App* command =
      program.add_subcommand("compare", "Is the difference between two trials, or two configs, more than chance?");
  command->add_option("A", options->a, "STUDY:TRIAL, STUDY for its best trial, or a file of one config")->required();
  command->add_option("B", options->b, "what to compare it with, named alike")->required();
  command->add_option("--metric", options->metric, "the scores: val_accuracy, test_loss, ... [default: the study's]");
  command
      ->add_option("--equivalent", options->equivalent,
                   "also tests whether the two differ by less than this, in units of the metric")
      ->check(above_zero());
  CarryOutFlags& flags = options->flags;
  command
      ->add_option("--seeds", flags.seeds,
                   fmt::format("of two configs: seeds that both are trained on [default: {}]", kCompareSeeds))
      ->check(CLI::Range(std::int64_t{2}, std::int64_t{1'000'000}));
  command->add_option("--study", flags.study,
                      "of two configs: directory to keep them in [default: studies/<A>-against-<B>]");
  command->add_flag("--resume", flags.resume,
                    "of two configs: go on with what is in that directory, or show it again; or A and B are the two "
                    "trials of such a study");
  command->add_option("--data", flags.data, "of two configs: data set, as `caviar sweep` has it");
  command->add_flag("--json", options->json, "all of it as JSON");
  add_device_flags(*command, flags);
  command->footer(kFooter);
  command->callback([options, &exit_code] { exit_code = compare(*options); });
}

}  // namespace caviar
