// Every scheduler of the registry in a study: the same content whatever the parallelism and the timing, also when the
// study is put down and resumed again and again.
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/study_fixture.h"
#include "tests/tuner/course.h"

namespace caviar {
namespace {

constexpr std::int64_t kSeeds = 6;  // of those that decide on seeds; the others have two

class ScheduledStudy : public testing::TestWithParam<std::string> {
 protected:
  // Carries a sweep of 26 trials of five reports out; puts it down eight times, each after so many commits.
  std::string content(const FakeOptions& fake, int drain_after = 1'000'000) const {
    const std::map<std::string, std::string> settings = {
        {"median", ",startup_trials=2"},
        {"percentile", ",startup_trials=2,percentile=40"},
        {"threshold", ",lower=0.5,warmup_iterations=1"},
        {"patience", ",patience=2,min_delta=0.05"},
        {"wandb_hyperband", ",min_iter=1,eta=2"},
        {"successive_halving", ",max_iter=5,eta=2"},
        {"hyperband", ",max_iter=5,eta=2"},
        {"asha", ",max_iter=5,eta=2"},
        {"race", ",block=7"},
    };
    const auto found = settings.find(GetParam());
    const std::string choice = found == settings.end() ? GetParam() : GetParam() + found->second;
    const std::int64_t most = GetParam() == "wilcoxon" || GetParam() == "race" ? kSeeds : 2;
    Storage storage = Storage::open_to_write(":memory:");
    ListSampler sampler(small_sweep(26));
    for (int round = 0;; ++round) {
      const auto scheduler = scheduler_of(choice, {0, 4, {}, most, true});
      FakeOptions options = fake;
      options.shuffle_seed += static_cast<std::uint64_t>(round);
      FakeExecutor executor(options);
      Study study(small_setup(std::nullopt, most), storage, sampler, *scheduler, executor);
      int told = 0;
      study.on_progress = [&](const Progress&) {
        if (++told == drain_after && round < 8) study.request_drain();
      };
      if (study.carry_out() == StudyOutcome::kDone) {
        EXPECT_EQ(study.history().done() + study.history().failed(), 26);
        return study_content(storage);
      }
    }
  }
};

TEST_P(ScheduledStudy, DoesNotDependOnParallelismOrTiming) {
  const std::string expected = content(small_fake(0, 4));
  if (GetParam() == "wilcoxon" || GetParam() == "race") {
    EXPECT_THAT(expected, testing::ContainsRegex("repeat [0-9]+ [3-5] "));
    EXPECT_THAT(expected, testing::Not(testing::HasSubstr("repeat 6 5 ")));  // it diverges
  } else if (GetParam() != "none") {
    EXPECT_THAT(expected, testing::HasSubstr(" stopped digest"));
  }
  for (const int workers : {1, 3, 64}) {
    for (const std::uint64_t shuffle : {1, 2}) EXPECT_EQ(content(small_fake(shuffle, workers)), expected);
  }
}

TEST_P(ScheduledStudy, ResumesToTheSameDecisions) {
  const std::string expected = content(small_fake(0, 3));
  for (const int drain_after : {1, 2, 5, 11}) EXPECT_EQ(content(small_fake(1, 3), drain_after), expected);
}

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const SchedulerKind& kind : scheduler_kinds()) all.emplace_back(kind.name);
  return all;
}
INSTANTIATE_TEST_SUITE_P(All, ScheduledStudy, testing::ValuesIn(names()), [](const auto& name) { return name.param; });

}  // namespace
}  // namespace caviar
