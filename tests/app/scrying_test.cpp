// examples/studies/scrying as its script carries it out, smaller still: a few of its configs, on a tiny data set.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/study_program.h"

namespace caviar {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class ScryingScript : public ::testing::Test {
 protected:
  void SetUp() override {
    ::setenv("CAVIAR", CAVIAR_PROGRAM, 1);
    std::filesystem::create_directories(place_.file("examples/studies"));
    std::filesystem::copy(CAVIAR_SOURCE_DIR "/examples/studies/scrying", place_.file(kStudy));
    std::filesystem::remove(in_study("result_reduced.txt"));
  }

  Ended run(const std::vector<std::string>& flags) {
    std::vector<std::string> arguments = {in_study("run")};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    return Process("/bin/bash", arguments, place_.dir()).wait();
  }
  std::string result() const {
    std::ifstream in(in_study("result_reduced.txt"));
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }

  std::string in_study(const char* name) const { return (std::filesystem::path(place_.file(kStudy)) / name).string(); }

  static constexpr const char* kStudy = "examples/studies/scrying";
  Workplace place_{CAVIAR_PROGRAM};
};

TEST_F(ScryingScript, WritesBothPartsWhereverItsFlagStandsAndTheSameAgain) {
  const std::string data = place_.dir().path().string();
  const Ended ended = run({"--data", data, "--count", "4", "--noise-seeds", "5", "--reduced"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  const std::string written = result();
  EXPECT_THAT(written, AllOf(HasSubstr("As the original did it"), HasSubstr("4 configs, 1 seed each"),
                             HasSubstr("weak evidence"), HasSubstr("With three seeds a config"),
                             HasSubstr("4 configs, 3 seeds each"), HasSubstr("One-way random effects"),
                             HasSubstr("Kruskal-Wallis")));
  EXPECT_TRUE(std::filesystem::exists(place_.file("studies/scrying_reduced/noise/study.db")));
  EXPECT_FALSE(std::filesystem::exists(place_.file("studies/scrying"))) << "the full study was started";
  ASSERT_EQ(run({"--reduced", "--data", data, "--count", "4"}).code, 0);
  EXPECT_EQ(result(), written);
}

}  // namespace
}  // namespace caviar
