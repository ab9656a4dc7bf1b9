// caviar replay as a user meets it.
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/study_program.h"
#include "tuner/storage/directory.h"
#include "tuner/storage/sqlite.h"

namespace caviar {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class ReplayProgram : public ::testing::Test {
 protected:
  void SetUp() override {
    place_.write_sweep("a.yaml", 2);
    ASSERT_EQ(place_.run({"sweep", "a.yaml", "--study", "s", "--seeds", "2"}).code, 0);
  }

  // The record of the study says where its data lie.
  Ended run_program_without_data() { return Process(CAVIAR_PROGRAM, {"replay", "s", "1"}, place_.dir()).wait(); }

  Workplace place_{CAVIAR_PROGRAM};
};

TEST_F(ReplayProgram, EveryRunIsTheSameAndShownInOrder) {
  const Ended ended = place_.run({"replay", "s", "--all"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out,
              AllOf(HasSubstr("12 runs of s"), HasSubstr("all the same, bit for bit"), Not(HasSubstr("DIFFERS"))));
  std::size_t at = 0;
  for (int run = 1; run <= 12; ++run) {
    at = ended.out.find("\n" + std::string(run < 10 ? 7 : 6, ' ') + std::to_string(run) + "  ", at);
    ASSERT_NE(at, std::string::npos) << run;
  }
}

TEST_F(ReplayProgram, ADigestThatWasChangedIsShownAndIsExitCodeOne) {
  Database(StudyDirectory::database_in(place_.file("s")), Database::Access::kWrite)
      .script("UPDATE run SET digest = '0123456789abcdef0123456789abcdef' WHERE id = 3");
  const Ended ended = place_.run({"replay", "s", "3", "4"});
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.out, AllOf(HasSubstr("0123456789abcdef0123456789abcdef"), HasSubstr("DIFFERS"), HasSubstr("same"),
                               HasSubstr("1 of 2 runs differs")));
  EXPECT_EQ(place_.run({"replay", "s", "4"}).code, 0);
}

TEST_F(ReplayProgram, ASampleIsTheSameEveryTime) {
  const Ended first = place_.run({"replay", "s", "--sample", "3", "--threads", "1"});
  EXPECT_EQ(first.code, 0) << first.err;
  EXPECT_THAT(first.out, HasSubstr("3 runs of s"));
  const auto runs_in = [](const std::string& out) { return out.substr(out.find('\n')); };
  EXPECT_EQ(runs_in(place_.run({"replay", "s", "--sample", "3", "--threads", "2"}).out), runs_in(first.out));
  EXPECT_THAT(place_.run({"replay", "s", "--sample", "99"}).out, HasSubstr("12 runs of s"));
}

TEST_F(ReplayProgram, AStudyKeepsTheWeightsItIsAskedTo) {
  const auto kept = [&](const std::string& study) {
    int files = 0;
    if (!std::filesystem::exists(place_.file(study + "/weights"))) return files;
    for (const auto& entry : std::filesystem::directory_iterator(place_.file(study + "/weights")))
      files += entry.path().extension() == ".weights";
    return files;
  };
  EXPECT_EQ(kept("s"), 1) << "the best run's";
  EXPECT_EQ(place_.run({"sweep", "a.yaml", "--study", "all", "--save-weights", "all"}).code, 0);
  EXPECT_EQ(kept("all"), 6);
  EXPECT_EQ(place_.run({"sweep", "a.yaml", "--study", "all", "--seeds", "2", "--resume"}).code, 0);
  EXPECT_EQ(kept("all"), 12);
  EXPECT_EQ(place_.run({"sweep", "a.yaml", "--study", "none", "--save-weights", "none"}).code, 0);
  EXPECT_EQ(kept("none"), 0);
  EXPECT_EQ(place_.run({"sweep", "a.yaml", "--study", "x", "--save-weights", "some"}).code, 2);
  EXPECT_THAT(place_.run({"train", "--save-weights", "all"}).err, HasSubstr("--study"));
}

TEST_F(ReplayProgram, MistakesAreSentences) {
  EXPECT_THAT(place_.run({"replay", "s"}).err, HasSubstr("--all"));
  const Ended absent = place_.run({"replay", "s", "77"});
  EXPECT_THAT(absent.err, HasSubstr("there is no run 77"));
  EXPECT_EQ(absent.out, "") << "no table of what cannot be";
  const Ended none = place_.run({"replay", "s", "--sample", "0"});
  EXPECT_EQ(none.code, 2);
  EXPECT_LT(none.err.size(), 200u) << none.err;
  EXPECT_THAT(place_.run({"replay", "absent", "1"}).err, HasSubstr("no study"));
  EXPECT_EQ(place_.run({"replay", "s", "1", "--all"}).code, 2);
}

TEST_F(ReplayProgram, TheRecordFindsTheDataUntilTheyAreElsewhere) {
  EXPECT_EQ(run_program_without_data().code, 0);
  const std::string labels = place_.file("train-labels-idx1-ubyte");
  ASSERT_TRUE(std::filesystem::exists(labels));
  std::filesystem::rename(labels, labels + ".elsewhere");
  const Ended without_data = run_program_without_data();
  EXPECT_EQ(without_data.code, 1);
  EXPECT_THAT(without_data.err, HasSubstr("--data"));
}

}  // namespace
}  // namespace caviar
