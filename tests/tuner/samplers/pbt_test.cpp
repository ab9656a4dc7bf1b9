// Population based training: who copies whom, what may change, and the same study whatever disturbs it.
#include "tuner/samplers/pbt.h"

#include <cmath>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/local_executor.h"
#include "tests/support/small_runs.h"
#include "tests/support/study_fixture.h"
#include "tests/support/temp_dir.h"
#include "tests/tuner/sweep_text.h"

namespace caviar {
namespace {

SearchSpace small_space() {
  return SearchSpace(
      parse_sweep("method: random\nparameters:\n"
                  "  learning_rate: {distribution: log_uniform_values, min: 0.0001, max: 1.0}\n"
                  "  hidden_size: {values: [8, 12, 16]}\n  epochs: {value: 6}\n  batch_size: {value: 100}\n",
                  "sweep.yaml"));
}

PbtSettings small_settings() {
  PbtSettings settings;
  settings.population = 10;
  settings.interval = 2;
  settings.iterations = 6;
  return settings;
}

// Carries the sampler through all generations on losses that are a function of trial and config.
std::vector<Trial> carried_through(PbtSampler& sampler, double (*loss)(const Trial&)) {
  std::vector<Trial> trials;
  std::size_t told = 0;
  for (std::int64_t number = 0; number < sampler.size(); ++number) {
    for (; static_cast<std::int64_t>(told) <= sampler.needs(number); ++told) {
      TrialResult result;
      result.number = static_cast<std::int64_t>(told);
      result.config = trials[told].config;
      result.loss = loss(trials[told]);
      sampler.tell(result);
    }
    const Sampler::Stage stage = sampler.stage(number);
    EXPECT_TRUE(stage.parent < 0 || stage.parent >= stage.oldest_parent);
    trials.push_back({number, sampler.suggest(number).value(), stage.parent, stage.until});
    sampler.started(trials.back());
  }
  return trials;
}

double by_number(const Trial& trial) { return static_cast<double>(trial.number % 10); }

TEST(Pbt, TheWorstCopyTheBestAndAllOthersGoOn) {
  PbtSampler sampler(small_space(), small_settings(), 1);
  const std::vector<Trial> trials = carried_through(sampler, by_number);
  ASSERT_EQ(trials.size(), 30u);
  for (const Trial& trial : trials) {
    const std::int64_t generation = trial.number / 10, member = trial.number % 10;
    EXPECT_EQ(trial.until, generation < 2 ? 2 * (generation + 1) : 0);
    if (generation == 0) {
      EXPECT_EQ(trial.parent, -1);
      continue;
    }
    const Trial& parent = trials[static_cast<std::size_t>(trial.parent)];
    if (member < 8) {  // all but the worst fifth
      EXPECT_EQ(trial.parent, trial.number - 10);
      EXPECT_EQ(trial.config, parent.config);
    } else {
      EXPECT_LT(trial.parent % 10, 2);  // the best fifth
      EXPECT_EQ(trial.parent / 10, generation - 1);
      EXPECT_NE(trial.config.at("learning_rate"), parent.config.at("learning_rate"));
    }
    EXPECT_EQ(trial.config.at("hidden_size"), parent.config.at("hidden_size")) << "it belongs to the weights";
  }
}

TEST(Pbt, APerturbedNumberIsAFactorAwayAndInItsRange) {
  PbtSettings settings = small_settings();
  settings.resample = 0;
  PbtSampler sampler(small_space(), settings, 3);
  int changed = 0;
  const std::vector<Trial> trials = carried_through(sampler, by_number);
  for (const Trial& trial : trials) {
    if (trial.number < 10 || trial.number % 10 < 8) continue;
    const double before = trials[static_cast<std::size_t>(trial.parent)].config.at("learning_rate");
    const double after = trial.config.at("learning_rate");
    const bool at_an_end = after == 1.0 || after == 0.0001;
    if (!at_an_end) {
      EXPECT_NEAR(after > before ? after / before : before / after, 1.2, 1e-5);
    }
    EXPECT_TRUE(after >= 0.0001 && after <= 1.0);
    ++changed;
  }
  EXPECT_EQ(changed, 4);
}

TEST(Pbt, AMemberThatDivergedIsReplacedAndAPopulationThatDivergedStartsAgain) {
  PbtSampler some(small_space(), small_settings(), 1);
  const auto diverging = [](const Trial& t) { return t.number % 10 >= 4 ? std::nan("") : by_number(t); };
  for (const Trial& trial : carried_through(some, diverging)) {
    if (trial.number >= 10) {
      EXPECT_LT(trial.parent % 10, 4);
    }
  }
  PbtSampler all(small_space(), small_settings(), 1);
  std::set<Value> rates;
  for (const Trial& trial : carried_through(all, [](const Trial&) { return std::nan(""); })) {
    EXPECT_EQ(trial.parent, -1);
    rates.insert(trial.config.at("learning_rate"));
  }
  EXPECT_EQ(rates.size(), 30u);
}

TEST(Pbt, WhatBelongsToTheWeightsDoesNotChange) {
  for (const char* name : {"hidden_size", "optimizer", "batch_size", "epochs", "nesterov", "seed", "cell"}) {
    EXPECT_FALSE(may_change_in_training(name)) << name;
  }
  for (const char* name : {"lr", "learning_rate", "weight_decay", "beta1", "optimizer.lr", "dropout"}) {
    EXPECT_TRUE(may_change_in_training(name)) << name;
  }
}

std::string carried_out(Storage& storage, const FakeOptions& fake, std::int64_t seeds, int drain_after = 1'000'000,
                        const std::filesystem::path& checkpoints = {}) {
  for (int round = 0;; ++round) {
    PbtSampler sampler(small_space(), small_settings(), 5);
    NoScheduler scheduler;
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

TEST(Pbt, TheStudyIsTheSameWhateverTheParallelismAndTheResumes) {
  for (const std::int64_t seeds : {1, 2}) {
    Storage first = Storage::open_to_write(":memory:");
    const std::string expected = carried_out(first, small_fake(0, 4), seeds);
    EXPECT_THAT(expected, testing::HasSubstr("\"parent\":"));
    EXPECT_THAT(expected, testing::HasSubstr("reason its stage ends at iteration 4"));
    for (const int workers : {1, 7, 64}) {
      Storage storage = Storage::open_to_write(":memory:");
      EXPECT_EQ(carried_out(storage, small_fake(3, workers), seeds), expected);
    }
    for (int drain_after = 1; drain_after < 10; ++drain_after) {
      TempDir dir;
      Storage storage = Storage::open_to_write(":memory:");
      EXPECT_EQ(carried_out(storage, small_fake(1, 3), seeds, drain_after, dir.path()), expected) << drain_after;
      EXPECT_TRUE(std::filesystem::is_empty(dir.path())) << "weights nobody needs any more";
    }
  }
}

TEST(Pbt, AMemberThatGoesOnAsItWasIsOneLongTraining) {
  const std::shared_ptr<const Dataset> data = small_data();
  const SearchSpace space(
      parse_sweep("method: random\nparameters:\n"
                  "  learning_rate: {distribution: log_uniform_values, min: 0.001, max: 0.1}\n"
                  "  hidden_size: {value: 8}\n  num_layers: {value: 1}\n  epochs: {value: 3}\n"
                  "  batch_size: {value: 20}\n",
                  "sweep.yaml"));
  PbtSettings settings;
  settings.population = 5;
  settings.iterations = 3;
  StudySetup setup = small_setup(std::nullopt, 1);
  setup.use.validation_examples = 20;
  setup.shape = {data->train.count, data->test.count, data->digest};
  Storage storage = Storage::open_to_write(":memory:");
  PbtSampler sampler(space, settings, 1);
  NoScheduler scheduler;
  const auto executor = make_local_executor(data, 2);
  Study study(setup, storage, sampler, scheduler, *executor);
  study.carry_out();
  int compared = 0, copied = 0;
  for (std::int64_t trial = 10; trial < 15; ++trial) {
    const auto last = storage.trial(trial), before = storage.trial(last->trial.parent);
    copied += last->trial.parent != trial - 5;
    if (last->trial.parent != trial - 5 || before->trial.parent != trial - 10) continue;
    // The whole training in one run, on an executor of its own.
    const auto alone = make_local_executor(data, 1);
    const BoundConfig bound = bind_config(last->trial.config, setup.use, setup.shape);
    alone->submit({7, bound.key, bound.hyper, repeat_seeds(bound.seeds, 0), bound.data, bound.rung_steps, {}});
    std::vector<Report> reports;
    while (reports.empty() || !reports.back().last) {
      for (Report& report : alone->advance(std::chrono::milliseconds(100))) reports.push_back(std::move(report));
    }
    storage.for_each_repeat_of(trial, [&](const RepeatRecord& repeat) {
      EXPECT_TRUE(same_report(repeat.last.value(), reports.back()));
      EXPECT_EQ(storage.run(repeat.run)->digest, to_string(reports.back().digest));
    });
    ++compared;
  }
  EXPECT_GT(compared, 0);
  EXPECT_GT(copied, 0);
}

}  // namespace
}  // namespace caviar
