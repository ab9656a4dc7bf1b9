// The reader of golden files must take what the scripts write and refuse all else.
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "tests/support/golden.h"

namespace caviar::test {
namespace {

std::vector<GoldenCase> read_text(const std::string& text) {
  const auto name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
  const auto path = std::filesystem::path(::testing::TempDir()) / (std::string("golden_") + name + ".txt");
  std::ofstream(path) << text;
  struct Remove {
    std::filesystem::path path;
    ~Remove() { std::filesystem::remove(path); }
  } remove{path};
  return read_golden(path.string());
}

std::string complaint(const std::string& text) {
  try {
    read_text(text);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(ReadGolden, GivesBackWhatAFileSays) {
  const auto cases =
      read_text("# about\n\ncase one\ncell = lstm\nrate = 0.125\nw 2 3 : 1 2 3 -4 5e-1 6\nloss : 2.5\ncase two\n");
  ASSERT_EQ(cases.size(), 2u);
  const GoldenCase& one = find_case(cases, "one");
  EXPECT_EQ(one.word("cell"), "lstm");
  EXPECT_EQ(one.number("rate"), 0.125);
  EXPECT_EQ(one.number("absent", 7), 7);
  EXPECT_EQ(one.array("w").dims, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(one.array("w").values, (std::vector<double>{1, 2, 3, -4, 0.5, 6}));
  EXPECT_EQ(one.scalar("loss"), 2.5);
  EXPECT_THROW(one.scalar("w"), Error);
  EXPECT_THROW(one.array("v"), Error);
  EXPECT_THROW(one.number("cell"), Error);
  EXPECT_THROW(find_case(cases, "three"), Error);
}

TEST(ReadGolden, RefusesAnythingOddAndNamesTheLine) {
  EXPECT_NE(complaint("case a\nw 2 : 1 2 3\n").find(":2: w has 3 values"), std::string::npos);
  EXPECT_NE(complaint("case a\nw 2 2 : 1 2 3\n").find("its dimensions say 4"), std::string::npos);
  EXPECT_NE(complaint("case a\nw 1 : nan\n").find("not finite"), std::string::npos);
  EXPECT_NE(complaint("case a\nw 1 : 1x\n").find("not a number"), std::string::npos);
  EXPECT_NE(complaint("case a\nw -1 : 1\n").find("negative"), std::string::npos);
  EXPECT_NE(complaint("case a\nk = 1\nk = 2\n").find(":3: case a says k twice"), std::string::npos);
  EXPECT_NE(complaint("case a\ncase a\n").find("two cases"), std::string::npos);
  EXPECT_NE(complaint("k = 1\n").find("before the first case"), std::string::npos);
  EXPECT_NE(complaint("case a\nstray words here\n").find("neither"), std::string::npos);
  EXPECT_NE(complaint("# nothing\n").find("no case"), std::string::npos);
  EXPECT_THROW(read_golden("no/such/file"), Error);
}

TEST(ReadGolden, EveryFileOfPyTorchsNumbersReads) {
  for (const char* name : {"birnn", "birnn_large", "optimizers", "schedules", "training"}) {
    EXPECT_GT(read_golden(std::string(CAVIAR_SOURCE_DIR "/tests/golden/") + name + ".txt").size(), 1u) << name;
  }
}

// The first numbers golden_file.py prints for pixel_values(4) and parameter_values(3, 3, 0.125).
TEST(ReadGolden, FormulasAreThoseOfTheScript) {
  EXPECT_EQ(pixel_values(4), (std::vector<std::uint8_t>{155, 253, 76, 159}));
  EXPECT_EQ(parameter_values(3, 3, 0.125),
            (std::vector<double>{0.03482215106487274, -0.03922802209854126, 0.12336409091949463}));
}

}  // namespace
}  // namespace caviar::test
