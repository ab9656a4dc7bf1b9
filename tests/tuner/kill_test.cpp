// A study killed with SIGKILL at any moment resumes and ends with the same content, bit for bit.
#include <chrono>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/study_kill_loop.h"

namespace caviar {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// What has to happen before a place is passed: a kill that leaves something to recover, or a drain.
std::vector<Victim> victims_for(const std::string& name, int pass) {
  std::vector<Victim> victims;
  if (name.starts_with("recover")) victims.push_back({"run_finished:4", -1, 1, -1});
  if (name.starts_with("drain")) {
    victims.push_back({name, 3 * pass, 2, -1});
  } else {
    victims.push_back({name + ":" + std::to_string(pass), -1, 2, -1});
  }
  return victims;
}

bool passed_once(const std::string& name) {
  return name.starts_with("study_") || name.starts_with("recover") || name.starts_with("drain") || name == "finished";
}

TEST(Kill, AtEveryFailpointLosesNothing) {
  KillLoop loop;
  for (const std::string name : failpoint_names()) {
    for (const int pass : {1, 5}) {
      if (pass > 1 && passed_once(name) && !name.starts_with("drain")) continue;
      std::vector<bool> killed;
      EXPECT_THAT(loop.kill_and_resume(victims_for(name, pass), &killed), IsEmpty()) << name << " pass " << pass;
      EXPECT_TRUE(killed.back()) << name << " was not passed " << pass << " times: the test tests nothing";
    }
  }
}

TEST(Kill, TwiceAtTheSamePlaceLosesNothing) {
  KillLoop loop;
  for (const std::string name : failpoint_names()) {
    if (passed_once(name)) continue;
    const Victim victim{name + ":3", -1, 5, -1};
    EXPECT_THAT(loop.kill_and_resume({victim, victim, victim}), IsEmpty()) << name;
  }
}

TEST(Kill, AtRandomMomentsLosesNothing) {
  KillLoop loop;
  const int duration = loop.undisturbed_microseconds();
  // 200 rounds take two seconds in memory and minutes on a disk that syncs slowly: stop after a while.
  const auto start = std::chrono::steady_clock::now();
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    EXPECT_THAT(loop.kill_and_resume(random_victims(seed, duration)), IsEmpty()) << "seed " << seed;
    if (std::chrono::steady_clock::now() - start > std::chrono::seconds(20)) break;
  }
}

TEST(Kill, AnErrorAtAnyFailpointIsAnErrorAndLosesNothing) {
  KillLoop loop;
  for (const std::string name : failpoint_names()) {
    if (name == "recovered" || name == "recover_begun" || name.starts_with("drain")) continue;
    MemoryDir dir;
    const Death death = run_victim(dir.path() / "study", {name + ":1:error", -1, 1, -1});
    EXPECT_EQ(death.exit_code, 1) << name << ": a failure must never look like a success";
    EXPECT_THAT(loop.kill_and_resume({{name + ":2:error", -1, 1, -1}}), IsEmpty()) << name;
  }
}

// The verifier must notice, or the tests above test nothing.
class VerifierTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(run_victim(study_, {}).exit_code, 0); }

  std::string violation_after(const char* sql) {
    Database(StudyDirectory::database_in(study_), Database::Access::kWrite).script(sql);
    VerifyOptions options;
    options.reference = undisturbed_content(kKillLoopTrials);
    options.trials = kKillLoopTrials;
    options.acknowledged = acknowledged_;
    const auto violations = verify_study(study_, options);
    return violations.empty() ? "none" : violations.front();
  }

  MemoryDir dir_;
  std::filesystem::path study_ = dir_.path() / "study";
  std::vector<std::string> acknowledged_;
};

TEST_F(VerifierTest, AcceptsAnUndisturbedStudy) { EXPECT_EQ(violation_after("SELECT 1"), "none"); }

TEST_F(VerifierTest, NoticesALostResult) {
  acknowledged_.push_back("0123 complete 4567");
  EXPECT_THAT(violation_after("SELECT 1"), HasSubstr("I2"));
}

TEST_F(VerifierTest, NoticesAChangedMetric) {
  EXPECT_THAT(violation_after("UPDATE report SET val_loss = val_loss + 1e-15 WHERE run = 2 AND rung = 2"),
              HasSubstr("I3"));
}

TEST_F(VerifierTest, NoticesARunLeftRunning) {
  EXPECT_THAT(violation_after("UPDATE run SET state = 'running' WHERE id = 3"), HasSubstr("I4"));
}

TEST_F(VerifierTest, NoticesAGapInTheReports) {
  EXPECT_THAT(violation_after("DELETE FROM report WHERE run = 1 AND rung = 2"), HasSubstr("I5"));
}

TEST_F(VerifierTest, NoticesAMissingTrial) {
  EXPECT_THAT(violation_after("DELETE FROM trial_run WHERE trial = 8; DELETE FROM trial WHERE number = 8"),
              HasSubstr("I7"));
}

TEST_F(VerifierTest, NoticesADivergenceWithoutAReason) {
  EXPECT_THAT(violation_after("UPDATE run SET reason = NULL WHERE state = 'diverged'"), HasSubstr("I8"));
}

TEST_F(VerifierTest, NoticesAnAlarm) {
  EXPECT_THAT(violation_after("INSERT INTO event VALUES (99, '', 'alarm', 'other numbers')"), HasSubstr("alarm"));
}

TEST_F(VerifierTest, NoticesAStrayFile) {
  std::ofstream(study_ / "stray.txt") << "x";
  EXPECT_THAT(violation_after("SELECT 1"), HasSubstr("I12"));
}

}  // namespace
}  // namespace caviar
