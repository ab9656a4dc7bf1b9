// caviar ensemble as a user meets it.
#include <filesystem>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "app/text.h"
#include "tests/support/study_program.h"

namespace caviar {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class EnsembleProgram : public ::testing::Test {
 protected:
  nlohmann::json json_of(std::vector<std::string> arguments) {
    arguments.push_back("--json");
    const Ended ended = place_.run(arguments);
    EXPECT_EQ(ended.code, 0) << ended.err;
    return nlohmann::json::parse(ended.out);
  }
  static void expect_narrow(const std::string& out) {
    std::istringstream lines(out);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(display_width(line), 120u) << line;
  }

  Workplace place_{CAVIAR_PROGRAM};
};

TEST_F(EnsembleProgram, IsTheSameFromKeptWeightsAndFromRunsTrainedAgainOnAnyThreads) {
  place_.write_sweep("a.yaml", 3);
  ASSERT_EQ(place_.run({"sweep", "a.yaml", "--study", "all", "--save-weights", "all"}).code, 0);
  ASSERT_EQ(place_.run({"sweep", "a.yaml", "--study", "none", "--save-weights", "none"}).code, 0);
  auto kept = json_of({"ensemble", "all", "--top", "4", "--threads", "1"});
  auto trained = json_of({"ensemble", "none", "--top", "4", "--threads", "3"});
  EXPECT_EQ(kept.at("trained_again"), 0);
  EXPECT_EQ(trained.at("trained_again"), 4);
  kept.erase("trained_again");
  trained.erase("trained_again");
  EXPECT_EQ(kept, trained);
  const Ended shown = place_.run({"ensemble", "none", "--top", "4"});
  EXPECT_EQ(shown.code, 0);
  expect_narrow(shown.out);
  EXPECT_THAT(shown.err, HasSubstr("4 runs trained again on"));
  EXPECT_THAT(shown.out, AllOf(HasSubstr("mean of members"), HasSubstr("best single"), HasSubstr("95 % interval"),
                               HasSubstr("McNemar"), Not(HasSubstr("Averaged weights"))));
}

TEST_F(EnsembleProgram, MembersScoreWhatTheirRunsReported) {
  place_.write_sweep("a.yaml", 3);
  ASSERT_EQ(place_.run({"sweep", "a.yaml", "--study", "s", "--seeds", "3", "--save-weights", "all"}).code, 0);
  const auto study = nlohmann::json::parse(place_.run({"show", "s", "--json"}).out);
  const auto said = json_of({"ensemble", "s", "--top", "3"});
  ASSERT_EQ(said.at("members").size(), 3u);
  double best = 0, sum = 0;
  for (const auto& member : said.at("members")) {
    const auto& runs = study.at("trials").at(member.at("trial").get<std::size_t>()).at("runs");
    const auto& last = runs.at(member.at("repeat").get<std::size_t>()).at("reports").back();
    EXPECT_EQ(member.at("raw").at("validation").at("accuracy"), last.at("val_accuracy"));
    EXPECT_EQ(member.at("raw").at("validation").at("loss"), last.at("val_loss"));
    EXPECT_EQ(member.at("raw").at("test").at("accuracy"), last.at("test_accuracy"));
    EXPECT_EQ(member.at("raw").at("test").at("loss"), last.at("test_loss"));
    EXPECT_TRUE(member.at("averaged").at("test").is_null());
    for (const auto& run : runs)
      EXPECT_LE(run.at("reports").back().at("val_accuracy"), last.at("val_accuracy")) << "the best run of its trial";
    best = std::max(best, last.at("val_accuracy").get<double>());
    sum += last.at("test_accuracy").get<double>();
  }
  const auto& raw = said.at("raw");
  EXPECT_EQ(raw.at("best_single").at("validation").at("accuracy"), best);
  EXPECT_NEAR(raw.at("mean").at("test").at("accuracy").get<double>(), sum / 3, 1e-12);
  EXPECT_NEAR(raw.at("gain").at("accuracy").get<double>(),
              raw.at("ensemble").at("test").at("accuracy").get<double>() -
                  raw.at("best_single").at("test").at("accuracy").get<double>(),
              1e-12);
  EXPECT_LE(raw.at("ensemble").at("test").at("loss"), raw.at("mean").at("test").at("loss")) << "ln is concave";
  EXPECT_TRUE(said.at("averaged").is_null());
}

TEST_F(EnsembleProgram, SeedsOfATrialWithAveragesAreInOneTable) {
  place_.dir().write("p.yaml",
                     "method: grid\nparameters:\n  hidden_size: {value: 8}\n  num_layers: {value: 1}\n"
                     "  batch_size: {value: 20}\n  learning_rate: {values: [0.01, 1e30]}\n  epochs: {value: 2}\n"
                     "  polyak_decay: {value: 0.9}\ncaviar: {validation_examples: 40, seeds: 3}\n");
  ASSERT_EQ(place_.run({"sweep", "p.yaml", "--study", "s"}).code, 0);
  const auto said = json_of({"ensemble", "s", "--seeds-of", "0"});
  EXPECT_EQ(said.at("members").size(), 3u);
  EXPECT_EQ(said.at("trained_again"), 2) << "the best run's weights are kept";
  EXPECT_EQ(said.at("averaged").at("members"), 3);
  EXPECT_FALSE(said.at("members")[0].at("averaged").at("test").is_null());
  const Ended shown = place_.run({"ensemble", "s", "--seeds-of", "0"});
  expect_narrow(shown.out);
  EXPECT_THAT(shown.out, AllOf(HasSubstr("averaged_test_accuracy"), HasSubstr("Averaged weights"),
                               HasSubstr("Ensemble of averages against ensemble of raw weights")));
  const Ended diverged = place_.run({"ensemble", "s", "--seeds-of", "1"});
  EXPECT_EQ(diverged.code, 1);
  EXPECT_THAT(diverged.err, HasSubstr("needs two complete runs, there is none"));
  EXPECT_THAT(place_.run({"ensemble", "s", "--top", "2"}).err,
              AllOf(HasSubstr("there is only one"), HasSubstr("the 3 complete runs of trial 0"),
                    HasSubstr("--seeds-of 0"), Not(HasSubstr("larger --top"))));
}

TEST_F(EnsembleProgram, MembersOfOtherSplitsHaveNoAverageOnValidation) {
  place_.dir().write("p.yaml",
                     "method: grid\nparameters:\n  hidden_size: {value: 4}\n  num_layers: {value: 1}\n"
                     "  batch_size: {value: 20}\n  epochs: {value: 1}\n  seed_split: {values: [1, 2]}\n"
                     "caviar: {validation_examples: 40}\n");
  ASSERT_EQ(place_.run({"sweep", "p.yaml", "--study", "s"}).code, 0);
  const auto said = json_of({"ensemble", "s"});
  EXPECT_TRUE(said.at("raw").at("ensemble").at("validation").is_null());
  EXPECT_FALSE(said.at("raw").at("ensemble").at("test").is_null());
  EXPECT_THAT(place_.run({"ensemble", "s"}).out,
              AllOf(HasSubstr("validated on different examples"), HasSubstr("in part for easy ones")));
}

TEST_F(EnsembleProgram, TrialsThatWaitForSeedsAreSaidToWait) {
  place_.write_sweep("a.yaml", 1, "[0.01]");
  ASSERT_EQ(place_.run({"sweep", "a.yaml", "--study", "s", "--seeds", "2"}).code, 0);
  ASSERT_NE(
      place_.run({"sweep", "a.yaml", "--study", "s", "--seeds", "20000", "--resume", "--time-limit", "0.05s"}).code, 0);
  const Ended ended = place_.run({"ensemble", "s", "--top", "3"});
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.err, AllOf(HasSubstr(" in the ranking"), HasSubstr("not yet over: wait"), HasSubstr("--seeds-of "),
                               Not(HasSubstr("larger --top"))));
}

TEST_F(EnsembleProgram, MistakesAreSentences) {
  place_.write_sweep("a.yaml", 1);
  ASSERT_EQ(place_.run({"sweep", "a.yaml", "--study", "s"}).code, 0);
  EXPECT_THAT(place_.run({"ensemble", "absent"}).err, HasSubstr("no study"));
  EXPECT_THAT(place_.run({"ensemble", "s", "--seeds-of", "77"}).err, HasSubstr("there is no trial 77"));
  EXPECT_THAT(place_.run({"ensemble", "s", "--seeds-of", "0"}).err, HasSubstr("only one"));
  EXPECT_EQ(place_.run({"ensemble", "s", "--seeds-of", "0", "--top", "3"}).code, 2);
  EXPECT_EQ(place_.run({"ensemble", "s", "--top", "1"}).code, 2);
  EXPECT_THAT(place_.run({"ensemble", "--help"}).out, HasSubstr("Example"));
}

}  // namespace
}  // namespace caviar
