// caviar ensemble STUDY: networks of a study asked together.
#include "tuner/analysis/ensemble.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/carry_out.h"
#include "app/commands.h"
#include "app/final_weights.h"
#include "app/text.h"
#include "engine/predictions.h"
#include "kernels/base/error.h"
#include "tuner/analysis/sample.h"
#include "tuner/history.h"
#include "tuner/metric.h"
#include "tuner/replay.h"

namespace caviar {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFooter = R"(
The class probabilities of the members are averaged example by example, each member counting the same, on the examples
the study was ranked on and on the test set. Members are the best complete run of each of the first trials of the
ranking, or every complete run of one trial. Weights the study has kept are read (`--save-weights all` keeps them); the
other runs are trained again and must come out as recorded. The best single run is chosen on the validation examples, by
the loss when the study is ranked by one, else by accuracy, and scored on the test set: so is what it is compared with.

--json has members [{run, trial, repeat, raw, averaged}] and, for raw and for averaged weights, mean, best_single,
ensemble (each score is {validation, test: {accuracy, loss}}, null where there is none) and the gain of the ensemble over
the best single on the test set: {only_ensemble, only_single, accuracy, accuracy_interval, mcnemar_p, loss,
loss_interval}.

Examples:
  caviar ensemble studies/first --top 10
  caviar ensemble studies/first --seeds-of 7 --device cuda)";

struct Options {
  CarryOutFlags flags;
  std::int64_t top = 10;
  std::optional<std::int64_t> seeds_of;
  bool json = false;
};

enum Kind : std::size_t { kRaw, kAveraged };
constexpr std::size_t kValidation = 0, kTest = 1;
constexpr const char* kPrefixes[2][2] = {{"val", "test"}, {"averaged_val", "averaged_test"}};

struct Score {
  double accuracy = 0, loss = 0;
};
using Scores = std::array<std::optional<Score>, 2>;  // of the validation examples, of the test set

struct Member {
  std::int64_t trial = 0, repeat = 0;
  RunRecord run;
  std::array<Scores, 2> scores;  // of raw weights, of averages
};

struct Members {
  std::vector<Member> chosen;
  std::int64_t repeated = 0;    // trials that mean the same training as one before
  std::int64_t incomplete = 0;  // runs that failed, diverged, were stopped or are unfinished
};

// How the networks with one kind of weights did together.
class Together {
 public:
  void add(const Member& member, Kind kind, const std::array<Predictions, 2>& predictions, bool by_loss) {
    const Scores& scores = member.scores[kind];
    for (std::size_t part = 0; part < 2; ++part) {
      const Predictions& said = predictions[part];
      if (members_ == 0) {
        means_[part].emplace(said.labels, said.classes);
        examples_[part] = said.examples;
      }
      if (examples_[part] != said.examples) means_[part].reset();  // of other examples: there is no average
      if (means_[part]) means_[part]->add(said.probabilities);
    }
    ++members_;
    if (best_ && !better(*scores[kValidation], *best_scores_[kValidation], by_loss)) return;
    best_ = member.run.id;
    best_scores_ = scores;
    const Predictions& test = predictions[kTest];
    single_ = example_scores(test.probabilities, test.answers, test.labels, test.classes);
  }

  std::size_t members() const { return members_; }
  std::int64_t best() const { return *best_; }
  const Scores& best_scores() const { return best_scores_; }
  ExampleScores on_test() const { return means_[kTest]->scores(); }  // the examples are the same for all
  PairedGain gain() const { return gain_over(on_test(), single_); }
  std::size_t test_examples() const { return single_.right.size(); }

  Scores scores() const {
    Scores scores;
    for (std::size_t part = 0; part < 2; ++part) {
      if (!means_[part]) continue;
      const ExampleScores all = means_[part]->scores();
      scores[part] = Score{all.accuracy(), all.loss()};
    }
    return scores;
  }

 private:
  static bool better(const Score& a, const Score& b, bool by_loss) {
    const auto key = [by_loss](const Score& score) {
      return by_loss ? std::pair(score.loss, -score.accuracy) : std::pair(-score.accuracy, score.loss);
    };
    return key(a) < key(b);
  }

  std::size_t members_ = 0;
  std::array<std::optional<ProbabilityMean>, 2> means_;
  std::array<std::vector<std::int64_t>, 2> examples_;
  std::optional<std::int64_t> best_;
  Scores best_scores_;
  ExampleScores single_;  // the best single run on the test set
};

struct Found {
  StudyRecord study;
  Members members;
  std::array<Together, 2> together;  // of raw weights, of averages
  std::size_t trained_again = 0;
  bool has(Kind kind) const { return together[kind].members() >= 2; }
};

