// caviar signal as a user meets it.
#include <filesystem>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "app/text.h"
#include "tests/support/study_program.h"
#include "tests/support/study_verify.h"

namespace caviar {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class SignalProgram : public ::testing::Test {
 protected:
  // Six configs that learn little in one epoch of 15 steps, apart by their learning rate.
  void SetUp() override { place_.write_sweep("a.yaml", 1); }

  nlohmann::json json_of(std::vector<std::string> arguments) {
    arguments.push_back("--json");
    const Ended ended = place_.run(arguments);
    EXPECT_EQ(ended.code, 0) << ended.err;
    return nlohmann::json::parse(ended.out);
  }
  // Trial 2 of three diverges on every seed.
  void write_diverging(const std::string& name) {
    place_.dir().write(name,
                       "method: grid\nparameters:\n  hidden_size: {value: 8}\n  num_layers: {value: 1}\n"
                       "  batch_size: {value: 20}\n  epochs: {value: 1}\n  optimizer: {value: sgd}\n"
                       "  learning_rate: {values: [0.01, 0.1, 1.0e+30]}\ncaviar: {validation_examples: 40}\n");
  }
  // From the table of scores on.
  static void expect_narrow_findings(const std::string& out) {
    std::istringstream lines(out.substr(out.find(" seeds each\n")));
    for (std::string line; std::getline(lines, line);) EXPECT_LE(display_width(line), 120u) << line;
  }
  nlohmann::json study(const std::string& directory) {
    return nlohmann::json::parse(place_.run({"show", directory, "--json"}).out);
  }

