// Checkpoints: whole or passed over with a notice, the last two kept.
#include "tuner/storage/checkpoint.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tests/support/temp_dir.h"

namespace caviar {
namespace {

using ::testing::HasSubstr;

std::vector<SavedRun> some_runs(int step) {
  std::vector<SavedRun> runs(2);
  runs[0] = {std::string(32, 'a'), step, 3, std::vector<std::byte>(1000, std::byte{7})};
  runs[1] = {std::string(32, 'b'), step + 1, 4, {}};
  return runs;
}

std::string content(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

TEST(Checkpoints, ReadBackWhatWasSavedLast) {
  TempDir dir;
  Checkpoints checkpoints(dir.path());
  for (int step = 1; step <= 12; ++step) checkpoints.save(some_runs(step));
  std::vector<std::string> notices;
  const auto runs = Checkpoints(dir.path()).load(notices);
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[0].step, 12);
  EXPECT_EQ(runs[0].reports, 3);
  EXPECT_EQ(runs[0].state, some_runs(1)[0].state);
  EXPECT_EQ(runs[1].identity, std::string(32, 'b'));
  EXPECT_TRUE(notices.empty());
  int files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(dir.path())) ++files;
  EXPECT_EQ(files, 2);
}

TEST(Checkpoints, PassOverATornFileAndTakeTheOneBefore) {
  TempDir dir;
  Checkpoints checkpoints(dir.path());
  checkpoints.save(some_runs(1));
  checkpoints.save(some_runs(2));
  const std::string whole = content(dir.file("2.checkpoint"));
  for (std::size_t length = 0; length < whole.size(); length += 41) {
    dir.write("2.checkpoint", whole.substr(0, length));
    std::vector<std::string> notices;
    const auto runs = checkpoints.load(notices);
    ASSERT_EQ(runs.size(), 2u) << length;
    EXPECT_EQ(runs[0].step, 1);
    ASSERT_EQ(notices.size(), 1u);
    EXPECT_THAT(notices[0], HasSubstr("2.checkpoint"));
  }
}

TEST(Checkpoints, NoticeEveryFlippedBit) {
  TempDir dir;
  Checkpoints checkpoints(dir.path());
  checkpoints.save(some_runs(1));
  const std::string whole = content(dir.file("1.checkpoint"));
  for (std::size_t at = 0; at < whole.size(); at += at < 200 ? 1 : 13) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 8)));
    dir.write("1.checkpoint", damaged);
    EXPECT_THROW(read_checkpoint(dir.file("1.checkpoint")), Error) << at;
  }
}

TEST(Checkpoints, RemoveWhatAKilledWriterLeft) {
  TempDir dir;
  dir.write("3.checkpoint.tmp", "half");
  std::vector<std::string> notices;
  EXPECT_TRUE(Checkpoints(dir.path()).load(notices).empty());
  EXPECT_FALSE(std::filesystem::exists(dir.file("3.checkpoint.tmp")));
}

TEST(Checkpoints, ThatCannotBeWrittenAreAnError) {
  TempDir dir;
  Checkpoints checkpoints(dir.file("absent"));
  try {
    checkpoints.save(some_runs(1));
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("cannot be opened"));
  }
}

}  // namespace
}  // namespace caviar