// The best complete run of the trial, or with `all` every one of them. Adds to members what is new.
bool add_runs_of(Storage& storage, const StudyRecord& study, std::int64_t trial, bool all, Members& members,
                 std::set<std::int64_t>& taken) {
  std::vector<RepeatRecord> complete;
  storage.for_each_repeat_of(trial, [&](const RepeatRecord& repeat) {
    if (repeat.state == RunState::kComplete && repeat.last && std::isfinite(metric_value(*repeat.last, study.metric)))
      complete.push_back(repeat);
    else
      ++members.incomplete;
  });
  if (complete.empty()) return false;
  if (!all) {
    const double sign = study.maximize ? -1 : 1;
    const auto loss = [&](const RepeatRecord& repeat) { return sign * metric_value(*repeat.last, study.metric); };
    std::iter_swap(complete.begin(), std::min_element(complete.begin(), complete.end(),
                                                      [&](const auto& a, const auto& b) { return loss(a) < loss(b); }));
    complete.resize(1);
  }
  bool added = false;
  for (const RepeatRecord& repeat : complete) {
    const bool is_new = taken.insert(repeat.run).second;
    added |= is_new;
    members.repeated += !is_new;
    if (is_new) members.chosen.push_back({trial, repeat.repeat, storage.run(repeat.run).value(), {}});
  }
  return added;
}

// What can be done where the ranking has fewer than two trials with a complete run.
std::string instead_of_ranking(Storage& storage, const History& history) {
  std::int64_t open = 0, most = 1, trial_of_most = 0;
  for (std::int64_t trial = 0; trial < history.trials(); ++trial) {
    open += history.is_open(trial);
    std::int64_t complete = 0;
    storage.for_each_repeat_of(trial,
                               [&](const RepeatRecord& repeat) { complete += repeat.state == RunState::kComplete; });
    if (complete <= most) continue;
    most = complete;
    trial_of_most = trial;
  }
  std::string text;
  if (open > 0) text += fmt::format("; {} not yet over: wait for the sweep", show_number_of(open, "trial"));
  if (most > 1)
    text += fmt::format("; the {} complete runs of trial {} can be asked with --seeds-of {}", most, trial_of_most,
                        trial_of_most);
  return text.empty() ? "; train more trials, or a trial on more seeds for --seeds-of" : text;
}

Members choose(Storage& storage, const StudyRecord& study, const Options& options) {
  Members members;
  std::set<std::int64_t> taken;
  History history(study.metric, study.maximize, study.seeds);
  if (options.seeds_of) {
    if (!storage.trial(*options.seeds_of))
      fail(storage.file(), ": there is no trial ", *options.seeds_of, "; the study has ",
           show_number_of(storage.trial_count(), "trial"), ", counted from 0");
    add_runs_of(storage, study, *options.seeds_of, true, members, taken);
  } else {
    history.fold(storage, true);
    std::int64_t trials = 0;
    for (const std::int64_t trial : history.ranking(static_cast<std::size_t>(history.trials()))) {
      if (trials == options.top) break;
      trials += add_runs_of(storage, study, trial, false, members, taken);
    }
  }
  if (members.chosen.size() < 2)
    fail(storage.file(), ": an ensemble needs two complete runs, there ",
         members.chosen.empty() ? "is none" : "is only one",
         options.seeds_of ? "; train the trial on more seeds, with --seeds and --resume"
                          : " in the ranking" + instead_of_ranking(storage, history));
  return members;
}

// Asks the networks of some members, and adds what they say in the order of the members.
void ask(std::span<Member> members, const FinalWeights& weights, const Dataset& data, int threads, Found& found) {
  const DataShape shape{data.train.count, data.test.count, data.digest};
  struct Answers {
    std::array<std::optional<std::array<Predictions, 2>>, 2> of;  // raw weights, averages
  };
  std::vector<Answers> answers(members.size());
  on_threads(threads, members.size() * 2, [&](std::size_t job) {
    const std::size_t i = job / 2, kind = job % 2;
    const std::vector<float>& numbers = kind == kRaw ? weights.weights[i].params : weights.weights[i].averages;
    if (numbers.empty()) return;
    const RunOrder order = recorded_order(members[i].run, shape);
    answers[i].of[kind] = {predict(order, numbers, data, Part::kValidation),
                           predict(order, numbers, data, Part::kTest)};
  });
  const bool by_loss = found.study.metric.ends_with("_loss");
  for (std::size_t i = 0; i < members.size(); ++i) {
    for (const Kind kind : {kRaw, kAveraged}) {
      if (!answers[i].of[kind]) continue;
      for (std::size_t part = 0; part < 2; ++part) {
        const Metrics& metrics = (*answers[i].of[kind])[part].metrics;
        members[i].scores[kind][part] = Score{metrics.accuracy(), metrics.loss};
      }
      found.together[kind].add(members[i], kind, *answers[i].of[kind], by_loss);
    }
  }
}

