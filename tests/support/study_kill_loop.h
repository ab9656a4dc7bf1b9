// Kills a small study at every failpoint and at random moments, resumes it, and verifies it after every kill.
//
// The victims are forked: a child holds no open database, no thread and no lock of its parent, dies by SIGKILL, and
// tells through a pipe which results it had acknowledged.
#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "tests/support/study_fixture.h"
#include "tests/support/study_verify.h"
#include "tuner/failpoint.h"
#include "tuner/storage/directory.h"

namespace caviar {

inline constexpr int kKillLoopTrials = 9;

// A directory in memory where there is one: SIGKILL loses nothing the kernel has, so these tests need no disk.
class MemoryDir {
 public:
  MemoryDir() {
    std::error_code error;
    const bool shared = std::filesystem::is_directory("/dev/shm", error) && ::access("/dev/shm", W_OK) == 0;
    const std::filesystem::path parent = shared ? "/dev/shm" : std::filesystem::temp_directory_path();
    std::string pattern = (parent / "caviar_test_XXXXXX").string();
    if (!::mkdtemp(pattern.data())) fail("cannot make a directory ", pattern);
    path_ = pattern;
  }
  ~MemoryDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  MemoryDir(const MemoryDir&) = delete;
  MemoryDir& operator=(const MemoryDir&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// What a victim is told to do.
struct Victim {
  std::string failpoint;  // as CAVIAR_FAILPOINT, or empty
  int drain_after = -1;   // asks for a drain at that progress report
  std::uint64_t shuffle_seed = 0;
  int kill_after_microseconds = -1;  // the parent kills it then
};

struct Death {
  bool killed = false;  // by SIGKILL
  int exit_code = -1;   // 0 done, 3 drained, 1 error, when it was not killed
  std::vector<std::string> acknowledged;
};

// Carries the small sweep out in `study` as a process of its own would: directory, lock, database, checkpoints.
inline int carry_out_small_sweep(const std::filesystem::path& study, const Victim& victim,
                                 const std::function<void(const std::string&)>& acknowledge) {
  const StudyDirectory directory = StudyDirectory::open_to_write(study);
  Storage storage = Storage::open_to_write(directory.database());
  StudySetup setup = small_setup();
  setup.checkpoints = directory.checkpoints();
  setup.weights = directory.weights();
  if (!storage.study()) setup.save_weights = SaveWeights::kAll;  // a resume knows
  setup.checkpoint_interval = std::chrono::milliseconds(0);
  FakeStudy fake(storage, setup, small_sweep(kKillLoopTrials), small_fake(victim.shuffle_seed, 3));
  int told = 0;
  std::set<std::int64_t> known;
  fake.study.on_progress = [&](const Progress&) {
    storage.for_each_run([&](const RunRecord& run) {
      if (!is_finished(run.state) || !known.insert(run.id).second) return;
      acknowledge(fmt::format("{} {} {}", run.identity, to_string(run.state), run.digest));
    });
    if (told++ == victim.drain_after) fake.study.request_drain();
  };
  return fake.study.carry_out() == StudyOutcome::kDone ? 0 : 3;
}

inline Death run_victim(const std::filesystem::path& study, const Victim& victim) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) fail("no pipe for the victim");
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    int code = 1;
    try {
      arm_failpoint(victim.failpoint);
      code = carry_out_small_sweep(study, victim, [&](const std::string& line) {
        const std::string text = line + "\n";
        if (::write(ends[1], text.data(), text.size()) != static_cast<ssize_t>(text.size())) ::_exit(2);
      });
    } catch (const Error&) {
    }
    ::_exit(code);
  }
  ::close(ends[1]);
  if (victim.kill_after_microseconds >= 0) {
    ::usleep(static_cast<useconds_t>(victim.kill_after_microseconds));
    ::kill(child, SIGKILL);
  }
  std::string text;
  char buffer[4096];
  for (ssize_t size; (size = ::read(ends[0], buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(size));
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  Death death;
  death.killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  if (WIFEXITED(status)) death.exit_code = WEXITSTATUS(status);
  for (std::size_t from = 0, end; (end = text.find('\n', from)) != text.npos; from = end + 1) {
    death.acknowledged.push_back(text.substr(from, end - from));
  }
  return death;
}

class KillLoop {
 public:
  KillLoop() : reference_(undisturbed_content(kKillLoopTrials)) {}

  // Victims one after the other in one study, the last of them left in peace; violations of the invariants after each.
  // `killed`, when given, is told for each victim but the last whether it died by SIGKILL.
  std::vector<std::string> kill_and_resume(std::vector<Victim> victims, std::vector<bool>* killed = nullptr) {
    MemoryDir dir;
    const auto study = dir.path() / "study";
    VerifyOptions options;
    options.reference = reference_;
    options.trials = kKillLoopTrials;
    victims.push_back({"", -1, 77, -1});
    std::vector<std::string> violations;
    for (std::size_t i = 0; i < victims.size(); ++i) {
      const bool last = i + 1 == victims.size();
      const Death death = run_victim(study, victims[i]);
      if (killed && !last) killed->push_back(death.killed);
      options.acknowledged.insert(options.acknowledged.end(), death.acknowledged.begin(), death.acknowledged.end());
      options.finished = death.exit_code == 0;
      const std::string label =
          fmt::format("victim {} ('{}', killed after {} us, drained after {}): ", i, victims[i].failpoint,
                      victims[i].kill_after_microseconds, victims[i].drain_after);
      if (last && death.exit_code != 0) violations.push_back(label + fmt::format("exit code {}", death.exit_code));
      if (nothing_recorded(study) && !last) continue;
      for (const std::string& text : verify_study(study, options)) violations.push_back(label + text);
    }
    for (const auto& entry : std::filesystem::directory_iterator(dir.path())) {
      if (entry.path() != study) violations.push_back("I12: a file outside the study: " + entry.path().string());
    }
    return violations;
  }

  // Microseconds an undisturbed victim takes.
  int undisturbed_microseconds() {
    MemoryDir dir;
    const auto begin = std::chrono::steady_clock::now();
    run_victim(dir.path() / "study", {});
    return static_cast<int>(
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin).count());
  }

 private:
  // Killed before its first commit, a study has nothing to verify; the resume starts it anew.
  static bool nothing_recorded(const std::filesystem::path& study) {
    const std::string file = StudyDirectory::database_in(study);
    if (!std::filesystem::exists(file)) return true;
    return !Storage::open_to_write(file).study();
  }

  std::string reference_;
};

// One up to four victims at random moments: by time, by failpoint, by drain.
inline std::vector<Victim> random_victims(std::uint64_t seed, int undisturbed_microseconds) {
  std::mt19937_64 random(seed);
  std::vector<Victim> victims(1 + random() % 4);
  for (Victim& victim : victims) {
    victim.shuffle_seed = random();
    switch (random() % 4) {
      case 0: {
        const auto names = failpoint_names();
        victim.failpoint = fmt::format("{}:{}", names[random() % names.size()], 1 + random() % 12);
        break;
      }
      case 1:
        victim.drain_after = static_cast<int>(random() % 25);
        [[fallthrough]];
      default:
        victim.kill_after_microseconds =
            static_cast<int>(random() % static_cast<std::uint64_t>(undisturbed_microseconds));
    }
  }
  return victims;
}

}  // namespace caviar
