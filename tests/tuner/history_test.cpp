// History: the same fold live and read back, in any order of arrival.
#include "tuner/history.h"

#include <algorithm>
#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "tests/support/study_fixture.h"

namespace caviar {
namespace {

Report with_accuracy(std::int64_t correct) {
  Report report;
  report.validation = {1.0, correct, 1000};
  return report;
}

TEST(History, AveragesInTheOrderOfRepeatsWhateverTheOrderOfArrival) {
  std::vector<std::int64_t> order(7);
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int64_t>(i);
  std::mt19937 random(1);
  double mean = 0, sd = 0;
  for (int round = 0; round < 50; ++round) {
    History history("val_accuracy", true, 7);
    history.add_trial(0, TrialState::kOpen);
    for (int i = 0; i < 7; ++i) history.add_repeat(0);
    for (const std::int64_t repeat : order) {
      history.add_result({0, repeat}, RunState::kComplete, with_accuracy(101 + 37 * repeat * repeat));
    }
    history.close(0);
    if (round == 0) mean = history[0].mean, sd = history[0].sd;
    EXPECT_EQ(history[0].mean, mean);
    EXPECT_EQ(history[0].sd, sd);
    std::shuffle(order.begin(), order.end(), random);
  }
}

TEST(History, KnowsTheMeanAndTheStandardDeviation) {
  History history("val_accuracy", true, 3);
  history.add_trial(0, TrialState::kOpen);
  for (int i = 0; i < 3; ++i) history.add_repeat(0);
  EXPECT_FALSE(history.add_result({0, 0}, RunState::kComplete, with_accuracy(500)));
  EXPECT_FALSE(history.add_result({0, 1}, RunState::kComplete, with_accuracy(600)));
  EXPECT_TRUE(history.add_result({0, 2}, RunState::kComplete, with_accuracy(700)));
  EXPECT_TRUE(history.is_open(0));
  history.close(0);
  EXPECT_DOUBLE_EQ(history[0].mean, 0.6);
  EXPECT_DOUBLE_EQ(history[0].sd, 0.1);
  EXPECT_EQ(history.done(), 1);
}

TEST(History, RanksByTheGoalAndPutsDivergedTrialsBehind) {
  const auto ranking = [](bool maximize) {
    History history("val_accuracy", maximize, 2);
    const std::int64_t correct[] = {300, 900, 300, 500};
    for (std::int64_t trial = 0; trial < 5; ++trial) {
      history.add_trial(trial, TrialState::kOpen);
      if (trial == 4) break;  // still open
      history.add_repeat(trial);
      history.add_repeat(trial);
      history.add_result({trial, 0}, RunState::kComplete, with_accuracy(correct[trial]));
      history.add_result({trial, 1}, trial == 1 ? RunState::kDiverged : RunState::kComplete,
                         with_accuracy(correct[trial]));
      history.close(trial);
    }
    EXPECT_EQ(history.best(), history.ranking(1).at(0));
    return history.ranking(10);
  };
  EXPECT_EQ(ranking(true), (std::vector<std::int64_t>{3, 0, 2, 1}));
  EXPECT_EQ(ranking(false), (std::vector<std::int64_t>{0, 2, 3, 1}));
}

TEST(History, PutsTrialsThatWereStoppedBehindThoseThatWereNot) {
  History history("val_accuracy", true, 1);
  for (std::int64_t trial = 0; trial < 3; ++trial) {
    history.add_trial(trial, TrialState::kOpen);
    history.add_repeat(trial);
    const RunState state = trial == 1 ? RunState::kStopped : RunState::kComplete;
    history.add_result({trial, 0}, state, with_accuracy(trial == 1 ? 900 : 500 + trial));
    history.close(trial);
  }
  EXPECT_EQ(history.ranking(10), (std::vector<std::int64_t>{2, 0, 1}));
  EXPECT_EQ(history.best(), 2);
}

TEST(History, ATrialThatIsGrantedMoreRunsIsNotDueBefore) {
  History history("val_accuracy", true, 1);
  history.add_trial(0, TrialState::kOpen);
  history.add_repeat(0);
  EXPECT_TRUE(history.add_result({0, 0}, RunState::kComplete, with_accuracy(500)));
  history.grant(0, 2);
  history.add_repeat(0);
  EXPECT_TRUE(history.add_result({0, 1}, RunState::kComplete, with_accuracy(700)));
  history.close(0);
  EXPECT_DOUBLE_EQ(history[0].mean, 0.6);
}

TEST(History, ReadBackIsTheOneThatGrew) {
  Storage storage = Storage::open_to_write(":memory:");
  std::vector<Config> configs = small_sweep(15);
  configs[3]["hidden_size"] = 0;
  FakeStudy fake(storage, small_setup(std::nullopt, 3), configs);
  fake.study.carry_out();
  const History& grown = fake.study.history();
  History read("val_accuracy", true, 3);
  read.fold(storage);
  ASSERT_EQ(read.trials(), grown.trials());
  EXPECT_EQ(read.done(), grown.done());
  EXPECT_EQ(read.failed(), grown.failed());
  EXPECT_EQ(read.ranking(100), grown.ranking(100));
  for (std::int64_t i = 0; i < read.trials(); ++i) {
    EXPECT_EQ(read[i].state, grown[i].state) << i;
    EXPECT_EQ(std::isnan(read[i].mean), std::isnan(grown[i].mean));
    if (!std::isnan(read[i].mean)) {
      EXPECT_EQ(read[i].mean, grown[i].mean);
    }
    EXPECT_EQ(read[i].diverged, grown[i].diverged);
  }
}

TEST(History, HoldsAFinishedTrialInFortyBytes) { EXPECT_LE(sizeof(TrialSummary), 40u); }

}  // namespace
}  // namespace caviar
