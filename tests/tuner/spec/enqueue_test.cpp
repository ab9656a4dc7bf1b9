// Files of configs by hand: groups, aliases, what may be left out, and every refusal with its line.
#include "tuner/spec/enqueue.h"

#include <gtest/gtest.h>

#include "tests/tuner/sweep_text.h"

namespace caviar {
namespace {

SweepSpec sweep() {
  return parse_sweep(
      "method: random\nparameters:\n  lr: {min: 0.001, max: 0.1}\n  epochs: {value: 2}\n"
      "  model: {parameters: {hidden_size: {values: [16, 32]}}}\n  optimizer: {values: [sgd, adam]}\n"
      "caviar:\n  choice:\n    optimizer: {sgd: {momentum: {min: 0.5, max: 0.9}, nesterov: {value: true}}}\n",
      "sweep.yaml");
}

std::string configs_of(const std::string& text) { return Value(parse_enqueued(text, "first.yaml", sweep())).dump(); }

std::string refusal_of(const std::string& text) {
  try {
    return configs_of(text);
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(Enqueue, AMapIsOneConfigAndAListSeveral) {
  const std::string one = R"({"epochs":2,"lr":0.5,"model.hidden_size":16,"optimizer":"adam"})";
  EXPECT_EQ(configs_of("{lr: 0.5, model: {hidden_size: 16}, optimizer: adam}\n"), "[" + one + "]");
  EXPECT_EQ(configs_of("- {lr: 0.5, model.hidden_size: 16, optimizer: adam}\n"
                       "- {learning_rate: 5.0e-1, hidden: 16, optimizer: {name: adam}, epochs: 2}\n"),
            "[" + one + "," + one + "]");
}

TEST(Enqueue, ConstantsComeFromTheSweepWhereTheyHaveAPlace) {
  EXPECT_EQ(configs_of("{lr: 0.5, hidden_size: 64, optimizer: sgd, momentum: 0.95}\n"),
            R"([{"epochs":2,"lr":0.5,"model.hidden_size":64,"momentum":0.95,"nesterov":true,"optimizer":"sgd"}])");
  EXPECT_EQ(configs_of("{lr: 0.5, hidden_size: 64, optimizer: adam, epochs: 7, batch_size: 32}\n"),
            R"([{"batch_size":32,"epochs":7,"lr":0.5,"model.hidden_size":64,"optimizer":"adam"}])");
}

TEST(Enqueue, TextThatIsANumberIsThatNumber) {
  EXPECT_EQ(configs_of("{lr: '0.5', hidden_size: '16', optimizer: adam}\n"),
            configs_of("{lr: 0.5, hidden_size: 16, optimizer: adam}\n"));
  EXPECT_NE(refusal_of("{lr: null, hidden_size: 16, optimizer: adam}\n").find("first.yaml:1: 'lr' has no value"),
            std::string::npos);
}

TEST(Enqueue, GroupsThatTheSweepHasAsValuesStayValues) {
  const SweepSpec spec = parse_sweep(
      "method: random\nparameters:\n  optimizer: {values: [{name: sgd, momentum: 0.9}, {name: adam}]}\n", "sweep.yaml");
  EXPECT_EQ(Value(parse_enqueued("optimizer: {name: sgd, momentum: 0.9}\n", "first.yaml", spec)).dump(),
            R"([{"optimizer":{"momentum":0.9,"name":"sgd"}}])");
}

TEST(Enqueue, WhatIsWrongIsSaidWithItsLine) {
  EXPECT_EQ(refusal_of("{lr: 0.5, optimizer: adam}\n"),
            "first.yaml:1: the config has no model.hidden_size, which the sweep varies; add it");
  EXPECT_EQ(refusal_of("- {lr: 0.5, hidden_size: 16, optimizer: adam}\n- {lr: 1, hidden_size: 8, optimizer: sgd}\n"),
            "first.yaml:2: the config has no momentum, which the sweep varies; add it");
  const std::string rest = ", hidden_size: 16, optimizer: adam}\n";
  EXPECT_TRUE(refusal_of("{lr: -1" + rest).starts_with("first.yaml:1: learning_rate is -1"))
      << refusal_of("{lr: -1" + rest);
  EXPECT_TRUE(refusal_of("{lr: 0.5, hiden: 3" + rest).starts_with("first.yaml:1: parameter 'hiden' is read by nobody"));
  EXPECT_EQ(refusal_of("{lr: 0.5, learning_rate: 0.25" + rest),
            "first.yaml:1: 'learning_rate' is given twice; keep one");
  for (const char* text : {"", "3\n", "{}\n", "- 3\n", "- []\n"}) {
    EXPECT_EQ(refusal_of(text),
              "first.yaml:1: a config is a map of parameters and values, such as {learning_rate: 0.01}")
        << text;
  }
  EXPECT_EQ(refusal_of("[]\n"), "first.yaml:1: the list is empty; give at least one config");
  EXPECT_THROW(load_enqueued("/nowhere/first.yaml", sweep()), Error);
  try {
    load_enqueued("/tmp", sweep());
    ADD_FAILURE() << "a directory is no file of configs";
  } catch (const Error& error) {
    EXPECT_TRUE(std::string(error.what()).starts_with("/tmp is a directory; --enqueue takes a YAML file"))
        << error.what();
  }
}

TEST(Enqueue, WhatIsUnexpectedIsSaidInALineEach) {
  SweepSpec spec = sweep();
  EXPECT_TRUE(notes_on_enqueued(spec, 10).empty());
  const auto add = [&](const std::string& text) {
    for (const Config& config : parse_enqueued(text, "first.yaml", spec)) spec.settings.by_hand.push_back(config);
  };
  add("{lr: 0.5, hidden_size: 16, optimizer: adam}\n");
  EXPECT_TRUE(notes_on_enqueued(spec, 10).empty());
  EXPECT_TRUE(notes_on_enqueued(spec, 1).empty());
  add("- {lr: 0.25, hidden_size: 16, optimizer: adam, epochs: 7}\n- {lr: 0.5, hidden_size: 16, optimizer: adam}\n"
      "- {lr: 0.75, hidden_size: 16, optimizer: adam}\n");
  const std::vector<std::string> notes = notes_on_enqueued(spec, 2);
  ASSERT_EQ(notes.size(), 3u);
  EXPECT_EQ(notes[0], "--enqueue gives epochs, which the sweep holds at 2, the value 7; it is tried as given");
  EXPECT_EQ(notes[1], "--enqueue gives 1 config a second time; every config is tried once");
  EXPECT_EQ(notes[2],
            "--enqueue gives 3 configs and the sweep has 2 trials, so only the first 2 are tried; raise --count");
  EXPECT_EQ(notes_on_enqueued(spec, std::nullopt).size(), 2u);
}

}  // namespace
}  // namespace caviar
