// The program `caviar`.
#include <cstdio>
#include <exception>
#include <new>

#include "app/commands.h"
#include "app/exit_code.h"
#include "app/version.h"

int main(int argc, char** argv) {
  using namespace caviar;
  CLI::App app{"caviar trains thousands of small models side by side and says which differences are real."};
  app.footer(
      "Example: caviar sweep examples/birnn_mnist.yaml\n"
      "Exit codes: 0 done; 1 an error, said on standard error; 2 the command line was not understood; 3 put down on "
      "Ctrl-C,\n"
      "go on with --resume; 4 done, but some trials could not be trained; 130 a second Ctrl-C.");
  app.set_version_flag("--version", std::string("caviar ") + kVersion);
  app.require_subcommand(1);
  int exit_code = kExitDone;
  add_sweep_command(app, exit_code);
  add_train_command(app, exit_code);
  add_show_command(app, exit_code);
  add_data_command(app, exit_code);
  try {
    app.parse(argc, argv);
    return exit_code;
  } catch (const CLI::Success& e) {  // --help, --version
    return app.exit(e);
  } catch (const CLI::ParseError& e) {
    app.exit(e);
    return kExitUsage;
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "caviar: out of memory. Use fewer --threads or smaller models; what was recorded is safe.\n");
  } catch (const std::exception& e) {
    std::fprintf(stderr, "caviar: %s\n", e.what());
  }
  return kExitError;
}
