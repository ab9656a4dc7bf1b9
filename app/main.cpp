// The program `caviar`.
#include <csignal>
#include <cstdio>
#include <new>

#include <fmt/format.h>

#include "app/commands.h"
#include "kernels/base/error.h"

int main(int argc, char** argv) {
  using namespace caviar;
  // A limit on the size of files is an error of the write that met it, to be reported like a full disk.
  std::signal(SIGXFSZ, SIG_IGN);

  CLI::App program("caviar trains thousands of small models at once and shows how much of a ranking is seed noise.");
  program.set_version_flag("--version", std::string("caviar ") + kVersion);
  program.require_subcommand(1);
  program.get_formatter()->column_width(34);
  program.footer("\nExample:\n  caviar sweep examples/birnn_mnist.yaml\n\n`caviar COMMAND --help` says more of each.");

  int exit_code = kExitError;
  add_sweep(program, exit_code);
  add_plan(program, exit_code);
  add_check(program, exit_code);
  add_train(program, exit_code);
  add_noise(program, exit_code);
  add_show(program, exit_code);
  add_next(program, exit_code);
  add_replay(program, exit_code);
  add_signal(program, exit_code);
  add_ensemble(program, exit_code);
  add_compare(program, exit_code);
  add_confirm(program, exit_code);
  add_devices(program, exit_code);
  add_data(program, exit_code);
  add_params(program, exit_code);
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return program.exit(error) == 0 ? kExitDone : kExitUsage;
  } catch (const Error& error) {
    fmt::print(stderr, "caviar: {}\n", error.what());
    return kExitError;
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "caviar: there is not enough memory; use fewer --threads or smaller models\n");
    return kExitError;
  }
  // What could not be printed was not said: a full disk behind a pipe is no success.
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    fmt::print(stderr, "caviar: standard output could not be written; a study on disk is complete all the same\n");
    return kExitError;
  }
  return exit_code;
}
