// The whole program on emulated GPUs: the same study as on the cores, and the same promises.
#include <chrono>
#include <cstdlib>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/study_content.h"
#include "tests/support/study_program.h"
#include "tests/support/study_verify.h"

namespace caviar {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ProgramOnGpus : public ::testing::Test {
 protected:
  void SetUp() override { ::setenv("EMULATED_GPUS", "4", 1); }
  void TearDown() override { ::unsetenv("EMULATED_GPUS"); }

  std::string csv(const std::string& study) { return place_.run({"show", study, "--csv"}).out; }

  Workplace place_{CAVIAR_ON_EMULATED_GPUS};
};

TEST_F(ProgramOnGpus, DevicesListsThem) {
  const Ended ended = place_.run({"devices"});
  EXPECT_EQ(ended.code, 0);
  EXPECT_THAT(ended.out, AllOf(HasSubstr("cuda:0"), HasSubstr("cuda:3"), HasSubstr("GiB"), HasSubstr("multiprocessor"),
                               HasSubstr("auto trains on all GPUs")));
}

TEST_F(ProgramOnGpus, ASweepGivesTheStudyOfTheCores) {
  place_.write_sweep("a.yaml", 2);
  ASSERT_EQ(place_.run({"sweep", "a.yaml", "--study", "cpu", "--seeds", "2", "--device", "cpu"}).code, 0);
  for (const std::string device : {"auto", "cuda", "cuda:0", "cuda:3,1"}) {
    const std::string study = "on " + device;
    const Ended ended = place_.run({"sweep", "a.yaml", "--study", study, "--seeds", "2", "--device", device});
    ASSERT_EQ(ended.code, 0) << ended.err;
    EXPECT_THAT(ended.out, HasSubstr("GPU"));
    EXPECT_THAT(verify_study(place_.file(study)), IsEmpty());
    EXPECT_EQ(csv(study), csv("cpu")) << device;
  }
}

TEST_F(ProgramOnGpus, ARunOfTheCoresIsReplayedOnAGpuAndTheOtherWayRound) {
  place_.write_sweep("a.yaml", 1);
  for (const std::string trained_on : {"cpu", "cuda"}) {
    ASSERT_EQ(place_.run({"sweep", "a.yaml", "--study", trained_on, "--device", trained_on}).code, 0);
    for (const std::string device : {"cpu", "cuda:2,0"}) {
      const Ended ended = place_.run({"replay", trained_on, "--all", "--device", device});
      EXPECT_EQ(ended.code, 0) << ended.out << ended.err;
      EXPECT_THAT(ended.out, HasSubstr("all the same, bit for bit"));
    }
  }
  ASSERT_EQ(place_.run({"sweep", "a.yaml", "--study", "mixed", "--precision", "mixed"}).code, 0);
  EXPECT_EQ(place_.run({"replay", "mixed", "1", "--device", "cuda:3"}).code, 0);
  EXPECT_THAT(place_.run({"replay", "mixed", "1", "--device", "cpu"}).err, HasSubstr("needs a GPU"));
}

// Two families of shapes, so two packs a device; trials that wait for others, are stopped early and go on from others'
// weights.
TEST_F(ProgramOnGpus, ASearchThatLearnsAndJudgesRecordsTheSameOnAnyDevices) {
  place_.write_sweep("a.yaml", 4, "[0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0]");
  struct Search {
    const char *sampler, *scheduler;
  };
  const std::vector<std::string> devices = {"cuda:0", "cuda", "cuda:2,1"};
  int number = 0;
  for (const Search& search :
       {Search{"tpe,startup=4", "hyperband,max_iter=4,eta=2"}, Search{"gp", "median,startup_trials=2"},
        Search{"evolution,population=4", "race"}, Search{"pbt,population=4,interval=1", "none"}}) {
    const auto content_on = [&](const std::string& device, const std::vector<std::string>& more) {
      const std::string study = "s" + std::to_string(number++);
      std::vector<std::string> arguments = {"sweep",       "a.yaml",         "--study",  study, "--count",  "12",
                                            "--sampler",   search.sampler,   "--window", "4",   "--device", device,
                                            "--scheduler", search.scheduler, "--seeds",  "3"};
      arguments.insert(arguments.end(), more.begin(), more.end());
      const Ended ended = place_.run(arguments);
      EXPECT_EQ(ended.code, 0) << ended.err;
      EXPECT_THAT(verify_study(place_.file(study)), IsEmpty());
      Storage storage = Storage::open_to_read(place_.file(study + "/study.db"));
      return study_content(storage);
    };
    const std::string on_a_core = content_on("cpu", {"--threads", "1"});
    EXPECT_TRUE(on_a_core == content_on("cpu", {"--threads", "3"})) << search.sampler;
    for (const std::string& device : devices) {
      EXPECT_TRUE(on_a_core == content_on(device, {})) << search.sampler << " on " << device;
    }
  }
}

TEST_F(ProgramOnGpus, AGpuThatIsNotThereIsAnError) {
  place_.write_sweep("a.yaml", 1);
  const Ended ended = place_.run({"sweep", "a.yaml", "--device", "cuda:7"});
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.err, HasSubstr("cuda:7"));
  EXPECT_THAT(place_.run({"sweep", "a.yaml", "--device", "gpu"}).err, HasSubstr("auto, cpu, cuda"));
}

