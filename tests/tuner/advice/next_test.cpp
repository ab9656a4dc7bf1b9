// Where to look next: each rule on studies made to show one thing, and silence on those that show nothing.
#include "tuner/advice/next.h"

#include <cmath>
#include <filesystem>
#include <functional>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tuner/sweep_text.h"
#include "tuner/advice/chance.h"
#include "tuner/advice/ranges.h"
#include "tuner/bind.h"
#include "tuner/numerics/draws.h"
#include "tuner/region.h"
#include "tuner/samplers/random.h"
#include "tuner/spec/sweep_writer.h"

namespace caviar {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// A random search of `trials` trials with losses of `loss`, which gets the config and noise from [0, 1).
std::vector<TrialResult> study_of(const SweepSpec& spec, std::int64_t trials,
                                  const std::function<double(const Config&, double)>& loss, std::uint64_t seed = 1) {
  const SearchSpace space(spec);
  RandomSampler sampler(space, seed);
  std::vector<TrialResult> results;
  for (std::int64_t i = 0; i < trials; ++i) {
    TrialResult result;
    result.number = i;
    result.config = *sampler.suggest(i);
    result.loss = loss(result.config, Draws(seed, i, "noise").unit());
    results.push_back(result);
  }
  return results;
}

double number(const Config& config, const std::string& name) { return config.at(name).get<double>(); }

constexpr const char* kSweep =
    "# kept for people\n"
    "method: random\n"
    "metric: {name: val_loss, goal: minimize}\n"
    "name: 'yes'\n"
    "run_cap: 100\n"
    "command: [\"${env}\", python, \"a, b\"]\n"
    "parameters:\n"
    "  learning_rate: {distribution: log_uniform_values, min: 1e-4, max: 1e-2}\n"
    "  label_smoothing: {min: 0.0, max: 0.4}\n"
    "  hidden_size: {values: [16, 32, 64]}\n"
    "  optimizer: {values: [adam, sgd, rmsprop, nadam]}\n"
    "  epochs: {value: 2}\n"
    "caviar:\n"
    "  sweep_seed: 7\n"
    "  sampler: {name: sobol}\n";

SweepSpec sweep() { return parse_sweep(kSweep, "sweep.yaml"); }

ParameterSpec parameter_in(const std::string& file, const std::string& name) {
  for (const ParameterSpec& parameter : parse_sweep(file, "next.yaml").parameters) {
    if (parameter.name == name) return parameter;
  }
  ADD_FAILURE() << "no " << name << " in\n" << file;
  return {};
}

std::vector<std::string> kinds_of(const NextSearch& next) {
  std::vector<std::string> kinds;
  for (const SearchFinding& finding : next.findings) kinds.emplace_back(to_string(finding.kind));
  return kinds;
}

const SearchFinding& finding_of(const NextSearch& next, SearchFinding::Kind kind) {
  for (const SearchFinding& finding : next.findings) {
    if (finding.kind == kind) return finding;
  }
  throw std::runtime_error("there is no such finding");
}

// Sums of binomial coefficients and lists of all subsets, in exact fractions, by Python's math.comb and itertools.
TEST(Chance, IsThatOfDrawingBlindly) {
  EXPECT_NEAR(chance_in_place(100, 11, 10, 8), 3.7610303942763405e-08, 1e-17);
  EXPECT_NEAR(chance_in_place(20, 5, 5, 1), 0.8063080495356038, 1e-12);
  EXPECT_NEAR(chance_in_place(1000, 100, 100, 20), 0.001069633001485991, 1e-13);
  EXPECT_EQ(chance_in_place(20, 5, 5, 0), 1);
  EXPECT_EQ(chance_in_place(20, 5, 5, 6), 0);
  EXPECT_NEAR(chance_within(12, 4, 6), 0.15151515151515152, 1e-12);
  EXPECT_NEAR(chance_within(12, 4, 4), 0.01818181818181818, 1e-12);
  EXPECT_NEAR(chance_within(20, 5, 9), 0.05779153766769866, 1e-12);
  EXPECT_EQ(chance_within(20, 5, 20), 1);
}

TEST(Next, BestTrialsAtTheEdgeOfARangeAskForMoreOfIt) {
  const SweepSpec spec = sweep();
  const NextSearch next = next_search(spec, study_of(spec, 100, [](const Config& config, double noise) {
                                        return -std::log10(number(config, "learning_rate")) + 0.05 * noise;
                                      }));
  const SearchFinding& finding = finding_of(next, SearchFinding::Kind::kWiden);
  EXPECT_THAT(finding.parameters, ElementsAre("learning_rate"));
  EXPECT_EQ(finding.evidence["best"], 10);
  EXPECT_GE(finding.evidence["best_in_outer"], 5);
  const ParameterSpec wider = parameter_in(finding.file, "learning_rate");
  EXPECT_EQ(wider.distribution, Distribution::kLogUniformValues);
  EXPECT_EQ(wider.min, 1e-4);
  EXPECT_EQ(wider.max, 0.1);  // half of two decades more
  EXPECT_THAT(finding.lines, HasSubstr("learning_rate"));
  EXPECT_THAT(finding.lines, Not(HasSubstr("hidden_size")));
}

TEST(Next, AListIsContinuedByItsRatioAndNothingIsProposedThatIsNotLegal) {
  const SweepSpec spec = sweep();
  const NextSearch next = next_search(spec, study_of(spec, 120, [](const Config& config, double noise) {
                                        return -number(config, "hidden_size") + 0.01 * noise;
                                      }));
  const SearchFinding& finding = finding_of(next, SearchFinding::Kind::kWiden);
  EXPECT_THAT(parameter_in(finding.file, "hidden_size").values, ElementsAre(16, 32, 64, 128));
  // Smoothing cannot go below 0, however good it is there.
  const NextSearch none = next_search(spec, study_of(spec, 120, [](const Config& config, double noise) {
                                        return number(config, "label_smoothing") + 0.001 * noise;
                                      }));
  EXPECT_THAT(kinds_of(none), Not(testing::Contains("widen")));
}

TEST(Next, RatesThatAllDivergeAreCutOff) {
  const SweepSpec spec = sweep();
  const NextSearch next = next_search(
      spec,
      study_of(
          spec, 60,
          [](const Config& config, double noise) { return number(config, "learning_rate") > 2e-3 ? kNan : noise; }, 2));
  EXPECT_THAT(kinds_of(next), ElementsAre("narrow"));
  const ParameterSpec narrower = parameter_in(next.findings[0].file, "learning_rate");
  EXPECT_EQ(narrower.min, 1e-4);
  EXPECT_NEAR(narrower.max, 2e-3, 4e-4);
  EXPECT_GT(next.diverged, 10);
  EXPECT_EQ(next.findings[0].evidence["beyond"], next.diverged);
}

// Whatever the law of the rate, the finding is a file whose rates are those that trained.
TEST(Next, EveryLawOfARateThatDivergesAboveIsNarrowed) {
  for (const std::string law :
       {"{distribution: log_uniform_values, min: 1e-4, max: 1}", "{distribution: log_uniform, min: -9.2, max: 0}",
        "{distribution: inv_log_uniform_values, min: 1e-4, max: 1}",
        "{distribution: q_log_uniform_values, min: 1e-4, max: 1, q: 1e-4}",
        "{distribution: uniform, min: 0.0001, max: 0.04}", "{distribution: log_normal, mu: -5, sigma: 2}",
        "{distribution: normal, mu: 0.01, sigma: 0.005}", "{distribution: beta, a: 1, b: 40}",
        "{values: [0.0001, 0.001, 0.01, 0.03, 0.1, 1]}"}) {
    const SweepSpec spec = parse_sweep("method: random\nparameters: {learning_rate: " + law + "}\n", "s.yaml");
    const auto bound = [](const Config& config, double noise) {
      return number(config, "learning_rate") > 0.012 ? kNan : noise;
    };
    const NextSearch next = next_search(spec, study_of(spec, 120, bound, 3));
    const SearchFinding& finding = finding_of(next, SearchFinding::Kind::kNarrow);
    EXPECT_THAT(finding.lines, HasSubstr("learning_rate")) << law;
    const SweepSpec narrower = parse_sweep(finding.file, "next.yaml");
    double highest = 0, lowest = 1;
    for (const TrialResult& result : study_of(narrower, 200, bound, 4)) {
      highest = std::max(highest, number(result.config, "learning_rate"));
      lowest = std::min(lowest, number(result.config, "learning_rate"));
    }
    EXPECT_GT(lowest, law.find("normal, mu: 0.01") != law.npos ? -0.02 : 1e-6) << "no trial was in that tail: " << law;
    EXPECT_LT(highest, 0.0165) << law << "\n" << finding.file;
    EXPECT_GT(highest, 0.006) << law << "\n" << finding.file;
  }
}

// What diverges is known before five trials have run to their end.
TEST(Next, NarrowsAlsoWhereHardlyAnyTrialCameToItsEnd) {
  const SweepSpec spec = sweep();
  std::vector<TrialResult> results = study_of(spec, 40, [](const Config& config, double noise) {
    return number(config, "learning_rate") > 1e-3 ? kNan : noise;
  });
  for (TrialResult& result : results) result.stopped = !std::isnan(result.loss) && result.number % 20 != 0;
  const NextSearch next = next_search(spec, results);
  EXPECT_EQ(next.best, 0);
  EXPECT_THAT(kinds_of(next), ElementsAre("narrow"));
  EXPECT_LT(parameter_in(next.file, "learning_rate").max, 2e-3);
}

TEST(Next, DivergenceEverywhereIsNoEdge) {
  const SweepSpec spec = sweep();
  const auto half = [](const Config&, double noise) { return noise < 0.5 ? kNan : noise; };
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    EXPECT_THAT(kinds_of(next_search(spec, study_of(spec, 60, half, seed))), Not(testing::Contains("narrow"))) << seed;
  }
}

