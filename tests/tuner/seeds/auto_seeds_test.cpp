// seeds: auto: a race over all trials at once that promises something of its end, and what is said of that end.
#include "tuner/seeds/auto_seeds.h"

#include <cmath>

#include <gtest/gtest.h>

#include "tests/support/study_fixture.h"
#include "tests/tuner/course.h"
#include "tuner/numerics/draws.h"
#include "tuner/spec/spec.h"

namespace caviar {
namespace {

constexpr const char* kAuto = "race,first_seeds=3,grow=2,confidence=0.95";

std::unique_ptr<Scheduler> auto_scheduler(std::int64_t most) { return scheduler_of(kAuto, {0, 4, {}, most, false}); }

// Trials of these levels; `own` is what a seed does to one trial, beside what it does to all. Collapsed: a run is 8 of
// its own standard deviations worse with probability 0.05.
std::vector<Course> courses_of(const std::vector<double>& levels, std::int64_t seeds, std::int64_t study,
                               bool collapsed = false) {
  std::vector<Course> courses(levels.size());
  Draws draws(5, study, "auto");
  for (std::int64_t seed = 0; seed < seeds; ++seed) {
    const double common = draws.normal();
    for (std::size_t i = 0; i < levels.size(); ++i) {
      const double fall = collapsed && draws.chance(0.05) ? 8 : 0;
      courses[i].seeds.push_back(levels[i] + common + draws.normal() + fall);
    }
  }
  return courses;
}

TEST(SeedsAuto, IsARaceOfAllTrialsThatDoublesItsSeeds) {
  Choice choice = auto_seeds_scheduler(0.9);
  EXPECT_TRUE(is_auto_seeds(choice));
  choice.settings["block"] = {Value(8), ""};
  EXPECT_FALSE(is_auto_seeds(choice));
  EXPECT_FALSE(is_auto_seeds(parse_choice("--scheduler", "race")));
  std::vector<Course> courses = courses_of({0, 0, 30}, 50, 1);
  const auto scheduler = auto_scheduler(50);
  EXPECT_EQ(scheduler->first_seeds(50), 3);
  EXPECT_TRUE(scheduler->first_seeds_count());
  EXPECT_FALSE(scheduler_of("race,block=8,confidence=0.9", {0, 4, {}, 50, false})->first_seeds_count());
  const Decisions decisions = decisions_of(*scheduler, courses, 50, {4, 1, CourseOrder::kLate});
  for (const std::int64_t at : {3, 6, 12, 24, 48}) EXPECT_EQ(verdict_on(decisions, 0, at, Question::kSeeds), "go on");
  EXPECT_EQ(verdict_on(decisions, 0, 50, Question::kSeeds), "none");  // they are used up
  // Six looks, at 3 to 48 and 50, and two others: the threshold does not depend on how many are left.
  for (const std::int64_t at : {3, 48}) {
    const Value first = saw(decisions, 0, at, Question::kSeeds), second = saw(decisions, 1, at, Question::kSeeds);
    const Value& behind = first["leader"] == 0 ? second : first;
    EXPECT_NEAR(behind.at("threshold").get<double>(), 0.05 / (6 * 2), 1e-15) << at;
  }
  EXPECT_LT(courses[2].told_seeds, 24u);
}

TEST(SeedsAuto, AlphaAndConfidenceExcludeEachOther) {
  EXPECT_NE(scheduler_refusal("race,alpha=0.1,confidence=0.9").find("keep one"), std::string::npos);
  EXPECT_EQ(scheduler_refusal("race,confidence=0.9,block=4"), "no error");
}

// A trial as good as all others is put out in the whole race, over all looks, with a probability of at most 0.05; 600
// races show 0.077 or more of a rate of 0.05 once in a thousand. It is far less: Bonferroni's bound is not sharp.
TEST(SeedsAuto, TheBestIsPutOutNoMoreOftenThanPromised) {
  constexpr int kRaces = 600;
  for (const bool collapsed : {false, true}) {
    for (const std::size_t trials : {2, 8}) {
      int out = 0;
      for (int race = 0; race < kRaces; ++race) {
        std::vector<Course> courses = courses_of(std::vector<double>(trials, 0.0), 12, race, collapsed);
        const Decisions decisions = decisions_of(*auto_scheduler(12), courses, 12, {4, 1, CourseOrder::kFirst});
        bool stopped = false, won = false;
        for (const std::int64_t at : {3, 6}) {
          const Value seen = saw(decisions, 0, at, Question::kSeeds);
          stopped |= verdict_on(decisions, 0, at, Question::kSeeds) == "stop";
          won |= seen.is_object() && seen["leader"] == 0;
        }
        out += stopped && !won;
      }
      EXPECT_LE(out, 46) << trials << (collapsed ? " collapsed" : "");
    }
  }
}

// The best is two standard deviations of a difference ahead of the next: nearly always settled, on few seeds.
TEST(SeedsAuto, AClearBestIsFoundOnFewSeeds) {
  int found = 0;
  double runs = 0;
  for (int race = 0; race < 100; ++race) {
    std::vector<Course> courses = courses_of({3, 0, 6, 6, 9, 12}, 48, 1000 + race);
    decisions_of(*auto_scheduler(48), courses, 48, {4, 1, CourseOrder::kFirst});
    bool alone = true;
    for (std::size_t i = 0; i < courses.size(); ++i) {
      runs += static_cast<double>(courses[i].told_seeds);
      alone &= courses[i].told_seeds <= courses[1].told_seeds;
    }
    found += alone && courses[1].told_seeds < 48;
  }
  EXPECT_GE(found, 97);
  EXPECT_LT(runs / 100, 6 * 9);  // of 6 * 48
}

// ---- whole studies

struct AutoStudy {
  AutoStudy(const std::vector<Config>& configs, std::int64_t most, const FakeOptions& fake = small_fake()) {
    ListSampler sampler(configs);
    const auto scheduler = scheduler_of(kAuto, {0, 4, {}, most, true});
    FakeExecutor executor(fake);
    Study study(small_setup(std::nullopt, most), storage, sampler, *scheduler, executor);
    study.on_progress = [this](const Progress& now) { last = now; };
    EXPECT_EQ(study.carry_out(), StudyOutcome::kDone);
    best = study.history().best();
  }
  Storage storage = Storage::open_to_write(":memory:");
  std::optional<std::int64_t> best;
  Progress last;
};

Config config_of(int hidden_size, double rate) {
  Config config;
  config["epochs"] = 2;
  config["batch_size"] = 100;
  config["hidden_size"] = hidden_size;
  config["learning_rate"] = rate;
  return config;
}

TEST(SeedsAuto, SaysThatTheBestIsSettledAndRanksItFirst) {
  AutoStudy study({config_of(8, 0.0001), config_of(64, 0.003), config_of(16, 0.5)}, 24);
  const RaceEnd end = race_end(study.storage, 0.95);
  EXPECT_TRUE(end.over);
  EXPECT_TRUE(end.rivals.empty());
  EXPECT_EQ(end.trials, 3);
  EXPECT_EQ(end.best, study.best);
  EXPECT_LT(end.seeds, 24);
  EXPECT_LT(study.last.runs_done, 3 * 24);
  EXPECT_EQ(study.last.runs_wanted, study.last.runs_done);
  EXPECT_EQ(study.last.seconds_left, 0);
  EXPECT_EQ(end.diverged, 0);
}

TEST(SeedsAuto, NamesThoseThatCannotBeToldFromTheBest) {
  // Rates next to each other by a millionth: nothing but the seeds' noise is between trials 1 and 3.
  AutoStudy study({config_of(8, 0.0001), config_of(64, 0.003), config_of(8, 2.0), config_of(64, 0.003000001)}, 12);
  const RaceEnd end = race_end(study.storage, 0.95);
  EXPECT_TRUE(end.over);
  EXPECT_TRUE(end.best == 1 || end.best == 3) << end.best;
  EXPECT_EQ(end.rivals, std::vector<std::int64_t>{4 - end.best});
  EXPECT_EQ(end.seeds, 12);
  EXPECT_EQ(end.trials, 4);
  EXPECT_EQ(end.diverged, 1);
  EXPECT_EQ(study.best, end.best);
}

TEST(SeedsAuto, OfAStudyUnderWayNothingIsSettled) {
  Storage storage = Storage::open_to_write(":memory:");
  storage.create_study(small_setup(2, 12).record);
  const RaceEnd end = race_end(storage, 0.95);
  EXPECT_FALSE(end.over);
  EXPECT_EQ(end.best, -1);
}

// A sampler that learns is told every trial by its first three seeds, however many the race gives it later.
class Listening : public ListSampler {
 public:
  using ListSampler::ListSampler;
  std::int64_t needs(std::int64_t number) const override { return number - 2; }
  void tell(const TrialResult& result) override { told.push_back(result); }
  std::vector<TrialResult> told;
};

TEST(SeedsAuto, ASamplerIsToldTheFirstSeedsAndNeedNotWaitForTheRace) {
  Storage storage = Storage::open_to_write(":memory:");
  Listening sampler({config_of(8, 0.0001), config_of(64, 0.003), config_of(64, 0.003000001), config_of(16, 0.5),
                     config_of(16, 0.001), config_of(16, 0.002)});
  const auto scheduler = scheduler_of(kAuto, {0, 2, {}, 12, true});
  FakeExecutor executor(small_fake());
  StudySetup setup = small_setup(std::nullopt, 12);
  setup.window = 2;
  Study study(setup, storage, sampler, *scheduler, executor);
  ASSERT_EQ(study.carry_out(), StudyOutcome::kDone);
  ASSERT_GE(sampler.told.size(), 4u);
  for (const TrialResult& result : sampler.told) {
    EXPECT_EQ(result.seeds, 3);
    double sum = 0;
    storage.for_each_repeat_of(result.number, [&](const RepeatRecord& repeat) {
      if (repeat.repeat < 3) sum += repeat.last->validation.accuracy();
    });
    EXPECT_DOUBLE_EQ(result.loss, -sum / 3) << result.number;
    EXPECT_EQ(result.curve.back().loss, result.loss);
  }
}

}  // namespace
}  // namespace caviar
