// One word for each thing, and the nearest one when a user slips.
#include "tuner/spec/names.h"

#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/hyper.h"

namespace caviar {
namespace {

TEST(Names, AliasesLeadToParametersThatExist) {
  for (const char* alias :
       {"lr", "LR", "learning-rate", "hidden", "hidden_dim", "layers", "n_layers", "batch", "bs", "opt", "wd",
        "cell_type", "max_grad_norm", "epsilon", "ema_decay", "n_epochs", "random_seed"}) {
    const std::string name = canonical_parameter(alias);
    ASSERT_FALSE(name.empty()) << alias;
    EXPECT_EQ(canonical_parameter(name), name);
  }
  EXPECT_EQ(canonical_parameter("lr"), "learning_rate");
  EXPECT_EQ(canonical_parameter("Hidden-Dim"), "hidden_size");
}

TEST(Names, EveryParameterIsItsOwnName) {
  for (const std::string_view name : known_parameters()) EXPECT_EQ(canonical_parameter(name), name);
  for (const HyperField& field : hyper_fields()) EXPECT_EQ(canonical_parameter(field.name), field.name);
}

TEST(Names, PathsFlatten) {
  EXPECT_EQ(canonical_parameter("optimizer.learning_rate"), "learning_rate");
  EXPECT_EQ(canonical_parameter("optimizer.lr"), "learning_rate");
  EXPECT_EQ(canonical_parameter("optimizer.name"), "optimizer");
  EXPECT_EQ(canonical_parameter("train.optimizer.type"), "optimizer");
  EXPECT_EQ(canonical_parameter("lr_scheduler.name"), "schedule");
  EXPECT_EQ(canonical_parameter("model.rnn.hidden"), "hidden_size");
  EXPECT_EQ(canonical_parameter("clip.norm"), "clip_norm");
  EXPECT_EQ(canonical_parameter("warmup.steps"), "warmup_steps");
  EXPECT_EQ(canonical_parameter("seed.init"), "seed_init");
  EXPECT_EQ(canonical_parameter("model.name"), "model");
  for (const char* path : {"", ".", "..", "a.", ".lr.", "name", "type", "model.nothing", "a..b"}) {
    EXPECT_EQ(canonical_parameter(path), "") << path;
  }
}

TEST(Names, ChoicesHaveAliasesToo) {
  EXPECT_EQ(canonical_choice("schedule", "OneCycle"), "one_cycle");
  EXPECT_EQ(canonical_choice("schedule", "1/t"), "inverse_time");
  EXPECT_EQ(canonical_choice("optimizer", "RMS-prop"), "rmsprop");
  EXPECT_THAT(choice_aliases("readout", "mean"), testing::ElementsAre("avg", "average"));
  EXPECT_EQ(canonical_choice("optimizer", "avg"), "avg");  // an alias of another parameter's choice
}

TEST(Names, SchedulesGoByPyTorchsNamesToo) {
  constexpr std::pair<const char*, const char*> kNames[] = {
      {"StepLR", "step"},
      {"ExponentialLR", "exponential"},
      {"LinearLR", "linear"},
      {"CosineAnnealingLR", "cosine"},
      {"OneCycleLR", "one_cycle"},
      {"ConstantLR", "constant"},
      {"cosineannealinglr", "cosine"},
      {"ONECYCLELR", "one_cycle"},
  };
  for (const auto& [theirs, ours] : kNames) EXPECT_EQ(canonical_choice("schedule", theirs), ours);
}

TEST(Names, AliasesAreListedByWhatTheyMean) {
  EXPECT_THAT(parameter_aliases("learning_rate"), testing::Contains("lr"));
  for (const std::string_view name : known_parameters()) {
    for (const std::string_view alias : parameter_aliases(name)) EXPECT_EQ(canonical_parameter(alias), name) << alias;
  }
  for (const std::string_view name : known_metrics()) {
    EXPECT_FALSE(metric_aliases(name).empty()) << name;
    for (const std::string_view alias : metric_aliases(name)) EXPECT_EQ(canonical_metric(alias), name) << alias;
  }
}

TEST(Names, MetricsAndTheirAliases) {
  for (const std::string_view name : known_metrics()) EXPECT_EQ(canonical_metric(name), name);
  for (const char* alias : {"acc", "val_acc", "accuracy", "Accuracy", "val/accuracy", "validation.acc"}) {
    EXPECT_EQ(canonical_metric(alias), "val_accuracy") << alias;
  }
  EXPECT_EQ(canonical_metric("loss"), "val_loss");
  EXPECT_EQ(canonical_metric("training_loss"), "train_loss");
  for (const char* other : {"test_accuracy", "test_loss", "f1", ""}) EXPECT_EQ(canonical_metric(other), "") << other;
}

TEST(Names, TheNearestNameHasTheFewestEdits) {
  constexpr std::string_view kWords[] = {"momentum", "beta1", "beta2", "gamma"};
  EXPECT_EQ(nearest_name("momentun", kWords), "momentum");
  EXPECT_EQ(nearest_name("MOMENTUM", kWords), "momentum");
  EXPECT_EQ(nearest_name("mometnum", kWords), "momentum");  // neighbours swapped: one edit
  EXPECT_EQ(nearest_name("beta3", kWords), "beta1");        // the first of equals
  EXPECT_EQ(nearest_name("gama", kWords), "gamma");
  EXPECT_EQ(nearest_name("conv_layer_size", kWords), "");
  EXPECT_EQ(nearest_name("", kWords), "");
  EXPECT_EQ(did_you_mean("gama", kWords), "; did you mean 'gamma'?");
  EXPECT_EQ(did_you_mean("xyz", kWords), "");
  EXPECT_EQ(did_you_mean_parameter("optimizer.learnin_rate"), "; did you mean 'learning_rate'?");
  EXPECT_EQ(did_you_mean_parameter("hiden"), "; did you mean 'hidden_size'?");
}

}  // namespace
}  // namespace caviar
