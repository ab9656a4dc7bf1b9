// The program as a user meets it: what it says, what it returns, what it leaves behind.
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/study_program.h"
#include "tests/support/study_verify.h"
#include "tuner/spec/names.h"
#include "tuner/spec/spec.h"

namespace caviar {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class Program : public ::testing::Test {
 protected:
  std::string csv(const std::string& study) { return place_.run({"show", study, "--csv"}).out; }

  Workplace place_{CAVIAR_PROGRAM};
};

TEST_F(Program, SweepEndsWithARankingAndAStudyOnDisk) {
  place_.write_sweep("a.yaml", 2);
  const Ended ended = place_.run({"sweep", "a.yaml", "--seeds", "2"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("6 trials on 2 seeds each"), HasSubstr("6/6 trials done"), HasSubstr("rank"),
                               HasSubstr("learning_rate"), HasSubstr("Noise floor"), HasSubstr("test_accuracy"),
                               HasSubstr("in every trial: batch_size=20")));
  EXPECT_THAT(verify_study(place_.file("studies/a")), IsEmpty());
}

TEST_F(Program, OneSeedATrialSaysThatNoNoiseFloorIsKnown) {
  place_.write_sweep("a.yaml", 1);
  EXPECT_THAT(place_.run({"sweep", "a.yaml"}).out, HasSubstr("no noise floor is known"));
}

TEST_F(Program, TheNoiseFloorStandsBesideEveryRankingAndTrial) {
  place_.write_sweep("a.yaml", 1, "[0.01, 0.011, 0.012]");
  const Ended swept = place_.run({"sweep", "a.yaml", "--seeds", "3"});
  EXPECT_THAT(swept.out, AllOf(HasSubstr("Noise floor: the seed alone moves val_accuracy"), HasSubstr("like first"),
                               HasSubstr("`caviar confirm studies/a` trains the first of them again")));
  EXPECT_THAT(place_.run({"show", "studies/a", "--trial", "4"}).out,
              AllOf(ContainsRegex("It ranks [1-6] of 6 trials"), HasSubstr("Noise floor: the seed alone")));
  const nlohmann::json study = nlohmann::json::parse(place_.run({"show", "studies/a", "--json"}).out);
  const nlohmann::json& floor = study["noise_floor"];
  EXPECT_EQ(floor["metric"], "val_accuracy");
  EXPECT_EQ(floor["seeds"], 3);
  EXPECT_EQ(floor["degrees_of_freedom"], 12);
  EXPECT_EQ(floor["trials_looked_at"], 6);
  EXPECT_GT(floor["hidden_difference"], floor["seed_sd"]);
  EXPECT_TRUE(study["race"].is_null());
  std::set<int> ranks, like;
  for (const nlohmann::json& trial : study["trials"]) {
    ranks.insert(trial["rank"].get<int>());
    EXPECT_EQ(trial["rank"] == 1, trial["trial"] == floor["first"]);
    if (trial["like_first"].is_null()) {
      EXPECT_EQ(trial["rank"], 1);
    } else if (trial["like_first"].get<bool>()) {
      like.insert(trial["trial"].get<int>());
    }
  }
  EXPECT_EQ(ranks, (std::set<int>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(like, floor["like_first"].get<std::set<int>>());
  const std::vector<std::string> net = {"--set", "hidden_size=4", "--set", "epochs=1", "--validation-examples", "40"};
  std::vector<std::string> train = {"train", "--seeds", "3"};
  train.insert(train.end(), net.begin(), net.end());
  EXPECT_THAT(place_.run(train).out,
              AllOf(HasSubstr("Noise floor: the seed alone"), HasSubstr("(3 seeds)"), Not(HasSubstr("confirm"))));
}

TEST_F(Program, ATrialThatLostARunIsNeitherLikeTheFirstNorToldFromItAndWasLookedAt) {
  place_.write_sweep("a.yaml", 1, "[0.01, 0.011, 1.0e+30]");
  const Ended swept = place_.run({"sweep", "a.yaml", "--seeds", "2"});
  EXPECT_EQ(swept.code, 0) << swept.err;
  EXPECT_THAT(swept.out, HasSubstr("6 trials were looked at"));
  const nlohmann::json study = nlohmann::json::parse(place_.run({"show", "studies/a", "--json"}).out);
  EXPECT_EQ(study["noise_floor"]["trials_looked_at"], 6);
  int lost = 0;
  for (const nlohmann::json& trial : study["trials"]) {
    EXPECT_EQ(trial["like_first"].is_null(), trial["diverged"] > 0 || trial["rank"] == 1) << trial["trial"];
    lost += trial["diverged"] > 0;
  }
  EXPECT_GE(lost, 1);
}

TEST_F(Program, OneSeedHasNoFloorAnywhereAndTheCommandThatMeasuresItIsNamed) {
  place_.write_sweep("a.yaml", 1);
  const auto expect = [](const Ended& ended) {
    EXPECT_THAT(ended.out, AllOf(HasSubstr("no noise floor is known"), HasSubstr("--seeds 3"),
                                 HasSubstr("`caviar noise` measures it"), Not(HasSubstr("caviar confirm"))));
  };
  expect(place_.run({"sweep", "a.yaml"}));
  expect(place_.run({"show", "studies/a"}));
  expect(place_.run({"show", "studies/a", "--trial", "2"}));
  expect(place_.run({"train", "--set", "hidden_size=4", "--set", "epochs=1", "--validation-examples", "40"}));
  const nlohmann::json study = nlohmann::json::parse(place_.run({"show", "studies/a", "--json"}).out);
  for (const char* key : {"seed_sd", "degrees_of_freedom", "hidden_difference", "luck_of_the_first", "like_first"})
    EXPECT_TRUE(study["noise_floor"].at(key).is_null()) << key;
  EXPECT_EQ(study["noise_floor"]["seeds"], 1);
  EXPECT_TRUE(study["trials"][0]["like_first"].is_null());
}

TEST_F(Program, CountZeroValidatesAndLeavesNothing) {
  place_.write_sweep("a.yaml", 1);
  const Ended ended = place_.run({"sweep", "a.yaml", "--count", "0", "--study", "s"});
  EXPECT_EQ(ended.code, 0);
  EXPECT_THAT(ended.out,
              AllOf(HasSubstr("the file is valid"), HasSubstr("6 points"), HasSubstr("nothing was trained")));
  EXPECT_FALSE(std::filesystem::exists(place_.file("s")));
}

TEST_F(Program, RandomSearchWithoutAnEndIsAnErrorThatSaysSo) {
  place_.dir().write("r.yaml",
                     "method: random\nparameters:\n  learning_rate: {min: 0.001, max: 0.1}\n"
                     "caviar: {validation_examples: 40}\n");
  const Ended ended = place_.run({"sweep", "r.yaml"});
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.err, AllOf(HasSubstr("r.yaml"), HasSubstr("--count"), HasSubstr("run_cap")));
  EXPECT_FALSE(std::filesystem::exists(place_.file("studies")));
}

TEST_F(Program, AnotherSamplerAndConfigsByHandAreRememberedByTheStudy) {
  place_.write_sweep("a.yaml", 1);
  place_.dir().write("first.yaml", "- {learning_rate: 0.02, cell: gru}\n");
  const Ended begun = place_.run({"sweep", "a.yaml", "--sampler", "random", "--enqueue", "first.yaml", "--count", "2"});
  EXPECT_EQ(begun.code, 0) << begun.err;
  EXPECT_THAT(begun.out, HasSubstr("0.02"));
  const Ended resumed = place_.run({"sweep", "a.yaml", "--count", "3", "--resume"});
  EXPECT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_THAT(verify_study(place_.file("studies/a")), IsEmpty());
  const Ended other = place_.run({"sweep", "a.yaml", "--count", "4", "--resume", "--sampler", "grid"});
  EXPECT_EQ(other.code, 1);
  EXPECT_THAT(other.err, HasSubstr("was recorded with sampler"));
}

TEST_F(Program, WhatASearchCannotDoIsSaidBeforeItStarts) {
  place_.write_sweep("a.yaml", 1);
  place_.dir().write("first.yaml",
                     "- {learning_rate: 0.02, cell: gru, epochs: 2}\n- {learning_rate: 0.02, cell: gru, "
                     "epochs: 2}\n- {learning_rate: 0.03, cell: gru}\n");
  const Ended ended = place_.run({"sweep", "a.yaml", "--study", "s", "--count", "1", "--sampler", "bohb", "--scheduler",
                                  "threshold,upper=0.9", "--enqueue", "first.yaml"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.err, AllOf(HasSubstr("warning: a.yaml: sampler bohb learns from trials that were stopped"),
                               HasSubstr("warning: a.yaml: scheduler threshold has upper alone")));
  EXPECT_THAT(ended.out, AllOf(HasSubstr("note: --enqueue gives epochs, which the sweep holds at 1, the value 2"),
                               HasSubstr("note: --enqueue gives 1 config a second time"),
                               HasSubstr("so only the first 1 is tried"), HasSubstr("1/1 trial done")));
  const Ended directory = place_.run({"sweep", "a.yaml", "--study", "t", "--enqueue", "s"});
  EXPECT_EQ(directory.code, 1);
  EXPECT_THAT(directory.err, HasSubstr("s is a directory; --enqueue takes a YAML file"));
  EXPECT_THAT(place_.run({"show", "s", "--trial", "5"}).err, HasSubstr("the study has 1 trial, counted from 0"));
}

// A default written out, and what the file's method means by name, are no other search.
TEST_F(Program, TheSameSearchInOtherWordsGoesOn) {
  place_.write_sweep("a.yaml", 1);
  const std::vector<std::string> begun = {"sweep", "a.yaml", "--study", "s", "--count", "2"};
  const auto resumed = [&](const std::vector<std::string>& flags) {
    std::vector<std::string> arguments = begun;
    arguments.emplace_back("--resume");
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    return place_.run(arguments);
  };
  ASSERT_EQ(place_.run(begun).code, 0);
  const Ended named = resumed({"--sampler", "grid", "--scheduler", "none"});
  EXPECT_EQ(named.code, 0) << named.err;
  EXPECT_EQ(resumed({"--sampler", "random"}).code, 1);
  const std::vector<std::string> tpe = {"sweep", "a.yaml", "--study", "t", "--count", "2", "--sampler", "tpe"};
  ASSERT_EQ(place_.run(tpe).code, 0);
  const auto again = [&](const std::string& sampler) {
    return place_.run({"sweep", "a.yaml", "--study", "t", "--count", "2", "--resume", "--sampler", sampler});
  };
  EXPECT_EQ(again("tpe,startup=10,gamma=0.1").code, 0);
  EXPECT_EQ(again("tpe,startup=11").code, 1);
  EXPECT_THAT(again("tpe,startup=11").err, HasSubstr("startup"));
}

TEST_F(Program, SamplersAndSchedulersAreListedWithTheirSettings) {
  const Ended ended = place_.run({"params", "--samplers"});
  EXPECT_EQ(ended.code, 0);
  EXPECT_THAT(ended.out,
              AllOf(HasSubstr("SAMPLERS"), HasSubstr("\ngrid\n"), HasSubstr("\nrandom\n"), Not(HasSubstr("SCHED"))));
  EXPECT_THAT(place_.run({"params", "--schedulers"}).out, AllOf(HasSubstr("SCHEDULERS"), HasSubstr("\nnone\n")));
  place_.write_sweep("a.yaml", 1);
  const Ended wrong = place_.run({"sweep", "a.yaml", "--count", "0", "--sampler", "randon"});
  EXPECT_EQ(wrong.code, 1);
  EXPECT_THAT(wrong.err, HasSubstr("did you mean 'random'"));
}

TEST_F(Program, MistakesAreRefusedBeforeTrainingWithASentence) {
  place_.write_sweep("a.yaml", 1);
  place_.dir().write("typo.yaml",
                     "method: grid\nparameters:\n  lerning_rate: {values: [0.1]}\n"
                     "caviar: {validation_examples: 40}\n");
  place_.dir().write("bad.yaml", "method: gird\nparameters: {lr: {value: 1}}\n");
  EXPECT_THAT(place_.run({"sweep", "typo.yaml"}).err, AllOf(HasSubstr("lerning_rate"), HasSubstr("learning_rate")));
  EXPECT_THAT(place_.run({"sweep", "bad.yaml"}).err, HasSubstr("bad.yaml:1"));
  EXPECT_THAT(place_.run({"sweep", "absent.yaml"}).err, HasSubstr("absent.yaml"));
  EXPECT_THAT(place_.run({"show", "absent"}).err, HasSubstr("no study"));
  EXPECT_THAT(place_.run({"train", "--set", "lr"}).err, HasSubstr("key=value"));
  EXPECT_EQ(place_.run({"train", "--set", "lr"}).code, 1);
  EXPECT_EQ(place_.run({"sweep"}).code, 2);
  EXPECT_EQ(place_.run({"sweep", "a.yaml", "--seeds", "0"}).code, 2);
  EXPECT_EQ(place_.run({"sing"}).code, 2);
  EXPECT_EQ(place_.run({"sweep", "a.yaml", "--study", "/proc/nowhere"}).code, 1);
}

TEST_F(Program, ARecordedStudyIsNeverOverwritten) {
  place_.write_sweep("a.yaml", 1);
  place_.run({"sweep", "a.yaml", "--study", "s"});
  const std::string before = csv("s");
  const Ended ended = place_.run({"sweep", "a.yaml", "--study", "s"});
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.err, HasSubstr("--resume"));
  EXPECT_EQ(csv("s"), before);
  place_.write_sweep("b.yaml", 2);
  EXPECT_THAT(place_.run({"sweep", "b.yaml", "--study", "s", "--resume"}).err, HasSubstr("another text of a.yaml"));
}

TEST_F(Program, ThreadsChangeNoResult) {
  place_.write_sweep("a.yaml", 2);
  place_.run({"sweep", "a.yaml", "--study", "one", "--threads", "1"});
  place_.run({"sweep", "a.yaml", "--study", "five", "--threads", "5"});
  EXPECT_EQ(csv("one"), csv("five"));
}

TEST_F(Program, CtrlCPutsTheStudyDownAndResumeEndsWithTheSameNumbers) {
  place_.write_sweep("a.yaml", 40);
  ASSERT_EQ(place_.run({"sweep", "a.yaml", "--study", "whole", "--seeds", "2"}).code, 0);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    const std::string study = "s" + std::to_string(signal);
    Process process = place_.start({"sweep", "a.yaml", "--study", study, "--seeds", "2"});
    ASSERT_TRUE(process.says("running"));
    process.send(signal);
    const Ended ended = process.wait();
    ASSERT_EQ(ended.code, 3) << "it ended before the signal came: " << ended.out;
    EXPECT_THAT(ended.err, HasSubstr("finishing the steps under way"));
    EXPECT_THAT(ended.out, HasSubstr("--resume goes on"));
    VerifyOptions unfinished;
    unfinished.finished = false;
    EXPECT_THAT(verify_study(place_.file(study), unfinished), IsEmpty());
    const Ended resumed = place_.run({"sweep", "a.yaml", "--study", study, "--resume"});
    EXPECT_EQ(resumed.code, 0) << resumed.err;
    EXPECT_EQ(csv(study), csv("whole"));
  }
}

TEST_F(Program, ASecondCtrlCStopsAtOnceAndLosesNothing) {
  place_.write_sweep("a.yaml", 40);
  place_.run({"sweep", "a.yaml", "--study", "whole"});
  Process process = place_.start({"sweep", "a.yaml", "--study", "s"});
  ASSERT_TRUE(process.says("running"));
  process.send(SIGINT);
  process.send(SIGTERM);
  const Ended ended = process.wait();
  EXPECT_TRUE(ended.code == 130 || ended.code == 3) << ended.code;
  EXPECT_EQ(place_.run({"sweep", "a.yaml", "--study", "s", "--resume"}).code, 0);
  EXPECT_EQ(csv("s"), csv("whole"));
}

TEST_F(Program, APopulationGoesOnWhenMoreTrialsAreAskedFor) {
  place_.write_sweep("a.yaml", 4);
  const std::vector<std::string> sweep = {"sweep",    "a.yaml", "--sampler", "pbt,population=4",
                                          "--window", "4",      "--study"};
  const auto run = [&](const std::string& study, const std::string& count, bool resume) {
    std::vector<std::string> arguments = sweep;
    arguments.insert(arguments.end(), {study, "--count", count});
    if (resume) arguments.emplace_back("--resume");
    return place_.run(arguments);
  };
  const Ended first = run("parts", "8", false);
  ASSERT_EQ(first.code, 0) << first.err;
  EXPECT_THAT(first.out, HasSubstr("8 trials are not enough"));
  EXPECT_EQ(run("parts", "16", true).code, 0);
  ASSERT_EQ(run("whole", "16", false).code, 0);
  EXPECT_EQ(csv("parts"), csv("whole"));
}

TEST_F(Program, WhatAStudyKnewAtItsStartMayBeSaidAgainOnResuming) {
  place_.write_sweep("a.yaml", 1);
  ASSERT_EQ(place_.run({"sweep", "a.yaml", "--study", "before"}).code, 0);
  ASSERT_EQ(place_.run({"sweep", "a.yaml", "--study", "other", "--count", "3"}).code, 0);
  const std::vector<std::string> sweep = {"sweep", "a.yaml", "--sampler", "tpe", "--study", "s", "--prior", "before"};
  ASSERT_EQ(place_.run(sweep).code, 0);
  std::vector<std::string> again = sweep;
  again.emplace_back("--resume");
  EXPECT_EQ(place_.run(again).code, 0);
  again[7] = "other";
  EXPECT_THAT(place_.run(again).err, HasSubstr("6 prior trials"));
}

TEST_F(Program, NumbersOutOfRangeAreRefusedInAShortLine) {
  place_.write_sweep("a.yaml", 1);
  for (const char* flag : {"--noise", "--time-limit", "--validation-examples"}) {
    for (const char* value : {"0", "nan", "-1"}) {
      const Ended ended = place_.run({"sweep", "a.yaml", flag, value});
      EXPECT_EQ(ended.code, 2) << flag << " " << value;
      EXPECT_LT(ended.err.size(), 400u) << ended.err;
    }
  }
  EXPECT_THAT(place_.run({"sweep", "a.yaml", "--sweep-seed", "-1"}).err, HasSubstr("whole number from 0"));
  const std::vector<std::vector<std::string>> refused = {
      {"replay", "s", "--sample", "0"},
      {"compare", "s:0", "s:1", "--equivalent", "0"},
      {"compare", "s:0", "s:1", "--equivalent", "nan"},
      {"noise", "--differences", "inf"},
      {"noise", "--differences", "nan"},
      {"show", "s", "--top", "-1"},
      {"confirm", "s", "--baseline", "-1"},
  };
  for (const std::vector<std::string>& arguments : refused) {
    const Ended ended = place_.run(arguments);
    EXPECT_EQ(ended.code, 2) << arguments[0];
    EXPECT_THAT(ended.err, HasSubstr("it must be a"));
    EXPECT_LT(ended.err.size(), 200u) << ended.err;
  }
}

TEST_F(Program, KilledAtRandomItResumesToTheSameContent) {
  place_.write_sweep("a.yaml", 12);
  const auto start = std::chrono::steady_clock::now();
  ASSERT_EQ(place_.run({"sweep", "a.yaml", "--study", "whole", "--seeds", "2"}).code, 0);
  const auto duration = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
  Storage whole = Storage::open_to_read(place_.file("whole/study.db"));
  VerifyOptions options;
  options.reference = study_content(whole);
  std::mt19937_64 random(1);
  int killed = 0;
  for (int round = 0; round < 12; ++round) {
    const std::string study = "s" + std::to_string(round);
    for (int kill = 0; kill < 3; ++kill) {
      Process process = place_.start({"sweep", "a.yaml", "--study", study, "--seeds", "2", "--resume"});
      ::usleep(static_cast<useconds_t>(random() % static_cast<std::uint64_t>(duration.count())));
      process.send(SIGKILL);
      killed += process.wait().code == -SIGKILL;
    }
    const Ended ended = place_.run({"sweep", "a.yaml", "--study", study, "--seeds", "2", "--resume"});
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_THAT(verify_study(place_.file(study), options), IsEmpty()) << "round " << round;
  }
  EXPECT_GT(killed, 6) << "the kills came too late: the test tests nothing";
}

TEST_F(Program, ASecondProcessIsRefusedAndAViewerIsNot) {
  place_.write_sweep("a.yaml", 400);
  Process process = place_.start({"sweep", "a.yaml", "--study", "s"});
  ASSERT_TRUE(process.says("running"));
  const Ended second = place_.run({"sweep", "a.yaml", "--study", "s", "--resume"});
  EXPECT_EQ(second.code, 1);
  EXPECT_THAT(second.err, HasSubstr("is being written by process"));
  const Ended viewer = place_.run({"show", "s"});
  EXPECT_EQ(viewer.code, 0) << viewer.err;
  EXPECT_THAT(viewer.out, HasSubstr("is being written by process"));
  process.send(SIGKILL);
  process.wait();
  EXPECT_THAT(place_.run({"show", "s"}).out, HasSubstr("--resume goes on"));
}

TEST_F(Program, ATrialThatCannotBeTrainedMakesTheEndPartial) {
  place_.dir().write("p.yaml",
                     "method: grid\nparameters:\n  batch_size: {values: [20, 100000]}\n  hidden_size: {value: 4}\n"
                     "  epochs: {value: 1}\ncaviar: {validation_examples: 40}\n");
  const Ended ended = place_.run({"sweep", "p.yaml"});
  EXPECT_EQ(ended.code, 4);
  EXPECT_THAT(ended.out, AllOf(HasSubstr("Could not be trained: 1 trial"), HasSubstr("batch_size")));
}

TEST_F(Program, ADivergedTrialIsMarkedAndNoError) {
  place_.write_sweep("a.yaml", 1, "[0.01, 1e30]");
  const Ended ended = place_.run({"sweep", "a.yaml"});
  EXPECT_EQ(ended.code, 0);
  EXPECT_THAT(csv("studies/a"), HasSubstr("diverged after step"));
}

TEST_F(Program, AFailedSaveIsNeverASuccess) {
  place_.write_sweep("a.yaml", 2);
  ::setenv("CAVIAR_FAILPOINT", "commit:4:error", 1);
  const Ended ended = place_.run({"sweep", "a.yaml", "--study", "s"});
  ::unsetenv("CAVIAR_FAILPOINT");
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.err, HasSubstr("failpoint 'commit'"));
}

