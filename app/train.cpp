// caviar train --set key=value: one config, as a sweep of one point.
#include <memory>
#include <string>
#include <vector>

#include "app/carry_out.h"
#include "app/commands.h"
#include "app/one_point.h"
#include "app/ranking.h"
#include "kernels/base/error.h"

namespace caviar {
namespace {

constexpr const char* kFooter = R"(
Parameters and defaults: cell=lstm hidden_size=128 num_layers=2 batch_size=100 optimizer=adam learning_rate=0.003
epochs=10 (or max_steps) readout=last_step seed=0; names and aliases are those of sweep files. `caviar params` lists
every parameter.

Exit codes: as of `caviar sweep`.

Example:
  caviar train --set cell=gru --set hidden_size=32 --set epochs=2 --seeds 3)";

void show_end(Storage& storage) {
  if (storage.trial(0)) print_trial(storage, 0);
}

}  // namespace

void add_train(CLI::App& program, int& exit_code) {
  struct Options {
    std::vector<std::string> settings;
    CarryOutFlags flags;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* command = program.add_subcommand("train", "Train one config, on one or more seeds");
  command->add_option("--set", options->settings, "a parameter, key=value; once for each parameter")
      ->allow_extra_args(false);
  command->add_option("--study", options->flags.study, "directory to keep it in [default: it is shown and not kept]");
  command->add_flag("--resume", options->flags.resume, "go on with the training that is in the directory of --study");
  add_weights_flag(*command, options->flags);
  add_common_flags(*command, options->flags);
  command->footer(kFooter);
  command->callback([options, &exit_code] {
    if (options->flags.resume && options->flags.study.empty()) fail("--resume needs --study DIR: nothing else is kept");
    if (options->flags.save_weights && options->flags.study.empty())
      fail("--save-weights needs --study DIR to keep them in");
    exit_code = carry_out(parse_sweep(one_point_sweep(options->settings), "--set"), options->flags, show_end);
  });
}

}  // namespace caviar
