// caviar noise, as a user meets it.
#include <cmath>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "app/text.h"
#include "tests/support/study_program.h"
#include "tests/support/study_verify.h"
#include "tuner/metric.h"
#include "tuner/storage/storage.h"

namespace caviar {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;
using Json = nlohmann::json;

class NoiseProgram : public ::testing::Test {
 protected:
  // Trains a small net on so many seeds, or what the arguments say.
  Ended noise(const std::string& study, std::vector<std::string> arguments) {
    std::vector<std::string> all = {"noise", "--study", study, "--validation-examples", "40"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return place_.run(all);
  }
  Ended small_net(const std::string& study, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--set", "hidden_size=8", "--set", "num_layers=1", "--set", "batch_size=20",
                                         "--set", "epochs=2"});
    return noise(study, arguments);
  }
  static Json metric(const Json& report, const std::string& name) {
    for (const Json& entry : report["metrics"]) {
      if (entry["metric"] == name) return entry;
    }
    return {};
  }

  Workplace place_{CAVIAR_PROGRAM};
};

TEST_F(NoiseProgram, SaysHowFarTheRunsOfOneConfigScatter) {
  const Ended ended = small_net("s", {"--seeds", "12", "--differences", "0.01,0.5,1e-9"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("differ between the runs: init, order, dropout, split"),
                               HasSubstr("the same in all: augment"), HasSubstr("complete: 12; diverged: 0; failed: 0"),
                               HasSubstr("IQM"), HasSubstr("95 % confidence for normal scores only")));
  EXPECT_THAT(ended.out, AllOf(HasSubstr("test_loss"), HasSubstr("on endlessly many examples"),
                               HasSubstr("different answers to"), HasSubstr("0.01000"), HasSubstr("1e-09"),
                               HasSubstr("if the runs together are calibrated as an ensemble (Jordan 2024)"),
                               HasSubstr("0.50000"), Not(HasSubstr("nan"))));
  EXPECT_THAT(verify_study(place_.file("s")), IsEmpty());
  const Ended extreme =
      place_.run({"noise", "--study", "s", "--resume", "--no-predictions", "--differences", "1e-9,1e-300,1e300"});
  EXPECT_THAT(extreme.out, HasSubstr("1e+300"));
  std::istringstream plan(extreme.out.substr(extreme.out.find("\ndifference ")));
  for (std::string line; std::getline(plan, line);) EXPECT_LE(display_width(line), 120u) << line;

  Storage storage = Storage::open_to_read(place_.file("s/study.db"));
  std::vector<double> accuracies;
  storage.for_each_repeat_of(0, [&](const RepeatRecord& repeat) {
    accuracies.push_back(metric_value(*repeat.last, "test_accuracy"));
    const Seeds seeds = storage.run(repeat.run)->seeds;
    const auto moved = static_cast<std::uint64_t>(repeat.repeat);
    EXPECT_EQ(seeds, (Seeds{moved, moved, moved, 0, moved}));
  });
  double mean = 0, squares = 0;
  for (const double value : accuracies) mean += value / 12;
  for (const double value : accuracies) squares += (value - mean) * (value - mean) / 11;

  // Shown again without training, for a program to read.
  const Ended again = place_.run({"noise", "--study", "s", "--resume", "--json"});
  ASSERT_EQ(again.code, 0) << again.err;
  const Json report = Json::parse(again.out);
  const Json test = metric(report, "test_accuracy");
  EXPECT_EQ(test["n"], 12);
  EXPECT_NEAR(test["mean"].get<double>(), mean, 1e-12);
  EXPECT_NEAR(test["sd"].get<double>(), std::sqrt(squares), 1e-12);
  EXPECT_NEAR(report["test_set"]["error_rate"].get<double>(), 1 - mean, 1e-12) << "the networks asked are the runs'";
  EXPECT_NEAR(report["test_set"]["sd_on_test_set"].get<double>(), std::sqrt(squares), 1e-12);
  EXPECT_EQ(report["varied"], Json({"init", "order", "dropout", "split"}));
  EXPECT_EQ(report["plan"].size(), 3u);
  EXPECT_TRUE(test["sd_bootstrap_interval"].is_null());
}

TEST_F(NoiseProgram, WithoutKeptWeightsTheRunsAreTrainedAgainToTheSameAnswers) {
  ASSERT_EQ(small_net("kept", {"--seeds", "3"}).code, 0);
  const Ended none = small_net("none", {"--seeds", "3", "--save-weights", "none"});
  ASSERT_EQ(none.code, 0) << none.err;
  EXPECT_THAT(none.out, HasSubstr("3 runs trained again"));
  const auto test_set = [&](const std::string& study) {
    return Json::parse(place_.run({"noise", "--study", study, "--resume", "--json", "--threads", "3"}).out)["test_set"];
  };
  const Json kept = test_set("kept");
  EXPECT_EQ(kept["runs"], 3);
  EXPECT_TRUE(kept["variance_interval"].is_null()) << "three runs are too few for one";
  EXPECT_EQ(kept, test_set("none"));
}

