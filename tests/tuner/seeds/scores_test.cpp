// The scores of trials: what has one, what is counted instead, and which of two trials' scores belong together.
#include "tuner/seeds/scores.h"

#include <cmath>
#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tuner/metric.h"

namespace caviar {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Scores : public ::testing::Test {
 protected:
  void SetUp() override {
    StudyRecord study;
    study.metric = "val_accuracy";
    storage_.create_study(study);
  }

  void add_trial(std::int64_t number, std::int64_t until = 0) {
    storage_.add_trial({number, {{"learning_rate", 0.1 * static_cast<double>(number + 1)}}, -1, until});
  }

  // The next repeat of the trial, on these seeds, ended so with so many of 1,000 right; -1: without any report.
  void add_run(std::int64_t trial, std::uint64_t seed, RunState state, std::int64_t correct, double loss = 1.0) {
    RunRecord run;
    run.identity = "run-" + std::to_string(++runs_);
    run.canonical = "{}";
    run.seeds = {seed, seed, seed, seed, 7};
    run.steps = 10;
    const std::int64_t id = storage_.add_run(run);
    storage_.add_repeat({trial, repeats_[trial]++}, id);
    if (correct >= 0) {
      for (std::int32_t rung = 0; rung < 2; ++rung) {
        Report report;
        report.run = id;
        report.rung = rung;
        report.step = 5 * (rung + 1);
        report.train = {loss, 1, 2};
        report.validation = {loss, rung == 0 ? 1 : correct, 1000};
        storage_.add_report(report);
      }
    }
    storage_.set_run_state(id, state);
  }

  Storage storage_ = Storage::open_to_write(":memory:");
  std::int64_t runs_ = 0;
  std::map<std::int64_t, std::int64_t> repeats_;
};

TEST_F(Scores, AreThoseOfTheLastReportOfRunsThatEndedAsAsked) {
  add_trial(0);
  add_run(0, 1, RunState::kComplete, 900);
  add_run(0, 2, RunState::kDiverged, 100);
  add_run(0, 3, RunState::kComplete, 910);
  add_run(0, 4, RunState::kStopped, 500);
  add_run(0, 5, RunState::kFailed, -1);
  add_run(0, 6, RunState::kRunning, 300);
  add_run(0, 7, RunState::kWaiting, -1);
  const TrialScores scores = scores_of(storage_, 0, "val_accuracy");
  EXPECT_THAT(scores.scores(), ElementsAre(0.9, 0.91));
  EXPECT_EQ(scores.repeats.size(), 7u);
  EXPECT_EQ(scores.repeats[2].seeds, (Seeds{3, 3, 3, 3, 7}));
  EXPECT_EQ(scores.repeats[2].repeat, 2);
  EXPECT_EQ(scores.diverged, 1);
  EXPECT_EQ(scores.stopped, 1);
  EXPECT_EQ(scores.failed, 1);
  EXPECT_EQ(scores.unfinished, 2);
  EXPECT_EQ(scores.failures(), 2);
}

TEST_F(Scores, AMetricThatIsNotANumberIsNoScore) {
  add_trial(0);
  add_run(0, 1, RunState::kComplete, 900, std::nan(""));
  const TrialScores scores = scores_of(storage_, 0, "val_loss");
  EXPECT_THAT(scores.scores(), IsEmpty());
  EXPECT_EQ(scores.diverged, 1);
}

TEST_F(Scores, AGenerationOfAPopulationEndsAsAsked) {
  add_trial(0, 2);
  add_run(0, 1, RunState::kStopped, 500);
  const TrialScores scores = scores_of(storage_, 0, "val_accuracy");
  EXPECT_THAT(scores.scores(), ElementsAre(0.5));
  EXPECT_EQ(scores.stopped, 0);
}

TEST_F(Scores, ArePairedByEqualSeedsWhereverTheyStand) {
  add_trial(0);
  add_trial(1);
  for (const std::uint64_t seed : {5, 6, 7, 8}) {
    add_run(0, seed, seed == 8 ? RunState::kDiverged : RunState::kComplete, static_cast<std::int64_t>(seed));
  }
  for (const std::uint64_t seed : {8, 7, 6, 9}) {
    add_run(1, seed, seed == 7 ? RunState::kFailed : RunState::kComplete, static_cast<std::int64_t>(10 * seed));
  }
  const TrialScores a = scores_of(storage_, 0, "val_accuracy"), b = scores_of(storage_, 1, "val_accuracy");
  const PairedScores pairs = pair_by_seeds(a, b);
  EXPECT_THAT(pairs.a, ElementsAre(0.006));
  EXPECT_THAT(pairs.b, ElementsAre(0.06));
  EXPECT_EQ(pairs.shared, 3);
  EXPECT_EQ(pairs.failed_a, 1);
  EXPECT_EQ(pairs.failed_b, 1);
  const PairedScores swapped = pair_by_seeds(b, a);
  EXPECT_EQ(swapped.a, pairs.b);
  EXPECT_EQ(swapped.b, pairs.a);
}

TEST_F(Scores, AnUnfinishedRunIsNotShared) {
  add_trial(0);
  add_trial(1);
  add_run(0, 1, RunState::kComplete, 900);
  add_run(1, 1, RunState::kRunning, 900);
  EXPECT_EQ(pair_by_seeds(scores_of(storage_, 0, "val_accuracy"), scores_of(storage_, 1, "val_accuracy")).shared, 0);
}

TEST_F(Scores, AskedForWhatIsNotThereAreAnError) {
  add_trial(0);
  EXPECT_THROW(scores_of(storage_, 1, "val_accuracy"), Error);
  EXPECT_THROW(scores_of(storage_, 0, "val_acuracy"), Error);
  EXPECT_THAT(scores_of(storage_, 0, "val_accuracy").scores(), IsEmpty());
}

}  // namespace
}  // namespace caviar
