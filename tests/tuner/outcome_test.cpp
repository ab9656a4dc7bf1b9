// How trials are said to have ended.
#include "tuner/outcome.h"

#include <map>

#include <gtest/gtest.h>

#include "tests/support/study_fixture.h"
#include "tests/tuner/course.h"

namespace caviar {
namespace {

// What a study of the small sweep, five reports a run, says of its trials.
std::vector<std::string> told(const std::string& scheduler_name, std::int64_t seeds, std::vector<Config> configs,
                              Storage& storage) {
  const auto scheduler = scheduler_of(scheduler_name, {0, 4, {}, seeds, true});
  ListSampler sampler(std::move(configs));
  FakeExecutor executor(small_fake());
  Study study(small_setup(std::nullopt, seeds), storage, sampler, *scheduler, executor);
  study.carry_out();
  std::vector<std::string> outcomes;
  storage.for_each_trial(
      [&](const TrialRecord& record) { outcomes.push_back(describe(outcome_of(storage, *storage.study(), record))); });
  return outcomes;
}

TEST(Outcome, WithoutASchedulerTrialsAreDoneDivergedOrFailed) {
  Storage storage = Storage::open_to_write(":memory:");
  std::vector<Config> configs = small_sweep(8);
  configs[1]["hidden_size"] = 0;
  EXPECT_EQ(told("none", 2, configs, storage),
            (std::vector<std::string>{"done", "failed", "done", "done", "done", "done", "2 of 2 diverged", "done"}));
  const TrialOutcome done = outcome_of(storage, *storage.study(), *storage.trial(0));
  EXPECT_EQ(done.iteration, 5);
  EXPECT_EQ(done.iterations, 5);
  const TrialOutcome failed = outcome_of(storage, *storage.study(), *storage.trial(1));
  EXPECT_EQ(failed.iterations, 0);
  EXPECT_STREQ(to_string(failed.ending), "failed");
}

// Every decision to stop is a trial that is said to be stopped, where the decision was made; the last trial means the
// same training as the first and shares its end.
TEST(Outcome, AStoppedTrialSaysAtWhichIterationOfHowMany) {
  Storage storage = Storage::open_to_write(":memory:");
  const std::vector<std::string> outcomes = told("successive_halving,max_iter=5,eta=2", 2, small_sweep(26), storage);
  std::map<std::int64_t, std::int64_t> stopped_at;
  storage.for_each_decision([&](const Decision& decision) {
    if (decision.verdict == Verdict::kStop) stopped_at[decision.trial] = decision.at;
  });
  ASSERT_GT(stopped_at.size(), 5u);
  ASSERT_LT(stopped_at.size(), 25u);
  for (std::int64_t trial = 0; trial < 25; ++trial) {
    const std::string& outcome = outcomes[static_cast<std::size_t>(trial)];
    if (outcome.find("diverged") != std::string::npos) continue;
    EXPECT_EQ(outcome, stopped_at.contains(trial) ? cat("stopped at ", stopped_at[trial], " of 5") : "done") << trial;
  }
  EXPECT_EQ(outcomes[25], outcomes[0]);
}

// Ten configs that differ: those that were refused seeds are out; where the race had one left, that one has won.
TEST(Outcome, ATrialThatIsRacedOutSaysOnHowManySeeds) {
  Storage storage = Storage::open_to_write(":memory:");
  const std::vector<std::string> outcomes = told("race,block=6", 6, small_sweep(24), storage);
  int out = 0, whole = 0;
  for (std::int64_t trial = 0; trial < 23; ++trial) {
    const std::string& outcome = outcomes[static_cast<std::size_t>(trial)];
    std::int64_t finished = 0, diverged = 0;
    storage.for_each_repeat_of(trial, [&](const RepeatRecord& repeat) {
      ++finished;
      diverged += repeat.state == RunState::kDiverged;
    });
    const std::string seeds = cat(" on ", finished, " of 6 seeds");
    if (diverged > 0) {
      EXPECT_EQ(outcome, cat(diverged, " of ", finished, " diverged, raced out", seeds));
      continue;
    }
    const bool refused = finished < 6;
    EXPECT_TRUE(refused ? outcome == "raced out" + seeds || outcome == "won" + seeds : outcome == "done") << outcome;
    out += outcome.starts_with("raced out");
    whole += !refused;
  }
  EXPECT_GT(out, 3);
  EXPECT_GT(whole, 3);
}

RunRecord run_of(std::int64_t id, RunState state) {
  RunRecord run;
  run.id = id;
  run.identity = cat("run ", id);
  run.canonical = R"({"rung_steps":10})";
  run.steps = state == RunState::kComplete ? 30 : 45;
  run.state = state;
  return run;
}

// One trial of two runs, and the decision on it.
struct Recorded {
  Recorded(RunState first, RunState second, std::int64_t seeds) : study(small_setup(std::nullopt, seeds).record) {
    storage.create_study(study);
    storage.add_trial(trial);
    for (const auto& [id, state] : {std::pair(1, first), std::pair(2, second)}) {
      storage.add_run(run_of(id, state));
      storage.add_repeat({0, id - 1}, id);
      Report report;
      report.run = id;
      for (report.rung = 0; report.rung < 3; ++report.rung) {
        report.step = 10 * (report.rung + 1);
        storage.add_report(report);
      }
    }
    storage.set_trial_state(0, TrialState::kDone);
  }
  std::string outcome() { return describe(outcome_of(storage, study, *storage.trial(0))); }

  Trial trial;
  StudyRecord study;
  Storage storage = Storage::open_to_write(":memory:");
};

TEST(Outcome, OfARaceTheLastOneLeftHasWon) {
  for (const int leader : {0, 1}) {
    Recorded recorded(RunState::kComplete, RunState::kComplete, 6);
    recorded.storage.add_decision({0, Question::kSeeds, 2, Verdict::kStop, 0, {{"leader", leader}}});
    EXPECT_EQ(recorded.outcome(), leader == 0 ? "won on 2 of 6 seeds" : "raced out on 2 of 6 seeds");
  }
}

TEST(Outcome, DivergedRunsAreNamedBesideTheEnd) {
  EXPECT_EQ(Recorded(RunState::kStopped, RunState::kDiverged, 2).outcome(), "1 of 2 diverged, stopped at 3 of 5");
  EXPECT_EQ(Recorded(RunState::kComplete, RunState::kDiverged, 2).outcome(), "1 of 2 diverged");
}

// Nobody stopped it: it was asked to go so far.
TEST(Outcome, AGenerationOfAPopulationIsDone) {
  Storage storage = Storage::open_to_write(":memory:");
  const StudyRecord study = small_setup(std::nullopt, 1).record;
  storage.create_study(study);
  Trial trial;
  trial.until = 2;
  storage.add_trial(trial);
  storage.add_run(run_of(1, RunState::kStopped));
  storage.add_repeat({0, 0}, 1);
  Report report;
  report.run = 1;
  for (report.rung = 0; report.rung < 2; ++report.rung) storage.add_report(report);
  EXPECT_EQ(describe(outcome_of(storage, study, *storage.trial(0))), "unfinished");
  storage.set_trial_state(0, TrialState::kDone);
  EXPECT_EQ(describe(outcome_of(storage, study, *storage.trial(0))), "done to 2 of 5");
  EXPECT_EQ(outcome_of(storage, study, *storage.trial(0)).ending, Ending::kDone);
}

}  // namespace
}  // namespace caviar
