// What a training does not read: it changes neither its bits nor its identity, and no training is done twice for it.
#include "tuner/meaning.h"

#include <set>

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tests/support/small_studies.h"
#include "tests/support/temp_dir.h"
#include "tuner/replay.h"
#include "tuner/storage/sqlite.h"

namespace caviar {
namespace {

BoundConfig bind_small(Config config) {
  config.emplace("hidden_size", 5);
  config.emplace("batch_size", 40);
  config.emplace("epochs", 2);
  DataUse use;
  use.validation_examples = 20;
  return bind_config(config, use, small_shape());
}

std::string line_of(const Config& config) { return canonical_run(bind_small(config), "d1", kNumericsFp32); }

// A config, and the same with parameters that it does not read.
struct Pair {
  Config config, unread;
};

std::vector<Pair> pairs() {
  return {
      {{}, {{"momentum", 0.9}, {"nesterov", true}, {"alpha", 0.5}, {"momentum_decay", 0.1}}},
      {{}, {{"decoupled_weight_decay", true}}},
      {{}, {{"gamma", 0.5}, {"step_size", 2}, {"end_factor", 0.3}, {"eta_min", 0.001}}},
      {{}, {{"pct_start", 0.5}, {"div_factor", 3}, {"final_div_factor", 7}}},
      {{{"polyak", "none"}}, {{"polyak", "none"}, {"polyak_decay", 0.5}, {"polyak_start_step", 3}}},
      {{{"polyak", "uniform"}}, {{"polyak", "uniform"}, {"polyak_decay", 0.5}}},
      {{{"num_layers", 1}}, {{"num_layers", 1}, {"dropout", 0.5}}},
      {{{"optimizer", "sgd"}}, {{"optimizer", "sgd"}, {"beta1", 0.5}, {"beta2", 0.5}, {"eps", 1}, {"alpha", 0.5}}},
      {{{"optimizer", "sgd"}}, {{"optimizer", "sgd"}, {"nesterov", true}}},
      {{{"optimizer", "sgd"}, {"hypergradient_rate", 0.01}},
       {{"optimizer", "sgd"}, {"hypergradient_rate", 0.01}, {"nesterov", true}}},
      {{{"optimizer", "rmsprop"}, {"momentum", 0.5}},
       {{"optimizer", "rmsprop"}, {"momentum", 0.5}, {"nesterov", true}, {"beta1", 0.5}}},
      {{{"optimizer", "adamw"}}, {{"optimizer", "adamw"}, {"momentum", 0.5}, {"decoupled_weight_decay", true}}},
      {{{"optimizer", "nadam"}}, {{"optimizer", "nadam"}, {"momentum", 0.5}, {"alpha", 0.5}}},
      {{{"schedule", "cosine"}}, {{"schedule", "cosine"}, {"gamma", 0.5}, {"end_factor", 0.5}, {"pct_start", 0.1}}},
      {{{"schedule", "one_cycle"}}, {{"schedule", "one_cycle"}, {"gamma", 0.5}, {"eta_min", 0.5}, {"step_size", 3}}},
      {{{"cell", "gru"}}, {{"cell", "gru"}, {"nonlinearity", "relu"}}},
  };
}

TEST(Meaning, ConfigsThatDifferInWhatIsNotReadHaveOneLineAndTheSameBits) {
  const auto executor = make_local_executor(small_data(), 2);
  std::map<std::int64_t, Digest> digests;
  std::int64_t submitted = 0;
  for (const Pair& pair : pairs()) {
    EXPECT_EQ(line_of(pair.config), line_of(pair.unread)) << Value(pair.unread).dump();
    for (const Config& config : {pair.config, pair.unread}) {
      const BoundConfig bound = bind_small(config);
      executor->submit({submitted++, bound.key, bound.hyper, bound.seeds, bound.data, bound.rung_steps, {}});
    }
  }
  while (static_cast<std::int64_t>(digests.size()) < submitted)
    for (const Report& report : executor->advance(std::chrono::milliseconds(100)))
      if (report.last) digests[report.run] = report.digest;
  for (std::int64_t i = 0; i < submitted; i += 2)
    EXPECT_EQ(digests.at(i), digests.at(i + 1)) << Value(pairs()[static_cast<std::size_t>(i / 2)].unread).dump();
}

TEST(Meaning, WhatIsReadKeepsItsValueAndSeedsStayAsGiven) {
  EXPECT_NE(line_of({{"optimizer", "sgd"}}), line_of({{"optimizer", "sgd"}, {"momentum", 0.9}}));
  EXPECT_NE(line_of({{"schedule", "step"}}), line_of({{"schedule", "step"}, {"gamma", 0.5}}));
  EXPECT_NE(line_of({{"schedule", "step"}}), line_of({{"schedule", "step"}, {"step_size", 3}}));
  EXPECT_NE(line_of({{"weight_decay", 0.1}}), line_of({{"weight_decay", 0.1}, {"decoupled_weight_decay", true}}));
  EXPECT_NE(line_of({}), line_of({{"dropout", 0.5}}));
  EXPECT_NE(line_of({}), line_of({{"seed_augment", 1}}));
  const BoundConfig bound = bind_small({{"optimizer", "sgd"}, {"momentum", 0.9}, {"eps", 1}});
  EXPECT_EQ(meaning_of(bound).hyper.one_minus_momentum, bound.hyper.one_minus_momentum);
  EXPECT_EQ(meaning_of(bound).hyper.eps, Hyper{}.eps);
}

constexpr const char* kGrid =
    "method: grid\nparameters:\n  schedule: {values: [constant, step]}\n  gamma: {values: [0.1, 0.5]}\n"
    "  optimizer: {values: [adam, sgd]}\n  momentum: {values: [0.5, 0.9]}\n  cell: {values: [lstm, rnn]}\n"
    "  nonlinearity: {values: [tanh, relu]}\n  hidden_size: {value: 2}\n  batch_size: {value: 100}\n"
    "  epochs: {value: 2}\n  num_layers: {value: 1}\n";

std::int64_t runs_of(Storage& storage) {
  std::int64_t runs = 0;
  storage.for_each_run([&](const RunRecord&) { ++runs; });
  return runs;
}

// constant, or step with two gammas; adam, or sgd with two momenta; lstm, or rnn with two nonlinearities.
TEST(Meaning, AGridTrainsNothingTwice) {
  Storage storage = Storage::open_to_write(":memory:");
  ASSERT_EQ(carry_out_small(storage, kGrid, 1), StudyOutcome::kDone);
  EXPECT_EQ(runs_of(storage), 3 * 3 * 3);
  std::set<std::string> digests;
  storage.for_each_run([&](const RunRecord& run) { digests.insert(run.digest); });
  EXPECT_EQ(digests.size(), 27u);
  const auto executor = make_local_executor(small_data(), 2);
  std::vector<std::int64_t> runs;
  storage.for_each_run([&](const RunRecord& run) { runs.push_back(run.id); });
  replay(storage, runs, small_shape(), kNumericsFp32, *executor,
         [](const FinishedRun& run) { EXPECT_EQ(run.difference, "") << run.run; });
}

// Members of a population that mean the same share a run; each of them has its weights to go on from.
TEST(Meaning, MembersThatMeanTheSameGoOnFromTheWeightsTheyShare) {
  Storage storage = Storage::open_to_write(":memory:");
  carry_out_small(storage,
                  "method: random\nparameters:\n  momentum: {min: 0.1, max: 0.9}\n  hidden_size: {value: 3}\n"
                  "  num_layers: {value: 1}\n  epochs: {value: 2}\n  batch_size: {value: 180}\n"
                  "caviar: {sampler: {name: pbt, population: 6, interval: 1, iterations: 2}}\n",
                  1);
  std::int64_t trials = 0, failed = 0;
  storage.for_each_trial([&](const TrialRecord& record) { ++trials, failed += record.state != TrialState::kDone; });
  EXPECT_EQ(trials, 12);
  EXPECT_EQ(failed, 0);
  storage.for_each_run([&](const RunRecord& run) { EXPECT_NE(run.state, RunState::kFailed) << run.reason; });
  EXPECT_LE(runs_of(storage), 2) << "adam reads no momentum";
}

// Every run under the name an older program gave it: with what is not read as the first of its trials has it.
void rename_as_before(const std::string& file) {
  std::string script;
  {
    Storage storage = Storage::open_to_read(file);
    storage.for_each_run([&](const RunRecord& run) {
      const Owner owner = storage.owners(run.id).front();
      DataUse use;
      use.validation_examples = 20;
      const BoundConfig bound = bind_config(storage.trial(owner.trial)->trial.config, use, small_shape());
      const std::string line = canonical_as_given(bound, small_data()->digest, kNumericsFp32);
      script += cat("UPDATE run SET canonical = '", line, "', identity = '", run_identity(line),
                    "' WHERE id = ", run.id, ";");
    });
  }
  // The last run was under way.
  script +=
      "DELETE FROM report WHERE run = (SELECT max(id) FROM run);"
      "UPDATE trial SET state = 'open' WHERE number IN (SELECT trial FROM trial_run WHERE run = (SELECT max(id) FROM "
      "run)); UPDATE run SET state = 'running', digest = NULL WHERE id = (SELECT max(id) FROM run);";
  Database(file, Database::Access::kWrite).script(script.c_str());
}

TEST(Meaning, AStudyOfAnOlderProgramFindsItsRunsAgainAndReplaysThem) {
  TempDir dir;
  const std::string file = dir.file("study.db");
  const std::string text =
      "method: grid\nparameters:\n  learning_rate: {values: [0.1, 0.01, 0.1]}\n  momentum: {values: [0.9]}\n"
      "  hidden_size: {value: 3}\n  epochs: {value: 1}\n  batch_size: {value: 60}\n  num_layers: {value: 1}\n";
  StudySetup setup = real_setup(parse_sweep(text, "sweep.yaml"), 1);
  setup.record.trials = 2;
  {
    Storage storage = Storage::open_to_write(file);
    ASSERT_EQ(carry_out_small(storage, text, setup), StudyOutcome::kDone);
    ASSERT_EQ(runs_of(storage), 2);
  }
  rename_as_before(file);
  setup.record.trials = 3;
  Storage storage = Storage::open_to_write(file);
  ASSERT_EQ(carry_out_small(storage, text, setup), StudyOutcome::kDone);
  EXPECT_EQ(runs_of(storage), 2) << "the third trial repeats the first, whose run has the name of then";
  const auto executor = make_local_executor(small_data(), 1);
  const std::vector<std::int64_t> runs = {1, 2};
  replay(storage, runs, small_shape(), kNumericsFp32, *executor,
         [](const FinishedRun& run) { EXPECT_EQ(run.difference, "") << run.run; });
}

}  // namespace
}  // namespace caviar
