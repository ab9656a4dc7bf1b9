// caviar confirm as a user meets it.
#include <filesystem>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/study_program.h"
#include "tests/support/study_verify.h"

namespace caviar {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using Json = nlohmann::json;

class ConfirmProgram : public ::testing::Test {
 protected:
  void SetUp() override {
    place_.write_sweep("a.yaml", 2, "[0.00001, 0.01, 0.02]");
    ASSERT_EQ(place_.run({"sweep", "a.yaml", "--study", "s", "--seeds", "2"}).code, 0);
  }
  Json json_of(std::vector<std::string> arguments) {
    arguments.push_back("--json");
    const Ended ended = place_.run(arguments);
    EXPECT_EQ(ended.code, 0) << ended.err;
    return Json::parse(ended.out);
  }

  Workplace place_{CAVIAR_PROGRAM};
};

TEST_F(ConfirmProgram, TrainsTheBestAndTheBaselineOnSeedsTheSearchNeverSaw) {
  const Ended ended = place_.run({"confirm", "s", "--top", "2", "--baseline", "0", "--seeds", "8"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("winner"), HasSubstr("runner-up"), HasSubstr("baseline"),
                               HasSubstr("never used in its search"), HasSubstr("best of 6 trials looked at"),
                               HasSubstr("Holm"), HasSubstr("by the second half")));
  EXPECT_THAT(verify_study(place_.file("s/confirm")), IsEmpty());
  const Json searched = Json::parse(place_.run({"show", "s", "--json"}).out);
  const Json confirmed = Json::parse(place_.run({"show", "s/confirm", "--json"}).out);
  std::set<std::uint64_t> spent;
  for (const Json& trial : searched["trials"]) {
    for (const Json& run : trial["runs"]) {
      for (const auto& [source, seed] : run["seeds"].items()) spent.insert(seed.get<std::uint64_t>());
    }
  }
  ASSERT_EQ(confirmed["trials"].size(), 3u);
  for (const Json& trial : confirmed["trials"]) {
    std::set<std::uint64_t> splits;
    for (const Json& run : trial["runs"]) {
      for (const auto& [source, seed] : run["seeds"].items()) EXPECT_FALSE(spent.contains(seed.get<std::uint64_t>()));
      splits.insert(run["seeds"]["split"].get<std::uint64_t>());
    }
    EXPECT_EQ(splits.size(), 8u);
  }
}

TEST_F(ConfirmProgram, IsShownAgainAndGrowsByResume) {
  const Json first = json_of({"confirm", "s", "--top", "2", "--baseline", "0", "--seeds", "6"});
  EXPECT_EQ(first["arms"].size(), 3u);
  EXPECT_EQ(first["arms"][2]["role"], "baseline");
  EXPECT_EQ(first["comparisons"].size(), 2u);
  for (const Json& found : first["comparisons"]) {
    EXPECT_TRUE(found["comparison"]["paired"]);
    EXPECT_GE(found["p_holm"], found["p"]);
  }
  EXPECT_EQ(json_of({"confirm", "s", "--resume"}), first);
  EXPECT_THAT(place_.run({"confirm", "s"}).err, HasSubstr("--resume"));
  const Json more = json_of({"confirm", "s", "--resume", "--seeds", "7"});
  EXPECT_EQ(more["arms"][0]["runs"], 7);
  EXPECT_EQ(more["first_seed"], first["first_seed"]);
}

TEST_F(ConfirmProgram, ATrialThatLearnsIsConfirmedAgainstOneThatDoesNot) {
  const Json json = json_of({"confirm", "s", "--top", "1", "--baseline", "0", "--seeds", "12"});
  EXPECT_EQ(json["arms"][0]["role"], "winner");
  EXPECT_EQ(json["comparisons"][0]["comparison"]["favours"], "a");
  EXPECT_LE(json["search"]["shrunken_best"], json["search"]["best"]);
  EXPECT_EQ(json["search"]["seed_sd_from"], "search");
}

TEST_F(ConfirmProgram, ABaselineThatDivergesEverywhereIsComparedByItsFailures) {
  place_.write_sweep("d.yaml", 1, "[0.01, 1.0e+30]");
  ASSERT_EQ(place_.run({"sweep", "d.yaml", "--study", "d", "--seeds", "2"}).code, 0);
  int diverging = -1;
  const Json searched = Json::parse(place_.run({"show", "d", "--json"}).out);
  for (const Json& trial : searched["trials"]) {
    if (trial["diverged"] == 2) diverging = trial["trial"].get<int>();
  }
  ASSERT_GE(diverging, 0);
  const Ended few = place_.run(
      {"confirm", "d", "--top", "4", "--baseline", std::to_string(diverging), "--seeds", "10", "--study", "c"});
  EXPECT_EQ(few.code, 0) << few.err;
  EXPECT_THAT(few.err, HasSubstr("2 are confirmed and not 4")) << "says why it confirms fewer";
  EXPECT_THAT(few.out, AllOf(HasSubstr("by failures: the winner is better"), HasSubstr("Picked by the first half")));
  const Json json = json_of({"confirm", "d", "--study", "c", "--resume"});
  const Json& last = json["comparisons"].back();
  EXPECT_EQ(last["trial"], diverging);
  EXPECT_TRUE(last["comparison"].is_null());
  EXPECT_NEAR(last["p"].get<double>(), 2.0 / 184756, 1e-9);  // Fisher: two tables of C(20, 10)
  EXPECT_EQ(last["verdict"], "real and meaningful");
  EXPECT_EQ(last["favours"], "winner");
  EXPECT_EQ(last["failures"]["other"], 10);
  EXPECT_FALSE(json["pick"].is_null());
}

// What is said of the winner is of its own score, whatever the search has found since.
TEST_F(ConfirmProgram, ASearchThatHasGrownSinceIsSaidToHave) {
  place_.write_sweep("g.yaml", 1, "[1.0e-5, 1.0e-4, 0.01, 0.03]");
  ASSERT_EQ(place_.run({"sweep", "g.yaml", "--study", "g", "--seeds", "2", "--count", "4"}).code, 0);
  ASSERT_EQ(place_.run({"confirm", "g", "--top", "1", "--seeds", "5"}).code, 0);
  ASSERT_EQ(place_.run({"sweep", "g.yaml", "--study", "g", "--resume", "--count", "8"}).code, 0);
  const Json before = json_of({"confirm", "g", "--resume"});
  const Json searched = Json::parse(place_.run({"show", "g", "--json"}).out);
  const int winner = before["arms"][0]["trial"].get<int>();
  ASSERT_NE(searched["noise_floor"]["first"], winner) << "the better rates come last";
  EXPECT_EQ(before["search"]["best"], before["arms"][0]["search_mean"]);
  const std::string said = place_.run({"confirm", "g", "--resume"}).out;
  EXPECT_THAT(said, HasSubstr("The search has changed since its winner was chosen: its best is trial "));
  EXPECT_THAT(said, Not(HasSubstr("The winner was the best of")));
}

TEST_F(ConfirmProgram, AResumeThatAsksForOthersIsRefused) {
  ASSERT_EQ(place_.run({"confirm", "s", "--top", "2", "--baseline", "0", "--seeds", "5"}).code, 0);
  EXPECT_THAT(place_.run({"confirm", "s", "--top", "3", "--resume"}).err, HasSubstr("confirms the best 2"));
  EXPECT_THAT(place_.run({"confirm", "s", "--baseline", "1", "--resume"}).err, HasSubstr("trial 0 as its baseline"));
  EXPECT_EQ(place_.run({"confirm", "s", "--top", "2", "--baseline", "0", "--resume"}).code, 0);
  EXPECT_THAT(place_.run({"confirm", "s/confirm", "--resume"}).err, HasSubstr("itself a study of `caviar confirm`"));
  EXPECT_FALSE(std::filesystem::exists(place_.file("s/confirm/confirm")));
}

TEST_F(ConfirmProgram, AResumeOfWhatWasKilledBeforeItsFirstRecordBegins) {
  place_.dir().write("n/study.db", "");
  const Ended begun = place_.run({"confirm", "s", "--study", "n", "--resume", "--top", "2", "--seeds", "5"});
  EXPECT_EQ(begun.code, 0) << begun.err;
  EXPECT_THAT(begun.out, HasSubstr("nothing is recorded in n yet; starting"));
}

TEST_F(ConfirmProgram, NumbersItsTrialsAsItsStudyDoesAndFreshSeedsAreNotCalledFlattered) {
  const Ended ended = place_.run({"confirm", "s", "--top", "2", "--seeds", "5"});
  EXPECT_THAT(ended.out, AllOf(HasSubstr("here: its number in s/confirm"), HasSubstr("in the search was"),
                               HasSubstr("a p of at most 0.05.")));
  EXPECT_THAT(ended.out, Not(HasSubstr("all 1 comparisons")));
  const Ended compared = place_.run({"compare", "s/confirm:0", "s/confirm:1"});
  EXPECT_EQ(compared.code, 0) << compared.err;
  EXPECT_THAT(compared.out, AllOf(HasSubstr("on fresh seeds"), Not(HasSubstr("need not hold on fresh seeds"))));
}

TEST_F(ConfirmProgram, WhatCannotBeConfirmedIsRefusedWithASentence) {
  EXPECT_THAT(place_.run({"confirm", "s", "--baseline", "9"}).err, HasSubstr("no trial 9"));
  EXPECT_THAT(place_.run({"confirm", "absent"}).err, HasSubstr("no study"));
  for (const std::vector<std::string>& more : {std::vector<std::string>{}, {"--resume"}}) {
    std::vector<std::string> arguments = {"confirm", "s", "--study", "s"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    EXPECT_THAT(place_.run(arguments).err, HasSubstr("not a study of `caviar confirm`"));
  }
  EXPECT_EQ(place_.run({"confirm", "s", "--quick", "--seeds", "9"}).code, 2);
  EXPECT_EQ(place_.run({"confirm", "s", "--seeds", "3"}).code, 2);
}

}  // namespace
}  // namespace caviar