  Workplace place_{CAVIAR_PROGRAM};
};

TEST_F(SignalProgram, LeavesTwoStudiesAndSaysWhatTheyShow) {
  const Ended ended = place_.run({"signal", "a.yaml", "--study", "d", "--seeds", "3", "--noise-seeds", "6"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("val_accuracy of 6 configs, 3 seeds each"), HasSubstr("noise of trial 0"),
                               HasSubstr("One-way random effects"), HasSubstr("Kruskal-Wallis"),
                               HasSubstr("Brown-Forsythe"), HasSubstr("##"), Not(HasSubstr("weak evidence"))));
  EXPECT_THAT(verify_study(place_.file("d/signal")), IsEmpty());
  EXPECT_THAT(verify_study(place_.file("d/noise-0")), IsEmpty());
}

TEST_F(SignalProgram, TheNoiseIsTheConfigOfItsTrialOnOtherSeedsAndTheSameSplit) {
  const auto said = json_of({"signal", "a.yaml", "--study", "d", "--seeds", "2", "--noise-seeds", "4", "--noise-of",
                             "middle", "--noise-of", "5"});
  const auto signal = study("d/signal");
  for (const int trial : {2, 5}) {
    const auto noise = study("d/noise-" + std::to_string(trial));
    ASSERT_EQ(noise.at("trials").size(), 1u);
    ASSERT_EQ(noise.at("trials")[0].at("runs").size(), 4u);
    const auto& config = signal.at("trials")[trial].at("config");
    for (const auto& [key, value] : config.items()) EXPECT_EQ(noise.at("trials")[0].at("config").at(key), value) << key;
    for (const auto& run : noise.at("trials")[0].at("runs")) {
      EXPECT_EQ(run.at("seeds").at("split"), 0);
      EXPECT_GE(run.at("seeds").at("init"), 1'000'000);
      EXPECT_GE(run.at("seeds").at("order"), 1'000'000);
    }
  }
  ASSERT_EQ(said.at("noise").size(), 2u);
  EXPECT_EQ(said.at("noise")[0].at("trial"), 2);
  EXPECT_EQ(said.at("noise")[1].at("scores").size(), 4u);
  EXPECT_EQ(said.at("signal").at("scores").size(), 12u);
  EXPECT_EQ(said.at("effect").at("configs"), 6);
  EXPECT_TRUE(said.at("brown_forsythe_of_configs").is_null()) << "two scores say nothing of a spread";
  int counted = 0;
  for (const int count : said.at("histogram").at("counts")[0]) counted += count;
  EXPECT_EQ(counted, 12);
}

TEST_F(SignalProgram, TheNoiseMayBeAConfigOfItsOwnFile) {
  const std::string text =
      "method: grid\nparameters:\n  hidden_size: {value: 6}\n  num_layers: {value: 1}\n  batch_size: {value: 20}\n"
      "  epochs: {value: 1}\n";
  place_.dir().write("noise.yaml", text);
  place_.dir().write("two.yaml", text + "  learning_rate: {values: [0.1, 0.01]}\n");
  const auto said = json_of({"signal", "a.yaml", "--study", "d", "--as-the-original", "--noise", "noise.yaml",
                             "--noise-seeds", "7", "--validate-on", "test"});
  EXPECT_TRUE(said.at("noise")[0].at("trial").is_null());
  EXPECT_EQ(said.at("noise")[0].at("scores").size(), 7u);
  const auto noise = study("d/noise");
  EXPECT_EQ(noise.at("study").at("validate_on_test"), true);
  EXPECT_EQ(noise.at("trials")[0].at("config").at("hidden_size"), 6);
  EXPECT_THAT(place_.run({"signal", "a.yaml", "--study", "e", "--noise", "two.yaml"}).err,
              HasSubstr("one config on many seeds"));
}

TEST_F(SignalProgram, TheNoiseOfAFileSharesNoRunWithTheSignal) {
  place_.dir().write("first.yaml",  // trial 0 of a.yaml
                     "method: grid\nparameters:\n  cell: {value: lstm}\n  hidden_size: {value: 8}\n"
                     "  num_layers: {value: 1}\n  batch_size: {value: 20}\n  readout: {value: final_states}\n"
                     "  learning_rate: {value: 0.001}\n  epochs: {value: 1}\n");
  const std::vector<std::string> command = {"signal",  "a.yaml", "--study",       "d", "--noise", "first.yaml",
                                            "--seeds", "3",      "--noise-seeds", "4", "--resume"};
  const auto said = json_of(command);
  const auto runs = study("d/noise").at("trials")[0].at("runs");
  ASSERT_EQ(runs.size(), 4u);
  for (const auto& run : runs) {
    EXPECT_EQ(run.at("seeds").at("split"), 0);
    for (const char* source : {"init", "order", "dropout", "augment"})
      EXPECT_EQ(run.at("seeds").at(source), 1'000'000 + run.at("repeat").get<int>()) << source;
  }
  EXPECT_EQ(json_of(command), said) << "resumed by the same file";
  EXPECT_EQ(json_of({"signal", "a.yaml", "--study", "d", "--resume"}), said) << "resumed by what is recorded";
}

TEST_F(SignalProgram, SeedsThatTheFileOfTheNoiseNamesAreKeptAndItSaysSo) {
  place_.dir().write("own.yaml",
                     "method: grid\nparameters:\n  hidden_size: {value: 6}\n  num_layers: {value: 1}\n"
                     "  batch_size: {value: 20}\n  epochs: {value: 1}\n  seed_order: {value: 7}\n"
                     "caviar: {vary: [init]}\n");
  const std::vector<std::string> command = {"signal",  "a.yaml", "--study",       "d", "--noise", "own.yaml",
                                            "--seeds", "3",      "--noise-seeds", "2", "--resume"};
  EXPECT_THAT(place_.run(command).err, HasSubstr("own.yaml names seed_order"));
  const auto runs = study("d/noise").at("trials")[0].at("runs");
  for (const int repeat : {0, 1}) {
    EXPECT_EQ(runs.at(repeat).at("seeds").at("order"), 7);
    EXPECT_EQ(runs.at(repeat).at("seeds").at("init"), 1'000'000 + repeat);
    EXPECT_EQ(runs.at(repeat).at("seeds").at("dropout"), 1'000'000) << "vary is the file's";
  }
}

TEST_F(SignalProgram, ResumedOrRepeatedItSaysTheSame) {
  const std::vector<std::string> command = {"signal", "a.yaml", "--study", "d", "--seeds", "3", "--noise-seeds", "5"};
  const auto first = json_of(command);
  const Ended refused = place_.run(command);
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("--resume"));
  std::vector<std::string> again = command;
  again.insert(again.end(), {"--resume", "--threads", "1"});
  EXPECT_EQ(json_of(again), first);
}