TEST(Next, ARegionTheBestAgreeOnIsZoomedInto) {
  const SweepSpec spec = sweep();
  const NextSearch next = next_search(spec, study_of(spec, 200, [](const Config& config, double noise) {
                                        const double off = std::log10(number(config, "learning_rate")) + 3;
                                        const bool sgd = config.at("optimizer") == "sgd";
                                        return off * off + (sgd ? 0 : 1) + 0.001 * noise;
                                      }));
  EXPECT_THAT(kinds_of(next), ElementsAre("zoom"));
  EXPECT_THAT(next.findings[0].parameters, ElementsAre("learning_rate", "optimizer"));
  const ParameterSpec rate = parameter_in(next.file, "learning_rate");
  EXPECT_GT(rate.min, 2e-4);
  EXPECT_LT(rate.min, 1e-3);
  EXPECT_GT(rate.max, 1e-3);
  EXPECT_LT(rate.max, 5e-3);
  EXPECT_THAT(parameter_in(next.file, "optimizer").values, ElementsAre("sgd"));
  EXPECT_EQ(parameter_in(next.file, "label_smoothing").max, 0.4);  // it does not matter, so it keeps its range
}

// Three kinds of findings at 5 % each: 200 studies of noise give at most 30 findings on average; 45 are 3 standard
// deviations more.
TEST(Next, NoiseAloneIsSeldomAFinding) {
  const SweepSpec spec = sweep();
  std::size_t findings = 0, silent = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const NextSearch next = next_search(spec, study_of(
                                                  spec, 100, [](const Config&, double noise) { return noise; }, seed));
    findings += next.findings.size();
    silent += next.findings.empty();
    EXPECT_EQ(next.findings.empty(), next.file.empty());
  }
  EXPECT_LE(findings, 45U);
  EXPECT_GE(silent, 155U);
}