TEST_F(NoiseProgram, AStudyGrowsAndOneSourceCanVaryAlone) {
  ASSERT_EQ(small_net("s", {"--seeds", "2", "--vary", "order", "--no-predictions"}).code, 0);
  const Ended grown = place_.run({"noise", "--study", "s", "--resume", "--seeds", "4", "--no-predictions", "--json"});
  ASSERT_EQ(grown.code, 0) << grown.err;
  EXPECT_THAT(grown.out, StartsWith("{"));
  const Json report = Json::parse(grown.out);
  EXPECT_EQ(report["varied"], Json({"order"}));
  EXPECT_EQ(report["runs"]["complete"], 4);
  EXPECT_TRUE(report["test_set"].is_null());
  Storage storage = Storage::open_to_read(place_.file("s/study.db"));
  storage.for_each_repeat_of(0, [&](const RepeatRecord& repeat) {
    EXPECT_EQ(storage.run(repeat.run)->seeds, (Seeds{0, static_cast<std::uint64_t>(repeat.repeat), 0, 0, 0}));
  });
  const Ended other = small_net("s", {"--vary", "init", "--resume"});
  EXPECT_THAT(other.err, HasSubstr("--vary init: in s the seeds of order differ"));
  EXPECT_THAT(other.out, Not(HasSubstr("1 trial"))) << "before anything is announced";
  EXPECT_EQ(small_net("s", {"--resume", "--no-predictions"}).code, 0) << "the same config, and the sources recorded";
  EXPECT_THAT(small_net("s", {"--resume", "--set", "momentum=0.5"}).err, HasSubstr("begun with another config"));
}

TEST_F(NoiseProgram, AResumeOfWhatWasKilledBeforeItsFirstRecordBegins) {
  place_.dir().write("s/study.db", "");
  const Ended begun = small_net("s", {"--seeds", "2", "--resume", "--no-predictions"});
  EXPECT_EQ(begun.code, 0) << begun.err;
  EXPECT_THAT(begun.out, HasSubstr("nothing is recorded in s yet; starting"));
  place_.dir().write("t/study.db", "");
  EXPECT_THAT(noise("t", {"--resume"}).err, HasSubstr("say the config with --set"));
}

TEST_F(NoiseProgram, RunsThatDivergeAreCountedAndInNoNumber) {
  const Ended ended = small_net("s", {"--seeds", "2", "--set", "optimizer=sgd", "--set", "learning_rate=1e30"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("complete: 0; diverged: 2"), HasSubstr("No run is complete"),
                               Not(HasSubstr("Everything below"))));
  const Json report = Json::parse(place_.run({"noise", "--study", "s", "--resume", "--json"}).out);
  EXPECT_TRUE(report["metrics"].empty());
  EXPECT_TRUE(report["test_set"].is_null());
}

TEST_F(NoiseProgram, OneRunHasNoSpread) {
  const Ended ended = small_net("s", {"--seeds", "1"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("cannot be planned"), HasSubstr("1 trial on 1 seed, data"),
                               HasSubstr("there is one trial"), HasSubstr("One run has no spread"),
                               Not(HasSubstr("The intervals hold")), Not(HasSubstr("nan"))));
  const Json report = Json::parse(place_.run({"noise", "--study", "s", "--resume", "--json"}).out);
  EXPECT_TRUE(metric(report, "val_accuracy")["sd"].is_null());
  EXPECT_TRUE(report["plan"].empty());
}

TEST_F(NoiseProgram, TakesTheSpreadApartBySources) {
  const Ended ended = small_net("s", {"--decompose", "--levels", "5", "--vary", "init,order"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("5 seeds of init x 5 seeds of order"), HasSubstr("the combination"),
                               HasSubstr("Holding the seed of init"), HasSubstr("sd left when it is held"),
                               HasSubstr("test_accuracy (25 runs)"), Not(HasSubstr("nan"))));
  const Ended again = place_.run({"noise", "--study", "s", "--resume", "--decompose", "--json"});
  ASSERT_EQ(again.code, 0) << again.err;
  const Json report = Json::parse(again.out)["metrics"][0];
  EXPECT_EQ(report["combinations"], 25);
  EXPECT_EQ(report["sources"], Json({"init", "order"}));
  double total = 0;
  for (const Json& part : report["components"]) total += part["variance"].get<double>();
  EXPECT_NEAR(std::sqrt(total), report["total_sd"].get<double>(), 1e-12);
  EXPECT_EQ(report["components"].size(), 3u);
  EXPECT_THAT(place_.run({"noise", "--study", "s", "--resume"}).err, HasSubstr("--decompose"));
}

