// Names to numbers: aliases, groups, defaults, rules between parameters, and every refusal.
#include "tuner/bind.h"

#include <initializer_list>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "engine/digest.h"
#include "kernels/base/error.h"

namespace caviar {
namespace {

const DataShape kMnist = {60000, 10000, "d1"};

BoundConfig bind(const Config& config, const DataUse& use = {}) { return bind_config(config, use, kMnist); }

std::string refusal(const Config& config, const DataUse& use = {}) {
  try {
    bind(config, use);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

void expect_refused(const Config& config, std::initializer_list<const char*> parts) {
  const std::string message = refusal(config);
  for (const char* part : parts) EXPECT_NE(message.find(part), std::string::npos) << part << " in: " << message;
}

TEST(Bind, DefaultsAreThoseOfTheSeedStudyAndOfPyTorch) {
  const BoundConfig bound = bind({});
  EXPECT_EQ(bound.key.family, "birnn");
  EXPECT_EQ(bound.key.cell, Cell::kLstm);
  EXPECT_EQ(bound.key.hidden_size, 128);
  EXPECT_EQ(bound.key.num_layers, 2);
  EXPECT_TRUE(bound.key.bidirectional);
  EXPECT_EQ(bound.key.readout, Readout::kLastStep);
  EXPECT_EQ(bound.key.batch_size, 100);
  EXPECT_EQ(bound.key.state_arrays, 2);
  EXPECT_FALSE(bound.key.averaged);
  EXPECT_EQ(bound.hyper.optimizer, Optimizer::kAdam);
  EXPECT_EQ(bound.hyper.learning_rate, 0.003f);
  EXPECT_EQ(bound.hyper.weight_decay, 0.0f);
  EXPECT_EQ(bound.hyper.total_steps, 10 * 500);
  EXPECT_EQ(bound.hyper.step_size, 500);
  EXPECT_EQ(bound.rung_steps, 500);
  EXPECT_EQ(bound.seeds, Seeds{});
}

TEST(Bind, AliasesMeanTheirParameters) {
  const BoundConfig bound = bind({{"lr", 0.1},
                                  {"hidden", 64},
                                  {"n_layers", 3},
                                  {"batch", 50},
                                  {"opt", "SGD"},
                                  {"wd", 1e-4},
                                  {"cell_type", "GRU"},
                                  {"n_epochs", 2}});
  EXPECT_EQ(bound.hyper.learning_rate, 0.1f);
  EXPECT_EQ(bound.key.hidden_size, 64);
  EXPECT_EQ(bound.key.num_layers, 3);
  EXPECT_EQ(bound.key.batch_size, 50);
  EXPECT_EQ(bound.hyper.optimizer, Optimizer::kSgd);
  EXPECT_EQ(bound.hyper.weight_decay, 1e-4f);
  EXPECT_EQ(bound.key.cell, Cell::kGru);
  EXPECT_EQ(bound.hyper.total_steps, 2000);
  EXPECT_EQ(bound.key.state_arrays, 0);
}

TEST(Bind, NestedGroupsFlatten) {
  const BoundConfig dotted = bind({{"optimizer.name", "nadam"},
                                   {"optimizer.learning_rate", 0.01},
                                   {"model.cell", "gru"},
                                   {"model.rnn.hidden_size", 32},
                                   {"clip.norm", 1.0},
                                   {"polyak.decay", 0.9}});
  EXPECT_EQ(dotted.hyper.optimizer, Optimizer::kNAdam);
  EXPECT_EQ(dotted.hyper.learning_rate, 0.01f);
  EXPECT_EQ(dotted.key.cell, Cell::kGru);
  EXPECT_EQ(dotted.key.hidden_size, 32);
  EXPECT_EQ(dotted.hyper.clip_norm, 1.0f);
  EXPECT_EQ(dotted.hyper.polyak, Polyak::kExponential);
  const BoundConfig objects = bind({{"optimizer", Value::parse(R"({"name": "sgd", "momentum": 0.9, "lr": 0.5})")}});
  EXPECT_EQ(objects.hyper.optimizer, Optimizer::kSgd);
  EXPECT_EQ(objects.hyper.learning_rate, 0.5f);
  EXPECT_EQ(objects.hyper.one_minus_momentum, 0.1f);
  EXPECT_EQ(objects.key.state_arrays, 1);
}

TEST(Bind, AParameterNobodyReadsIsRefusedWithTheNearestName) {
  expect_refused({{"learnin_rate", 0.1}}, {"'learnin_rate'", "read by nobody", "did you mean 'learning_rate'"});
  expect_refused({{"optimizer.momentun", 0.1}}, {"'optimizer.momentun'", "'momentum'"});
  expect_refused({{"n_layerz", 2}}, {"'num_layers'"});
  expect_refused({{"conv_layer_size", 16}}, {"'conv_layer_size'", "read by nobody"});
}

TEST(Bind, TwoNamesForOneThingAreRefused) {
  expect_refused({{"lr", 0.1}, {"learning_rate", 0.2}}, {"'lr'", "'learning_rate'", "keep one"});
  expect_refused({{"epochs", 1}, {"max_steps", 5}}, {"'epochs'", "'max_steps'", "keep one"});
  expect_refused({{"beta1", 0.9}, {"one_minus_beta1", 0.1}}, {"'beta1'", "'one_minus_beta1'"});
  expect_refused({{"beta2", 0.9}, {"one_minus_beta2", 0.1}}, {"keep one"});
  expect_refused({{"momentum", 0.9}, {"one_minus_momentum", 0.1}}, {"keep one"});
  expect_refused({{"ema_decay", 0.9}, {"one_minus_polyak_decay", 0.1}}, {"'ema_decay'", "keep one"});
  expect_refused({{"betas", {0.9, 0.99}}, {"beta1", 0.9}}, {"keep one"});
  expect_refused({{"cell", "rnn_tanh"}, {"nonlinearity", "relu"}}, {"rnn_tanh", "keep one"});
}

TEST(Bind, CellsAndNonlinearities) {
  EXPECT_EQ(bind({{"cell", "rnn"}}).key.cell, Cell::kRnnTanh);
  EXPECT_EQ(bind({{"cell", "rnn"}, {"nonlinearity", "relu"}}).key.cell, Cell::kRnnRelu);
  EXPECT_EQ(bind({{"cell", "rnn"}, {"activation", "tanh"}}).key.cell, Cell::kRnnTanh);
  EXPECT_EQ(bind({{"cell", "rnn_relu"}}).key.cell, Cell::kRnnRelu);
  EXPECT_EQ(bind({{"cell", "lstm"}, {"nonlinearity", "relu"}}).key.cell, Cell::kLstm);
  expect_refused({{"cell", "ltsm"}}, {"'ltsm'", "lstm, gru, rnn_tanh, rnn_relu, rnn", "did you mean 'lstm'"});
  EXPECT_EQ(bind({{"readout", "final-states"}}).key.readout, Readout::kFinalStates);
  EXPECT_EQ(bind({{"readout", "avg"}}).key.readout, Readout::kMean);
  EXPECT_FALSE(bind({{"bidirectional", false}}).key.bidirectional);
  EXPECT_FALSE(bind({{"bidirectional", 0}}).key.bidirectional);
  EXPECT_EQ(bind({{"model", "birnn"}}).key.family, "birnn");
  expect_refused({{"model", "cnn"}}, {"birnn"});
}

TEST(Bind, ValuesOutOfRangeOrOfTheWrongTypeAreRefused) {
  expect_refused({{"hidden_size", 0}}, {"hidden_size is 0", "[1, 1024]"});
  expect_refused({{"hidden_size", 1025}}, {"[1, 1024]"});
  expect_refused({{"hidden_size", 16.5}}, {"16.5", "whole number"});
  expect_refused({{"num_layers", 9}}, {"[1, 8]"});
  expect_refused({{"lr", -0.1}}, {"learning_rate is -0.1", "given as 'lr'"});
  expect_refused({{"lr", "fast"}}, {"'fast'", "number"});
  expect_refused({{"lr", true}}, {"true", "number"});
  expect_refused({{"lr", Value::array({0.1})}}, {"[0.1]", "number"});
  expect_refused({{"beta1", 1.0}}, {"beta1 is 1", "[0, 1)"});
  expect_refused({{"one_minus_beta1", 0.0}}, {"(0, 1]"});
  expect_refused({{"one_minus_beta1", 1e-60}}, {"(0, 1]"});  // 0 in float32
  expect_refused({{"dropout", 1}}, {"[0, 1)"});
  expect_refused({{"bidirectional", "maybe"}}, {"true or false"});
  expect_refused({{"epochs", 0}}, {"epochs is 0"});
  expect_refused({{"max_steps", -1}}, {"max_steps is -1"});
  expect_refused({{"warmup_steps", 1.5}}, {"whole number"});
  expect_refused({{"step_size", 0}}, {"step_size is 0"});
  expect_refused({{"seed", -1}}, {"seed is -1"});
  expect_refused({{"seed", 0.5}}, {"seed is 0.5"});
  expect_refused({{"betas", 0.9}}, {"two numbers"});
  expect_refused({{"optimizer", "adagrad"}}, {"sgd, adam, adamw, nadam, rmsprop"});
  expect_refused({{"epochs", 1'000'000'001}}, {"epochs"});
}

TEST(Bind, AHugeLearningRateIsLegal) { EXPECT_EQ(bind({{"lr", 1e30}}).hyper.learning_rate, 1e30f); }

TEST(Bind, NumbersMayBeTextOrWholeFloats) {
  EXPECT_EQ(bind({{"lr", "1e-3"}}).hyper.learning_rate, 1e-3f);
  EXPECT_EQ(bind({{"hidden_size", 64.0}}).key.hidden_size, 64);
  EXPECT_EQ(bind({{"hidden_size", "64"}}).key.hidden_size, 64);
  EXPECT_EQ(bind({{"seed", 3.0}}).seeds.init, 3u);
}

TEST(Bind, NullIsTheDefault) {
  EXPECT_EQ(bind({{"clip_norm", nullptr}}).hyper.clip_norm, 0.0f);
  EXPECT_EQ(bind({{"epochs", nullptr}, {"max_steps", 7}}).hyper.total_steps, 7);
}

TEST(Bind, SeedSetsAllStreamsAndAStreamItself) {
  const Seeds seeds = bind({{"seed", 7}, {"seed_order", 9}, {"init_seed", std::uint64_t{18446744073709551615u}}}).seeds;
  EXPECT_EQ(seeds, (Seeds{18446744073709551615u, 9, 7, 7, 7}));
}

TEST(Bind, RepeatsMoveEverySeedButTheSplit) {
  EXPECT_EQ(repeat_seeds({1, 2, 3, 4, 5}, 10), (Seeds{11, 12, 13, 14, 5}));
  EXPECT_EQ(repeat_seeds({1, 2, 3, 4, 5}, 0), (Seeds{1, 2, 3, 4, 5}));
}

TEST(Bind, RepeatsMoveTheSeedsThatAreToVary) {
  EXPECT_EQ(repeat_seeds({1, 2, 3, 4, 5}, 10, {false, true, false, false, true}), (Seeds{1, 12, 3, 4, 15}));
  for (const SeedSource& source : seed_sources()) {
    VariedSeeds one{false, false, false, false, false};
    one.*source.member = true;
    const Seeds moved = repeat_seeds({}, 1, one);
    EXPECT_EQ(moved.init + moved.order + moved.dropout + moved.augment + moved.split, 1u) << source.name;
  }
}

TEST(Bind, AdamwDecaysByDefaultAndAlwaysDecoupled) {
  EXPECT_EQ(bind({{"optimizer", "adamw"}}).hyper.weight_decay, 0.01f);
  EXPECT_EQ(bind({{"optimizer", "adamw"}, {"weight_decay", 0}}).hyper.weight_decay, 0.0f);
  EXPECT_EQ(bind({{"optimizer", "adamw"}}).hyper.decoupled_weight_decay, 1);
  EXPECT_EQ(bind({{"optimizer", "adam"}, {"decoupled_weight_decay", true}}).hyper.decoupled_weight_decay, 1);
  expect_refused({{"optimizer", "adamw"}, {"decoupled_weight_decay", false}}, {"adamw", "use adam"});
}

TEST(Bind, ARateAdaptsItselfWithSgdAdamAndAdamwOnly) {
  EXPECT_EQ(bind({{"hypergradient_rate", 1e-7}}).hyper.hypergradient_rate, 1e-7f);
  EXPECT_EQ(bind({{"hypergradient_lr", 1e-7}, {"optimizer", "adamw"}}).hyper.hypergradient_rate, 1e-7f);
  EXPECT_EQ(bind({{"hypergradient_rate", 1e-3}, {"optimizer", "sgd"}}).key.state_arrays, 1);
  const Config nesterov = {{"hypergradient_rate", 1e-3}, {"optimizer", "sgd"}, {"momentum", 0.9}, {"nesterov", true}};
  EXPECT_EQ(bind(nesterov).key.state_arrays, 2);
  for (const char* optimizer : {"nadam", "rmsprop"}) {
    expect_refused({{"hypergradient_rate", 0.5}, {"optimizer", optimizer}},
                   {"hypergradient_rate is 0.5", optimizer, "sgd, adam and adamw only", "hypergradient_rate 0"});
    EXPECT_EQ(bind({{"hypergradient_rate", 0}, {"optimizer", optimizer}}).hyper.hypergradient_rate, 0.0f);
  }
  expect_refused({{"hypergradient_rate", -1e-3}}, {"hypergradient_rate is -0.001", "[0, "});
}

TEST(Bind, PolyakFollowsFromItsNumbers) {
  EXPECT_EQ(bind({{"polyak_decay", 0.99}}).hyper.polyak, Polyak::kExponential);
  EXPECT_EQ(bind({{"one_minus_polyak_decay", 0.01}}).hyper.one_minus_polyak_decay, 0.01f);
  EXPECT_EQ(bind({{"polyak_start_step", 100}}).hyper.polyak, Polyak::kUniform);
  EXPECT_EQ(bind({{"polyak", "none"}, {"polyak_decay", 0.99}}).hyper.polyak, Polyak::kNone);
  EXPECT_EQ(bind({{"polyak", false}}).hyper.polyak, Polyak::kNone);
  EXPECT_EQ(bind({{"ema", true}}).hyper.polyak, Polyak::kExponential);
  EXPECT_TRUE(bind({{"polyak", "uniform"}}).key.averaged);
}

TEST(Bind, MemoriesKeepTheirComplementExactly) {
  EXPECT_EQ(bind({{"beta1", 0.9}}).hyper.one_minus_beta1, 0.1f);
  EXPECT_EQ(bind({{"beta2", 0.999}}).hyper.one_minus_beta2, 0.001f);
  EXPECT_EQ(bind({{"one_minus_beta2", 1e-7}}).hyper.one_minus_beta2, 1e-7f);
  EXPECT_EQ(bind({{"betas", {0.8, 0.95}}}).hyper.one_minus_beta2, 0.05f);
  EXPECT_EQ(bind({{"optimizer", "rmsprop"}, {"momentum", 0.5}}).key.state_arrays, 2);
}

TEST(Bind, TheLastPartialBatchCountsAsAStep) {
  EXPECT_EQ(bind({{"batch_size", 64}, {"epochs", 1}}).hyper.total_steps, 782);  // 50,000 / 64 = 781.25
  EXPECT_EQ(bind({{"batch_size", 64}, {"epochs", 1}}).rung_steps, 782);
  DataUse use;
  use.validate_on_test = true;
  const BoundConfig bound = bind({{"batch_size", 64}, {"epochs", 3}}, use);
  EXPECT_EQ(bound.hyper.total_steps, 3 * 938);  // all 60,000
  EXPECT_EQ(bound.data.validation_examples, 0);
}

TEST(Bind, ABatchLargerThanTheTrainingSetIsRefused) {
  expect_refused({{"batch_size", 50001}}, {"batch_size is 50001", "50000 training examples"});
  EXPECT_EQ(bind({{"batch_size", 50000}}).rung_steps, 1);
}

TEST(Bind, ValidationMustLeaveSomethingToTrainOn) {
  DataUse use;
  use.validation_examples = 60000;
  EXPECT_NE(refusal({}, use).find("validation_examples is 60000 of 60000"), std::string::npos) << refusal({}, use);
  use.validation_examples = 59999;
  EXPECT_EQ(bind({{"batch_size", 1}}, use).rung_steps, 1);
}

TEST(Bind, ParametersWithoutEffectAreNamed) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(unread_parameters({{"momentum", 0.9}}), Names{"momentum"});
  EXPECT_EQ(unread_parameters({{"momentum", 0.9}, {"optimizer", "sgd"}}), Names{});
  EXPECT_EQ(unread_parameters({{"optimizer.mom", 0.9}, {"optimizer.name", "adam"}}), Names{"optimizer.mom"});
  EXPECT_EQ(unread_parameters({{"dropout", 0.5}, {"num_layers", 1}}), Names{"dropout"});
  EXPECT_EQ(unread_parameters({{"dropout", 0.5}, {"num_layers", 2}}), Names{});
  EXPECT_EQ(unread_parameters({{"gamma", 0.5}, {"schedule", "cosine"}}), Names{"gamma"});
  EXPECT_EQ(unread_parameters({{"nonlinearity", "relu"}}), Names{"nonlinearity"});
  EXPECT_EQ(unread_parameters({{"beta1", 0.5}, {"eps", 1}, {"optimizer", "sgd"}}), (Names{"beta1", "eps"}));
  EXPECT_EQ(unread_parameters({{"nesterov", true}, {"optimizer", "sgd"}}), Names{"nesterov"});
  EXPECT_EQ(unread_parameters({{"hypergradient_rate", 1e-7}, {"lr", 1e-4}, {"schedule", "cosine"}}), Names{});
  EXPECT_EQ(unread_parameters({{"hypergradient_rate", 0}, {"optimizer", "nadam"}}), Names{"hypergradient_rate"});
}

// A config whose training reads the parameter.
Config where_it_is_read(const std::string& parameter) {
  static const std::map<std::string, Config> kWhere = {
      {"one_minus_momentum", {{"optimizer", "sgd"}}},
      {"nesterov", {{"optimizer", "sgd"}, {"momentum", 0.5}}},
      {"one_minus_alpha", {{"optimizer", "rmsprop"}}},
      {"momentum_decay", {{"optimizer", "nadam"}}},
      {"decoupled_weight_decay", {{"weight_decay", 0.2}}},
      {"step_size", {{"schedule", "step"}}},
      {"gamma", {{"schedule", "step"}}},
      {"end_factor", {{"schedule", "linear"}}},
      {"eta_min", {{"schedule", "cosine"}}},
      {"pct_start", {{"schedule", "one_cycle"}}},
      {"div_factor", {{"schedule", "one_cycle"}}},
      {"final_div_factor", {{"schedule", "one_cycle"}}},
      {"one_minus_polyak_decay", {{"polyak", "exponential"}}},
      {"polyak_start_step", {{"polyak", "uniform"}}},
  };
  const auto found = kWhere.find(parameter);
  return found == kWhere.end() ? Config{} : found->second;
}

TEST(Bind, CanonicalRunsDifferWhereverBitsMay) {
  std::set<std::string> lines;
  const auto add = [&](const Config& config, const DataUse& use = {}, const char* digest = "d1",
                       const char* numerics = kNumericsFp32) {
    const std::string line = canonical_run(bind(config, use), digest, numerics);
    EXPECT_EQ(line.find('\n'), std::string::npos);
    EXPECT_TRUE(lines.insert(line).second) << line;
  };
  add({});
  add({}, {}, "d2");
  add({}, {}, "d1", "fp32/2");
  DataUse use;
  use.validation_examples = 5000;
  add({}, use);
  use.validate_on_test = true;
  add({}, use);
  add({{"max_steps", 1}});
  for (const char* cell : {"gru", "rnn_tanh", "rnn_relu"}) add({{"cell", cell}});
  for (const char* readout : {"final_states", "mean"}) add({{"readout", readout}});
  for (const char* name : {"hidden_size", "num_layers", "batch_size", "epochs"}) add({{name, 3}});
  add({{"bidirectional", false}});
  for (const char* name : {"seed_init", "seed_order", "seed_dropout", "seed_augment", "seed_split"}) add({{name, 1}});
  for (const HyperField& field : hyper_fields()) {
    if (field.complement) continue;
    const auto add_read = [&](const Value& value) {
      Config config = where_it_is_read(field.name);
      config[field.name] = value;
      EXPECT_EQ(unread_parameters(config), std::vector<std::string>{});
      add(config);
    };
    switch (field.kind) {
      case FieldKind::kFloat:
        add_read(0.37);
        break;
      case FieldKind::kInteger:
        add_read(37);
        break;
      case FieldKind::kFlag:
        add_read(true);
        break;
      case FieldKind::kChoice:
        for (const char* choice : field.choices) {
          if (choice != field.choices[static_cast<std::size_t>(field.fallback)]) add({{field.name, choice}});
        }
        break;
    }
  }
}

TEST(Bind, EqualRunsHaveOneLineHoweverTheyAreWritten) {
  const auto line = [](const Config& config) { return canonical_run(bind(config), "d1", kNumericsFp32); };
  EXPECT_EQ(line({}), line({{"lr", 0.003}, {"hidden", 128.0}, {"optimizer.name", "Adam"}, {"epochs", 10}}));
  EXPECT_EQ(line({{"beta1", 0.8}}), line({{"one_minus_beta1", 0.2}}));
  EXPECT_EQ(line({{"epochs", 2}}), line({{"max_steps", 1000}}));
  EXPECT_EQ(line({{"cell", "rnn"}, {"nonlinearity", "relu"}}), line({{"cell", "rnn_relu"}}));
  EXPECT_EQ(line({}), line({{"hypergradient_rate", 0}}));
}

// The line is stored and hashed in every study: it may change only with a new numerics version or a new name.
TEST(Bind, TheCanonicalLineStaysWhatItWas) {
  EXPECT_EQ(
      canonical_run(bind({{"max_steps", 5}}), "d1", "fp32/1"),
      R"({"batch_size":100,"bidirectional":true,"cell":"lstm","clip_norm":0.0,"clip_value":0.0,"data_digest":"d1",)"
      R"("decoupled_weight_decay":false,"div_factor":25.0,"dropout":0.0,"end_factor":0.0,"eps":1e-08,"eta_min":0.0,)"
      R"("family":"birnn","final_div_factor":10000.0,"gamma":0.1,"hidden_size":128,"l1":0.0,"label_smoothing":0.0,)"
      R"("learning_rate":0.003,"max_steps":5,"momentum_decay":0.004,"nesterov":false,"num_layers":2,"numerics":"fp32/1",)"
      R"("one_minus_alpha":0.01,"one_minus_beta1":0.1,"one_minus_beta2":0.001,"one_minus_momentum":1.0,)"
      R"("one_minus_polyak_decay":0.005,"optimizer":"adam","pct_start":0.3,"polyak":"none","polyak_start_step":0,)"
      R"("precision":"fp32","readout":"last_step","rung_steps":500,"schedule":"constant","seed_augment":0,"seed_dropout":0,)"
      R"("seed_init":0,"seed_order":0,"seed_split":0,"standardize":false,"step_size":500,"validate_on_test":false,)"
      R"("validation_examples":10000,"warmup_steps":0,"weight_decay":0.0})");
}

TEST(Bind, IdentityIsTheHashOfTheLine) {
  const std::string line = canonical_run(bind({}), "d1", kNumericsFp32);
  EXPECT_EQ(run_identity(line), to_string(hash128(line.data(), line.size(), 0)));
  EXPECT_EQ(run_identity(line).size(), 32u);
  EXPECT_NE(run_identity(line), run_identity(line + " "));
}

SweepSpec random_sweep(const std::string& parameters) {
  return parse_sweep("method: random\nparameters:\n" + parameters, "sweep.yaml");
}

void expect_check_refuses(const std::string& parameters, std::initializer_list<const char*> parts) {
  try {
    check_parameters(random_sweep(parameters));
    ADD_FAILURE() << "no error for " << parameters;
  } catch (const Error& error) {
    for (const char* part : parts) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << part << " in: " << error.what();
    }
  }
}

TEST(CheckParameters, RefusesBeforeTheFirstRun) {
  expect_check_refuses("  lr: {min: 0.1, max: 0.2}\n  momentun: {values: [0.9]}\n",
                       {"sweep.yaml:4: ", "'momentun'", "did you mean 'momentum'"});
  expect_check_refuses("  optimizer: {values: [adam, adagrad]}\n", {"sweep.yaml:3: ", "adagrad"});
  expect_check_refuses("  hidden: {min: 1, max: 2000}\n", {"sweep.yaml:3: ", "2000", "given as 'hidden'"});
  expect_check_refuses("  hidden: {distribution: q_uniform, min: 1, max: 10, q: 4}\n", {"hidden_size is 0"});
  expect_check_refuses("  dropout: {min: -0.1, max: 0.5}\n", {"dropout"});
  expect_check_refuses("  optimizer: {values: [{name: sgd, momentum: 2}, {name: adam}]}\n", {"momentum is 2"});
  expect_check_refuses("  lr: {value: 1}\n  o: {parameters: {learning_rate: {value: 1}}}\n",
                       {"sweep.yaml:4", "'lr'", "keep one"});
}

TEST(CheckParameters, AcceptsWhatRuns) {
  EXPECT_NO_THROW(check_parameters(
      random_sweep("  lr: {distribution: log_normal, mu: -5, sigma: 2}\n  optimizer: {values: [{name: sgd, momentum: "
                   "0.9}, {name: adam}]}\n"
                   "  clip_norm: {values: [null, 1.0]}\n  model: {parameters: {cell: {values: [lstm, GRU]}}}\n")));
}

}  // namespace
}  // namespace caviar