TEST(Next, FewTrialsSayNothing) {
  const SweepSpec spec = sweep();
  const auto rate = [](const Config& config, double) { return -number(config, "learning_rate"); };
  const NextSearch next = next_search(spec, study_of(spec, 19, rate));
  EXPECT_THAT(next.findings, IsEmpty());
  EXPECT_EQ(next.best, 0);
  EXPECT_EQ(next.trials, 19);
}

TEST(Next, StoppedTrialsAreNeverAmongTheBestAndOthersConfigsAreLeftOut) {
  const SweepSpec spec = sweep();
  auto results = study_of(spec, 100, [](const Config& config, double) { return -number(config, "learning_rate"); });
  for (TrialResult& result : results) result.stopped = number(result.config, "learning_rate") > 5e-3;
  results[0].config["unknown"] = 1;
  const NextSearch next = next_search(spec, results);
  EXPECT_EQ(next.elsewhere, 1);
  EXPECT_EQ(next.trials, 99);
  EXPECT_GT(next.stopped, 5);
  EXPECT_THAT(kinds_of(next), Not(testing::Contains("widen")));  // the trials at the edge were ended, not judged
}

TEST(Next, TheFilesAreWholeSweepsThatPassEveryCheck) {
  const SweepSpec spec = sweep();
  const NextSearch next = next_search(spec, study_of(spec, 200, [](const Config& config, double noise) {
                                        const double rate = number(config, "learning_rate");
                                        if (rate > 8e-3) return kNan;
                                        return number(config, "label_smoothing") * -10 + 0.1 * noise;
                                      }));
  EXPECT_THAT(kinds_of(next), testing::UnorderedElementsAre("widen", "narrow", "zoom"));
  std::vector<std::string> files = {next.file};
  for (const SearchFinding& finding : next.findings) files.push_back(finding.file);
  for (const std::string& file : files) {
    const SweepSpec again = parse_sweep(file, "next.yaml");
    EXPECT_THAT(again.warnings, IsEmpty());
    EXPECT_NO_THROW(check_parameters(again)) << file;
    EXPECT_EQ(again.method, Method::kRandom);
    EXPECT_EQ(again.metric->name, "val_loss");
    EXPECT_EQ(again.metric->goal, Goal::kMinimize);
    EXPECT_EQ(again.name, "yes");
    EXPECT_EQ(again.command, spec.command);
    EXPECT_EQ(again.run_cap, 100);
    EXPECT_EQ(again.settings.sweep_seed, 7U);
    EXPECT_EQ(again.settings.sampler.name, "sobol");
    EXPECT_EQ(again.parameters.size(), spec.parameters.size());
  }
  // All of it together: the narrowed rate, and the best part of the other up to its new end.
  EXPECT_LT(parameter_in(next.file, "learning_rate").max, 1e-2);
  EXPECT_GT(parameter_in(next.file, "label_smoothing").min, 0.1);
  EXPECT_EQ(parameter_in(next.file, "label_smoothing").max,
            parameter_in(finding_of(next, SearchFinding::Kind::kWiden).file, "label_smoothing").max);
}

