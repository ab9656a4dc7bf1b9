// caviar sweep --seeds auto as a user meets it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/study_program.h"
#include "tests/support/study_verify.h"

namespace caviar {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Json = nlohmann::json;

class AutoSeeds : public ::testing::Test {
 protected:
  Json json(const std::string& study) { return Json::parse(place_.run({"show", study, "--json"}).out); }
  std::string csv(const std::string& study) { return place_.run({"show", study, "--csv"}).out; }

  Workplace place_{CAVIAR_PROGRAM};
};

TEST_F(AutoSeeds, EndsWithASentenceThatSaysWhetherTheBestIsSettled) {
  place_.write_sweep("a.yaml", 2, "[0.00001, 0.02, 0.021]");
  const Ended ended = place_.run({"sweep", "a.yaml", "--study", "s", "--seeds", "auto", "--max-seeds", "7"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("6 trials on 3 to 7 seeds each"),
                               ContainsRegex("(Settled|Not settled) with 95 % confidence: .* in pairs on (the same "
                                             ")?[3-7] seeds|Not settled with 95 % confidence: in pairs on 7 seeds"),
                               HasSubstr("Noise floor")));
  EXPECT_THAT(verify_study(place_.file("s")), IsEmpty());
  const Json race = json("s")["race"];
  EXPECT_EQ(race["confidence"], 0.95);
  EXPECT_TRUE(race["over"]);
  EXPECT_EQ(race["trials"], 6);
  EXPECT_EQ(race["settled"].get<bool>(), race["rivals"].empty());
  EXPECT_EQ(race["settled"].get<bool>(), ended.out.find("Settled with") != std::string::npos);
}

TEST_F(AutoSeeds, IsTheSameWithOtherThreadsAndAfterAResumeThatSaysNothing) {
  place_.write_sweep("a.yaml", 12, "[0.00001, 0.02, 0.021]");
  const std::vector<std::string> sweep = {"sweep", "a.yaml", "--seeds", "auto", "--max-seeds", "12", "--study"};
  const auto with = [&](std::vector<std::string> more) {
    std::vector<std::string> all = sweep;
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  ASSERT_EQ(place_.run(with({"whole", "--threads", "1"})).code, 0);
  Process process = place_.start(with({"parts", "--threads", "5"}));
  ASSERT_TRUE(process.says("running"));
  process.send(SIGINT);
  ASSERT_EQ(process.wait().code, 3);
  EXPECT_THAT(place_.run({"show", "parts"}).out, HasSubstr("not finished"));
  const Ended resumed = place_.run({"sweep", "a.yaml", "--study", "parts", "--resume"});
  EXPECT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_EQ(csv("parts"), csv("whole"));
  EXPECT_EQ(json("parts")["race"], json("whole")["race"]);
  EXPECT_EQ(place_.run({"sweep", "a.yaml", "--study", "parts", "--seeds", "auto", "--resume"}).code, 0);
  const Ended surer =
      place_.run({"sweep", "a.yaml", "--study", "parts", "--seeds", "auto", "--confidence", "0.99", "--resume"});
  EXPECT_THAT(surer.err, HasSubstr("was recorded with scheduler"));
  const Ended more =
      place_.run({"sweep", "a.yaml", "--study", "parts", "--seeds", "auto", "--max-seeds", "20", "--resume"});
  EXPECT_THAT(more.err, HasSubstr("the study has 12 seeds a trial; 20"));
}

TEST_F(AutoSeeds, MayStandInTheFileAndAFlagIsAbove) {
  place_.dir().write("f.yaml",
                     "method: random\nparameters:\n  learning_rate: {min: 0.001, max: 0.1}\n  hidden_size: {value: 4}\n"
                     "  epochs: {value: 1}\n  batch_size: {value: 50}\n"
                     "caviar: {validation_examples: 40, count: 4, seeds: auto, max_seeds: 6, confidence: 0.9}\n");
  EXPECT_THAT(place_.run({"sweep", "f.yaml", "--study", "s", "--sampler", "tpe"}).out,
              AllOf(HasSubstr("4 trials on 3 to 6 seeds each"), HasSubstr("90 % confidence")));
  EXPECT_THAT(place_.run({"sweep", "f.yaml", "--study", "t", "--seeds", "2"}).out,
              HasSubstr("4 trials on 2 seeds each"));
  EXPECT_TRUE(json("t")["race"].is_null());
  EXPECT_THAT(place_.run({"sweep", "f.yaml", "--study", "t", "--resume", "--seeds", "auto"}).err,
              HasSubstr("was recorded with scheduler"));
}

TEST_F(AutoSeeds, WhatItCannotGoWithIsRefusedWithASentence) {
  place_.write_sweep("a.yaml", 1);
  const auto said = [&](std::vector<std::string> flags) {
    flags.insert(flags.begin(), {"sweep", "a.yaml", "--study", "s"});
    const Ended ended = place_.run(flags);
    EXPECT_NE(ended.code, 0);
    return ended.err;
  };
  EXPECT_THAT(said({"--seeds", "auto", "--scheduler", "asha"}), HasSubstr("asha cannot decide beside it"));
  EXPECT_THAT(said({"--seeds", "auto", "--sampler", "pbt,population=4"}), HasSubstr("seeds auto"));
  EXPECT_THAT(said({"--seeds", "3", "--max-seeds", "9"}), HasSubstr("--max-seeds goes with --seeds auto"));
  EXPECT_THAT(said({"--confidence", "0.9"}), HasSubstr("--confidence goes with --seeds auto"));
  EXPECT_THAT(said({"--seeds", "automatic"}), HasSubstr("auto, or a whole number"));
  EXPECT_THAT(said({"--seeds", "0"}), HasSubstr("auto, or a whole number"));
  EXPECT_EQ(place_.run({"train", "--seeds", "auto"}).code, 2);
  place_.dir().write("h.yaml",
                     "method: random\nmetric: {name: val_accuracy, goal: maximize}\n"
                     "early_terminate: {type: hyperband, min_iter: 1}\n"
                     "parameters:\n  learning_rate: {min: 0.001, max: 0.1}\n  hidden_size: {value: 4}\n"
                     "  epochs: {value: 1}\ncaviar: {validation_examples: 40, count: 2}\n");
  EXPECT_THAT(place_.run({"sweep", "h.yaml", "--seeds", "auto"}).err, HasSubstr("early_terminate cannot decide"));
  EXPECT_EQ(place_.run({"sweep", "h.yaml", "--seeds", "auto", "--scheduler", "none", "--max-seeds", "4"}).code, 0);
}

}  // namespace
}  // namespace caviar