TEST_F(SignalProgram, AResumeOfWhatWasKilledBeforeItsFirstRecordBegins) {
  const std::vector<std::string> command = {"signal", "a.yaml", "--study", "d", "--noise-seeds", "5"};
  const auto whole = json_of(command);
  for (const char* part : {"d/noise-0", "d/signal"}) {
    std::filesystem::remove_all(place_.file(part));
    place_.dir().write(std::string(part) + "/study.db", "");
    std::vector<std::string> again = command;
    again.push_back("--resume");
    EXPECT_EQ(json_of(again), whole) << part;
  }
}

TEST_F(SignalProgram, AsTheOriginalHasOneSeedAConfigAndSaysHowWeakThatIs) {
  const Ended ended = place_.run({"signal", "a.yaml", "--study", "d", "--as-the-original"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("6 configs, 1 seed each"), HasSubstr("weak evidence"),
                               HasSubstr("Spread of 6 configs"), Not(HasSubstr("random effects"))));
  const auto said = json_of({"signal", "a.yaml", "--study", "d", "--as-the-original", "--resume"});
  EXPECT_TRUE(said.at("effect").is_null());
  EXPECT_EQ(said.at("noise")[0].at("scores").size(), 6u) << "as many as there are configs";
  EXPECT_EQ(place_.run({"signal", "a.yaml", "--as-the-original", "--seeds", "2"}).code, 2);
}

TEST_F(SignalProgram, ConfigsThatLearnAreToldFromThoseThatCannot) {
  place_.write_sweep("b.yaml", 3, "[1.0e-9, 0.02, 0.03]");
  const auto said = json_of({"signal", "b.yaml", "--study", "d", "--seeds", "5", "--noise-seeds", "5", "--noise-of",
                             "1", "--metric", "val_loss"});
  EXPECT_EQ(said.at("metric"), "val_loss");
  EXPECT_EQ(said.at("verdict"), "differ");
  EXPECT_LT(said.at("kruskal_wallis").at("p"), 0.05);
}

TEST_F(SignalProgram, ConfigsThatAreOneAndTheSameTrainingCouldBeNoise) {  // no gradient is as long as that
  place_.dir().write("same.yaml",
                     "method: grid\nmetric: {name: val_loss, goal: minimize}\nparameters:\n  hidden_size: {value: 8}\n"
                     "  num_layers: {value: 1}\n  batch_size: {value: 20}\n  epochs: {value: 1}\n"
                     "  clip_norm: {values: [1.0e+6, 2.0e+6, 3.0e+6, 4.0e+6]}\ncaviar: {validation_examples: 40}\n");
  const auto said = json_of({"signal", "same.yaml", "--study", "d", "--seeds", "4", "--noise-seeds", "5"});
  EXPECT_EQ(said.at("verdict"), "could be noise");
}

TEST_F(SignalProgram, ResumedWithoutItsFlagsItPrintsAgainAndTrainsNothing) {
  const auto first = json_of({"signal", "a.yaml", "--study", "d", "--as-the-original", "--noise-seeds", "4",
                              "--noise-of", "2", "--validation-examples", "60"});
  EXPECT_EQ(json_of({"signal", "a.yaml", "--study", "d", "--resume"}), first);
  EXPECT_FALSE(std::filesystem::exists(place_.file("d/noise-0")));
}