TEST(Next, ConditionalParametersAreJudgedWhereTheyHaveAPlace) {
  const SweepSpec spec = parse_sweep(
      "method: random\n"
      "parameters:\n"
      "  optimizer: {values: [sgd, adam]}\n"
      "caviar:\n"
      "  choice:\n"
      "    optimizer:\n"
      "      sgd:\n"
      "        learning_rate: {distribution: log_uniform_values, min: 0.01, max: 1.0}\n"
      "      adam:\n"
      "        learning_rate: {distribution: log_uniform_values, min: 1.0e-5, max: 0.001}\n",
      "sweep.yaml");
  const NextSearch next = next_search(spec, study_of(spec, 200, [](const Config& config, double noise) {
                                        if (config.at("optimizer") == "sgd") return 5 + noise;
                                        return -std::log10(number(config, "learning_rate")) - 5 + 0.01 * noise;
                                      }));
  const SearchFinding& finding = finding_of(next, SearchFinding::Kind::kWiden);
  EXPECT_THAT(finding.parameters, ElementsAre("optimizer=adam/learning_rate"));
  for (const ParameterSpec& parameter : parse_sweep(finding.file, "next.yaml").parameters) {
    if (parameter.name != "learning_rate") continue;
    EXPECT_EQ(parameter.max, parameter.label == "optimizer=adam/learning_rate" ? 0.01 : 1.0);
  }
  // The one optimizer that is left still decides what goes with it.
  const SweepSpec both = parse_sweep(next.file, "next.yaml");
  EXPECT_THAT(parameter_in(next.file, "optimizer").values, ElementsAre("adam"));
  EXPECT_EQ(both.parameters.size(), 2U) << next.file;
  EXPECT_NO_THROW(check_parameters(both));
}