TEST_F(Program, JsonHoldsEveryRunAndCsvHasNoClockTimes) {
  place_.write_sweep("a.yaml", 2);
  place_.run({"sweep", "a.yaml", "--study", "s", "--seeds", "2"});
  const auto json = nlohmann::json::parse(place_.run({"show", "s", "--json"}).out);
  ASSERT_EQ(json.at("trials").size(), 6u);
  for (const auto& trial : json.at("trials")) {
    ASSERT_EQ(trial.at("runs").size(), 2u);
    for (const auto& run : trial.at("runs")) {
      EXPECT_EQ(run.at("digest").get<std::string>().size(), 32u);
      EXPECT_EQ(run.at("reports").size(), 2u);
      EXPECT_TRUE(run.at("seeds").contains("init"));
      EXPECT_TRUE(run.at("reports")[1].contains("test_accuracy"));
      EXPECT_FALSE(run.at("reports")[0].contains("test_accuracy"));
    }
  }
  place_.run({"sweep", "a.yaml", "--study", "again", "--seeds", "2"});
  EXPECT_EQ(csv("s"), csv("again"));
  EXPECT_THAT(csv("s"), StartsWith("trial,repeat,state,reason,config.batch_size,"));
  EXPECT_THAT(place_.run({"show", "s", "--trial", "3"}).out, AllOf(HasSubstr("digest"), HasSubstr("by step")));
  EXPECT_THAT(place_.run({"show", "s", "--trial", "3", "--csv"}).out, StartsWith("trial,repeat,rung,step,train_loss"));
  EXPECT_EQ(place_.run({"show", "s", "--trial", "99"}).code, 1);
  EXPECT_EQ(place_.run({"show", "s", "--json", "--csv"}).code, 2);
  EXPECT_EQ(place_.run({"show", "s", "--top", "-1"}).code, 2);
}

