// caviar compare as a user meets it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/study_program.h"

namespace caviar {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

using Json = nlohmann::json;

// A rate that teaches a net of 8 nothing in two epochs (trials 0 and 2) and one that does (1 and 3), with two cells.
class CompareProgram : public ::testing::Test {
 protected:
  std::string sweep_on(const std::string& seeds, const std::string& study = "s") {
    place_.write_sweep("a.yaml", 2, "[0.00001, 0.02]");
    const Ended ended = place_.run({"sweep", "a.yaml", "--study", study, "--seeds", seeds});
    EXPECT_EQ(ended.code, 0) << ended.err;
    return study;
  }
  Json compared(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "compare");
    arguments.push_back("--json");
    const Ended ended = place_.run(arguments);
    EXPECT_EQ(ended.code, 0) << ended.err;
    return Json::parse(ended.out);
  }

  Workplace place_{CAVIAR_PROGRAM};
};

TEST_F(CompareProgram, ARateThatTeachesAgainstOneThatDoesNotIsReal) {
  sweep_on("12");
  const Ended ended = place_.run({"compare", "s:1", "s:0", "--equivalent", "0.5"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out,
              AllOf(HasSubstr("on the 12 seeds they share"), HasSubstr("Welch's t"), HasSubstr("signed rank"),
                    HasSubstr("Mann-Whitney"), HasSubstr("95 % interval"), HasSubstr("Fisher"),
                    HasSubstr("4 trials were looked at in s"), HasSubstr("Equivalent within 0.5")));
  const Json ahead = compared({"s:1", "s:0"}), behind = compared({"s:0", "s:1"});
  EXPECT_EQ(ahead["comparison"]["difference"].get<double>(), -behind["comparison"]["difference"].get<double>());
  EXPECT_EQ(ahead["comparison"]["welch"]["p"], behind["comparison"]["welch"]["p"]);
  EXPECT_EQ(ahead["comparison"]["verdict"], behind["comparison"]["verdict"]);
  EXPECT_NEAR(ahead["comparison"]["outperforms_in_pairs"]["share"].get<double>() +
                  behind["comparison"]["outperforms_in_pairs"]["share"].get<double>(),
              1, 1e-12);
  EXPECT_EQ(ahead["a"]["runs"], 12);
  EXPECT_TRUE(ahead["comparison"]["paired"]);
}

TEST_F(CompareProgram, ALossIsComparedTheOtherWayRound) {
  sweep_on("8");
  const Json loss = compared({"s:1", "s:0", "--metric", "train_loss"});
  EXPECT_EQ(loss["goal"], "minimize");
  EXPECT_LT(loss["comparison"]["difference"], 0);
  EXPECT_EQ(loss["comparison"]["favours"], "a");
  EXPECT_EQ(loss["comparison"]["verdict"], "real and meaningful");
  EXPECT_EQ(loss["comparison"]["outperforms_in_pairs"]["share"], 1);
  EXPECT_LE(loss["comparison"]["welch"]["interval"]["low"], loss["comparison"]["welch"]["interval"]["high"]);
  EXPECT_LT(loss["comparison"]["welch"]["interval"]["high"], 0);
  EXPECT_THAT(place_.run({"compare", "s:1", "s:0", "--metric", "train_loss"}).out,
              HasSubstr("Verdict: that A is better than B is real and meaningful."));
}

TEST_F(CompareProgram, FewSeedsAreNoiseAndTheCommandThatAddsSeedsIsShown) {
  sweep_on("2");
  const Ended ended = place_.run({"compare", "s", "s:0"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("A: trial "), HasSubstr("its best"), HasSubstr("could be noise"),
                               HasSubstr("pairs are judged from 6 on"), HasSubstr("A ranks 1"), HasSubstr("flatter"),
                               HasSubstr("caviar sweep a.yaml --study s --seeds "), HasSubstr("--resume")));
  const Json json = compared({"s", "s:0"});
  EXPECT_EQ(json["a"]["chosen"], "best");
  EXPECT_EQ(json["a"]["rank"], 1);
  EXPECT_EQ(json["b"]["chosen"], "named");
  EXPECT_EQ(json["comparison"]["verdict"], "could be noise");
  EXPECT_TRUE(json["comparison"]["favours"].is_null());
  EXPECT_TRUE(json["comparison"]["mann_whitney"]["p"].is_null());
  EXPECT_TRUE(json["equivalence"].is_null());
}

TEST_F(CompareProgram, TrialsOfTwoStudiesArePairedByTheSeedsTheyShare) {
  sweep_on("7", "one");
  sweep_on("9", "two");
  const Json json = compared({"one:0", "two:1"});
  EXPECT_EQ(json["comparison"]["shared_seeds"], 7);
  EXPECT_TRUE(json["comparison"]["paired"]);
  EXPECT_EQ(json["b"]["runs"], 9);
  const Json same = compared({"one:0", "two:0"});
  EXPECT_EQ(same["comparison"]["difference"], 0);
  EXPECT_EQ(same["comparison"]["verdict"], "could be noise");
}

TEST_F(CompareProgram, TwoConfigsInFilesAreTrainedOnTheSameSeedsAndCompared) {
  const auto write = [&](const std::string& name, const std::string& rate, const std::string& block = "") {
    place_.dir().write(name,
                       "method: grid\nparameters:\n  hidden_size: {value: 8}\n  num_layers: {value: 1}\n"
                       "  batch_size: {value: 20}\n  seed: {value: 5}\n  learning_rate: {values: [" +
                           rate + "]}\n  epochs: {value: 2}\ncaviar: {validation_examples: 40" + block + "}\n");
  };
  write("slow.yaml", "0.00001");
  write("fast.yaml", "0.02");
  const std::string data = place_.dir().path().string();
  const Ended ended = place_.run({"compare", "fast.yaml", "slow.yaml", "--seeds", "7", "--data", data});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("on the 7 seeds they share"), HasSubstr("named before they were trained"),
                               HasSubstr("Verdict: ")));
  EXPECT_THAT(ended.err, HasSubstr("the seeds of fast.yaml are not used"));
  const std::vector<std::string> again = {"fast.yaml", "slow.yaml", "--resume", "--data", data};
  const Json json = compared(again);
  EXPECT_TRUE(json["comparison"]["paired"]);
  EXPECT_EQ(json["a"]["runs"], 7);
  EXPECT_EQ(json["a"]["config"]["learning_rate"], 0.02);
  EXPECT_EQ(json["a"]["study"], "studies/fast-against-slow");
  Json of_trials = compared({"studies/fast-against-slow:0", "studies/fast-against-slow:1"});
  EXPECT_EQ(of_trials["comparison"], json["comparison"]);
  EXPECT_THAT(place_.run({"compare", "fast.yaml", "slow.yaml", "--data", data}).err, HasSubstr("--resume"));

  write("many.yaml", "0.01, 0.02");
  write("same.yaml", "0.02");
  write("other.yaml", "0.01", ", validate_on: test");
  EXPECT_THAT(place_.run({"compare", "fast.yaml", "many.yaml", "--data", data}).err,
              AllOf(HasSubstr("many.yaml:7"), HasSubstr("give it one value"), HasSubstr("caviar confirm")));
  EXPECT_THAT(place_.run({"compare", "fast.yaml", "same.yaml", "--data", data}).err, HasSubstr("the same config"));
  EXPECT_THAT(place_.run({"compare", "fast.yaml", "other.yaml", "--data", data}).err, HasSubstr("validate_on"));
  EXPECT_THAT(place_.run({"compare", "fast.yaml", "studies/fast-against-slow", "--data", data}).err,
              HasSubstr("two files of one point each"));
  EXPECT_THAT(place_.run({"compare", "studies/fast-against-slow:0", "studies/fast-against-slow:1", "--seeds", "9"}).err,
              HasSubstr("are for two configs in files"));
  write("slow.yaml", "0.0001");
  EXPECT_THAT(place_.run({"compare", "fast.yaml", "slow.yaml", "--resume", "--data", data}).err,
              HasSubstr("another text"));
}

TEST_F(CompareProgram, WhatCannotBeComparedIsRefusedWithASentence) {
  sweep_on("2");
  EXPECT_THAT(place_.run({"compare", "s:1", "s:1"}).err, HasSubstr("both trial 1"));
  EXPECT_THAT(place_.run({"compare", "s:1", "s:9"}).err, HasSubstr("no trial 9"));
  EXPECT_THAT(place_.run({"compare", "s:1", "s:x"}).err, HasSubstr("the number of a trial"));
  EXPECT_THAT(place_.run({"compare", "s:1", "absent"}).err, HasSubstr("no study"));
  EXPECT_THAT(place_.run({"compare", "s:1", "s:2", "--metric", "val_acuracy"}).err, HasSubstr("val_acuracy"));
  EXPECT_THAT(place_.run({"compare", "s:1", "s:2", "--metric", "averaged_val_loss"}).err, HasSubstr("with a score"));
  EXPECT_EQ(place_.run({"compare", "s:1", "s:1"}).code, 1);
  EXPECT_EQ(place_.run({"compare", "s:1"}).code, 2);
  EXPECT_EQ(place_.run({"compare", "s:1", "s:2", "--equivalent", "0"}).code, 2);
}

}  // namespace
}  // namespace caviar
