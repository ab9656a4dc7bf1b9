// The study: the same content whatever the executor's timing, whatever was put down and resumed.
#include "tuner/study.h"

#include <cmath>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tests/support/study_fixture.h"
#include "tests/support/temp_dir.h"
#include "tuner/prior.h"
#include "tuner/space.h"
#include "tuner/storage/directory.h"

namespace caviar {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Storage in_memory() { return Storage::open_to_write(":memory:"); }

TEST(Study, CarriesOutEveryTrialOnEverySeed) {
  Storage storage = in_memory();
  FakeStudy fake(storage, small_setup(std::nullopt, 3), small_sweep(10));
  EXPECT_EQ(fake.study.carry_out(), StudyOutcome::kDone);
  EXPECT_EQ(fake.study.history().done(), 10);
  std::int64_t repeats = 0;
  std::set<std::int64_t> runs;
  storage.for_each_repeat([&](const RepeatRecord& record) {
    ++repeats;
    runs.insert(record.run);
    EXPECT_TRUE(is_finished(record.state));
    ASSERT_TRUE(record.last);
    if (record.state == RunState::kComplete) {
      EXPECT_EQ(record.last->step, 50);
    }
  });
  EXPECT_EQ(repeats, 30);
  EXPECT_EQ(runs.size(), 27u) << "the last trial repeats the first: its runs are shared, not trained twice";
}

TEST(Study, UsesTheSameSeedsForEveryTrial) {
  Storage storage = in_memory();
  FakeStudy fake(storage, small_setup(std::nullopt, 3), small_sweep(5));
  fake.study.carry_out();
  storage.for_each_repeat([&](const RepeatRecord& record) {
    const Seeds seeds = storage.run(record.run)->seeds;
    EXPECT_EQ(seeds, repeat_seeds(Seeds{}, record.repeat));
  });
}

TEST(Study, VariesTheSeedsItIsAskedToVaryAlsoAfterADrain) {
  Storage storage = in_memory();
  StudySetup setup = small_setup(std::nullopt, 3);
  setup.vary = {false, true, false, false, true};
  {
    FakeStudy first(storage, setup, small_sweep(5));
    first.study.request_drain();
    first.study.carry_out();
  }
  FakeStudy(storage, setup, small_sweep(5)).study.carry_out();
  std::int64_t repeats = 0;
  storage.for_each_repeat([&](const RepeatRecord& record) {
    const auto moved = static_cast<std::uint64_t>(record.repeat);
    EXPECT_EQ(storage.run(record.run)->seeds, (Seeds{0, moved, 0, 0, moved}));
    EXPECT_TRUE(is_finished(record.state));
    ++repeats;
  });
  EXPECT_EQ(repeats, 15);
}

TEST(Study, DoesNotDependOnWorkersOrTheOrderOfArrival) {
  const std::string expected = undisturbed_content(20);
  for (const int workers : {1, 2, 7, 64}) {
    for (std::uint64_t shuffle = 0; shuffle < 5; ++shuffle) {
      Storage storage = in_memory();
      FakeStudy fake(storage, small_setup(), small_sweep(20), small_fake(shuffle, workers));
      fake.study.carry_out();
      EXPECT_EQ(study_content(storage), expected) << workers << " workers, shuffle " << shuffle;
    }
  }
}

TEST(Study, GoesOnAfterADrainAtAnyMomentToTheSameContent) {
  const std::string expected = undisturbed_content(9);
  for (int stop_after = 0; stop_after < 24; ++stop_after) {
    TempDir dir;
    const auto directory = StudyDirectory::open_to_write(dir.path() / "study");
    StudySetup setup = small_setup();
    setup.checkpoints = directory.checkpoints();
    bool saw_checkpoint = false;
    {
      Storage storage = Storage::open_to_write(directory.database());
      FakeStudy fake(storage, setup, small_sweep(9), small_fake(static_cast<std::uint64_t>(stop_after)));
      int told = 0;
      fake.study.on_progress = [&](const Progress&) {
        if (told++ == stop_after) fake.study.request_drain();
      };
      ASSERT_EQ(fake.study.carry_out(), StudyOutcome::kDrained);
      std::vector<std::string> notices;
      saw_checkpoint = !Checkpoints(directory.checkpoints()).load(notices).empty();
      for (const RunRecord& run : storage.unfinished_runs()) EXPECT_EQ(run.state, RunState::kWaiting);
    }
    EXPECT_EQ(saw_checkpoint, true) << stop_after;
    Storage storage = Storage::open_to_write(directory.database());
    FakeStudy fake(storage, setup, small_sweep(9), small_fake(99));
    EXPECT_EQ(fake.study.carry_out(), StudyOutcome::kDone);
    EXPECT_EQ(study_content(storage), expected) << stop_after;
    ASSERT_FALSE(fake.notices.empty());
    EXPECT_THAT(fake.notices[0], HasSubstr("going on from a checkpoint: "));
    EXPECT_TRUE(storage.events("alarm").empty());
  }
}

TEST(Study, ResumesFromCheckpointsInsteadOfTrainingAgain) {
  TempDir dir;
  StudySetup setup = small_setup(std::nullopt, 1);
  setup.checkpoints = dir.path();
  Storage storage = in_memory();
  const auto samples_of = [&](FakeStudy& fake) {
    std::int64_t samples = 0;
    fake.study.on_progress = [&](const Progress& progress) { samples = progress.samples; };
    fake.study.carry_out();
    return samples;
  };
  std::int64_t first = 0;
  {
    FakeStudy fake(storage, setup, small_sweep(5), small_fake(1, 2));
    int told = 0;
    fake.study.on_progress = [&](const Progress& progress) {
      first = progress.samples;
      if (told++ == 4) fake.study.request_drain();
    };
    fake.study.carry_out();
  }
  FakeStudy fake(storage, setup, small_sweep(5), small_fake(2, 2));
  const std::int64_t second = samples_of(fake);
  // Four different trials of 50 steps of 100 examples; what was put down between rungs was trained, not yet reported.
  EXPECT_LE(first + second, 4 * 5000);
  EXPECT_GE(first + second, 4 * 5000 - 2 * 1000);
}

TEST(Study, AFinishedStudyResumesToNothing) {
  Storage storage = in_memory();
  FakeStudy(storage, small_setup(), small_sweep(5)).study.carry_out();
  const std::string content = study_content(storage);
  EXPECT_EQ(FakeStudy(storage, small_setup(), small_sweep(5)).study.carry_out(), StudyOutcome::kDone);
  EXPECT_EQ(study_content(storage), content);
}

TEST(Study, CanBeExtendedByTrialsAndSeeds) {
  Storage storage = in_memory();
  FakeStudy(storage, small_setup(4, 1), small_sweep(9)).study.carry_out();
  FakeStudy(storage, small_setup(9, 1), small_sweep(9)).study.carry_out();
  FakeStudy fake(storage, small_setup(9, 2), small_sweep(9));
  fake.study.carry_out();
  EXPECT_EQ(study_content(storage), undisturbed_content(9));
  EXPECT_EQ(storage.study()->seeds, 2);
  EXPECT_EQ(storage.events("extended").size(), 2u);
}

TEST(Study, RefusesToGoOnAsAnotherSweep) {
  Storage storage = in_memory();
  FakeStudy(storage, small_setup(3), small_sweep(5)).study.carry_out();
  const auto refusal = [&](auto change) {
    StudySetup setup = small_setup(3);
    change(setup.record);
    try {
      FakeStudy(storage, setup, small_sweep(5)).study.carry_out();
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_THAT(refusal([](StudyRecord& r) { r.spec += "#"; }), HasSubstr("another text of small.yaml"));
  EXPECT_THAT(refusal([](StudyRecord& r) { r.sweep_seed = 2; }), HasSubstr("sweep seed 1 and not 2"));
  EXPECT_THAT(refusal([](StudyRecord& r) { r.data_digest = "x"; }), HasSubstr("trained on pretended"));
  EXPECT_THAT(refusal([](StudyRecord& r) { r.metric = "val_loss"; }), HasSubstr("ranks by val_accuracy"));
  EXPECT_THAT(refusal([](StudyRecord& r) { r.validate_on_test = true; }), HasSubstr("without validation on the test"));
  EXPECT_THAT(refusal([](StudyRecord& r) { r.numerics = "fake/2"; }), HasSubstr("numerics fake/1"));
  EXPECT_THAT(refusal([](StudyRecord& r) { r.trials = 2; }), HasSubstr("3 trials already"));
  EXPECT_THAT(refusal([](StudyRecord& r) { r.seeds = 1; }), HasSubstr("only be raised"));
  EXPECT_EQ(refusal([](StudyRecord&) {}), "accepted");
}

TEST(Study, MarksDivergedRunsWithAReasonAndKeepsThemOutOfTheMean) {
  Storage storage = in_memory();
  FakeStudy fake(storage, small_setup(), small_sweep(8));
  fake.study.carry_out();
  int diverged = 0;
  storage.for_each_run([&](const RunRecord& run) {
    if (run.state != RunState::kDiverged) return;
    ++diverged;
    EXPECT_THAT(run.reason, HasSubstr("diverged after step"));
    EXPECT_EQ(run.digest.size(), 32u);
  });
  EXPECT_EQ(diverged, 2);
  const TrialSummary& summary = fake.study.history()[6];
  EXPECT_EQ(summary.state, TrialState::kDone);
  EXPECT_EQ(summary.diverged, 2);
  EXPECT_TRUE(std::isnan(summary.mean));
  EXPECT_NE(fake.study.history().best(), 6);
}

TEST(Study, AConfigThatCannotBeTrainedIsAFailedTrialWithAReasonAndOthersGoOn) {
  std::vector<Config> configs = small_sweep(5);
  configs[1]["hidden_size"] = 0;         // refused when it is bound
  configs[2]["batch_size"] = 1'000'000;  // refused there, or by the executor
  Storage storage = in_memory();
  FakeStudy fake(storage, small_setup(), configs);
  EXPECT_EQ(fake.study.carry_out(), StudyOutcome::kDone);
  EXPECT_EQ(fake.study.history().done(), 3);
  EXPECT_EQ(fake.study.history().failed(), 2);
  EXPECT_THAT(storage.trial(1)->reason, HasSubstr("hidden_size"));
  EXPECT_THAT(storage.trial(2)->reason, HasSubstr("batch_size"));
}

TEST(Study, KeepsItsContentWhenTheExecutorIsLostAndGoesOn) {
  const std::string expected = undisturbed_content(9);
  for (int after = 0; after < 60; after += 7) {
    TempDir dir;
    StudySetup setup = small_setup();
    setup.checkpoints = dir.path();
    Storage storage = in_memory();
    FakeOptions fake = small_fake(3);
    fake.lose_device_after = after;
    EXPECT_THROW(FakeStudy(storage, setup, small_sweep(9), fake).study.carry_out(), Error);
    EXPECT_EQ(storage.events("interrupted").size(), 1u);
    FakeStudy(storage, setup, small_sweep(9)).study.carry_out();
    EXPECT_EQ(study_content(storage), expected) << after;
  }
}

TEST(Study, RaisesAnAlarmWhenTheSameRunGivesOtherNumbers) {
  Storage storage = in_memory();
  FakeOptions broken = small_fake(1);
  broken.break_the_law = true;
  {
    FakeStudy fake(storage, small_setup(), small_sweep(9), broken);
    int told = 0;
    fake.study.on_progress = [&](const Progress&) {
      if (told++ == 6) fake.study.request_drain();
    };
    fake.study.carry_out();  // no checkpoints: the runs under way start again
  }
  broken.shuffle_seed = 2;
  FakeStudy fake(storage, small_setup(), small_sweep(9), broken);
  fake.study.carry_out();
  EXPECT_FALSE(storage.events("alarm").empty());
  EXPECT_THAT(storage.events("alarm")[0].detail, HasSubstr("gave other numbers"));
}

TEST(Study, AStateThatIsOfNoUseCostsTimeAndNothingElse) {
  TempDir dir;
  StudySetup setup = small_setup();
  setup.checkpoints = dir.path();
  Storage storage = in_memory();
  {
    FakeStudy fake(storage, setup, small_sweep(9));
    int told = 0;
    fake.study.on_progress = [&](const Progress&) {
      if (told++ == 5) fake.study.request_drain();
    };
    fake.study.carry_out();
  }
  Checkpoints checkpoints(dir.path());
  std::vector<std::string> notices;
  auto runs = checkpoints.load(notices);
  ASSERT_FALSE(runs.empty());
  for (SavedRun& run : runs) run.state.assign(3, std::byte{1});
  runs.front().reports += 100;  // ahead of what is recorded
  checkpoints.save(runs);
  FakeStudy fake(storage, setup, small_sweep(9));
  EXPECT_EQ(fake.study.carry_out(), StudyOutcome::kDone);
  EXPECT_EQ(study_content(storage), undisturbed_content(9));
}

// Suggests from what it was told; remembers what it knew at each suggestion.
class LaggingSampler final : public ListSampler {
 public:
  LaggingSampler(std::vector<Config> configs, std::int64_t lag) : ListSampler(std::move(configs)), lag_(lag) {}
  std::int64_t needs(std::int64_t number) const override { return number - lag_; }
  std::optional<Config> propose(std::int64_t number, int attempt) override {
    EXPECT_EQ(told_, std::max<std::int64_t>(0, number - lag_ + 1)) << "at trial " << number;
    auto config = ListSampler::propose(number, attempt);
    if (config) (*config)["weight_decay"] = 0.001 * sum_;
    return config;
  }
  void tell(const TrialResult& result) override {
    EXPECT_EQ(result.number, told_++);
    EXPECT_FALSE(result.config.empty());
    if (std::isfinite(result.loss)) sum_ -= result.loss;  // the metric is maximized
  }

 private:
  std::int64_t lag_, told_ = 0;
  double sum_ = 0;
};

TEST(Study, ASamplerWithAMemoryKnowsExactlyItsWindowWhateverTheParallelism) {
  std::string expected;
  for (const int workers : {1, 3, 16}) {
    for (const std::uint64_t shuffle : {1, 2}) {
      Storage storage = in_memory();
      LaggingSampler sampler(small_sweep(20), 4);
      NoScheduler scheduler;
      FakeExecutor executor(small_fake(shuffle, workers));
      Study study(small_setup(), storage, sampler, scheduler, executor);
      study.carry_out();
      EXPECT_EQ(study.history().done(), 20);
      if (expected.empty()) expected = study_content(storage);
      EXPECT_EQ(study_content(storage), expected);
    }
  }
}

TEST(Study, ObservationsOfAnEarlierStudyAreToldFirstAlsoAfterAResume) {
  Storage earlier = in_memory();
  FakeStudy before(earlier, small_setup(std::nullopt, 2), small_sweep(9));
  before.study.carry_out();
  const SearchSpace space(
      parse_sweep("method: random\nparameters:\n  epochs: {value: 5}\n  batch_size: {value: 100}\n"
                  "  hidden_size: {values: [8, 12, 16]}\n"
                  "  learning_rate: {distribution: uniform, min: 0.0, max: 3.0}\n",
                  "sweep.yaml"));
  const PriorObservations prior = observations_of(earlier, "earlier", space, "val_accuracy");
  EXPECT_EQ(prior.records.size(), 7u);  // hidden sizes 20 and 24 lie outside
  EXPECT_EQ(prior.outside, 2);
  EXPECT_EQ(prior.unfinished, 0);
  EXPECT_TRUE(std::isnan(prior.records[4].metric));  // trial 6 diverged
  Storage storage = in_memory();
  for (const bool again : {false, true}) {
    class Listening final : public ListSampler {
     public:
      using ListSampler::ListSampler;
      void tell(const TrialResult& result) override { told.push_back(result); }
      std::vector<TrialResult> told;
    };
    Listening sampler(small_sweep(3));
    NoScheduler scheduler;
    FakeExecutor executor(small_fake());
    StudySetup setup = small_setup();
    if (!again) setup.priors = prior.records;
    Study study(setup, storage, sampler, scheduler, executor);
    study.carry_out();
    ASSERT_EQ(sampler.told.size(), 7u);
    for (std::size_t i = 0; i < 7; ++i) {
      EXPECT_EQ(sampler.told[i].number, -1 - static_cast<std::int64_t>(i));
      EXPECT_EQ(sampler.told[i].config, prior.records[i].config);
      EXPECT_TRUE(i == 4 ? std::isnan(sampler.told[i].loss) : sampler.told[i].loss == -prior.records[i].metric);
    }
  }
}

// Compares trials in fours at iterations 2 and 4 and lets the better half go on: each decision waits for four trials.
class HalvingInFours final : public Scheduler {
 public:
  bool judges(std::int64_t iteration) const override { return iteration == 2 || iteration == 4; }
  void tell(const TrialReport& report) override {
    EXPECT_EQ(report.iteration, ++iterations_[report.trial]) << "of trial " << report.trial;
    if (judges(report.iteration)) losses_[{report.iteration, report.trial}] = report.loss;
  }
  void tell_over(std::int64_t trial) override { EXPECT_TRUE(over_.insert(trial).second) << "of trial " << trial; }
  void tell_count(std::int64_t trials) override { count_ = trials; }
  std::int64_t horizon(std::int64_t trial) const override { return trial / 4 * 4 + 3; }

  std::vector<Decision> decide() override {
    std::vector<Decision> decisions;
    for (const auto& [key, loss] : losses_) {
      const auto& [iteration, trial] = key;
      if (decided_.contains(key)) continue;
      int cohort = 0, better = 0;
      bool all = true;
      for (std::int64_t other = trial / 4 * 4; other < std::min(trial / 4 * 4 + 4, count_); ++other) {
        const auto theirs = losses_.find({iteration, other});
        if (theirs != losses_.end()) {
          ++cohort;
          better += !(theirs->second > loss) && (theirs->second < loss || other < trial);
        } else if (!over_.contains(other)) {
          all = false;
        }
      }
      if (!all) continue;
      decided_.insert(key);
      const Verdict verdict = 2 * better < cohort && std::isfinite(loss) ? Verdict::kGoOn : Verdict::kStop;
      decisions.push_back(
          {trial, Question::kIteration, iteration, verdict, 0, {{"cohort", cohort}, {"better", better}}});
    }
    return decisions;
  }

 private:
  std::map<std::int64_t, std::int64_t> iterations_;
  std::map<std::pair<std::int64_t, std::int64_t>, double> losses_;
  std::set<std::pair<std::int64_t, std::int64_t>> decided_;
  std::set<std::int64_t> over_;
  std::int64_t count_ = std::numeric_limits<std::int64_t>::max();
};

// Every trial begins on one seed; it gets another as long as its mean beats, or there is none, the trial before it on
// as many seeds.
class SeedsForTheBetter final : public Scheduler {
 public:
  std::int64_t first_seeds(std::int64_t) const override { return 1; }
  void tell_seeds(std::int64_t trial, std::span<const double> losses) override {
    double sum = 0;
    for (const double loss : losses) sum += loss;
    sums_[trial][static_cast<std::int64_t>(losses.size())] = sum;
  }
  void tell_over(std::int64_t trial) override { over_.insert(trial); }
  std::vector<Decision> decide() override {
    std::vector<Decision> decisions;
    for (const auto& [trial, sums] : sums_) {
      const auto& [seeds, sum] = *sums.rbegin();
      if (decided_.contains({trial, seeds})) continue;
      double other = std::numeric_limits<double>::infinity();
      if (trial > 0) {
        const auto before = sums_.find(trial - 1);
        const bool known = before != sums_.end() && before->second.contains(seeds);
        if (!known && !over_.contains(trial - 1)) continue;
        if (known) other = before->second.at(seeds);
      }
      decided_.insert({trial, seeds});
      const bool go_on = sum < other;
      decisions.push_back({trial,
                           Question::kSeeds,
                           seeds,
                           go_on ? Verdict::kGoOn : Verdict::kStop,
                           go_on ? seeds + 1 : 0,
                           {{"sum", sum}}});
    }
    return decisions;
  }

 private:
  std::map<std::int64_t, std::map<std::int64_t, double>> sums_;
  std::set<std::pair<std::int64_t, std::int64_t>> decided_;
  std::set<std::int64_t> over_;
};

// Carries a sweep out with fresh schedulers: eight times it is put down after `drain_after` commits, with a checkpoint
// when there is a directory for it, then it runs to its end.
template <class AnyScheduler>
std::string judged_content(Storage& storage, std::int64_t seeds, const FakeOptions& fake, int drain_after = 1'000'000,
                           const std::filesystem::path& checkpoints = {}) {
  ListSampler sampler(small_sweep(14));
  for (int round = 0;; ++round) {
    AnyScheduler scheduler;
    FakeOptions options = fake;
    options.shuffle_seed += static_cast<std::uint64_t>(round);
    FakeExecutor executor(options);
    StudySetup setup = small_setup(std::nullopt, seeds);
    setup.checkpoints = checkpoints;
    Study study(setup, storage, sampler, scheduler, executor);
    int told = 0;
    study.on_progress = [&](const Progress&) {
      if (++told == drain_after && round < 8) study.request_drain();
    };
    if (study.carry_out() == StudyOutcome::kDone) return study_content(storage);
  }
}

TEST(Study, DecisionsDoNotDependOnParallelismOrTiming) {
  for (const std::int64_t seeds : {1, 3}) {
    Storage first = in_memory();
    const std::string expected = judged_content<HalvingInFours>(first, seeds, small_fake(0, 4));
    EXPECT_THAT(expected, HasSubstr(" stopped digest  reason stopped at iteration 2"));
    EXPECT_THAT(expected, HasSubstr(" complete digest"));
    for (const int workers : {1, 2, 64}) {
      for (const std::uint64_t shuffle : {1, 2, 3}) {
        Storage storage = in_memory();
        EXPECT_EQ(judged_content<HalvingInFours>(storage, seeds, small_fake(shuffle, workers)), expected);
      }
    }
  }
}

TEST(Study, SeedsAreGrantedWhateverTheParallelismOrTiming) {
  Storage first = in_memory();
  const std::string expected = judged_content<SeedsForTheBetter>(first, 4, small_fake(0, 4));
  EXPECT_THAT(expected, HasSubstr("repeat 0 3 "));
  EXPECT_THAT(expected, Not(HasSubstr("repeat 3 3 ")));
  for (const int workers : {1, 2, 64}) {
    for (const std::uint64_t shuffle : {1, 2, 3}) {
      Storage storage = in_memory();
      EXPECT_EQ(judged_content<SeedsForTheBetter>(storage, 4, small_fake(shuffle, workers)), expected);
    }
  }
}

TEST(Study, DecisionsAreTheSameAfterEveryResume) {
  Storage first = in_memory(), second = in_memory();
  const std::string halved = judged_content<HalvingInFours>(first, 2, small_fake(0, 3));
  const std::string granted = judged_content<SeedsForTheBetter>(second, 3, small_fake(0, 3));
  for (int drain_after = 1; drain_after < 12; ++drain_after) {
    for (const bool with_checkpoints : {false, true}) {
      TempDir dir;
      const std::filesystem::path checkpoints = with_checkpoints ? dir.path() : std::filesystem::path();
      Storage one = in_memory(), other = in_memory();
      EXPECT_EQ(judged_content<HalvingInFours>(one, 2, small_fake(1, 3), drain_after, checkpoints), halved);
      EXPECT_EQ(judged_content<SeedsForTheBetter>(other, 3, small_fake(1, 3), drain_after, checkpoints), granted);
    }
  }
}

TEST(Study, EndsAtTheSameTrialWhenTheTargetIsReachedWhateverTheParallelism) {
  for (const std::int64_t window : {1, 5}) {
    std::string expected;
    for (const int workers : {1, 2, 16}) {
      StudySetup setup = small_setup(std::nullopt, 1);
      setup.stop.target = -0.5;
      setup.window = window;
      Storage storage = in_memory();
      FakeStudy fake(storage, setup, small_sweep(100), small_fake(1, workers));
      EXPECT_EQ(fake.study.carry_out(), StudyOutcome::kDone);
      EXPECT_LT(fake.study.history().trials(), 50);
      EXPECT_GE(fake.study.history().trials(), window);
      EXPECT_EQ(fake.study.history().done(), fake.study.history().trials());
      if (expected.empty()) expected = study_content(storage);
      EXPECT_EQ(study_content(storage), expected);
    }
  }
}

TEST(Study, TellsProgressThatOnlyGrowsAndEndsComplete) {
  Storage storage = in_memory();
  FakeStudy fake(storage, small_setup(), small_sweep(10));
  Progress last;
  fake.study.on_progress = [&](const Progress& progress) {
    EXPECT_GE(progress.runs_done, last.runs_done);
    EXPECT_GE(progress.samples, last.samples);
    EXPECT_EQ(progress.trials, 10);
    last = progress;
  };
  fake.study.carry_out();
  EXPECT_EQ(last.trials_done, 10);
  EXPECT_EQ(last.trials_running, 0);
  EXPECT_EQ(last.runs_done, 20);
  ASSERT_TRUE(last.best);
  EXPECT_GT(last.best_summary.sd, 0);
  ASSERT_TRUE(last.seconds_left);
  EXPECT_EQ(*last.seconds_left, 0);
}

}  // namespace
}  // namespace caviar
