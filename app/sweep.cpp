// caviar sweep FILE, caviar train --set key=value
#include <filesystem>
#include <memory>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/carry_out.h"
#include "app/commands.h"
#include "kernels/base/error.h"

namespace caviar {

namespace {

struct SweepFlags {
  std::string file;
  CarryOutFlags carry_out;
};

struct TrainFlags {
  std::vector<std::string> settings;
  CarryOutFlags carry_out;
};

// A sweep of one point: a grid over constants. The text is kept in the study, so it is made with care.
SweepSpec one_point(const std::vector<std::string>& settings) {
  std::string text = "method: grid\nparameters:\n";
  for (const std::string& setting : settings) {
    const std::size_t at = setting.find('=');
    if (at == std::string::npos || at == 0)
      fail("--set is '", setting, "'; write it as key=value, for example --set hidden_size=64.");
    text += fmt::format("  {}: {{value: {}}}\n", setting.substr(0, at), setting.substr(at + 1));
  }
  if (settings.empty()) text += "  cell: {value: lstm}\n";
  return parse_sweep(text, "command line");
}

}  // namespace

void add_sweep_command(CLI::App& app, int& exit_code) {
  auto flags = std::make_shared<SweepFlags>();
  CLI::App* command = app.add_subcommand("sweep", "run a W&B sweep file, unchanged, on this machine");
  command->add_option("FILE", flags->file, "the sweep file (YAML)")->required();
  add_carry_out_flags(*command, flags->carry_out);
  command->add_option("--count", flags->carry_out.count,
                      "trials at most; 0 validates the file and stops [run_cap of the file; the whole grid]");
  command->add_option("--sweep-seed", flags->carry_out.sweep_seed,
                      "seed of the search: the same seed, the same trials, however many threads [0]");
  command->footer("Example: caviar sweep examples/birnn_mnist.yaml --seeds 3 --study studies/first");
  command->callback([flags, &exit_code] {
    const SweepSpec spec = load_sweep(flags->file);
    const std::string stem = std::filesystem::path(flags->file).stem().string();
    exit_code = carry_out(spec, flags->carry_out, "studies/" + stem);
  });
}

void add_train_command(CLI::App& app, int& exit_code) {
  auto flags = std::make_shared<TrainFlags>();
  CLI::App* command = app.add_subcommand("train", "train one configuration, on one or several seeds");
  command
      ->add_option(
          "--set", flags->settings,
          "a parameter as key=value, repeatable: cell, hidden_size, num_layers, learning_rate, batch_size, epochs, ...")
      ->allow_extra_args();
  add_carry_out_flags(*command, flags->carry_out);
  command->footer("Example: caviar train --set cell=gru --set hidden_size=64 --set epochs=2 --seeds 5");
  command->callback(
      [flags, &exit_code] { exit_code = carry_out(one_point(flags->settings), flags->carry_out, "studies/train"); });
}

}  // namespace caviar
