// Kept weights: which, whose, and that a damaged file is no one's.
#include "tuner/storage/weight_keeper.h"

#include <fstream>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/predictions.h"
#include "kernels/base/error.h"
#include "tests/support/small_studies.h"
#include "tests/support/temp_dir.h"
#include "tuner/metric.h"
#include "tuner/replay.h"
#include "tuner/storage/directory.h"

namespace caviar {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr const char* kSweep =
    "method: grid\nparameters:\n  learning_rate: {values: [0.001, 0.01, 0.03, 1.0e+30]}\n  hidden_size: {value: 6}\n"
    "  num_layers: {value: 1}\n  epochs: {value: 2}\n  batch_size: {value: 60}\n  polyak_decay: {value: 0.5}\n"
    "  hypergradient_rate: {values: [0, 0.0001]}\n";

class WeightKeeperTest : public ::testing::Test {
 protected:
  // The study on so many seeds; a further call goes on with it.
  void carry_out(std::optional<SaveWeights> which, std::int64_t seeds = 2) {
    StudySetup setup = real_setup(parse_sweep(kSweep, "sweep.yaml"), seeds);
    setup.weights = StudyDirectory::weights_in(dir_.path());
    setup.save_weights = which;
    ASSERT_EQ(carry_out_small(storage_, kSweep, setup), StudyOutcome::kDone);
  }

  std::set<std::int64_t> kept() {
    std::set<std::int64_t> runs;
    storage_.for_each_run([&](const RunRecord& run) {
      if (kept_weights(dir_.path(), run)) runs.insert(run.id);
    });
    std::error_code ignored;
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(StudyDirectory::weights_in(dir_.path()), ignored)) {
      EXPECT_EQ(entry.path().extension(), ".weights");
      ++files;
    }
    EXPECT_EQ(files, runs.size());
    return runs;
  }

  std::set<std::int64_t> complete() {
    std::set<std::int64_t> runs;
    storage_.for_each_run([&](const RunRecord& run) {
      if (run.state == RunState::kComplete) runs.insert(run.id);
    });
    return runs;
  }

  std::int64_t best() {
    std::int64_t best_run = -1;
    double best_value = -1;
    storage_.for_each_run([&](const RunRecord& run) {
      if (run.state != RunState::kComplete) return;
      const double value = storage_.last_report(run.id)->validation.accuracy();
      if (value > best_value) best_value = value, best_run = run.id;
    });
    return best_run;
  }

  std::string refusal(std::int64_t run) {
    try {
      (void)kept_weights(dir_.path(), *storage_.run(run));
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  std::filesystem::path file(std::int64_t run) const {
    return StudyDirectory::weights_in(dir_.path()) / (std::to_string(run) + ".weights");
  }

  TempDir dir_;
  Storage storage_ = Storage::open_to_write(dir_.file("study.db"));
};

TEST_F(WeightKeeperTest, AllAreThoseOfEveryCompleteRunAndAnswerAsItsReportSays) {
  carry_out(SaveWeights::kAll);
  const std::set<std::int64_t> runs = complete();
  EXPECT_EQ(runs.size(), 12u);
  EXPECT_EQ(kept(), runs);
  for (const std::int64_t id : runs) {
    const Weights weights = kept_weights(dir_.path(), *storage_.run(id)).value();
    const RunOrder order = recorded_order(*storage_.run(id), small_shape());
    const Report last = *storage_.last_report(id);
    EXPECT_EQ(predict(order, weights.params, *small_data(), Part::kTest).metrics.loss, last.test.loss);
    EXPECT_EQ(predict(order, weights.averages, *small_data(), Part::kTest).metrics.loss, last.averaged_test.loss);
  }
}

TEST_F(WeightKeeperTest, BestIsTheDefaultAndStaysTheBestWhenSeedsAreAdded) {
  carry_out(std::nullopt, 1);
  EXPECT_EQ(kept(), std::set{best()});
  carry_out(std::nullopt, 4);
  EXPECT_EQ(kept(), std::set{best()});
}

TEST_F(WeightKeeperTest, NoneLeavesNoDirectory) {
  carry_out(SaveWeights::kNone);
  carry_out(std::nullopt, 3);
  EXPECT_FALSE(std::filesystem::exists(StudyDirectory::weights_in(dir_.path())));
}

TEST_F(WeightKeeperTest, AResumeGoesOnAsTheStudyBeganAndRemovesNothingThatAllKept) {
  carry_out(SaveWeights::kAll, 1);
  carry_out(std::nullopt, 2);
  EXPECT_EQ(kept(), complete());
  const std::set<std::int64_t> before = complete();
  carry_out(SaveWeights::kBest, 4);
  for (const std::int64_t run : before) EXPECT_TRUE(kept().contains(run));
  EXPECT_TRUE(kept().contains(best()));
  EXPECT_LT(kept().size(), complete().size());
}

TEST_F(WeightKeeperTest, ADamagedFileIsAnErrorThatNamesIt) {
  carry_out(SaveWeights::kAll, 1);
  const auto size = static_cast<std::int64_t>(std::filesystem::file_size(file(1)));
  for (const std::int64_t at : {std::int64_t{3}, size / 2, size - 1}) {
    std::fstream bytes(file(1), std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekg(at);
    const char before = static_cast<char>(bytes.get());
    bytes.seekp(at).put(static_cast<char>(before ^ 1));
    bytes.close();
    EXPECT_THAT(refusal(1), AllOf(HasSubstr(file(1).string()), HasSubstr("remove the file"))) << at;
    std::fstream(file(1), std::ios::in | std::ios::out | std::ios::binary).seekp(at).put(before);
    EXPECT_EQ(refusal(1), "");
  }
  std::filesystem::copy_file(file(3), file(1), std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(refusal(1), HasSubstr("not the weights of run 1"));
  storage_.set_run_state(3, RunState::kComplete, "", "00000000000000000000000000000001");
  EXPECT_THAT(refusal(3), AllOf(HasSubstr("digest"), HasSubstr("00000000000000000000000000000001")));
  std::filesystem::resize_file(file(2), 40);
  EXPECT_THAT(refusal(2), HasSubstr("before its trailer"));
}

TEST(SaveWeightsWords, AreReadBackAndNoOthersAre) {
  for (const SaveWeights which : {SaveWeights::kNone, SaveWeights::kBest, SaveWeights::kAll})
    EXPECT_EQ(save_weights_of(to_string(which)), which);
  EXPECT_THROW(save_weights_of("some"), Error);
}

}  // namespace
}  // namespace caviar