TEST_F(SignalProgram, SixConfigsOnTwoSeedsAreTooFewToTellAndItSaysSoBefore) {
  const Ended ended = place_.run({"signal", "a.yaml", "--study", "d", "--seeds", "2", "--noise-seeds", "3"});
  EXPECT_THAT(ended.err, HasSubstr("cannot be below 0.056"));
  EXPECT_THAT(ended.out, HasSubstr("There is too little to tell: however"));
  expect_narrow_findings(ended.out);
  const auto said = json_of({"signal", "a.yaml", "--study", "d", "--resume"});
  EXPECT_GE(said.at("kruskal_wallis").at("p").get<double>(), 0.05);
  EXPECT_EQ(said.at("verdict"), "too few to tell");
  const Ended enough = place_.run({"signal", "a.yaml", "--study", "e", "--seeds", "3", "--noise-seeds", "3"});
  EXPECT_THAT(enough.err, Not(HasSubstr("cannot be below")));
}

TEST_F(SignalProgram, ConfigsThatDivergeAreNamedAndJudgedAndInNoneOfTheScores) {
  write_diverging("b.yaml");
  const Ended ended = place_.run({"signal", "b.yaml", "--study", "d", "--seeds", "4", "--noise-seeds", "3"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("of 3 configs, 4 seeds each"), HasSubstr("signal: 4 diverged"),
                               HasSubstr("having no run with a score: trial 2 (4 diverged)"),
                               HasSubstr("is more than chance (p 0.0"), HasSubstr("of the 2 configs that have a score"),
                               HasSubstr("random effects, 2 configs, 8 runs")));
  const auto said = json_of({"signal", "b.yaml", "--study", "d", "--resume"});
  ASSERT_EQ(said.at("left_out").size(), 1u);
  EXPECT_EQ(said.at("left_out")[0].at("trial"), 2);
  EXPECT_EQ(said.at("left_out")[0].at("diverged"), 4);
  EXPECT_NEAR(said.at("failures_p").get<double>(), 3.0 / 495, 0.004);  // three tables of C(12, 4)
}

TEST_F(SignalProgram, ANoiseWithoutAScoreIsADashAndTheSignalIsShownAllTheSame) {
  write_diverging("b.yaml");
  const Ended ended = place_.run({"signal", "b.yaml", "--study", "d", "--seeds", "3", "--noise-seeds", "3",
                                  "--noise-of", "2", "--noise-of", "0", "--noise-of", "1"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("noise of trial 2 has no score (-)"), HasSubstr("Kruskal-Wallis"),
                               Not(HasSubstr("nan"))));
  expect_narrow_findings(ended.out);
  const auto said = json_of({"signal", "b.yaml", "--study", "d", "--resume", "--noise-of", "2"});
  EXPECT_TRUE(said.at("noise")[0].at("mean").is_null());
  EXPECT_TRUE(said.at("noise")[0].at("scores").empty());
  EXPECT_EQ(said.at("noise")[0].at("diverged"), 3);
  EXPECT_FALSE(said.at("effect").is_null());
}

TEST_F(SignalProgram, WhatIsAskedInVainIsSaidBeforeTraining) {
  for (const std::vector<std::string>& flags : std::vector<std::vector<std::string>>{
           {"--noise-of", "6"}, {"--metric", "averaged_val_loss"}, {"--count", "3", "--noise-of", "3"}}) {
    std::vector<std::string> command = {"signal", "a.yaml", "--study", "d"};
    command.insert(command.end(), flags.begin(), flags.end());
    EXPECT_EQ(place_.run(command).code, 1) << flags.back();
    EXPECT_FALSE(std::filesystem::exists(place_.file("d"))) << flags.back();
  }
}

TEST_F(SignalProgram, MistakesAreSentences) {
  EXPECT_THAT(place_.run({"signal", "a.yaml", "--study", "d", "--noise-of", "77"}).err, HasSubstr("0 to 5, or middle"));
  EXPECT_THAT(place_.run({"signal", "a.yaml", "--study", "e", "--metric", "acuracy"}).err,
              HasSubstr("there is no metric named 'acuracy'"));
  EXPECT_FALSE(std::filesystem::exists(place_.file("e")));
  EXPECT_THAT(place_.run({"signal", "--help"}).out, HasSubstr("Example"));
}

}  // namespace
}  // namespace caviar
