// What caviar show says of a search: how trials ended, what was decided, what was copied.
#include <algorithm>
#include <cstdio>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/study_program.h"

namespace caviar {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

class ShowProgram : public ::testing::Test {
 protected:
  // A random search over rates: trials of `epochs` reports.
  Ended carry_out(const std::string& caviar, int epochs, const std::string& trials,
                  std::vector<std::string> flags = {}) {
    place_.dir().write("a.yaml",
                       "method: random\nmetric: {name: val_accuracy, goal: maximize}\nparameters:\n"
                       "  learning_rate: {distribution: log_uniform_values, min: 1.0e-4, max: 1.0e-1}\n"
                       "  cell: {value: gru}\n  hidden_size: {value: 4}\n  num_layers: {value: 1}\n"
                       "  batch_size: {value: 20}\n  readout: {value: final_states}\n  epochs: {value: " +
                           std::to_string(epochs) + "}\ncaviar: {validation_examples: 40, " + caviar + "}\n");
    flags.insert(flags.begin(), {"sweep", "a.yaml", "--count", trials, "--study", "s"});
    Ended ended = place_.run(flags);
    EXPECT_EQ(ended.code, 0) << ended.err;
    return ended;
  }
  std::string show(std::vector<std::string> flags) {
    flags.insert(flags.begin(), {"show", "s"});
    const Ended ended = place_.run(flags);
    EXPECT_EQ(ended.code, 0) << ended.err;
    return ended.out;
  }
  nlohmann::json json(std::vector<std::string> flags = {}) {
    flags.emplace_back("--json");
    return nlohmann::json::parse(show(flags));
  }

  Workplace place_{CAVIAR_PROGRAM};
};

TEST_F(ShowProgram, StoppedTrialsAreShownAsStopped) {
  const Ended ended = carry_out("scheduler: {name: successive_halving, max_iter: 4, eta: 2}", 4, "8");
  EXPECT_THAT(ended.out, AllOf(ContainsRegex("stopped at [12] of 4\n"), ContainsRegex("  done\n"),
                               HasSubstr("Stopped early, so behind the others: ")));
  int stopped = 0;
  const auto study = json();
  for (const auto& trial : study["trials"]) {
    EXPECT_EQ(trial["iterations"], 4);
    EXPECT_EQ(trial["iteration"], trial["runs"][0]["reports"].size());
    EXPECT_EQ(trial["state"], trial["iteration"] < 4 ? "stopped" : "done");
    if (trial["state"] != "stopped") continue;
    ++stopped;
    const std::string number = trial["trial"].dump();
    EXPECT_THAT(show({"--trial", number}),
                HasSubstr("trial " + number + ": stopped at " + trial["iteration"].dump() + " of 4"));
  }
  EXPECT_GT(stopped, 3);
  EXPECT_LT(stopped, 8);
  EXPECT_THAT(show({"--csv"}), AllOf(HasSubstr(",trial_state,iteration,iterations,step,"), HasSubstr(",stopped,1,4,"),
                                     HasSubstr(",done,4,4,")));
}

TEST_F(ShowProgram, TrialsRacedOutSayOnHowManySeeds) {
  const Ended ended = carry_out("seeds: 6, scheduler: {name: race, block: 6, first_seeds: 2, alpha: 0.3}", 2, "6");
  EXPECT_THAT(ended.out, ContainsRegex("(raced out|won) on [2345] of 6 seeds\n"));
  int raced_out = 0;
  const auto study = json();
  for (const auto& trial : study["trials"]) {
    EXPECT_EQ(trial["seeds"], trial["runs"].size());
    EXPECT_EQ(trial["seeds_asked"], 6);
    raced_out += trial["state"] == "raced out";
  }
  EXPECT_GT(raced_out, 0);
}

// As the database has them, and in words: losses of an accuracy are turned back.
TEST_F(ShowProgram, DecisionsAreALineEachWithWhatTheySaw) {
  carry_out("scheduler: {name: successive_halving, max_iter: 4, eta: 2}", 4, "8");
  const auto recorded = json({"--decisions"});
  EXPECT_EQ(recorded["goal"], "maximize");
  const auto& decisions = recorded["decisions"];
  ASSERT_GE(decisions.size(), 8u);
  const std::string lines = show({"--decisions"}), csv = show({"--decisions", "--csv"});
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), static_cast<std::ptrdiff_t>(decisions.size()));
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), static_cast<std::ptrdiff_t>(decisions.size()) + 1);
  for (const auto& decision : decisions) {
    EXPECT_EQ(decision["question"], "iteration");
    EXPECT_LE(decision["saw"]["value"], 0);
    char value[32];
    std::snprintf(value, sizeof value, "%.5f", -decision["saw"]["value"].get<double>());
    const auto& saw = decision["saw"];
    EXPECT_THAT(lines, HasSubstr("trial " + decision["trial"].dump() + " at iteration " + decision["at"].dump() + ": " +
                                 (decision["verdict"] == "stop" ? "stopped" : "goes on") + "; val_accuracy " + value +
                                 ", rank " + saw["rank"].dump() + " of " + saw["cohort"].dump() + ", the best " +
                                 saw["keep"].dump() + " go on, bracket " + saw["bracket"].dump() + "\n"));
  }
  EXPECT_THAT(csv,
              AllOf(HasSubstr("trial,question,at,verdict,seeds,parent,saw\r\n"), HasSubstr(",iteration,1,stop,,,")));
  const auto of_one = json({"--decisions", "--trial", "3"})["decisions"];
  EXPECT_GE(of_one.size(), 1u);
  for (const auto& decision : of_one) EXPECT_EQ(decision["trial"], 3);
  EXPECT_THAT(show({"--decisions", "--trial", "3"}), AllOf(HasSubstr("trial 3 at"), Not(HasSubstr("trial 2 at"))));
  EXPECT_EQ(place_.run({"show", "s", "--decisions", "--trial", "99"}).code, 1);
}