TEST(SweepWriter, EveryExampleComesBackAsItself) {
  for (const auto& entry : std::filesystem::directory_iterator(CAVIAR_SOURCE_DIR "/examples")) {
    if (entry.path().extension() != ".yaml") continue;
    const SweepSpec spec = load_sweep(entry.path().string());
    const SearchSpace space(spec);
    const std::string text = sweep_with_parameters(spec, region_yaml(space, whole_region(space)));
    SCOPED_TRACE(entry.path().string() + "\n" + text);
    const SweepSpec again = parse_sweep(text, "again.yaml");
    EXPECT_NO_THROW(check_parameters(again));
    EXPECT_EQ(again.method, spec.method);
    EXPECT_EQ(again.run_cap, spec.run_cap);
    EXPECT_EQ(again.settings.sampler.name, spec.settings.sampler.name);
    EXPECT_EQ(again.settings.scheduler.name, spec.settings.scheduler.name);
    EXPECT_EQ(again.settings.scheduler.settings.size(), spec.settings.scheduler.settings.size());
    EXPECT_EQ(again.metric_or_default().name, spec.metric_or_default().name);
    const SearchSpace same(again);
    ASSERT_EQ(same.size(), space.size());
    for (std::int64_t trial = 0; trial < 20; ++trial) {
      const Point point = random_point(space, 1, trial);
      EXPECT_EQ(same.config_at(point), space.config_at(point));
    }
  }
}

TEST(SweepWriter, KeepsEveryKeyWhateverItHolds) {
  const SweepSpec spec = parse_sweep(
      "method: random\n"
      "name: 'on'\n"
      "description: \"two\\nlines, \\u00e9 #no comment\"\n"
      "command: [a, '1', \"{x: y}\", 2]\n"
      "run_cap: 0x10\n"
      "metric: &m {name: val_loss, goal: minimize, target: 1e-1}\n"
      "early_terminate: {type: hyperband, min_iter: 3, strict: no}\n"
      "parameters: {learning_rate: {min: 0.1, max: 1.0}}\n",
      "sweep.yaml");
  const SweepSpec again =
      parse_sweep(sweep_with_parameters(spec, "parameters:\n  learning_rate: {value: 0.5}\n"), "again.yaml");
  EXPECT_EQ(again.name, "on");
  EXPECT_EQ(again.description, spec.description);
  EXPECT_EQ(again.command, spec.command);
  EXPECT_EQ(again.run_cap, 16);
  EXPECT_EQ(again.metric->target, 0.1);
  EXPECT_EQ(again.early_terminate->min_iter, 3);
  EXPECT_FALSE(again.early_terminate->strict);
  EXPECT_EQ(again.parameters.at(0).values.at(0), 0.5);
}

