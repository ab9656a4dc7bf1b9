// Searches that learn and judge: the same trials, decisions and database whatever the parallelism, and after SIGKILL at
// random moments and a resume.
#include <csignal>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/study_kill_loop.h"
#include "tuner/registry.h"

namespace caviar {
namespace {

struct Search {
  const char* name;
  const char* settings;  // in the block `caviar:`
  std::int64_t seeds;
};

constexpr Search kSearches[] = {
    {"tpe_with_wandb_hyperband", "sampler: {name: tpe, startup: 5}, scheduler: {name: wandb_hyperband, min_iter: 1}",
     1},
    {"zoom_with_median", "sampler: {name: zoom, rounds: 3, per_round: 8}, scheduler: {name: median, startup_trials: 3}",
     2},
    {"evolution_with_asha", "sampler: {name: evolution, population: 6}, scheduler: {name: asha, max_iter: 5, eta: 2}",
     1},
    {"random_with_hyperband", "sampler: random, scheduler: {name: hyperband, max_iter: 5, eta: 2}", 2},
    {"sobol_with_race", "sampler: sobol, scheduler: {name: race, block: 6}", 4},
    {"tpe_with_seeds_auto",
     "sampler: {name: tpe, startup: 5}, scheduler: {name: race, first_seeds: 3, grow: 2, confidence: 0.95}", 12},
    {"pbt", "sampler: {name: pbt, population: 8}", 2},
    {"gp", "sampler: {name: gp, startup: 5}", 1},
    {"cma_es_with_successive_halving",
     "sampler: {name: cma_es, population: 5}, scheduler: {name: successive_halving, max_iter: 5, eta: 2}", 1},
    {"bohb_with_hyperband", "sampler: bohb, scheduler: {name: hyperband, max_iter: 5, eta: 2}", 1},
    {"halton_with_percentile", "sampler: halton, scheduler: {name: percentile, percentile: 60, startup_trials: 3}", 2},
    {"random_with_patience", "sampler: random, scheduler: {name: patience, patience: 1}", 2},
    {"random_with_threshold", "sampler: random, scheduler: {name: threshold, lower: 0.3}", 1},
    {"sobol_with_wilcoxon", "sampler: sobol, scheduler: {name: wilcoxon, first_seeds: 3}", 8},
};

// Of every search. Together more than 250; one search alone is killed 50 times in kill_test.cpp.
constexpr int kKills = 20;

constexpr std::int64_t kTrials = 24;

SweepSpec spec_of(const Search& search) {
  return parse_sweep(cat("method: random\nmetric: {name: val_accuracy, goal: maximize}\nparameters:\n"
                         "  learning_rate: {distribution: log_uniform_values, min: 0.0001, max: 3.0}\n"
                         "  dropout: {min: 0.0, max: 0.5}\n  hidden_size: {values: [8, 12, 16]}\n"
                         "  epochs: {value: 5}\n  batch_size: {value: 100}\ncaviar: {",
                         search.settings, "}\n"),
                     "sweep.yaml");
}

int carry_out(const Search& search, Storage& storage, const std::filesystem::path& checkpoints, std::uint64_t shuffle,
              int workers) {
  const SweepSpec spec = spec_of(search);
  StudySetup setup = small_setup(kTrials, search.seeds);
  setup.window = 4;
  setup.checkpoints = checkpoints;
  setup.checkpoint_interval = std::chrono::milliseconds(0);
  const SearchScope scope{1, setup.window, kTrials, search.seeds, true, {}};
  const auto sampler = make_sampler(spec, SearchSpace(spec), scope);
  const auto scheduler = make_scheduler(spec, scope);
  FakeExecutor executor(small_fake(shuffle, workers));
  Study study(setup, storage, *sampler, *scheduler, executor);
  return study.carry_out() == StudyOutcome::kDone ? 0 : 3;
}

std::string undisturbed(const Search& search, std::uint64_t shuffle = 0, int workers = 4) {
  Storage storage = Storage::open_to_write(":memory:");
  carry_out(search, storage, {}, shuffle, workers);
  return study_content(storage);
}

// A process of its own carries the search out, and is killed after so long; never when negative. True when it was.
bool run_and_kill(const Search& search, const std::filesystem::path& study, std::uint64_t shuffle, int microseconds) {
  const pid_t child = ::fork();
  if (child == 0) {
    int code = 1;
    try {
      const StudyDirectory directory = StudyDirectory::open_to_write(study);
      Storage storage = Storage::open_to_write(directory.database());
      code = carry_out(search, storage, directory.checkpoints(), shuffle, 3);
    } catch (const Error&) {
    }
    ::_exit(code);
  }
  if (microseconds >= 0) {
    ::usleep(static_cast<useconds_t>(microseconds));
    ::kill(child, SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
  return WIFSIGNALED(status);
}

class SearchKill : public testing::TestWithParam<Search> {};

TEST_P(SearchKill, ParallelismDecidesNothing) {
  const std::string expected = undisturbed(GetParam());
  EXPECT_THAT(expected, testing::HasSubstr("trial 23 "));
  for (const int workers : {1, 3, 64}) EXPECT_EQ(undisturbed(GetParam(), 7, workers), expected) << workers;
}

TEST_P(SearchKill, KilledAtRandomMomentsItEndsTheSame) {
  const std::string expected = undisturbed(GetParam());
  const auto begin = std::chrono::steady_clock::now();
  {
    MemoryDir dir;
    run_and_kill(GetParam(), dir.path() / "study", 0, -1);
  }
  const int duration = static_cast<int>(
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin).count());
  std::mt19937 random(1);
  std::uniform_int_distribution<int> moment(0, duration);
  int killed = 0;
  for (std::uint64_t round = 0; killed < kKills; ++round) {
    ASSERT_LT(round, 200u) << "the search ends before it can be killed";
    MemoryDir dir;
    const auto study = dir.path() / "study";
    for (std::uint64_t i = 0; i < 5; ++i)
      killed += run_and_kill(GetParam(), study, 100 * round + i, moment(random) / 2);
    run_and_kill(GetParam(), study, 99, -1);
    Storage storage = Storage::open_to_read(StudyDirectory::database_in(study));
    storage.check_integrity();
    ASSERT_EQ(study_content(storage), expected) << "round " << round;
    EXPECT_TRUE(storage.events("alarm").empty());
  }
}

INSTANTIATE_TEST_SUITE_P(All, SearchKill, testing::ValuesIn(kSearches),
                         [](const auto& search) { return std::string(search.param.name); });

}  // namespace
}  // namespace caviar