TEST_F(ShowProgram, DecisionsOnSeedsNameTheLeader) {
  carry_out("seeds: 6, scheduler: {name: race, block: 6, first_seeds: 2, alpha: 0.12}", 2, "6");
  EXPECT_THAT(
      show({"--decisions"}),
      AllOf(ContainsRegex("trial [0-5] on 2 seeds: no more seeds; mean val_accuracy "
                          "[01]\\.[0-9]+, best is trial [0-5] with [01]\\.[0-9]+, p [0-9.e-]+ "
                          "\\(out below 0\\.024\\),[ \n]+6[ \n]+in the race, block 0\n"),
            ContainsRegex("trial [0-5] on 2 seeds: goes on to [3-6]; mean [^;]*, it is the best, 6 in the race")));
  EXPECT_EQ(json({"--decisions"})["decisions"][0]["question"], "seeds");
}

TEST_F(ShowProgram, WhoCopiedFromWhomIsTold) {
  carry_out("sampler: {name: pbt, population: 5}", 3, "15");
  const auto copies = json({"--decisions"})["copies"];
  ASSERT_EQ(copies.size(), 10u);
  const auto study = json();
  const std::string lines = show({"--decisions"});
  int unchanged = 0;
  for (const auto& copy : copies) {
    const auto rate = [&](const nlohmann::json& trial) {
      return study["trials"][trial.get<std::size_t>()]["config"]["learning_rate"];
    };
    const nlohmann::json before = rate(copy["parent"]), now = rate(copy["trial"]);
    EXPECT_EQ(copy["at"], copy["trial"] < 10 ? 1 : 2);
    EXPECT_EQ(study["trials"][copy["parent"].get<std::size_t>()]["state"], "done");
    std::string how = "unchanged";
    if (before == now) {
      EXPECT_TRUE(copy["changed"].empty());
      ++unchanged;
    } else {
      EXPECT_EQ(copy["changed"]["learning_rate"]["from"], before);
      EXPECT_EQ(copy["changed"]["learning_rate"]["to"], now);
      how = "with learning_rate ";
    }
    EXPECT_THAT(lines, HasSubstr("trial " + copy["trial"].dump() + " from iteration " + copy["at"].dump() +
                                 ": goes on from the weights of trial " + copy["parent"].dump() + ", " + how));
  }
  EXPECT_GT(unchanged, 0);
  EXPECT_LT(unchanged, 10);
  EXPECT_THAT(show({}), ContainsRegex("done to [12] of 3\n"));
  EXPECT_THAT(show({"--decisions", "--csv"}), HasSubstr("5,weights,1,go on,,"));
}

// A resume says a region again; it is shown once.
TEST_F(ShowProgram, WhereAZoomingSearchLookedIsTold) {
  carry_out("sampler: {name: zoom, rounds: 2, per_round: 6}", 1, "8");
  EXPECT_EQ(place_.run({"sweep", "a.yaml", "--count", "10", "--study", "s", "--resume"}).code, 0);
  const auto search = json({"--decisions"})["search"];
  ASSERT_EQ(search.size(), 1u);
  EXPECT_THAT(search[0]["news"].get<std::string>(), HasSubstr("round 2 of 2 looks in this region:\n"));
  EXPECT_THAT(show({"--decisions"}), AllOf(HasSubstr("search: round 2 of 2 looks in this region:\n  "),
                                           HasSubstr("  learning_rate: {distribution: log_uniform_values")));
}

TEST_F(ShowProgram, ARateThatAdaptsItselfIsAMetricOfTheRun) {
  for (const std::string rate : {"0", "1e-4"}) {
    const Ended ended =
        place_.run({"train", "--set", "hypergradient_rate=" + rate, "--set", "lr=1e-3", "--set", "optimizer=adam",
                    "--set", "hidden_size=4", "--set", "epochs=2", "--set", "batch_size=20", "--study", "s" + rate});
    ASSERT_EQ(ended.code, 0) << ended.err;
    const auto study = nlohmann::json::parse(place_.run({"show", "s" + rate, "--json"}).out);
    const auto& last = study["trials"][0]["runs"][0]["reports"][1];
    const std::string csv = place_.run({"show", "s" + rate, "--csv"}).out;
    EXPECT_THAT(csv, HasSubstr(",averaged_test_accuracy,learning_rate,digest\r\n"));
    ASSERT_EQ(last.contains("learning_rate"), rate != "0");
    EXPECT_EQ(ended.out.find("test_accuracy  learning_rate\n") != std::string::npos, rate != "0") << ended.out;
    if (rate == "0") continue;
    EXPECT_NE(last["learning_rate"], 1e-3f);
    EXPECT_THAT(csv, HasSubstr("," + last["learning_rate"].dump() + ","));
  }
}

TEST_F(ShowProgram, WithoutDecisionsItSaysSo) {
  carry_out("sweep_seed: 1", 1, "2");
  EXPECT_THAT(show({"--decisions"}), HasSubstr("no decision is recorded"));
  EXPECT_EQ(json({"--decisions"})["decisions"].size(), 0u);
}

}  // namespace
}  // namespace caviar
