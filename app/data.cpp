// caviar data: which data sets are known, where they are, how to get them.
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <memory>

#include <fmt/format.h>

#include "app/commands.h"
#include "engine/data/dataset.h"
#include "kernels/base/error.h"

namespace caviar {
namespace {

void list() {
  for (const KnownDataset& known : known_datasets()) {
    fmt::print("{}\n  {}\n", known.name, known.about);
    if (known.directory.empty()) {
      fmt::print("  not here; get it with: {}\n", known.how_to_get);
    } else {
      fmt::print("  {}\n", known.directory);
    }
  }
  fmt::print("\nA directory of IDX files, gzip or not, works as well: --data DIR\n");
}

// A script of the project, from the project's root or from the folder above the program.
std::string find_script(const std::string& name) {
  std::error_code ignored;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", ignored);
  for (const auto& root : {std::filesystem::path("."), program.parent_path().parent_path()}) {
    if (std::filesystem::exists(root / name, ignored)) return (root / name).string();
  }
  fail(name, " is not here; run it from the folder of the project");
}

int fetch(const std::string& name) {
  std::string names;
  for (const KnownDataset& known : known_datasets()) {
    names += (names.empty() ? "" : ", ") + known.name;
    if (known.name != name) continue;
    if (!known.directory.empty()) {
      fmt::print("{} is in {}\n", name, known.directory);
      return kExitDone;
    }
    const bool script = known.how_to_get.starts_with("scripts/");
    const std::string command = script ? "'" + find_script(known.how_to_get) + "'" : known.how_to_get;
    fmt::print("{}\n", command);
    std::fflush(stdout);
    const int status = std::system(command.c_str());
    if (status == -1 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
      fail("data set ", name, " could not be fetched with: ", known.how_to_get,
           script ? "" : "; it may need the rights of root");
    }
    return kExitDone;
  }
  fail("there is no known data set named '", name, "'; known are: ", names);
}

}  // namespace

void add_data(CLI::App& program, int& exit_code) {
  CLI::App* command = program.add_subcommand("data", "List the known data sets, or fetch one");
  command->require_subcommand(1);
  command->footer("\nExample:\n  caviar data fetch mnist");

  CLI::App* listing = command->add_subcommand("list", "Show the known data sets and where they are");
  listing->footer("\nExample:\n  caviar data list");
  listing->callback([&exit_code] {
    list();
    exit_code = kExitDone;
  });

  const auto name = std::make_shared<std::string>("mnist");
  CLI::App* fetching = command->add_subcommand("fetch", "Fetch a data set that is not here");
  fetching->add_option("name", *name, "a name `caviar data list` shows")->capture_default_str();
  fetching->footer("\nExample:\n  caviar data fetch mnist");
  fetching->callback([name, &exit_code] { exit_code = fetch(*name); });
}

}  // namespace caviar
