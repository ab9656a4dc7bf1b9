// caviar compare as a user meets it.
#include <filesystem>
#include <sstream>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/study_program.h"

namespace caviar {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

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

TEST_F(CompareProgram, AConfigIsNotCalledOtherThanItselfWhereStudiesValidateDifferently) {
  place_.write_sweep("a.yaml", 1, "[0.02]");
  for (const char* examples : {"40", "80"}) {
    const Ended ended = place_.run(
        {"sweep", "a.yaml", "--study", std::string("v") + examples, "--seeds", "2", "--validation-examples", examples});
    EXPECT_EQ(ended.code, 0) << ended.err;
  }
  EXPECT_EQ(place_.run({"sweep", "a.yaml", "--study", "t", "--seeds", "2", "--validate-on", "test"}).code, 0);
  const Ended refused = place_.run({"compare", "v40:0", "v80:0"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("40 examples"), HasSubstr("80 examples"), HasSubstr("cannot be compared")));
  EXPECT_THAT(place_.run({"compare", "v40:0", "t:0"}).err, HasSubstr("t on the test set"));
  const Ended warned = place_.run({"compare", "v40:0", "v80:0", "--metric", "test_accuracy"});
  EXPECT_EQ(warned.code, 0) << warned.err;
  EXPECT_THAT(warned.err, HasSubstr("other numbers of examples"));
  EXPECT_THAT(place_.run({"compare", "v40:0", "v40:1"}).err, Not(HasSubstr("warning")));
}

TEST_F(CompareProgram, AnArmThatDivergesOnEverySeedLosesByItsFailures) {  // 2 of the choose(12, 6) = 924 tables
  place_.write_sweep("a.yaml", 2, "[0.02, 1.0e+30]");
  place_.run({"sweep", "a.yaml", "--study", "s", "--seeds", "6"});
  const Ended ended = place_.run({"compare", "s:0", "s:1"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(
      ended.out,
      AllOf(HasSubstr("0 of 6 against 6 of 6; Fisher's exact test p 0.0022"),
            HasSubstr("Verdict: B has no score; that B fails or diverges more often than A is more than chance")));
  const Json json = compared({"s:1", "s:0"});
  EXPECT_NEAR(json["comparison"]["failures"]["p"].get<double>(), 2.0 / 924, 1e-12);
  EXPECT_EQ(json["comparison"]["failures"]["a"], 6);
  EXPECT_TRUE(json["a"]["mean"].is_null());
  EXPECT_TRUE(json["comparison"]["verdict"].is_null());
}

// What compare prints to be pasted: the line that begins with `caviar`, as words.
std::vector<std::string> command_in(const std::string& text) {
  const auto at = text.find("\n  caviar ");
  std::vector<std::string> words;
  if (at == text.npos) return words;
  std::istringstream line(text.substr(at + 10, text.find('\n', at + 1) - at - 10));
  for (std::string word; line >> word;) words.push_back(word);
  return words;
}

TEST_F(CompareProgram, TheCommandsItPrintsAddTheSeedsTheySayWithoutMore) {
  const auto pasted = [&](const std::string& a, const std::string& b) {
    const Ended ended = place_.run({"compare", a, b});
    std::vector<std::string> words = command_in(ended.out);
    EXPECT_FALSE(words.empty()) << ended.out << ended.err;
    const Ended added = Process(CAVIAR_PROGRAM, words, place_.dir()).wait();  // Workplace would add --data
    EXPECT_EQ(added.code, 0) << added.err;
    return words;
  };
  const auto runs = [&](const std::string& study) {
    return Json::parse(place_.run({"show", study, "--json"}).out)["trials"][0]["runs"].size();
  };
  for (const auto& [study, rate] : {std::pair("n", "learning_rate=0.00001"), std::pair("m", "learning_rate=0.02")}) {
    const Ended ended =
        place_.run({"noise", "--set", "hidden_size=8", "--set", "num_layers=1", "--set", "batch_size=20", "--set",
                    "epochs=2", "--set", rate, "--seeds", "3", "--validation-examples", "40", "--study", study});
    EXPECT_EQ(ended.code, 0) << ended.err;
  }
  EXPECT_EQ(pasted("n", "m")[0], "noise");
  EXPECT_GT(runs("n"), 3u);

  for (const char* rate : {"0.00001", "0.02"}) {
    place_.dir().write(std::string(rate) + ".yaml",
                       std::string("method: grid\nparameters: {hidden_size: {value: 8}, num_layers: {value: 1}, "
                                   "batch_size: {value: 20}, epochs: {value: 2}, learning_rate: {value: ") +
                           rate + "}}\ncaviar: {validation_examples: 40}\n");
  }
  const Ended ended = place_.run(
      {"compare", "0.00001.yaml", "0.02.yaml", "--study", "c", "--seeds", "3", "--data", place_.dir().path().string()});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(command_in(ended.out), pasted("c:0", "c:1"));
  EXPECT_GT(runs("c"), 3u);
}

TEST_F(CompareProgram, WhatIsWrongWithTheMetricIsSaidBeforeAnythingIsTrained) {
  for (const char* rate : {"0.01", "0.02"})
    place_.dir().write(std::string(rate) + ".yaml",
                       std::string("method: grid\nparameters: {learning_rate: {value: ") + rate + "}}\n");
  const auto said = [&](const std::string& metric) {
    return place_.run({"compare", "0.01.yaml", "0.02.yaml", "--metric", metric}).err;
  };
  EXPECT_THAT(said("acuracy"), HasSubstr("no metric named 'acuracy'"));
  EXPECT_THAT(said("averaged_val_loss"), HasSubstr("polyak is none"));
  EXPECT_EQ(place_.run({"compare", "0.01.yaml", "0.02.yaml", "--equivalent", "nan"}).code, 2);
  EXPECT_FALSE(std::filesystem::exists(place_.file("studies")));
  sweep_on("2");
  EXPECT_EQ(compared({"s:1", "s:0", "--metric", "val_acc"})["metric"], "val_accuracy");
}

}  // namespace
}  // namespace caviar