// The mean over the members that have such weights.
Scores mean_scores(const Found& found, Kind kind) {
  Scores scores;
  for (std::size_t part = 0; part < 2; ++part) {
    std::vector<double> accuracies, losses;
    for (const Member& member : found.members.chosen) {
      if (!member.scores[kind][part]) continue;
      accuracies.push_back(member.scores[kind][part]->accuracy);
      losses.push_back(member.scores[kind][part]->loss);
    }
    if (!accuracies.empty()) scores[part] = Score{mean_of(accuracies), mean_of(losses)};
  }
  return scores;
}

void add_cells(std::vector<std::string>& row, const Scores& scores) {
  for (const auto& score : scores) {
    row.push_back(score ? show_metric(score->accuracy) : "-");
    row.push_back(score ? show_metric(score->loss) : "-");
  }
}

void print_table(const Found& found, Kind kind) {
  std::vector<std::vector<std::string>> table = {{"", "trial", "run"}};
  for (std::size_t part = 0; part < 2; ++part)
    for (const char* name : {"_accuracy", "_loss"}) table[0].push_back(std::string(kPrefixes[kind][part]) + name);
  for (const Member& member : found.members.chosen) {
    table.push_back({"member", std::to_string(member.trial), std::to_string(member.run.id)});
    add_cells(table.back(), member.scores[kind]);
  }
  const auto add_line = [&](const char* line, const Scores& scores) {
    table.push_back({line, "-", "-"});
    add_cells(table.back(), scores);
  };
  add_line("mean of members", mean_scores(found, kind));
  add_line("best single", found.together[kind].best_scores());
  add_line("ensemble", found.together[kind].scores());
  fmt::print("{}\n", show_table(table));
}

std::string show_interval(const Interval& interval) {
  return fmt::format("95 % interval [{:+.5f}, {:+.5f}]", interval.low, interval.high);
}

void print_gain(const Together& together, const char* weights) {
  const PairedGain gain = together.gain();
  fmt::print("{} weights, {} test examples: the ensemble gains {:+.5f} of accuracy over the best single, run {},\n",
             weights, show_count(static_cast<double>(together.test_examples())), gain.accuracy, together.best());
  fmt::print("  {}; loss (less is better) {:+.5f}, {};\n", show_interval(gain.accuracy_interval), gain.loss,
             show_interval(gain.loss_interval));
  fmt::print("  {} only the ensemble has right, {} only the single (McNemar's exact p {:.3g}).\n", gain.only_one,
             gain.only_other, gain.p);
  if (!gain.interval_and_test_agree())
    fmt::print(
        "  Interval and test disagree, as they may this near the limit: the interval is approximate, the test exact, "
        "and as\n  counts are whole it errs on the side of no difference. Take it as not settled.\n");
}

void print_found(const Found& found) {
  const auto members = static_cast<std::int64_t>(found.members.chosen.size());
  fmt::print("{} asked together", show_number_of(members, "network"));
  if (found.trained_again > 0)
    fmt::print(", {} of them trained again to the recorded bits", show_count(static_cast<double>(found.trained_again)));
  fmt::print("\n\n");
  print_table(found, kRaw);
  if (found.has(kAveraged)) print_table(found, kAveraged);
  print_gain(found.together[kRaw], "Raw");
  if (found.has(kAveraged)) {
    print_gain(found.together[kAveraged], "Averaged");
    if (found.together[kAveraged].members() == found.together[kRaw].members()) {
      const PairedGain gain = gain_over(found.together[kAveraged].on_test(), found.together[kRaw].on_test());
      fmt::print("Ensemble of averages against ensemble of raw weights: accuracy {:+.5f}, {}.\n", gain.accuracy,
                 show_interval(gain.accuracy_interval));
    } else {
      fmt::print("{} kept no averages and are in the table of raw weights only.\n",
                 show_number_of(members - static_cast<std::int64_t>(found.together[kAveraged].members()), "member"));
    }
  }
  fmt::print(
      "Intervals are over the examples (accuracy: Bonett and Price; loss: Student's, for hundreds of examples): they "
      "hold for\nthese networks on more examples of the kind, other seeds would make other networks.\n");
  if (!found.together[kRaw].scores()[kValidation])
    fmt::print(
        "The members were validated on different examples: there is no average on them (-), and the best single was "
        "chosen\namong scores on different examples, so in part for easy ones.\n");
  if (found.members.incomplete > 0)
    fmt::print("Left out of the trials looked at, being failed, diverged, stopped early or unfinished: {}.\n",
               show_number_of(found.members.incomplete, "run"));
  if (found.members.repeated > 0)
    fmt::print("Left out as the same training as a member: {}.\n", show_number_of(found.members.repeated, "trial"));
  if (found.study.numerics.starts_with("mixed"))
    fmt::print("Trained in precision mixed, asked in fp32: scores differ from the recorded ones by rounding.\n");
  if (found.study.validate_on_test)
    fmt::print("Validation was on the TEST set: the best single was chosen on what it is scored on.\n");
}

