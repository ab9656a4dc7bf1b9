// Recorded runs trained again: the same digests, and what is not the same is noticed.
#include "tuner/replay.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/predictions.h"
#include "engine/slot_state.h"
#include "kernels/base/error.h"
#include "tests/support/small_studies.h"
#include "tests/support/temp_dir.h"

namespace caviar {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::vector<std::int64_t> all_runs(Storage& storage) {
  std::vector<std::int64_t> runs;
  storage.for_each_run([&](const RunRecord& run) {
    if (can_be_replayed(storage, run)) runs.push_back(run.id);
  });
  return runs;
}

std::map<std::int64_t, FinishedRun> replayed(Storage& storage, const std::vector<std::int64_t>& runs, int threads = 2) {
  const auto executor = make_local_executor(small_data(), threads);
  std::map<std::int64_t, FinishedRun> all;
  replay(storage, runs, small_shape(), kNumericsFp32, *executor, [&](FinishedRun run) {
    const std::int64_t id = run.run;
    EXPECT_TRUE(all.emplace(id, std::move(run)).second) << "handed over twice";
  });
  EXPECT_EQ(all.size(), runs.size());
  return all;
}

std::string refusal(Storage& storage, const std::vector<std::int64_t>& runs, DataShape shape = small_shape(),
                    const std::string& numerics = kNumericsFp32) {
  const auto executor = make_local_executor(small_data(), 1);
  try {
    replay(storage, runs, shape, numerics, *executor, [](const FinishedRun&) {});
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Replay, EveryRunOfAStudyHasTheSameBitsAgain) {
  Storage storage = Storage::open_to_write(":memory:");
  ASSERT_EQ(carry_out_small(storage, kMixedSweep, 2), StudyOutcome::kDone);
  const std::vector<std::int64_t> runs = all_runs(storage);
  EXPECT_EQ(runs.size(), 72u);
  int diverged = 0;
  for (const auto& [id, run] : replayed(storage, runs)) {
    EXPECT_EQ(run.difference, "") << "run " << id;
    EXPECT_EQ(run.now, storage.run(id)->digest);
    EXPECT_EQ(to_string(digest_of(run.state_now)), run.now);
    diverged += run.state == RunState::kDiverged;
  }
  EXPECT_GT(diverged, 0);
}

TEST(Replay, TheWeightsOfARunAnswerAsItsRecordSays) {
  Storage storage = Storage::open_to_write(":memory:");
  carry_out_small(storage, kMixedSweep, 1);
  const auto runs = replayed(storage, {1, 3});
  for (const auto& [id, run] : runs) {
    const Weights weights = weights_of(run.state_now);
    const RunOrder order = recorded_order(*storage.run(id), small_shape());
    const Report last = *storage.last_report(id);
    EXPECT_EQ(predict(order, weights.params, *small_data(), Part::kTest).metrics.loss, last.test.loss);
    EXPECT_EQ(predict(order, weights.averages, *small_data(), Part::kValidation).metrics.loss, last.averaged.loss);
  }
}

TEST(Replay, ARunThatWasStoppedIsTrainedToItsStop) {
  Storage storage = Storage::open_to_write(":memory:");
  carry_out_small(storage,
                  "method: grid\nparameters:\n  learning_rate: {values: [0.03, 0.01, 0.003, 0.001, 0.0001, 0.00001]}\n"
                  "  hidden_size: {value: 6}\n  num_layers: {value: 1}\n  epochs: {value: 6}\n"
                  "  batch_size: {value: 60}\ncaviar: {scheduler: {name: successive_halving, max_iter: 6, eta: 2}}\n",
                  2);
  int stopped = 0;
  for (const auto& [id, run] : replayed(storage, all_runs(storage), 1)) {
    EXPECT_EQ(run.difference, "") << "run " << id;
    if (run.state != RunState::kStopped) continue;
    ++stopped;
    EXPECT_EQ(run.recorded, "");
    const Report last = *storage.last_report(id);
    const RunOrder order = recorded_order(*storage.run(id), small_shape());
    EXPECT_LT(last.step, order.hyper.total_steps);
    EXPECT_EQ(predict(order, weights_of(run.state_now).params, *small_data(), Part::kValidation).metrics.loss,
              last.validation.loss);
  }
  EXPECT_GT(stopped, 0);
}

constexpr const char* kPopulation =
    "method: random\nparameters:\n  learning_rate: {distribution: log_uniform_values, min: 0.0001, max: 1.0}\n"
    "  hidden_size: {value: 6}\n  num_layers: {value: 1}\n  epochs: {value: 4}\n  batch_size: {value: 60}\n"
    "  polyak_decay: {value: 0.9}\n"
    "caviar: {sampler: {name: pbt, population: 4, interval: 1, iterations: 4}}\n";

TEST(Replay, AMemberOfAPopulationIsTrainedFromTheBeginningOfItsLine) {
  Storage storage = Storage::open_to_write(":memory:");
  carry_out_small(storage, kPopulation, 1);
  for (const auto& [id, run] : replayed(storage, all_runs(storage))) EXPECT_EQ(run.difference, "") << "run " << id;
  // One of the last generation, alone: the runs it comes from are trained too, and not handed over.
  const std::int64_t last = all_runs(storage).back();
  EXPECT_THAT(storage.run(last)->canonical, HasSubstr("\"parent\""));
  EXPECT_EQ(replayed(storage, {last}).at(last).difference, "");
}

TEST(Replay, ATamperedRecordIsNoticed) {
  TempDir dir;
  const std::string file = dir.file("study.db");
  {
    Storage storage = Storage::open_to_write(file);
    carry_out_small(storage, kPopulation, 1);
  }
  const auto tampered = [&](const std::string& sql, std::int64_t run) {
    const std::string copy = dir.file("copy.db");
    std::filesystem::copy_file(file, copy, std::filesystem::copy_options::overwrite_existing);
    Database(copy, Database::Access::kWrite).script(sql.c_str());
    Storage storage = Storage::open_to_read(copy);
    return replayed(storage, {run}).at(run).difference;
  };
  EXPECT_EQ(tampered("SELECT 1", 16), "");
  EXPECT_EQ(tampered("UPDATE run SET digest = '00000000000000000000000000000001' WHERE id = 16", 16),
            "its weights differ");
  EXPECT_EQ(tampered("UPDATE run SET digest = '00000000000000000000000000000001' WHERE id = 2", 2),
            "its weights differ")
      << "of a stage that ended";
  EXPECT_THAT(tampered("UPDATE report SET val_loss = val_loss + 1e-15 WHERE run = 16", 16),
              AllOf(HasSubstr("is recorded"), HasSubstr("it is now")));
  EXPECT_THAT(tampered("UPDATE report SET train_correct = train_correct + 1 WHERE run = 2", 2), HasSubstr("it is now"));
  EXPECT_THAT(
      tampered("INSERT INTO report SELECT run, rung + 1, step + 3, train_loss, train_correct, train_examples, "
               "val_loss, val_correct, val_examples, averaged_val_loss, averaged_val_correct, "
               "averaged_val_examples, test_loss, test_correct, test_examples, averaged_test_loss, "
               "averaged_test_correct, averaged_test_examples, learning_rate FROM report WHERE run = 16 AND rung = 3",
               16),
      HasSubstr("ends at step"));
}

TEST(Replay, WhatCannotBeRepeatedIsRefusedWithASentence) {
  TempDir dir;
  Storage storage = Storage::open_to_write(dir.file("study.db"));
  carry_out_small(storage, kPopulation, 1);
  EXPECT_THAT(refusal(storage, {99}), HasSubstr("there is no run 99"));
  DataShape other = small_shape();
  other.digest = "ffff";
  EXPECT_THAT(refusal(storage, {1}, other), AllOf(HasSubstr("ffff"), HasSubstr("--data")));
  EXPECT_THAT(refusal(storage, {1}, small_shape(), "fp32/2"), AllOf(HasSubstr("fp32/1"), HasSubstr("fp32/2")));
  storage.set_run_state(2, RunState::kWaiting);
  EXPECT_THAT(refusal(storage, {2}), HasSubstr("run 2 is waiting"));
  EXPECT_THAT(refusal(storage, {6}), HasSubstr("goes on from")) << "its line begins with a run that is not over";
}

TEST(Replay, ARecordThatDoesNotFitItsIdentityIsRefused) {
  Storage storage = Storage::open_to_write(":memory:");
  carry_out_small(storage, kPopulation, 1);
  RunRecord run = *storage.run(1);
  run.canonical.replace(run.canonical.find("\"batch_size\":60"), 15, "\"batch_size\":50");
  EXPECT_THROW(recorded_order(run, small_shape()), Error);
  run.identity = run_identity(run.canonical);
  EXPECT_EQ(recorded_order(run, small_shape()).key.batch_size, 50);
  // What this program does not know is not passed over.
  run.canonical.replace(run.canonical.find("\"batch_size\":50"), 15, "\"batch_size\":50,\"novelty\":1");
  run.identity = run_identity(run.canonical);
  EXPECT_THROW(recorded_order(run, small_shape()), Error);
}

}  // namespace
}  // namespace caviar
