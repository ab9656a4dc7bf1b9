// Runs the program `caviar` as a user does, on a small data set.
#pragma once

#include <fcntl.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/idx_files.h"
#include "tests/support/temp_dir.h"

namespace caviar {

struct Ended {
  int code = -1;  // exit code, or minus the signal
  std::string out, err;
};

// A process of the program. Its output goes to files, so that nothing blocks on a pipe nobody reads.
class Process {
 public:
  Process(const std::string& program, const std::vector<std::string>& arguments, const TempDir& dir)
      : out_(dir.file("out-" + std::to_string(++count()))), err_(out_ + "-err") {
    child_ = ::fork();
    if (child_ == 0) {
      redirect(out_, STDOUT_FILENO);
      redirect(err_, STDERR_FILENO);
      if (::chdir(dir.path().c_str()) != 0) ::_exit(99);
      std::vector<char*> argv = {const_cast<char*>(program.c_str())};
      for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
      argv.push_back(nullptr);
      ::execv(program.c_str(), argv.data());
      ::_exit(99);
    }
  }

  void send(int signal) const { ::kill(child_, signal); }

  // The output so far holds `text`; waits for it up to half a minute.
  bool says(const std::string& text) const {
    for (int i = 0; i < 3000; ++i) {
      if ((read(out_) + read(err_)).find(text) != std::string::npos) return true;
      ::usleep(10'000);
    }
    return false;
  }

  Ended wait() {
    int status = 0;
    ::waitpid(child_, &status, 0);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), read(out_), read(err_)};
  }

 private:
  static int& count() {
    static int value = 0;
    return value;
  }
  static void redirect(const std::string& file, int descriptor) {
    const int handle = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (handle < 0 || ::dup2(handle, descriptor) < 0) ::_exit(98);
    ::close(handle);
  }
  static std::string read(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }

  std::string out_, err_;
  pid_t child_ = -1;
};

// The program on a terminal; returns all it drew. `interrupt_at` is the text at which Ctrl-C is typed.
inline Ended run_on_terminal(const std::string& program, const std::vector<std::string>& arguments, const TempDir& dir,
                             const std::string& interrupt_at = {}) {
  int terminal = -1;
  const winsize size{24, 200, 0, 0};
  const pid_t child = ::forkpty(&terminal, nullptr, nullptr, &size);
  if (child < 0) throw std::runtime_error("no terminal");
  if (child == 0) {
    if (::chdir(dir.path().c_str()) != 0) ::_exit(99);
    std::vector<char*> argv = {const_cast<char*>(program.c_str())};
    for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    ::execv(program.c_str(), argv.data());
    ::_exit(99);
  }
  Ended ended;
  bool typed = interrupt_at.empty();
  char buffer[4096];
  for (ssize_t size_read;
       (size_read = ::read(terminal, buffer, sizeof buffer)) > 0 || (size_read < 0 && errno == EINTR);) {
    if (size_read > 0) ended.out.append(buffer, static_cast<std::size_t>(size_read));
    if (!typed && ended.out.find(interrupt_at) != std::string::npos) {
      typed = ::write(terminal, "\x03", 1) == 1;
    }
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ::close(terminal);
  ended.code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return ended;
}

// A directory with a data set in it and sweep files beside it.
class Workplace {
 public:
  explicit Workplace(std::string program) : program_(std::move(program)) {
    DatasetShape shape;
    shape.train = 340;
    shape.test = 60;
    write_dataset(dir_, shape);
  }

  const TempDir& dir() const { return dir_; }
  std::string file(const std::string& name) const { return dir_.file(name); }

  // Runs `caviar arguments...`; sweep, train, noise, plan, check, replay, ensemble and signal get the data set.
  Ended run(std::vector<std::string> arguments) const { return start(std::move(arguments)).wait(); }

  Process start(std::vector<std::string> arguments) const {
    return Process(program_, with_data(std::move(arguments)), dir_);
  }

  Ended on_terminal(std::vector<std::string> arguments, const std::string& interrupt_at = {}) const {
    return run_on_terminal(program_, with_data(std::move(arguments)), dir_, interrupt_at);
  }

  // A grid of `rates` x 2 cells, each trial `epochs` epochs of 15 steps.
  std::string write_sweep(const std::string& name, int epochs, const std::string& rates = "[0.001, 0.01, 0.1]") const {
    return dir_.write(name,
                      "method: grid\nmetric: {name: val_accuracy, goal: maximize}\nparameters:\n"
                      "  cell: {values: [lstm, gru]}\n  hidden_size: {value: 8}\n  num_layers: {value: 1}\n"
                      "  batch_size: {value: 20}\n  readout: {value: final_states}\n"
                      "  learning_rate: {values: " +
                          rates + "}\n  epochs: {value: " + std::to_string(epochs) +
                          "}\ncaviar: {validation_examples: 40}\n");
  }

 private:
  std::vector<std::string> with_data(std::vector<std::string> arguments) const {
    if (!arguments.empty() && (arguments[0] == "sweep" || arguments[0] == "train" || arguments[0] == "noise" ||
                               arguments[0] == "confirm" || arguments[0] == "plan" || arguments[0] == "check" ||
                               arguments[0] == "replay" || arguments[0] == "ensemble" || arguments[0] == "signal")) {
      arguments.insert(arguments.end(), {"--data", dir_.path().string()});
    }
    return arguments;
  }

  std::string program_;
  TempDir dir_;
};

}  // namespace caviar