TEST_F(Program, ValidationOnTheTestSetSaysSo) {
  place_.write_sweep("a.yaml", 1);
  const Ended ended = place_.run({"sweep", "a.yaml", "--study", "s", "--validate-on", "test"});
  EXPECT_THAT(ended.out, AllOf(HasSubstr("note: the TEST set"), HasSubstr("Validation was on the TEST set")));
  EXPECT_THAT(place_.run({"show", "s"}).out, HasSubstr("Validation was on the TEST set"));
}

TEST_F(Program, TrainTrainsOneConfigOnEverySeed) {
  const Ended ended =
      place_.run({"train", "--set", "cell=gru", "--set", "hidden=8", "--set", "lr=1e-2", "--set", "layers=1", "--set",
                  "epochs=1", "--set", "batch_size=20", "--seeds", "2", "--study", "t", "--validate-on", "test"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("cell = gru"), HasSubstr("(repeat 1): complete"), HasSubstr("test_accuracy")));
  EXPECT_THAT(verify_study(place_.file("t")), IsEmpty());
}

TEST_F(Program, ParamsExplainsEveryParameterMetricAndSetting) {
  const Ended all = place_.run({"params"});
  EXPECT_EQ(all.code, 0) << all.err;
  for (const std::string_view name : known_parameters()) {
    EXPECT_THAT(all.out, ContainsRegex("\n" + std::string(name) + " = [^ ].*    \\[")) << name;
  }
  for (const std::string_view name : known_metrics()) EXPECT_THAT(all.out, HasSubstr("\n" + std::string(name) + "  "));
  for (const SettingHelp& setting : setting_help()) {
    EXPECT_THAT(all.out, HasSubstr("\n" + std::string(setting.name) + " = "));
  }
}