TEST(SweepWriter, SettingsReplaceThoseOfTheBlockOrJoinThem) {
  EXPECT_EQ(sweep_with_settings(kSweep, "s.yaml", {}), kSweep);
  EXPECT_EQ(sweep_with_settings(kSweep, "s.yaml", {{"sweep_seed", 7}, {"window", nullptr}}), kSweep)
      << "nothing changes";
  const std::string text = sweep_with_settings(kSweep, "s.yaml",
                                               {{"sampler", {{"name", "tpe"}, {"gamma", 0.2}}},
                                                {"scheduler", "median"},
                                                {"noise", 1e-5},
                                                {"sweep_seed", nullptr}});
  const SweepSpec spec = parse_sweep(text, "t.yaml");
  EXPECT_EQ(spec.settings.sampler.name, "tpe");
  EXPECT_EQ(spec.settings.sampler.settings.at("gamma").value, 0.2);
  EXPECT_EQ(spec.settings.scheduler.name, "median");
  EXPECT_EQ(spec.settings.noise, 1e-5);
  EXPECT_FALSE(spec.settings.sweep_seed);
  EXPECT_EQ(spec.parameters.size(), sweep().parameters.size());
  EXPECT_EQ(
      parse_sweep(sweep_with_settings("method: random\nparameters: {x: {min: 0, max: 4}}\n", "s.yaml", {{"window", 3}}),
                  "t.yaml")
          .settings.window,
      3);
}

TEST(Ranges, GrowByHalfInTheScaleOfTheLaw) {
  const auto after = [](const std::string& entry, End end) { return widened(sweep_of(entry).parameters[0], end); };
  EXPECT_EQ(after("{min: 1.0, max: 3.0}", End::kHigh)->max, 4.0);
  EXPECT_EQ(after("{min: 1.0, max: 3.0}", End::kLow)->min, 0.0);
  EXPECT_EQ(after("{min: 1, max: 9}", End::kHigh)->max, 13);
  EXPECT_EQ(after("{distribution: log_uniform_values, min: 1, max: 100}", End::kLow)->min, 0.1);
  EXPECT_NEAR(after("{distribution: log_uniform, min: -2, max: 0}", End::kHigh)->max, 1.0, 0.01);
  EXPECT_EQ(after("{distribution: q_uniform, min: 0, max: 10, q: 4}", End::kHigh)->max, 16);
  EXPECT_THAT(after("{values: [10, 20, 30]}", End::kHigh)->values, ElementsAre(10, 20, 30, 40));
  EXPECT_THAT(after("{values: [64, 32]}", End::kHigh)->values, ElementsAre(64, 32, 16));
  EXPECT_THAT(after("{values: [0.1, 1.0]}", End::kLow)->values, ElementsAre(0.01, 0.1, 1.0));
  EXPECT_FALSE(after("{values: [a, b]}", End::kHigh));
  EXPECT_FALSE(after("{distribution: normal, mu: 0, sigma: 1}", End::kHigh));
}

TEST(Ranges, StayLegal) {
  const auto after = [](const std::string& parameter, End end) {
    return widened(parse_sweep("method: random\nparameters: {" + parameter + "}\n", "s.yaml").parameters[0], end);
  };
  EXPECT_FALSE(after("label_smoothing: {min: 0.0, max: 0.4}", End::kLow));
  const double most = after("momentum: {min: 0.5, max: 0.96}", End::kHigh)->max;
  EXPECT_GT(most, 0.96);
  EXPECT_LT(most, 1.0);
  EXPECT_FALSE(after("hidden_size: {values: [512, 1024]}", End::kHigh));
}

TEST(Ranges, EndBetweenWhatTrainedAndWhatDidNot) {
  const auto after = [](const std::string& entry, End end, double last, double beyond) {
    return narrowed(sweep_of(entry).parameters[0], end, last, beyond);
  };
  EXPECT_EQ(after("{min: 0.0, max: 10.0}", End::kHigh, 4, 6)->max, 5);
  EXPECT_EQ(after("{distribution: log_uniform_values, min: 1, max: 1000}", End::kHigh, 10, 1000)->max, 100);
  EXPECT_NEAR(after("{min: 0.0, max: 10.0}", End::kHigh, 4.123, 4.125)->max, 4.124, 1e-9);
  EXPECT_EQ(after("{min: 0, max: 10}", End::kLow, 3, 2)->min, 3);
  EXPECT_THAT(after("{values: [1, 2, 4, 8]}", End::kHigh, 2, 4)->values, ElementsAre(1, 2));
  EXPECT_THAT(after("{values: [1, 2, 4, 8]}", End::kLow, 4, 2)->values, ElementsAre(4, 8));
}

}  // namespace
}  // namespace caviar