TEST_F(ProgramOnGpus, WithoutAGpuItSaysSoAndUsesTheCores) {
  ::setenv("EMULATED_GPUS", "0", 1);
  place_.write_sweep("a.yaml", 1);
  const Ended ended = place_.run({"sweep", "a.yaml", "--study", "s", "--device", "cuda"});
  EXPECT_EQ(ended.code, 0);
  EXPECT_THAT(ended.err, AllOf(HasSubstr("no NVIDIA GPU"), HasSubstr("training on")));
  EXPECT_THAT(place_.run({"sweep", "a.yaml", "--precision", "mixed"}).err, HasSubstr("needs a GPU"));
}

TEST_F(ProgramOnGpus, KilledAtRandomItResumesToTheSameContentOnAnyDevice) {
  place_.write_sweep("a.yaml", 4);
  const auto start = std::chrono::steady_clock::now();
  ASSERT_EQ(place_.run({"sweep", "a.yaml", "--study", "whole", "--seeds", "2", "--device", "cuda"}).code, 0);
  const auto duration = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
  std::mt19937_64 random(1);
  int killed = 0;
  for (int round = 0; round < 6; ++round) {
    const std::string study = "s" + std::to_string(round);
    Process process = place_.start({"sweep", "a.yaml", "--study", study, "--seeds", "2", "--device", "cuda"});
    ::usleep(static_cast<useconds_t>(random() % static_cast<std::uint64_t>(duration.count())));
    process.send(SIGKILL);
    killed += process.wait().code == -SIGKILL;
    const char* device = round % 2 ? "cpu" : "cuda:1,2";
    const Ended ended =
        place_.run({"sweep", "a.yaml", "--study", study, "--seeds", "2", "--device", device, "--resume"});
    ASSERT_EQ(ended.code, 0) << ended.err;
    EXPECT_EQ(csv(study), csv("whole")) << study;
  }
  EXPECT_GT(killed, 0);
}

TEST_F(ProgramOnGpus, AStudyInMixedPrecisionGoesOnInItAndInNoOther) {
  place_.write_sweep("a.yaml", 1);
  ASSERT_EQ(place_.run({"sweep", "a.yaml", "--study", "s", "--precision", "mixed"}).code, 0);
  EXPECT_EQ(place_.run({"sweep", "a.yaml", "--study", "s", "--seeds", "2", "--resume"}).code, 0);
  const Ended ended =
      place_.run({"sweep", "a.yaml", "--study", "s", "--seeds", "3", "--precision", "fp32", "--resume"});
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.err, AllOf(HasSubstr("mixed/1/sm_"), HasSubstr("fp32/1")));
  EXPECT_EQ(place_.run({"sweep", "a.yaml", "--study", "s", "--device", "cpu", "--resume"}).code, 1);
}

}  // namespace
}  // namespace caviar