TEST_F(Program, ParamsExplainsOneByAnyOfItsNames) {
  const Ended one = place_.run({"params", "LR"});
  EXPECT_EQ(one.code, 0);
  EXPECT_THAT(one.out, AllOf(StartsWith("learning_rate = 0.003 "), HasSubstr("base_lr"), Not(HasSubstr("momentum"))));
  EXPECT_THAT(place_.run({"params", "schedule"}).out, HasSubstr("cosine may be written"));
  const Ended none = place_.run({"params", "learnin_rate"});
  EXPECT_EQ(none.code, 1);
  EXPECT_THAT(none.err, AllOf(HasSubstr("'learnin_rate'"), HasSubstr("did you mean 'learning_rate'?")));
  EXPECT_THAT(place_.run({"train", "--help"}).out, HasSubstr("caviar params"));
}

TEST_F(Program, HelpIsCompleteForEverySubcommand) {
  for (const auto& command : std::vector<std::vector<std::string>>{{"--help"},
                                                                   {"sweep", "--help"},
                                                                   {"show", "--help"},
                                                                   {"data", "--help"},
                                                                   {"data", "fetch", "--help"},
                                                                   {"params", "--help"}}) {
    const Ended ended = place_.run(command);
    EXPECT_EQ(ended.code, 0);
    EXPECT_THAT(ended.out, HasSubstr("Example"));
  }
  const Ended ended = place_.run({"train", "--help"});
  EXPECT_THAT(ended.out, AllOf(HasSubstr("Example"), HasSubstr("--set"), HasSubstr("--seeds"), HasSubstr("--threads")));
}

