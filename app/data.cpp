// caviar data list, caviar data fetch
#include <memory>
#include <string>

#include <fmt/format.h>

#include "app/commands.h"
#include "app/exit_code.h"
#include "engine/data/dataset.h"
#include "kernels/base/error.h"

namespace caviar {

namespace {

void list_data() {
  for (const KnownDataset& d : known_datasets()) {
    fmt::print("{:<14}  {}\n", d.name, d.about);
    if (!d.directory.empty()) {
      fmt::print("{:<14}  found in {}\n", "", d.directory);
    } else {
      fmt::print("{:<14}  not found; get it with: {}\n", "", d.how_to_get);
      for (const std::string& place : d.places) fmt::print("{:<14}    looked in {}\n", "", place);
    }
  }
  fmt::print("A directory of IDX files (gzip or not) works as well: --data DIR\n");
}

// Says where the data set is, checked, or how to get it: caviar itself opens no connection.
int fetch_data(const std::string& name) {
  for (const KnownDataset& d : known_datasets()) {
    if (d.name != name) continue;
    if (d.directory.empty()) {
      fmt::print("{} is not on this machine. caviar opens no network connection; get it with:\n  {}\n", name,
                 d.how_to_get);
      return kExitError;
    }
    const Dataset data = load_dataset(name);
    fmt::print("{} is in {}: {} training and {} test examples of {} x {}, digest {}\n", name, d.directory,
               data.train.count, data.test.count, data.steps, data.features, data.digest);
    return kExitDone;
  }
  fail("There is no data set '", name, "'; `caviar data list` says which are known.");
}

}  // namespace

void add_data_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("data", "which data sets are known and where they are");
  command->require_subcommand(1);
  command->footer("Example: caviar data list");
  CLI::App* list = command->add_subcommand("list", "known data sets, where they were found, how to get the others");
  list->footer("Example: caviar data list");
  list->callback([] { list_data(); });
  auto name = std::make_shared<std::string>("mnist");
  CLI::App* fetch = command->add_subcommand("fetch", "check a data set that is here, or say the command that gets it");
  fetch->add_option("NAME", *name, "name of the data set [mnist]");
  fetch->footer("Example: caviar data fetch mnist");
  fetch->callback([name, &exit_code] { exit_code = fetch_data(*name); });
}

}  // namespace caviar
