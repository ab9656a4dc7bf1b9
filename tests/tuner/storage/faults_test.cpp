// Faults of the place where a study lies: full, read-only, shared, limited.
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/study_kill_loop.h"

namespace caviar {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Runs the action in a child that may lose its rights or limits; returns what it returned.
std::string in_a_child(const std::function<std::string()>& action) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return "no pipe";
  const pid_t child = ::fork();
  if (child == 0) {
    std::string text;
    try {
      text = action();
    } catch (const Error& error) {
      text = error.what();
    }
    [[maybe_unused]] const auto written = ::write(ends[1], text.data(), text.size());
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string text;
  char buffer[4096];
  for (ssize_t size; (size = ::read(ends[0], buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(size));
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? text : "the child crashed";
}

std::string sweep_in(const std::filesystem::path& study) {
  const int code = carry_out_small_sweep(study, {}, [](const std::string&) {});
  return code == 0 ? "done" : "drained";
}

std::vector<std::string> verify_finished(const std::filesystem::path& study) {
  VerifyOptions options;
  options.reference = undisturbed_content(kKillLoopTrials);
  options.trials = kKillLoopTrials;
  return verify_study(study, options);
}

TEST(Faults, ASecondWriterIsRefusedAtOnceAndToldWhoTheFirstIs) {
  MemoryDir dir;
  const auto directory = StudyDirectory::open_to_write(dir.path() / "study");
  const std::string self = "process " + std::to_string(::getpid());
  EXPECT_THAT(in_a_child([&] { return sweep_in(dir.path() / "study"); }),
              AllOf(HasSubstr("is being written by " + self), HasSubstr("--study")));
  std::string owner;
  EXPECT_TRUE(is_being_written(dir.path() / "study", &owner));
  EXPECT_THAT(owner, HasSubstr(self));
}

TEST(Faults, TheLockEndsWithItsProcess) {
  MemoryDir dir;
  const auto study = dir.path() / "study";
  EXPECT_TRUE(run_victim(study, {"run_finished:2", -1, 1, -1}).killed);
  EXPECT_FALSE(is_being_written(study));
  EXPECT_EQ(sweep_in(study), "done");
  EXPECT_THAT(verify_finished(study), IsEmpty());
}

TEST(Faults, ManyProcessesAtOnceGiveOneWriterAndNoLockedDatabase) {
  MemoryDir dir;
  const auto study = dir.path() / "study";
  std::vector<pid_t> children;
  for (int i = 0; i < 8; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      try {
        ::_exit(sweep_in(study) == "done" ? 0 : 1);
      } catch (const Error& error) {
        ::_exit(std::string(error.what()).find("is being written by") != std::string::npos ? 4 : 5);
      }
    }
    children.push_back(child);
  }
  int done = 0;
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_TRUE(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 4) << WEXITSTATUS(status);
    done += WEXITSTATUS(status) == 0;
  }
  EXPECT_GE(done, 1);
  EXPECT_THAT(verify_finished(study), IsEmpty());
}

TEST(Faults, AFullDiskIsAnErrorAndTheStudyGoesOnWhenThereIsSpace) {
  MemoryDir dir;
  const auto mount = dir.path() / "small";
  std::filesystem::create_directory(mount);
  if (::geteuid() != 0 || ::mount("tmpfs", mount.c_str(), "tmpfs", 0, "size=4m") != 0) {
    GTEST_SKIP() << "needs root and a file system of its own";
  }
  const auto study = mount / "study";
  for (const int kilobytes_free : {0, 4, 12, 20, 32, 40, 60, 80}) {
    std::filesystem::remove_all(study);
    const auto filler = mount / "filler";
    {
      std::ofstream out(filler, std::ios::binary);
      const auto free = std::filesystem::space(mount).available;
      const auto keep = static_cast<std::uintmax_t>(kilobytes_free) * 1024;
      if (free > keep) out << std::string(free - keep, 'x');
    }
    const std::string first = in_a_child([&] { return sweep_in(study); });
    std::filesystem::remove(filler);
    EXPECT_TRUE(first == "done" || first.find("space") != std::string::npos) << kilobytes_free << ": " << first;
    if (kilobytes_free < 20) {
      EXPECT_NE(first, "done") << "the disk was not full: the test tests nothing";
    }
    EXPECT_EQ(in_a_child([&] { return sweep_in(study); }), "done");
    EXPECT_THAT(verify_finished(study), IsEmpty()) << kilobytes_free;
  }
  ::umount(mount.c_str());
}

TEST(Faults, ALimitOnTheSizeOfFilesIsAnErrorAndTheStudyGoesOnWithoutIt) {
  for (const rlim_t limit : {1u, 4096u, 20'000u, 60'000u, 100'000u}) {
    MemoryDir dir;
    const auto study = dir.path() / "study";
    const std::string first = in_a_child([&] {
      std::signal(SIGXFSZ, SIG_IGN);
      const rlimit limits{limit, limit};
      ::setrlimit(RLIMIT_FSIZE, &limits);
      return sweep_in(study);
    });
    EXPECT_THAT(first, HasSubstr(dir.path().string())) << "a sentence that names the file, not a crash";
    EXPECT_EQ(sweep_in(study), "done");
    EXPECT_THAT(verify_finished(study), IsEmpty()) << limit;
  }
}

TEST(Faults, ADirectoryThatCannotBeWrittenIsAnErrorBeforeTrainingStarts) {
  MemoryDir dir;
  std::filesystem::permissions(dir.path(), std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec |
                                               std::filesystem::perms::others_read |
                                               std::filesystem::perms::others_exec);
  const auto action = [&]() -> std::string {
    if (::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) return "cannot leave root";
    return sweep_in(dir.path() / "study");
  };
  EXPECT_THAT(in_a_child(action), AllOf(HasSubstr("cannot be made"), HasSubstr("--study")));
  std::filesystem::permissions(dir.path(), std::filesystem::perms::owner_all);
}

TEST(Faults, AFinishedStudyInADirectoryThatCannotBeWrittenIsReadable) {
  MemoryDir dir;
  const auto study = dir.path() / "study";
  ASSERT_EQ(sweep_in(study), "done");
  using std::filesystem::perms;
  std::filesystem::permissions(dir.path(), perms::owner_all | perms::others_read | perms::others_exec);
  std::filesystem::permissions(study, perms::owner_read | perms::owner_exec | perms::others_read | perms::others_exec);
  const std::string content = in_a_child([&]() -> std::string {
    if (::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) return "cannot leave root";
    Storage storage = Storage::open_to_read(StudyDirectory::database_in(study));
    return std::to_string(storage.trial_count()) + " trials";
  });
  std::filesystem::permissions(study, perms::owner_all);
  EXPECT_EQ(content, std::to_string(kKillLoopTrials) + " trials");
}

TEST(Faults, NetworkFileSystemsAreKnownByName) {
  EXPECT_STREQ(network_file_system(0x6969), "NFS");
  EXPECT_STREQ(network_file_system(static_cast<long>(0xff534d42)), "CIFS");
  EXPECT_EQ(network_file_system(0xef53), nullptr);      // ext4
  EXPECT_EQ(network_file_system(0x01021994), nullptr);  // tmpfs
}

TEST(Faults, ATornOrDamagedStudyIsReportedWithItsFile) {
  MemoryDir dir;
  const auto study = dir.path() / "study";
  ASSERT_EQ(sweep_in(study), "done");
  const auto file = StudyDirectory::database_in(study);
  std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
  EXPECT_THAT(in_a_child([&] {
                Storage storage = Storage::open_to_write(file);
                storage.check_integrity();
                return std::string("whole");
              }),
              AllOf(HasSubstr(file), HasSubstr("damaged")));
}

}  // namespace
}  // namespace caviar