TEST_F(Program, DataListNamesWhatIsKnown) {
  const Ended ended = place_.run({"data", "list"});
  EXPECT_EQ(ended.code, 0);
  EXPECT_THAT(ended.out, AllOf(HasSubstr("mnist"), HasSubstr("fashion-mnist"), HasSubstr("--data DIR")));
  EXPECT_THAT(place_.run({"data", "fetch", "nonsense"}).err, HasSubstr("known are: mnist"));
}

TEST_F(Program, ATerminalShowsABarAndCtrlCWorksThere) {
  const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY);
  if (terminal < 0) GTEST_SKIP() << "no pseudo-terminal can be opened here (/dev/ptmx)";
  ::close(terminal);
  place_.write_sweep("a.yaml", 400);
  const Ended ended = place_.on_terminal({"sweep", "a.yaml", "--study", "s"}, "samples/s");
  EXPECT_EQ(ended.code, 3) << ended.out;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("\r\033[K["), HasSubstr("trials done"), HasSubstr("--resume goes on")));
}

TEST_F(Program, PlainOutputHasNoControlCharacters) {
  place_.write_sweep("a.yaml", 1);
  EXPECT_THAT(place_.run({"sweep", "a.yaml"}).out, AllOf(Not(HasSubstr("\033")), Not(HasSubstr("\r"))));
}