TEST_F(NoiseProgram, CrossedSeedsAreGoneOnWithAsTheyWereBegun) {
  ASSERT_EQ(small_net("s", {"--decompose", "--levels", "2", "--vary", "order,init"}).code, 0);
  const std::vector<std::string> resume = {"noise", "--study", "s", "--decompose", "--resume"};
  const auto resumed = [&](std::vector<std::string> more) {
    more.insert(more.begin(), resume.begin(), resume.end());
    return place_.run(more);
  };
  const Ended grown = resumed({"--levels", "7"});
  EXPECT_EQ(grown.code, 1);
  EXPECT_THAT(grown.err, AllOf(HasSubstr("--levels 7: s was begun with 2 seeds"), HasSubstr("does not grow")));
  EXPECT_THAT(grown.out, Not(HasSubstr("trials"))) << "nothing is announced that is refused";
  EXPECT_THAT(resumed({"--vary", "init,split"}).err, HasSubstr("in s the seeds of init, order differ"));
  EXPECT_EQ(resumed({"--vary", "init,order", "--levels", "2"}).code, 0);
  EXPECT_EQ(small_net("s", {"--decompose", "--resume"}).code, 0) << "--vary and --levels are recorded";
}

TEST_F(NoiseProgram, DecomposeSaysWhatItCannot) {
  const Ended few = small_net("s", {"--decompose", "--levels", "2", "--set", "dropout=0.5"});
  EXPECT_EQ(few.code, 0) << few.err;
  EXPECT_THAT(few.out, AllOf(HasSubstr("2 seeds of init x 2 seeds of order x 2 seeds of split"),
                             HasSubstr("No intervals"), HasSubstr("cannot be told")));
  const Ended diverged = small_net("d", {"--decompose", "--levels", "2", "--vary", "init,order", "--set",
                                         "optimizer=sgd", "--set", "learning_rate=1e30"});
  EXPECT_THAT(diverged.out, AllOf(HasSubstr("cannot be taken apart"), Not(HasSubstr("The combination is"))));
  EXPECT_THAT(small_net("n", {"--decompose", "--vary", "init"}).err, HasSubstr("two or three sources"));
  EXPECT_THAT(small_net("n", {"--decompose", "--vary", "init,dropout"}).err, HasSubstr("dropout, nothing"));
  EXPECT_EQ(small_net("n", {"--decompose", "--seeds", "3"}).code, 2);
  EXPECT_EQ(small_net("n", {"--levels", "3"}).code, 2);
}

TEST_F(NoiseProgram, MistakesAreRefusedBeforeTraining) {
  place_.write_sweep("many.yaml", 1);
  EXPECT_THAT(noise("s", {"many.yaml"}).err, AllOf(HasSubstr("many.yaml:4"), HasSubstr("more than one value")));
  EXPECT_THAT(noise("s", {"many.yaml", "--set", "epochs=1"}).err, HasSubstr("not both"));
  EXPECT_THAT(noise("s", {"--resume"}).err, HasSubstr("--set"));
  EXPECT_THAT(small_net("s", {"--vary", "dropout,augment"}).err,
              AllOf(HasSubstr("dropout, augment"), HasSubstr("all runs would be the same")));
  EXPECT_EQ(small_net("s", {"--vary", "luck"}).code, 2);
  for (const char* how : {"--decompose", "--json"})
    EXPECT_THAT(small_net("s", {how, "--vary", "init,init"}).err, HasSubstr("init is named 2 times; name it once"));
  for (const char* difference : {"-1", "0", "nan", "inf", "0.01,inf"}) {
    const Ended refused = small_net("s", {"--differences", difference});
    EXPECT_EQ(refused.code, 2) << difference;
    EXPECT_THAT(refused.err, AllOf(HasSubstr("a number above 0"), Not(HasSubstr("308"))));
  }
  EXPECT_THAT(noise("s", {}).err, HasSubstr("say which config with --set or a FILE"));
  EXPECT_FALSE(std::filesystem::exists(place_.file("s")));
}

TEST_F(NoiseProgram, AStudyOfAnotherKindIsNamedAsSuch) {
  place_.write_sweep("many.yaml", 1);
  ASSERT_EQ(place_.run({"sweep", "many.yaml", "--study", "sweep", "--count", "2"}).code, 0);
  for (const std::vector<std::string>& more : {std::vector<std::string>{}, {"--decompose"}}) {
    std::vector<std::string> arguments = {"noise", "--study", "sweep", "--resume"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    EXPECT_THAT(place_.run(arguments).err,
                AllOf(HasSubstr("sweep is no study of `caviar noise`"), HasSubstr("several configs, of many.yaml")));
  }
  ASSERT_EQ(place_.run({"confirm", "sweep", "--top", "2", "--seeds", "5"}).code, 0);
  EXPECT_THAT(place_.run({"noise", "--study", "sweep/confirm", "--resume"}).err, HasSubstr("several configs"));
  ASSERT_EQ(small_net("together", {"--seeds", "2"}).code, 0);
  EXPECT_THAT(place_.run({"noise", "--study", "together", "--resume", "--decompose"}).err,
              HasSubstr("seeds move together"));
}

}  // namespace
}  // namespace caviar
