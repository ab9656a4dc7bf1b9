// caviar next as a user meets it: a study's findings, the sweep file it writes, and that the program takes that file.
#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/study_program.h"

namespace caviar {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class NextProgram : public ::testing::Test {
 protected:
  // A random search over five decades of rates, most of them hopelessly low.
  void carry_out(const std::string& trials) {
    place_.dir().write("a.yaml",
                       "method: random\nmetric: {name: train_loss, goal: minimize}\nparameters:\n"
                       "  learning_rate: {distribution: log_uniform_values, min: 1e-7, max: 1e-2}\n"
                       "  cell: {values: [lstm, gru]}\n  hidden_size: {value: 8}\n  num_layers: {value: 1}\n"
                       "  batch_size: {value: 20}\n  readout: {value: final_states}\n  epochs: {value: 2}\n"
                       "caviar: {validation_examples: 40, sweep_seed: 3}\n");
    const Ended ended = place_.run({"sweep", "a.yaml", "--count", trials, "--study", "s"});
    ASSERT_EQ(ended.code, 0) << ended.err;
  }

  Workplace place_{CAVIAR_PROGRAM};
};

TEST_F(NextProgram, WritesASweepFileThatTheProgramTakes) {
  carry_out("60");
  const Ended ended = place_.run({"next", "s", "--out", "next.yaml"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("of the best 6 trials are in the outer tenth of its range at 0.01"),
                               HasSubstr("learning_rate: {distribution: log_uniform_values"),
                               HasSubstr("from 60 trials"), HasSubstr("written: next.yaml")));
  const Ended again = place_.run({"sweep", "next.yaml", "--count", "2", "--study", "t"});
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_THAT(again.out, HasSubstr("2/2 trials done"));

  EXPECT_EQ(place_.run({"next", "s", "--out", "next.yaml"}).code, 0) << "its own files it may write again";
  place_.dir().write("mine.yaml", "method: grid\n");
  const Ended refused = place_.run({"next", "s", "--out", "mine.yaml"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("was not written by `caviar next`"));
  EXPECT_EQ(place_.run({"next", "s", "--out", "mine.yaml", "--force"}).code, 0);
  const auto json = nlohmann::json::parse(place_.run({"next", "s", "--json"}).out);
  EXPECT_EQ(json["trials"], 60);
  EXPECT_EQ(json["findings"][0]["kind"], "widen");
  for (const auto& finding : json["findings"]) {
    place_.dir().write("one.yaml", finding["file"].get<std::string>());
    EXPECT_EQ(place_.run({"sweep", "one.yaml", "--count", "0"}).code, 0) << finding["file"];
  }
}

// What flags said is of the study, so of what follows it.
TEST_F(NextProgram, CarriesWhatWasSaidByFlags) {
  place_.dir().write("f.yaml",
                     "method: random\nmetric: {name: train_loss, goal: minimize}\nearly_terminate: {type: hyperband, "
                     "min_iter: 1}\nparameters:\n"
                     "  learning_rate: {distribution: log_uniform_values, min: 1e-7, max: 1e-2}\n  cell: {value: gru}\n"
                     "  hidden_size: {value: 4}\n  num_layers: {value: 1}\n  batch_size: {value: 20}\n"
                     "  readout: {value: final_states}\n  epochs: {value: 2}\n");
  const Ended ended = place_.run({"sweep", "f.yaml", "--count", "40", "--study", "s", "--sampler", "halton",
                                  "--scheduler", "median,startup_trials=30", "--window", "2", "--seeds", "2",
                                  "--sweep-seed", "11", "--validation-examples", "40"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  const Ended next = place_.run({"next", "s", "--out", "next.yaml"});
  ASSERT_EQ(next.code, 0) << next.out << next.err;
  const Ended again = place_.run({"sweep", "next.yaml", "--study", "t"});
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_THAT(again.out, HasSubstr("40 trials on 2 seeds each"));
  const auto study = nlohmann::json::parse(place_.run({"show", "t", "--json"}).out)["study"];
  EXPECT_EQ(study["sampler"]["name"], "halton");
  EXPECT_EQ(study["scheduler"]["name"], "median");
  EXPECT_EQ(study["scheduler"]["settings"]["startup_trials"], 30);
  EXPECT_EQ(study["window"], 2);
  EXPECT_EQ(study["sweep_seed"], 11);
  EXPECT_EQ(study["seeds"], 2);
  EXPECT_EQ(study["trials"], 40);
  EXPECT_THAT(study["spec"].get<std::string>(), HasSubstr("validation_examples: 40"));
}

// The gates of an LSTM saturate: at rates far too high its loss is finite, and hopeless.
TEST_F(NextProgram, RatesThatTrainToNothingAreCutOff) {
  place_.dir().write("h.yaml",
                     "method: random\nparameters:\n  optimizer: {value: adam}\n"
                     "  learning_rate: {distribution: log_uniform_values, min: 1e-3, max: 1000}\n"
                     "  hidden_size: {value: 8}\n  num_layers: {value: 1}\n  batch_size: {value: 20}\n"
                     "  readout: {value: final_states}\n  epochs: {value: 2}\n"
                     "caviar: {validation_examples: 40, sweep_seed: 3, sampler: sobol}\n");
  ASSERT_EQ(place_.run({"sweep", "h.yaml", "--count", "60", "--study", "s"}).code, 0);
  const Ended ended = place_.run({"next", "s", "--out", "next.yaml", "--data", "."});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("learning_rate: all "), HasSubstr(" trials above "), HasSubstr("narrow it"),
                               HasSubstr("count as diverged: train_loss is above twice that of guessing")));
  const Ended plan = place_.run({"plan", "next.yaml", "--no-timing"});
  EXPECT_EQ(plan.code, 0) << plan.err;
  const auto json = nlohmann::json::parse(place_.run({"next", "s", "--json", "--data", "."}).out);
  ASSERT_FALSE(json["findings"].empty());
  ASSERT_EQ(json["findings"][0]["kind"], "narrow");
  EXPECT_LT(json["findings"][0]["evidence"]["last_trained"], 30);
}

// A race by --seeds auto comes back as seeds: auto.
TEST_F(NextProgram, SeedsByItselfStayThat) {
  place_.dir().write("r.yaml",
                     "method: random\nmetric: {name: train_loss, goal: minimize}\nparameters:\n"
                     "  learning_rate: {distribution: log_uniform_values, min: 1e-7, max: 1e-2}\n"
                     "  hidden_size: {value: 4}\n  num_layers: {value: 1}\n  batch_size: {value: 20}\n"
                     "  readout: {value: final_states}\n  epochs: {value: 1}\ncaviar: {validation_examples: 40}\n");
  const Ended ended = place_.run({"sweep", "r.yaml", "--count", "24", "--study", "s", "--seeds", "auto", "--max-seeds",
                                  "6", "--sampler", "sobol"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  const Ended next = place_.run({"next", "s", "--out", "next.yaml"});
  ASSERT_EQ(next.code, 0) << next.out << next.err;
  const Ended again = place_.run({"sweep", "next.yaml", "--study", "t"});
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_THAT(again.out, HasSubstr("24 trials on 3 to 6 seeds each"));
}

TEST_F(NextProgram, SaysSoWhenThereIsNothingToSay) {
  carry_out("4");
  const Ended ended = place_.run({"next", "s"});
  EXPECT_EQ(ended.code, 0);
  EXPECT_THAT(ended.out, AllOf(HasSubstr("nothing can be said yet"), HasSubstr("4 trials"), HasSubstr("at least 20")));
  const Ended out = place_.run({"next", "s", "--out", "next.yaml"});
  EXPECT_EQ(out.code, 1);
  EXPECT_THAT(out.err, HasSubstr("next.yaml is not written"));
  EXPECT_THAT(place_.run({"next", "absent"}).err, HasSubstr("no study"));
}

}  // namespace
}  // namespace caviar