Json json_of(const Scores& scores) {
  Json json;
  const char* names[] = {"validation", "test"};
  for (std::size_t part = 0; part < 2; ++part) {
    json[names[part]] = nullptr;
    if (scores[part]) json[names[part]] = {{"accuracy", scores[part]->accuracy}, {"loss", scores[part]->loss}};
  }
  return json;
}

Json json_of(const Interval& interval) { return {interval.low, interval.high}; }

Json json_of(const Found& found, Kind kind) {
  if (!found.has(kind)) return nullptr;
  const Together& together = found.together[kind];
  const PairedGain gain = together.gain();
  Json best = json_of(together.best_scores());
  best["run"] = together.best();
  return {{"members", together.members()},
          {"mean", json_of(mean_scores(found, kind))},
          {"best_single", best},
          {"ensemble", json_of(together.scores())},
          {"gain",
           {{"confidence", 0.95},
            {"only_ensemble", gain.only_one},
            {"only_single", gain.only_other},
            {"accuracy", gain.accuracy},
            {"accuracy_interval", json_of(gain.accuracy_interval)},
            {"mcnemar_p", gain.p},
            {"loss", gain.loss},
            {"loss_interval", json_of(gain.loss_interval)}}}};
}

void print_json(const Found& found) {
  Json json = {{"validate_on_test", found.study.validate_on_test},
               {"trained_again", found.trained_again},
               {"left_out_runs", found.members.incomplete},
               {"left_out_repeated", found.members.repeated},
               {"members", Json::array()}};
  for (const Member& member : found.members.chosen)
    json["members"].push_back({{"run", member.run.id},
                               {"trial", member.trial},
                               {"repeat", member.repeat},
                               {"raw", json_of(member.scores[kRaw])},
                               {"averaged", json_of(member.scores[kAveraged])}});
  json["raw"] = json_of(found, kRaw);
  json["averaged"] = json_of(found, kAveraged);
  fmt::print("{}\n", json.dump());
}

int ensemble(const Options& options) {
  constexpr std::size_t kAtOnce = 32;  // so many networks in memory, with what they say
  Storage storage = open_study(options.flags.study);
  Found found;
  found.study = storage.study().value();
  found.members = choose(storage, found.study, options);
  const std::shared_ptr<const Dataset> data = data_of_study(found.study, options.flags);
  const int threads = threads_of(options.flags);
  std::vector<Member>& members = found.members.chosen;
  for (std::size_t first = 0; first < members.size(); first += kAtOnce) {
    const std::span<Member> some = std::span(members).subspan(first, std::min(kAtOnce, members.size() - first));
    std::vector<RunRecord> runs;
    for (const Member& member : some) runs.push_back(member.run);
    const FinalWeights weights = final_weights(storage, options.flags.study, runs, data, options.flags);
    found.trained_again += weights.trained_again;
    ask(some, weights, *data, threads, found);
  }
  if (options.json)
    print_json(found);
  else
    print_found(found);
  return kExitDone;
}

}  // namespace

void add_ensemble(CLI::App& program, int& exit_code) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = program.add_subcommand("ensemble", "Average what the networks of a study say");
  command->add_option("study", options->flags.study, "directory of the study")->required();
  auto* top = command->add_option("--top", options->top, "the best complete run of each of so many first trials")
                  ->check(CLI::Range(std::int64_t{2}, std::int64_t{1} << 40))
                  ->capture_default_str();
  command->add_option("--seeds-of", options->seeds_of, "every complete run of this trial")->excludes(top);
  command->add_option("--data", options->flags.data, "data set, as `caviar sweep` has it [default: the study's]");
  add_device_flags(*command, options->flags);
  command->add_flag("--json", options->json, "as JSON");
  command->footer(kFooter);
  command->callback([options, &exit_code] { exit_code = ensemble(*options); });
}

}  // namespace caviar