TEST_F(Program, AStudyRemovedWhileItRunsIsAnErrorAndNoSuccess) {
  place_.write_sweep("a.yaml", 400);
  Process process = place_.start({"sweep", "a.yaml", "--study", "s"});
  ASSERT_TRUE(process.says("running"));
  std::filesystem::remove_all(place_.file("s"));
  const Ended ended = process.wait();
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.err, HasSubstr("removed or replaced"));
}

TEST_F(Program, RunCapCapsWhateverIsAskedFor) {
  place_.dir().write("cap.yaml",
                     "method: random\nrun_cap: 2\nparameters:\n  learning_rate: {min: 0.001, max: 0.1}\n"
                     "  hidden_size: {value: 4}\n  batch_size: {value: 20}\n  epochs: {value: 1}\n"
                     "caviar: {validation_examples: 40}\n");
  EXPECT_THAT(place_.run({"sweep", "cap.yaml", "--count", "5"}).out, HasSubstr("2/2 trials done"));
}

TEST_F(Program, ASmallDirectoryIsTrainedOnWithoutBeingToldItsSplit) {
  const Ended ended = place_.run({"train", "--set", "hidden_size=4", "--set", "epochs=1", "--set", "batch_size=10"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(place_
                .run({"train", "--set", "hidden_size=4", "--set", "epochs=1", "--set", "batch_size=10",
                      "--validation-examples", "30"})
                .code,
            0);
}

TEST_F(Program, RankingByAveragesNobodyKeepsIsRefused) {
  place_.dir().write("avg.yaml",
                     "method: grid\nmetric: {name: averaged_val_accuracy, goal: maximize}\n"
                     "parameters: {hidden_size: {values: [3, 4]}, epochs: {value: 1}, batch_size: {value: 20}}\n"
                     "caviar: {validation_examples: 40}\n");
  const Ended ended = place_.run({"sweep", "avg.yaml"});
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.err, AllOf(HasSubstr("averaged_val_accuracy"), HasSubstr("polyak")));
}

TEST_F(Program, OnePointThatCannotBeTrainedDoesNotDependOnItsPlace) {
  for (const std::string sizes : {"[20, 5000]", "[5000, 20]"}) {
    place_.dir().write("size.yaml", "method: grid\nparameters: {batch_size: {values: " + sizes +
                                        "}, hidden_size: {value: 4}, epochs: {value: 1}}\n"
                                        "caviar: {validation_examples: 40}\n");
    const Ended ended = place_.run({"sweep", "size.yaml", "--study", sizes});
    EXPECT_EQ(ended.code, 4) << sizes << ended.err;
    EXPECT_THAT(ended.out, HasSubstr("Could not be trained: 1 trial"));
  }
}

TEST_F(Program, ParametersWithoutEffectAreWarnedOfAndOthersAreNot) {
  place_.dir().write("unread.yaml",
                     "method: grid\nparameters:\n  optimizer: {value: adam}\n  momentum: {values: [0.1, 0.9]}\n"
                     "  hidden_size: {values: [3, 4]}\ncaviar: {validation_examples: 40}\n");
  const Ended ended = place_.run({"sweep", "unread.yaml", "--count", "0"});
  EXPECT_THAT(ended.err, AllOf(HasSubstr("'momentum' is swept"), Not(HasSubstr("hidden_size"))));
}

TEST_F(Program, SeedsAreVariedInOneWayOnly) {
  place_.dir().write("seed.yaml",
                     "method: grid\nparameters: {seed: {values: [1, 2]}, hidden_size: {value: 4}, epochs: {value: 1}, "
                     "batch_size: {value: 20}}\ncaviar: {validation_examples: 40}\n");
  EXPECT_EQ(place_.run({"sweep", "seed.yaml"}).code, 0);
  const Ended ended = place_.run({"sweep", "seed.yaml", "--seeds", "3", "--study", "three"});
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.err, HasSubstr("'seed' is swept"));
}

