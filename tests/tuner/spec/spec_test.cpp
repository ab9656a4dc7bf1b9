// Every key of W&B's schema, every rule of inference, and every violation with its line and remedy.
#include "tuner/spec/spec.h"

#include <fstream>
#include <initializer_list>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"
#include "tests/tuner/sweep_text.h"
#include "tuner/bind.h"

namespace caviar {
namespace {

// A legal sweep with more lines at its end: they start at line 4.
std::string with(const std::string& lines, const std::string& method = "random") {
  std::ostringstream text;
  text << "method: " << method << "\nparameters:\n  x: {values: [1, 2]}\n" << lines;
  return text.str();
}

void expect_refused(const std::string& text, int line, std::initializer_list<const char*> parts) {
  const std::string message = refusal(text);
  EXPECT_TRUE(message.starts_with(cat("sweep.yaml:", line, ": "))) << message << "\nfor:\n" << text;
  for (const char* part : parts) EXPECT_NE(message.find(part), std::string::npos) << part << " in: " << message;
}

void expect_entry_refused(const std::string& entry, std::initializer_list<const char*> parts) {
  expect_refused(cat("method: random\nparameters:\n  x: ", entry, "\n"), 3, parts);
}

SweepSpec parse(const std::string& text) { return parse_sweep(text, "sweep.yaml"); }

TEST(Spec, EveryKeyOfTheSchemaIsRead) {
  const std::string text = R"(apiVersion: v1
kind: sweep
name: a name
description: words
program: train.py
project: p
entity: e
job: some/job:latest
command: [ "${env}", python, "${program}", --epochs, 3, "${args}" ]
method: bayes
metric:
  name: val_loss
  goal: minimize
  target: 0.01
  impute: latest
  impute_while_running: "false"
run_cap: 30
early_terminate: {type: hyperband, min_iter: 3, eta: 2, strict: false}
controller: {type: local}
parameters:
  lr: {distribution: log_uniform_values, min: 1e-5, max: 0.1}
caviar:
  data: mnist
  seeds: 3
  count: 20
  window: 64
  precision: fp32
  validate_on: test
  validation_examples: 5000
  sweep_seed: 18446744073709551615
)";
  const SweepSpec spec = parse(text);
  EXPECT_EQ(spec.text, text);
  EXPECT_EQ(spec.filename, "sweep.yaml");
  EXPECT_EQ(spec.name, "a name");
  EXPECT_EQ(spec.description, "words");
  EXPECT_EQ(spec.program, "train.py");
  EXPECT_EQ(spec.project, "p");
  EXPECT_EQ(spec.entity, "e");
  EXPECT_EQ(spec.command.at(4), "3");
  EXPECT_EQ(spec.method, Method::kBayes);
  EXPECT_EQ(spec.metric->name, "val_loss");
  EXPECT_EQ(spec.metric->goal, Goal::kMinimize);
  EXPECT_EQ(spec.metric->target, 0.01);
  EXPECT_EQ(spec.metric->impute, "latest");
  EXPECT_EQ(spec.run_cap, 30);
  EXPECT_EQ(spec.early_terminate->min_iter, 3);
  EXPECT_EQ(spec.early_terminate->eta, 2);
  EXPECT_FALSE(spec.early_terminate->strict);
  EXPECT_EQ(spec.settings.data, "mnist");
  EXPECT_EQ(spec.settings.seeds, 3);
  EXPECT_EQ(spec.settings.count, 20);
  EXPECT_EQ(spec.settings.window, 64);
  EXPECT_TRUE(spec.settings.validate_on_test);
  EXPECT_EQ(spec.settings.validation_examples, 5000);
  EXPECT_EQ(spec.settings.sweep_seed, 18446744073709551615u);
  EXPECT_EQ(spec.parameters.at(0).line, 21);
  EXPECT_TRUE(spec.warnings.empty());
}

TEST(Spec, DefaultsAreWandbsAndOurs) {
  const SweepSpec spec = parse(with(""));
  EXPECT_FALSE(spec.metric);
  EXPECT_EQ(spec.metric_or_default().name, "val_accuracy");
  EXPECT_EQ(spec.metric_or_default().goal, Goal::kMaximize);
  EXPECT_FALSE(spec.settings.window);
  EXPECT_EQ(spec.settings.precision, "fp32");
  EXPECT_FALSE(spec.settings.validate_on_test);
  EXPECT_EQ(spec.settings.validation_examples, 10000);
  EXPECT_FALSE(spec.settings.sweep_seed);
  EXPECT_FALSE(spec.run_cap);
  const SweepSpec early = parse(with("metric: {name: val_loss}\nearly_terminate: {type: hyperband, min_iter: 3}\n"));
  EXPECT_EQ(early.metric->goal, Goal::kMinimize);
  EXPECT_EQ(early.metric->impute, "worst");
  EXPECT_EQ(early.metric->impute_while_running, "false");
  EXPECT_EQ(early.early_terminate->eta, 3);
  EXPECT_TRUE(early.early_terminate->strict);
}

TEST(Spec, DistributionsAreInferredAsWandbDoes) {
  const auto inferred = [](const std::string& entry) {
    return to_string(sweep_of(entry).parameters.at(0).distribution);
  };
  EXPECT_STREQ(inferred("{value: null}"), "constant");
  EXPECT_STREQ(inferred("{value: [1, {a: 2}]}"), "constant");
  EXPECT_STREQ(inferred("{values: [1, null, [2], {a: 3}, true]}"), "categorical");
  EXPECT_STREQ(inferred("{values: [1, 2], probabilities: [0.25, 0.75]}"), "categorical_w_probabilities");
  EXPECT_STREQ(inferred("{min: 1, max: 3}"), "int_uniform");
  EXPECT_STREQ(inferred("{min: 1, max: 3.0}"), "uniform");
  EXPECT_STREQ(inferred("{min: 1e-5, max: 3}"), "uniform");
  for (const char* name : {"int_uniform", "uniform", "q_uniform", "log_uniform", "log_uniform_values", "q_log_uniform",
                           "q_log_uniform_values", "inv_log_uniform", "inv_log_uniform_values"}) {
    EXPECT_STREQ(inferred(cat("{distribution: ", name, ", min: 1, max: 3}")), name);
  }
  for (const char* name : {"normal", "q_normal", "log_normal", "q_log_normal", "beta", "q_beta"}) {
    EXPECT_STREQ(inferred(cat("{distribution: ", name, "}")), name);
  }
  EXPECT_STREQ(inferred("{distribution: constant, value: 1}"), "constant");
  EXPECT_STREQ(inferred("{distribution: categorical, values: [1]}"), "categorical");
}

TEST(Spec, NestedGroupsGetDottedNames) {
  const SweepSpec spec = parse(
      "method: random\nparameters:\n  optimizer:\n    parameters:\n      name: {value: adam}\n      betas:\n"
      "        parameters: {one: {min: 0.5, max: 0.9}}\n  a-b.c: {value: 1}\n");
  ASSERT_EQ(spec.parameters.size(), 3u);
  EXPECT_EQ(spec.parameters[0].name, "optimizer.name");
  EXPECT_EQ(spec.parameters[0].line, 5);
  EXPECT_EQ(spec.parameters[1].name, "optimizer.betas.one");
  EXPECT_EQ(spec.parameters[2].name, "a-b.c");
}

TEST(Spec, EntriesThatMakeNoSenseAreRefused) {
  expect_entry_refused("{min: 1}", {"'x'", "no max", "add max"});
  expect_entry_refused("{max: 1}", {"no min"});
  expect_entry_refused("{}", {"says nothing"});
  expect_entry_refused("{value: 1, values: [1]}", {"both value and values"});
  expect_entry_refused("{min: 1, max: 2, q: 1}", {"min, max and q", "distribution: q_uniform"});
  expect_entry_refused("{mu: 1}", {"no distribution"});
  expect_entry_refused("{probabilities: [1]}", {"no values"});
  expect_entry_refused("{values: []}", {"empty"});
  expect_entry_refused("{values: 3}", {"list"});
  expect_entry_refused("0.1", {"0.1", "{value: 0.1}"});
  expect_entry_refused("[1, 2]", {"list", "values:"});
  expect_entry_refused("{vallues: [1]}", {"unknown key 'vallues'", "did you mean 'values'"});
  expect_entry_refused("{value: 1, goal: 2}", {"unknown key 'goal'"});
  expect_entry_refused("{value: 1, min: 2}", {"constant", "takes value, not 'min'"});
  expect_entry_refused("{distribution: unifrom, min: 1, max: 2}", {"'unifrom'", "did you mean 'uniform'"});
  expect_entry_refused("{distribution: uniform, min: 1}", {"no max"});
  expect_entry_refused("{distribution: constant, values: [1]}", {"constant"});
  expect_entry_refused("{distribution: categorical, value: 1}", {"categorical"});
  expect_entry_refused("{distribution: categorical, values: [1], probabilities: [1]}",
                       {"probabilities", "categorical_w_probabilities"});
  expect_entry_refused("{distribution: categorical_w_probabilities, values: [1]}", {"no probabilities"});
  expect_entry_refused("{distribution: normal, min: 1}", {"normal", "'min'"});
  expect_entry_refused("{distribution: 3, value: 1}", {"distribution of"});
}

TEST(Spec, NumbersThatMakeNoSenseAreRefused) {
  expect_entry_refused("{min: 2, max: 1}", {"min 2 and max 1", "min must be below max"});
  expect_entry_refused("{min: 2.0, max: 2.0}", {"min must be below max"});
  expect_entry_refused("{distribution: normal, sigma: -1}", {"sigma", "-1", "negative"});
  expect_entry_refused("{distribution: q_normal, q: 0}", {"q of", "above 0"});
  expect_entry_refused("{distribution: q_uniform, min: 0, max: 1, q: -0.1}", {"above 0"});
  expect_entry_refused("{distribution: log_uniform_values, min: 0, max: 1}", {"log scale", "above 0"});
  expect_entry_refused("{distribution: q_log_uniform_values, min: -1, max: 1}", {"log scale"});
  expect_entry_refused("{distribution: inv_log_uniform_values, min: 0, max: 1}", {"log scale"});
  expect_entry_refused("{distribution: log_uniform_values, min: 1e-60, max: 1}", {"log scale"});
  expect_entry_refused("{distribution: log_uniform, min: 0, max: 100}", {"natural logarithms"});
  expect_entry_refused("{distribution: int_uniform, min: 0.5, max: 3}", {"int_uniform", "0.5", "uniform"});
  expect_entry_refused("{min: true, max: 3}", {"min of", "true", "number"});
  expect_entry_refused("{min: low, max: 3}", {"'low'", "number"});
  expect_entry_refused("{min: 0, max: 9007199254740993}", {"2^53"});
  expect_entry_refused("{min: 0.0, max: 1e39}", {"float32"});
  expect_entry_refused("{distribution: beta, a: 0}", {"a of", "above 0"});
  expect_entry_refused("{distribution: beta, b: -1}", {"b of", "above 0"});
  expect_entry_refused("{values: [1, 2], probabilities: [1.0]}", {"2 values and 1 probabilities"});
  expect_entry_refused("{values: [1, 2], probabilities: [0.5, 0.6]}", {"add up to 1.1"});
  expect_entry_refused("{values: [1, 2], probabilities: [-0.5, 1.5]}", {"-0.5", "[0, 1]"});
}

TEST(Spec, InsideGroupsEqualBoundsAreHarmlessAndCrossedOnesAreNot) {
  EXPECT_EQ(refusal("method: random\nparameters:\n  g: {parameters: {x: {min: 1, max: 1}}}\n"), "no error");
  expect_refused("method: random\nparameters:\n  g: {parameters: {x: {min: 2, max: 1}}}\n", 3, {"'g.x'", "below"});
}

TEST(Spec, NamesFollowWandbsPattern) {
  for (const char* name : {"a/b", "a b", "1a", "-a", ".a", "a+b"}) {
    expect_refused(cat("method: random\nparameters:\n  ", name, ": {value: 1}\n"), 3, {"not allowed"});
  }
  expect_refused("method: random\nparameters:\n  g:\n    parameters:\n      1a: {value: 1}\n", 5, {"'1a'"});
  for (const char* name : {"a-b", "a.b", "_a", "A1"}) {
    EXPECT_EQ(refusal(cat("method: random\nparameters:\n  ", name, ": {value: 1}\n")), "no error");
  }
}

TEST(Spec, GroupsHoldParametersOnly) {
  expect_refused("method: random\nparameters:\n  g: {parameters: {a: {value: 1}}, value: 2}\n", 3, {"group 'g'"});
  expect_refused("method: random\nparameters:\n  g: {parameters: {}}\n", 3, {"empty"});
  expect_refused("method: random\nparameters:\n  g: {parameters: 3}\n", 3, {"map"});
  expect_refused("method: random\nparameters:\n  g.a: {value: 1}\n  g: {parameters: {a: {value: 2}}}\n", 4,
                 {"'g.a'", "twice", "line 3"});
}

TEST(Spec, TopLevelViolationsAreRefused) {
  expect_refused("", 1, {"empty"});
  expect_refused("- a\n", 1, {"map"});
  expect_refused("parameters: {x: {value: 1}}\n", 1, {"no method"});
  expect_refused("method: random\n", 1, {"no parameters"});
  expect_refused("method: random\nparameters: {}\n", 2, {"empty"});
  expect_refused("method: random\nparameters: [a]\n", 2, {"map"});
  expect_refused(with("", "bayesian"), 1, {"'bayesian'", "grid, random, bayes, custom"});
  expect_refused(with("", "Grid"), 1, {"did you mean 'grid'"});
  expect_refused(with("seed: 3\n"), 4, {"sweep_seed"});
  expect_refused(with("settings: {}\n"), 4, {"unknown key 'settings'"});
  expect_refused(with("metrc: {name: acc}\n"), 4, {"did you mean 'metric'"});
  expect_refused(with("method: grid\n"), 4, {"second time"});
  for (const char* cap : {"0", "-3", "2.0", "many", "true", "[1]"})
    expect_refused(with(cat("run_cap: ", cap)), 4, {"run_cap"});
  expect_refused(with("command: python train.py\n"), 4, {"command must be a list"});
  expect_refused(with("command: [[a]]\n"), 4, {"command"});
  expect_refused(with("name: 3\n"), 4, {"name is 3", "string"});
  expect_refused(with("project: [a]\n"), 4, {"project"});
  expect_refused(with("kind: job\n"), 4, {"kind", "sweep"});
  expect_refused(with("job: a\nimage_uri: b\n"), 5, {"both job and image_uri"});
  expect_refused(with("controller: {}\n"), 4, {"no type"});
  expect_refused(with("controller: {type: remote}\n"), 4, {"local, cloud"});
  expect_refused(with("controller: local\n"), 4, {"map"});
}

TEST(Spec, MetricViolationsAreRefused) {
  expect_refused(with("metric: val_loss\n"), 4, {"map"});
  expect_refused(with("metric:\n"), 4, {"empty", "map"});
  expect_refused(with("metric: {goal: minimize}\n"), 4, {"no name"});
  expect_refused(with("metric: {name: val_loss, goal: minimise}\n"), 4, {"did you mean 'minimize'"});
  expect_refused(with("metric: {name: val_loss, goal: max}\n"), 4, {"minimize, maximize"});
  expect_refused(with("metric: {name: val_loss, target: low}\n"), 4, {"target"});
  expect_refused(with("metric: {name: val_loss, impute: mean}\n"), 4, {"latest, best, worst"});
  expect_refused(with("metric: {name: val_loss, impute_while_running: false}\n"), 4, {"\"false\""});
  expect_refused(with("metric: {name: val_loss, gaol: minimize}\n"), 4, {"did you mean 'goal'"});
  expect_refused(with("metric: {name: test_accuracy, goal: maximize}\n"), 4, {"test set", "validate_on: test"});
  expect_refused(with("metric: {name: f1_score}\n"), 4, {"'f1_score'", "not measured", "val_accuracy"});
  expect_refused(with("metric: {name: val_los}\n"), 4, {"did you mean 'val_loss'"});
  expect_refused(with("", "bayes"), 1, {"bayes needs a metric"});
  expect_refused(with("early_terminate: {type: hyperband, min_iter: 1}\n"), 4, {"needs a metric"});
  expect_refused("method: bayes\nmetric: {name: val_loss}\nparameters:\n  x: {value: 1}\n", 3, {"nothing to choose"});
}

TEST(Spec, SeveralMetricsNeedMethodCustom) {
  const std::string two = "metrics: [{name: val_loss}, {name: val_accuracy, goal: maximize}]\n";
  EXPECT_EQ(parse(with(two, "custom")).metrics.size(), 2u);
  expect_refused(with(two), 4, {"method: custom only"});
  expect_refused(with(cat("metric: {name: val_loss}\n", two), "custom"), 5, {"both metric and metrics"});
  expect_refused(with("metrics: [{name: val_loss}]\n", "custom"), 4, {"at least two"});
  expect_refused(with("metrics: {name: val_loss}\n", "custom"), 4, {"list"});
}

TEST(Spec, EarlyTerminateViolationsAreRefused) {
  const auto refused = [](const std::string& early, std::initializer_list<const char*> parts) {
    expect_refused(with(cat("metric: {name: val_loss}\nearly_terminate: ", early, "\n")), 5, parts);
  };
  refused("hyperband", {"map"});
  refused("{min_iter: 3}", {"no type"});
  refused("{type: median, min_iter: 3}", {"'median'", "hyperband"});
  refused("{type: hyperband}", {"neither min_iter nor max_iter"});
  refused("{type: hyperband, s: 2}", {"neither"});
  refused("{type: hyperband, max_iter: 27}", {"no s"});
  refused("{type: hyperband, max_iter: 27, min_iter: 3}", {"no s"});
  refused("{type: hyperband, min_iter: 0}", {"min_iter is 0"});
  refused("{type: hyperband, min_iter: 1.5}", {"whole number"});
  refused("{type: hyperband, min_iter: 3, eta: 1}", {"eta is 1", "above 1"});
  refused("{type: hyperband, min_iter: 3, strict: maybe}", {"true or false"});
  refused("{type: hyperband, min_iter: 3, eat: 3}", {"unknown key 'eat'"});
  refused("{type: hyperband, max_iter: 2, s: 2}", {"stops nowhere"});
  refused("{type: hyperband, max_iter: 27, s: 0}", {"stops nowhere"});
}

TEST(Spec, SchedulerViolationsAreRefused) {
  EXPECT_EQ(refusal(with("scheduler: {engine: wandb}\n")), "no error");
  EXPECT_EQ(refusal("method: random\nscheduler: {source: job, search_space: {}}\n"), "no error");
  expect_refused(with("caviar: {sampler: ''}\n"), 4, {"sampler is empty text", "params --samplers", "{name: tpe"});
  expect_refused(with("caviar: {sampler: }\n"), 4, {"sampler is empty", "params --samplers"});
  expect_refused(with("caviar: {sampler: 5}\n"), 4, {"sampler is 5", "params --samplers"});
  expect_refused(with("caviar: {sampler: [tpe]}\n"), 4, {"sampler is a list", "{name: tpe"});
  expect_refused(with("caviar: {sampler: {tpe: {startup: 5}}}\n"), 4, {"sampler is a map without name", "{name: tpe"});
  expect_refused(with("caviar: {sampler: 'tpe,startup=5'}\n"), 4,
                 {"'tpe,startup=5'", "do not stand behind a name in a file", "{name: tpe, startup: 20}"});
  expect_refused(with("caviar: {scheduler: {name: ''}}\n"), 4,
                 {"name of scheduler is empty text", "params --schedulers", "{name: asha, max_iter: 27}"});
  expect_refused(with("caviar: {data: 5}\n"), 4, {"data is 5", "must be a string", "in quotes, \"5\""});
  expect_refused(with("caviar: {data: [a]}\n"), 4, {"data is a list", "must be a string"});
  expect_refused(with("scheduler: {engine: optuna}\n"), 4, {"'optuna'", "use wandb"});
  expect_refused(with("scheduler: {engine: ray}\n"), 4, {"wandb, optuna, ax"});
  expect_refused(with("scheduler: {engine: wandb}\n", "custom"), 4, {"not custom"});
  expect_refused(with("scheduler: {optimizer: x}\n"), 4, {"no source"});
  expect_refused(with("scheduler: {motor: x}\n"), 4, {"unknown key 'motor'"});
  expect_refused(with("controller: {type: local}\nscheduler: {engine: wandb}\n"), 5, {"local controller"});
  expect_refused(with("metric: {name: val_loss}\nscheduler: {engine: wandb}\n"
                      "early_terminate: {type: hyperband, min_iter: 1}\n"),
                 6, {"exclude each other"});
}

TEST(Spec, TheCaviarBlockIsChecked) {
  expect_refused(with("caviar: fast\n"), 4, {"map"});
  expect_refused(with("caviar:\n  seds: 3\n"), 5, {"unknown key 'seds'", "did you mean 'seeds'"});
  expect_refused(with("caviar: {seeds: 0}\n"), 4, {"seeds is 0"});
  expect_refused(with("caviar: {seeds: automatic}\n"), 4, {"seeds"});
  EXPECT_THAT(parse(with("caviar: {seeds: 3, max_seeds: 12}\n")).warnings,
              testing::Contains(testing::HasSubstr("only with seeds: auto")));
  const SweepSpec by_itself = parse(with("caviar: {seeds: auto, max_seeds: 12, confidence: 0.9}\n"));
  EXPECT_TRUE(by_itself.settings.auto_seeds);
  EXPECT_FALSE(by_itself.settings.seeds);
  EXPECT_EQ(by_itself.settings.max_seeds, 12);
  EXPECT_EQ(by_itself.settings.confidence, 0.9);
  expect_refused(with("caviar: {seeds: auto, max_seeds: 3}\n"), 4, {"max_seeds is 3"});
  expect_refused(with("caviar: {seeds: auto, confidence: 95}\n"), 4, {"confidence is 95", "between 0.5"});
  expect_refused(with("caviar: {count: -1}\n"), 4, {"count is -1"});
  expect_refused(with("caviar: {window: 0}\n"), 4, {"window"});
  expect_refused(with("caviar: {precision: fp16}\n"), 4, {"fp32, mixed"});
  expect_refused(with("caviar: {validate_on: train}\n"), 4, {"validation, test"});
  expect_refused(with("caviar: {validation_examples: 0}\n"), 4, {"validation_examples"});
  expect_refused(with("caviar: {sweep_seed: -1}\n"), 4, {"sweep_seed", "2^64 - 1"});
  expect_refused(with("caviar: {sweep_seed: 0.5}\n"), 4, {"sweep_seed"});
  expect_refused(with("caviar: {data: 3}\n"), 4, {"data is 3", "string"});
}

// Accepted, but said: each warning names its line.
void expect_warning(const std::string& text, const std::string& start, const char* part) {
  const SweepSpec spec = parse(text);
  ASSERT_EQ(spec.warnings.size(), 1u) << text;
  EXPECT_TRUE(spec.warnings[0].starts_with(start)) << spec.warnings[0];
  EXPECT_NE(spec.warnings[0].find(part), std::string::npos) << spec.warnings[0];
}

TEST(Spec, EveryExplainedKeyOfTheCaviarBlockIsReadAndItsDefaultLegal) {
  for (const SettingHelp& setting : setting_help()) {
    const bool by_others = setting.name == "count" || setting.name == "window" || setting.name == "sampler" ||
                           setting.name == "scheduler" || setting.name == "no_improvement" ||
                           setting.name == "noise";  // without them, other keys decide
    if (!by_others) {
      EXPECT_NO_THROW(parse(with(cat("caviar: {", setting.name, ": ", setting.fallback, "}\n")))) << setting.name;
    }
    expect_refused(with(cat("caviar:\n  ", setting.name, ": [1]\n")), 5, {std::string(setting.name).c_str()});
  }
}

TEST(Spec, SeedsThatVaryAreNamedOneByOne) {
  EXPECT_EQ(parse(with("")).settings.vary, (VariedSeeds{true, true, true, true, false}));
  EXPECT_EQ(parse(with("caviar: {vary: [split, init]}\n")).settings.vary,
            (VariedSeeds{true, false, false, false, true}));
  EXPECT_EQ(parse(with("caviar: {vary: order}\n")).settings.vary, (VariedSeeds{false, true, false, false, false}));
  expect_refused(with("caviar: {vary: []}\n"), 4, {"vary is empty", "init, order"});
  expect_refused(with("caviar:\n  vary:\n  - init\n  - init\n"), 7, {"'init' twice"});
  expect_refused(with("caviar: {vary: [luck]}\n"), 4, {"vary", "luck", "dropout"});
}

TEST(Spec, WhatIsOddButLegalIsAWarning) {
  const auto entry = [](const std::string& x) { return cat("method: random\nparameters:\n  x: ", x, "\n"); };
  expect_warning(entry("{distribution: log_uniform, min: -3, max: 0}"), "sweep.yaml:3: ", "log_uniform_values");
  expect_warning(entry("{distribution: log_uniform, min: 0.001, max: 0.1}"), "sweep.yaml:3: ", "[1.001, 1.10517]");
  expect_warning(entry("{distribution: q_log_uniform, min: 0, max: 3}"), "sweep.yaml:3: ", "q_log_uniform_values");
  expect_warning(entry("{distribution: inv_log_uniform, min: 0, max: 3}"), "sweep.yaml:3: ", "inv_log_uniform_values");
  expect_warning(entry("{min: '1e-3', max: 1.0}"), "sweep.yaml:3: ", "quotes");
  expect_warning(with("early_terminate: {type: envelope}\n"), "sweep.yaml:4: ", "envelope");
  expect_warning(with("metric: {name: accuracy}\n"), "sweep.yaml:4: ", "goal: maximize");
  expect_warning(with("metric: {name: acc, goal: maximize, target: 98}\n"), "sweep.yaml:4: ", "0.98");
  expect_warning(with("metric: {name: loss}\n"), "sweep.yaml:4: ", "val_loss");
  expect_warning(with("metric: {name: val_loss}\nearly_terminate: {type: hyperband, min_iter: 1, max_iter: 9, s: 2}\n"),
                 "sweep.yaml:5: ", "max_iter and s count");
}

TEST(Spec, ANumberInQuotesIsTheSameNumber) {
  const ParameterSpec parameter =
      sweep_of("{distribution: log_uniform_values, min: '1e-5', max: 1e-1}").parameters.at(0);
  EXPECT_EQ(parameter.min, 1e-5);
  EXPECT_STREQ(to_string(sweep_of("{min: '1', max: 3}").parameters.at(0).distribution), "int_uniform");
}

TEST(Spec, BandsOfHyperbandMeetWandbs) {
  using Bands = std::vector<std::int64_t>;
  EarlyTerminateSpec early;
  early.max_iter = 5;
  early.eta = 2;
  early.s = 2;
  EXPECT_EQ(hyperband_bands(early), (Bands{1, 2}));
  early.max_iter = 27;
  early.eta = 3;
  EXPECT_EQ(hyperband_bands(early), (Bands{3, 9}));
  early = {};
  early.min_iter = 3;
  const Bands powers = hyperband_bands(early);
  EXPECT_EQ(Bands(powers.begin(), powers.begin() + 4), (Bands{3, 9, 27, 81}));
  early.min_iter = 1;
  early.eta = 1.5;
  const Bands halves = hyperband_bands(early);
  EXPECT_EQ(Bands(halves.begin(), halves.begin() + 6), (Bands{1, 1, 2, 3, 5, 7}));
  EXPECT_LE(halves.size(), 100u);
}

TEST(Spec, WhatDoesNotRunYetIsRefusedInOneSentence) {
  const auto why = [](const std::string& text) -> std::string {
    try {
      require_runnable(parse(text));
    } catch (const Error& error) {
      return error.what();
    }
    return "runs";
  };
  EXPECT_EQ(why(with("")), "runs");
  EXPECT_EQ(why(with("", "grid")), "runs");
  EXPECT_EQ(why(with("metric: {name: val_loss}\n", "bayes")), "runs");
  EXPECT_NE(why(with("", "custom")).find("custom"), std::string::npos);
  EXPECT_EQ(why(with("metric: {name: val_loss}\nearly_terminate: {type: hyperband, min_iter: 1}\n")), "runs");
  EXPECT_NE(why(with("scheduler: {engine: wandb}\n")).find("scheduler"), std::string::npos);
  EXPECT_EQ(why(with("early_terminate: {type: envelope}\n")), "runs");
}

TEST(Spec, AMissingOrOversizedFileIsAnError) {
  const TempDir dir;
  EXPECT_THROW(load_sweep((dir.path() / "none.yaml").string()), Error);
  EXPECT_THROW(load_sweep(dir.path().string()), Error);
  const auto large = dir.path() / "large.yaml";
  std::ofstream(large) << std::string(9 << 20, '#');
  EXPECT_THROW(load_sweep(large.string()), Error);
  const auto good = dir.path() / "good.yaml";
  std::ofstream(good) << with("");
  EXPECT_EQ(load_sweep(good.string()).text, with(""));
}

// ---- parameters that depend on a value of another

// A sweep whose `choice` holds these lines, from line 8 on.
std::string with_choice(const std::string& lines, const std::string& method = "random") {
  return cat("method: ", method,
             "\nparameters:\n  optimizer: {values: [sgd, adam, adamw]}\n  layers: {values: [1, 2]}\n"
             "  weight_decay: {values: [0, 0.1]}\ncaviar:\n  choice:\n",
             lines);
}

std::vector<std::string> labels_of(const SweepSpec& spec) {
  std::vector<std::string> labels;
  for (const ParameterSpec& parameter : spec.parameters) {
    std::string label = parameter.label;
    if (parameter.when) label += " if " + parameter.when->parameter + " in " + Value(parameter.when->values).dump();
    labels.push_back(label);
  }
  return labels;
}

TEST(Choices, DefineParametersOrGiveThoseOfTheSweepTheirPlace) {
  const SweepSpec spec =
      parse(with_choice("    optimizer:\n      sgd:\n        momentum: {min: 0.5, max: 0.9}\n        lr: {value: 0.1}\n"
                        "      adam:\n        lr: {value: 0.001}\n      adamw: [weight_decay]\n"
                        "    layers: {2: {dropout: {min: 0.0, max: 0.5}}}\n"));
  EXPECT_EQ(labels_of(spec), (std::vector<std::string>{
                                 "optimizer",
                                 "layers",
                                 R"(weight_decay if optimizer in ["adamw"])",
                                 R"(optimizer=sgd/momentum if optimizer in ["sgd"])",
                                 R"(optimizer=sgd/lr if optimizer in ["sgd"])",
                                 R"(optimizer=adam/lr if optimizer in ["adam"])",
                                 R"(layers=2/dropout if layers in [2])",
                             }));
  EXPECT_EQ(spec.parameters[3].name, "momentum");
  EXPECT_EQ(spec.parameters[3].line, 10);
}

TEST(Choices, AParameterListedUnderSeveralValuesHasThemAll) {
  const SweepSpec spec = parse(with_choice("    optimizer: {sgd: [weight_decay], adamw: [weight_decay], adam: }\n"));
  EXPECT_EQ(labels_of(spec).at(2), R"(weight_decay if optimizer in ["sgd","adamw"])");
}

TEST(Choices, MayStandInsideOneAnotherInAnyOrder) {
  const SweepSpec spec =
      parse(with_choice("    schedule: {one_cycle: {pct_start: {min: 0.1, max: 0.5}}}\n"
                        "    optimizer:\n      sgd: {schedule: {values: [constant, one_cycle]}}\n"
                        "      adam: {schedule: {values: [one_cycle, cosine]}}\n"));
  EXPECT_EQ(labels_of(spec).at(5),
            R"(optimizer=sgd/schedule=one_cycle/pct_start if optimizer=sgd/schedule in ["one_cycle"])");
  EXPECT_EQ(labels_of(spec).at(6),
            R"(optimizer=adam/schedule=one_cycle/pct_start if optimizer=adam/schedule in ["one_cycle"])");
  EXPECT_EQ(
      labels_of(parse(with_choice("    optimizer: {sgd: [layers]}\n    layers: {2: [weight_decay]}\n"))),
      (std::vector<std::string>{"optimizer", R"(layers if optimizer in ["sgd"])", R"(weight_decay if layers in [2])"}));
}

TEST(Choices, ValuesAreMatchedAsYamlHasThem) {
  const auto first = [](const std::string& values, const std::string& key) {
    const std::string text = cat("method: random\nparameters:\n  a: {values: ", values,
                                 "}\n  x: {value: 1}\ncaviar: {choice: {a: {", key, ": [x]}}}\n");
    return parse(text).parameters.at(1).when->values.at(0).dump();
  };
  EXPECT_EQ(first("[true, false]", "false"), "false");
  EXPECT_EQ(first("[on, off]", "off"), "false");  // YAML 1.1
  EXPECT_EQ(first("['off', 'on']", "'off'"), "\"off\"");
  EXPECT_EQ(first("[0.001, 0.1]", "1e-3"), "0.001");
  EXPECT_EQ(first("[3.0, 4]", "3"), "3.0");
  EXPECT_EQ(first("[null, a]", "null"), "null");
  EXPECT_EQ(first("['1', 2]", "'1'"), "\"1\"");
}

TEST(Choices, WhatMakesNoSenseIsRefusedWithItsLine) {
  expect_refused(with_choice("    optimzer: {sgd: [layers]}\n"), 8, {"'optimzer'", "no parameter", "'optimizer'"});
  expect_refused(with_choice("    optimizer:\n      sdg: [layers]\n"), 9, {"no value 'sdg'", "did you mean 'sgd'"});
  expect_refused(with_choice("    optimizer:\n      sgd: [wieght_decay]\n"), 9, {"'wieght_decay'", "'weight_decay'"});
  expect_refused(with_choice("    optimizer:\n      sgd: layers\n"), 9, {"'layers'", "[layers]"});
  expect_refused(with_choice("    optimizer:\n      sgd: [3]\n"), 9, {"3", "string"});
  expect_refused(with_choice("    optimizer: [sgd]\n"), 8, {"map"});
  expect_refused(with_choice("    optimizer:\n      sgd: [layers, layers]\n"), 9, {"listed twice"});
  expect_refused(with_choice("    optimizer:\n      sgd: {momentum: {min: 1}}\n"), 9, {"no max"});
  expect_refused("method: random\nparameters: {a: {min: 1, max: 3}, b: {value: 1}}\ncaviar:\n  choice: {a: {1: [b]}}\n",
                 4, {"'a' is int_uniform", "only a parameter with values"});
}

TEST(Choices, OneNameMayNotBeThereTwiceInAConfig) {
  expect_refused(with_choice("    optimizer:\n      sgd: {layers: {value: 3}}\n"), 9, {"'layers'", "twice", "line 4"});
  expect_refused(with_choice("    optimizer:\n      sgd: {m: {value: 3}}\n    layers:\n      2: {m: {value: 1}}\n"), 11,
                 {"'m'", "twice", "line 9"});
  expect_refused(with_choice("    optimizer:\n      sgd: [weight_decay]\n    layers:\n      2: [weight_decay]\n"), 11,
                 {"'weight_decay'", "by 'optimizer'"});
  expect_refused(with_choice("    optimizer:\n      sgd: {m: {value: 3}}\n      adam: [m]\n"), 10,
                 {"'m'", "inside a choice", "line 9"});
  EXPECT_EQ(refusal(with_choice("    optimizer: {sgd: {weight_decay: {value: 3}}, adamw: [weight_decay]}\n")),
            "no error");
}

TEST(Choices, CirclesAreRefused) {
  expect_refused(with_choice("    optimizer:\n      sgd: [optimizer]\n"), 9, {"'optimizer'", "only by itself"});
  expect_refused(with_choice("    optimizer:\n      sgd: [layers]\n    layers:\n      2: [optimizer]\n"), 11,
                 {"'optimizer'", "only by itself"});
  expect_refused(with_choice("    a: {1: {b: {values: [1, 2]}}}\n    b: {1: {a: {values: [1, 2]}}}\n"), 8,
                 {"'a'", "circle"});
}

TEST(Choices, TwoNamesOfOneParameterMayStandUnderDifferentValues) {
  const std::string lines =
      "    optimizer:\n      sgd: {lr: {value: 0.1}}\n      adam: {learning_rate: {value: 0.01}}\n";
  EXPECT_NO_THROW(check_parameters(parse(with_choice(lines))));
  const SweepSpec both = parse(with_choice("    optimizer:\n      sgd: {lr: {value: 1}, learning_rate: {value: 2}}\n"));
  EXPECT_THROW(check_parameters(both), Error);
  EXPECT_THROW(check_parameters(parse(with_choice("    optimizer:\n      sgd: {lr: {value: -1}}\n"))), Error);
}

}  // namespace
}  // namespace caviar
