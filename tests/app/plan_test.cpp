// caviar plan, as a user meets it.
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/study_program.h"

namespace caviar {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

class Plan : public ::testing::Test {
 protected:
  Workplace place_{CAVIAR_PROGRAM};
};

TEST_F(Plan, SaysWhatASweepWouldDoAndCost) {
  place_.write_sweep("a.yaml", 2);
  const Ended ended = place_.run({"plan", "a.yaml", "--seeds", "3", "--device", "cpu", "--threads", "2"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  // An LSTM of both directions, 3 pixels a step, 8 units, 3 classes: 2 * 4 * 8 * (3 + 8 + 2) + 3 * (16 + 1) = 883;
  // 300 examples in batches of 20, two epochs: 30 steps.
  EXPECT_THAT(ended.out,
              AllOf(ContainsRegex("trials +6 of the 6 points"), ContainsRegex("runs +18: 3 seeds a trial"),
                    HasSubstr("300 to train on, 40 to validate on"), ContainsRegex("device +2 threads"),
                    ContainsRegex("memory +[0-9]"), ContainsRegex("time +about "), HasSubstr("2 shapes in 6 trials"),
                    ContainsRegex("50.0% +lstm 1x8 final_states +20 +883 .* 30 ")));
  EXPECT_THAT(ended.out, Not(HasSubstr("warn:"))) << ended.out;
  EXPECT_FALSE(std::filesystem::exists(place_.file("studies"))) << "a plan leaves nothing behind";
}

TEST_F(Plan, WithoutTimingThereIsNoTime) {
  place_.write_sweep("a.yaml", 2);
  const Ended ended = place_.run({"plan", "a.yaml", "--no-timing"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("memory"), Not(HasSubstr("time  ")), Not(HasSubstr("ms a step"))));
}

TEST_F(Plan, WarnsWithLinesAndEndsWell) {
  place_.dir().write("w.yaml",
                     "method: random\nrun_cap: 8\nparameters:\n  lr: {min: 0.00001, max: 0.1}\n"
                     "  epochs: {values: [1, 2]}\n  hidden_size: {value: 4}\n  batch_size: {value: 20}\n"
                     "caviar: {validation_examples: 40}\n");
  const Ended ended = place_.run({"plan", "w.yaml", "--no-timing"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out,
              AllOf(HasSubstr("warn: w.yaml:4: 'lr' is drawn evenly"), HasSubstr("warn: w.yaml:5: 'epochs' is swept")));
}

TEST_F(Plan, FlagsOfTheSearchArePlanned) {
  place_.write_sweep("a.yaml", 2);
  const Ended random = place_.run({"plan", "a.yaml", "--no-timing", "--sampler", "random", "--count", "5"});
  EXPECT_EQ(random.code, 0) << random.err;
  EXPECT_THAT(random.out, AllOf(ContainsRegex("trials +5"), Not(HasSubstr("the grid has 6 points"))));
  EXPECT_EQ(place_.run({"plan", "a.yaml", "--no-timing", "--sampler", "rondom"}).code, 1);
  EXPECT_EQ(place_.run({"check", "a.yaml", "--sampler", "rondom"}).code, 1);
}

TEST_F(Plan, TakesTheFlagsOfASweepWithItsPriors) {
  place_.write_sweep("a.yaml", 1);
  ASSERT_EQ(place_.run({"sweep", "a.yaml", "--study", "s"}).code, 0);
  const Ended ended = place_.run({"plan", "a.yaml", "--no-timing", "--sampler", "tpe", "--prior", "s", "--count", "4"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("prior s: 6 trials taken"));
  place_.write_sweep("b.yaml", 2);
  const Ended other = place_.run({"plan", "b.yaml", "--no-timing", "--sampler", "tpe", "--prior", "s"});
  EXPECT_EQ(other.code, 0);
  EXPECT_THAT(other.err, AllOf(HasSubstr("--prior s teaches nothing"), HasSubstr("epochs is 1")));
  const Ended twice = place_.run({"plan", "a.yaml", "--sampler", "tpe", "--prior", "s", "--prior", "./s"});
  EXPECT_EQ(twice.code, 1);
  EXPECT_THAT(twice.err, HasSubstr("--prior names the study ./s twice"));
  const Ended absent = place_.run({"sweep", "a.yaml", "--study", "t", "--sampler", "tpe", "--prior", "absent"});
  EXPECT_EQ(absent.code, 1);
  EXPECT_THAT(absent.err, HasSubstr("--prior absent: there is no study"));
}

TEST_F(Plan, APopulationIsTrainedOnce) {
  place_.dir().write("p.yaml",
                     "method: random\nparameters:\n  lr: {min: 0.01, max: 0.1}\n  batch_size: {value: 20}\n"
                     "  hidden_size: {value: 4}\n  epochs: {value: 4}\n"
                     "caviar: {validation_examples: 40, sampler: {name: pbt, population: 4}, count: 16}\n");
  const Ended ended = place_.run({"plan", "p.yaml", "--no-timing"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("4 runs side by side: 25 % of a whole training a run"),
                               ContainsRegex("100.0% +lstm 2x4 .* 15\n"), Not(HasSubstr("set caviar.window"))));
}

TEST_F(Plan, WhatASweepRefusesAPlanRefuses) {
  place_.dir().write("bad.yaml", "method: gird\nparameters: {lr: {value: 1}}\n");
  place_.dir().write("endless.yaml",
                     "method: random\nparameters: {lr: {min: 0.01, max: 0.1}}\ncaviar: {validation_examples: 40}\n");
  EXPECT_EQ(place_.run({"plan", "bad.yaml"}).code, 1);
  const Ended endless = place_.run({"plan", "endless.yaml", "--no-timing"});
  EXPECT_EQ(endless.code, 1);
  EXPECT_THAT(endless.err, HasSubstr("--count N"));
  EXPECT_EQ(place_.run({"plan"}).code, 2);
}

// Known data sets need not be here: their shape is known.
TEST_F(Plan, EveryExampleCanBePlanned) {
  int planned = 0;
  for (const auto& entry : std::filesystem::directory_iterator(CAVIAR_SOURCE_DIR "/examples")) {
    if (entry.path().extension() != ".yaml") continue;
    const Ended ended =
        Process(CAVIAR_PROGRAM, {"plan", entry.path().string(), "--no-timing", "--device", "cpu"}, place_.dir()).wait();
    EXPECT_EQ(ended.code, 0) << entry.path() << ended.err;
    EXPECT_THAT(ended.out, HasSubstr("memory a run")) << entry.path();
    ++planned;
  }
  EXPECT_GT(planned, 5);
}

// Three ways to schedule, three to optimise, three cells: what is not read makes 64 points of them.
TEST_F(Plan, CountsTrainingsAndSaysWhichTrialsRepeatOne) {
  place_.dir().write(
      "g.yaml",
      "method: grid\nparameters:\n  schedule: {values: [constant, step]}\n  gamma: {values: [0.1, 0.5]}\n"
      "  optimizer: {values: [adam, sgd]}\n  momentum: {values: [0.5, 0.9]}\n  cell: {values: [lstm, rnn]}\n"
      "  nonlinearity: {values: [tanh, relu]}\n  hidden_size: {value: 2}\n  batch_size: {value: 100}\n"
      "  epochs: {value: 1}\n  num_layers: {value: 1}\ncaviar: {validation_examples: 40}\n");
  const Ended ended = place_.run({"plan", "g.yaml", "--no-timing", "--seeds", "2"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out,
              AllOf(ContainsRegex("runs +54: 2 seeds"), HasSubstr("37 of 64 trials repeat another's training"),
                    HasSubstr("2 arrays of optimizer state"), HasSubstr("1 array of optimizer state")));
  for (std::size_t at = 0; at < ended.out.size(); at = ended.out.find('\n', at) + 1)
    EXPECT_LE(ended.out.find('\n', at) - at, 120u) << ended.out.substr(at, 130);
}

TEST_F(Plan, APopulationIsCountedInMembersAndGenerations) {
  place_.dir().write("p.yaml",
                     "method: random\nparameters:\n  lr: {distribution: log_uniform_values, min: 0.001, max: 0.1}\n"
                     "  hidden_size: {value: 4}\n  batch_size: {value: 20}\n  epochs: {value: 1}\n"
                     "caviar: {validation_examples: 40, sampler: {name: pbt, population: 6}}\n");
  const Ended ended = place_.run({"plan", "p.yaml", "--no-timing"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, AllOf(ContainsRegex("trials +6: a population of 6 through 1 generation\n"),
                               HasSubstr("has one generation")));
}

TEST_F(Plan, NoiseAloneAndATimeWithoutEndAreRefused) {
  place_.write_sweep("a.yaml", 1);
  const Ended noise = place_.run({"plan", "a.yaml", "--no-timing", "--noise", "0.1"});
  EXPECT_EQ(noise.code, 1);
  EXPECT_THAT(noise.err, HasSubstr("--no-improvement"));
  const Ended forever = place_.run({"plan", "a.yaml", "--no-timing", "--time-limit", "1e30h"});
  EXPECT_EQ(forever.code, 2);
  EXPECT_THAT(forever.err, HasSubstr("longer than 36500d"));
  EXPECT_EQ(place_.run({"plan", "a.yaml", "--no-timing", "--time-limit", "30d"}).code, 0);
}

TEST_F(Plan, APriorThatWasMeasuredOtherwiseIsNamed) {
  place_.write_sweep("a.yaml", 1);
  ASSERT_EQ(place_.run({"sweep", "a.yaml", "--study", "s"}).code, 0);
  const auto plan = [&](const char* examples) {
    return place_.run({"plan", "a.yaml", "--no-timing", "--sampler", "tpe", "--prior", "s", "--count", "4",
                       "--validation-examples", examples});
  };
  EXPECT_THAT(plan("40").err, Not(HasSubstr("not comparable")));
  EXPECT_THAT(plan("30").err,
              AllOf(HasSubstr("40 examples carved"), HasSubstr("will be on 30"), HasSubstr("comparable")));
}

TEST_F(Plan, OtherConfigsByHandAreNamedOnResuming) {
  place_.write_sweep("a.yaml", 1);
  place_.dir().write("e.yaml", "- {learning_rate: 0.001, cell: lstm}\n- {learning_rate: 0.01, cell: lstm}\n");
  place_.dir().write("f.yaml", "- {learning_rate: 0.001, cell: lstm}\n- {learning_rate: 0.02, cell: lstm}\n");
  const auto sweep = [&](const char* file, std::vector<std::string> more) {
    std::vector<std::string> words = {"sweep",  "a.yaml",  "--study", "s",         "--sampler",
                                      "random", "--count", "2",       "--enqueue", file};
    words.insert(words.end(), more.begin(), more.end());
    return place_.run(words);
  };
  ASSERT_EQ(sweep("e.yaml", {}).code, 0);
  const Ended other = sweep("f.yaml", {"--resume"});
  EXPECT_EQ(other.code, 1);
  EXPECT_THAT(other.err,
              AllOf(HasSubstr("--enqueue gives other configs"), HasSubstr("config 2 was"), HasSubstr("0.02")));
}

}  // namespace
}  // namespace caviar