// P8: what surrounds the program is no part of a run. Another locale, time zone, thread setting of libraries and memory
// that is not zero when it is handed out.
TEST_F(Program, TheEnvironmentChangesNoResult) {
  place_.write_sweep("a.yaml", 2);
  ASSERT_EQ(place_.run({"sweep", "a.yaml", "--study", "plain"}).code, 0);
  const std::vector<std::pair<const char*, const char*>> other = {
      {"LC_ALL", "de_DE.UTF-8"}, {"TZ", "Asia/Kathmandu"}, {"OMP_NUM_THREADS", "7"}, {"MALLOC_PERTURB_", "165"}};
  for (const auto& [name, value] : other) ::setenv(name, value, 1);
  const Ended ended = place_.run({"sweep", "a.yaml", "--study", "other/place", "--threads", "3"});
  const std::string there = csv("other/place");
  for (const auto& [name, value] : other) ::unsetenv(name);
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(there, csv("plain"));
}

TEST_F(Program, WhatIsNotSaidOnResumingStaysAsItWasDataAndValidationExamplesToo) {
  place_.write_sweep("resumed.yaml", 1);
  const auto without_data = [&](const std::vector<std::string>& arguments) {  // Workplace would add --data
    return Process(CAVIAR_PROGRAM, arguments, place_.dir()).wait();
  };
  const Ended first =
      place_.run({"sweep", "resumed.yaml", "--study", "kept", "--count", "2", "--validation-examples", "30"});
  EXPECT_EQ(first.code, 0) << first.err;
  const Ended more = without_data({"sweep", "resumed.yaml", "--study", "kept", "--count", "4", "--resume"});
  EXPECT_EQ(more.code, 0) << more.err;
  const auto study = nlohmann::json::parse(place_.run({"show", "kept", "--json"}).out);
  ASSERT_EQ(study["trials"].size(), 4u);
  const Ended whole =
      place_.run({"sweep", "resumed.yaml", "--study", "whole", "--count", "4", "--validation-examples", "30"});
  EXPECT_EQ(whole.code, 0) << whole.err;
  EXPECT_EQ(place_.run({"show", "kept", "--csv"}).out, place_.run({"show", "whole", "--csv"}).out);
  EXPECT_THAT(without_data({"sweep", "resumed.yaml", "--study", "kept", "--validation-examples", "31", "--resume"}).err,
              HasSubstr("validated on 30 examples and not on 31"));
}

}  // namespace
}  // namespace caviar
