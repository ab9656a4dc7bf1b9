// caviar sweep FILE: carries a sweep file out.
#include <filesystem>
#include <memory>

#include <fmt/format.h>

#include "app/carry_out.h"
#include "app/check.h"
#include "app/commands.h"
#include "app/ranking.h"

namespace caviar {
namespace {

constexpr const char* kFooter = R"(
The study is a directory: study.db (SQLite; its tables are described in tuner/storage/schema.h) and checkpoints
while it runs; weights/ has what --save-weights keeps (its form: tuner/storage/weight_keeper.h).
Ctrl-C finishes the steps under way, records them and ends with code 3; a second one ends at once with code 130.
Either way, and after a crash, --resume goes on to the same numbers, bit for bit. On resuming, --count and --seeds
may be raised; what is not given stays as it was.

Exit codes: 0 done, 1 error, 2 wrong command line, 3 put down (resume with --resume), 4 done but some trials could
not be trained, 130 stopped at once.

Examples:
  caviar sweep examples/birnn_mnist.yaml --seeds 3 --study studies/first
  caviar sweep examples/birnn_mnist.yaml --seeds auto --max-seeds 24 --study studies/second)";

}  // namespace

void add_sweep(CLI::App& program, int& exit_code) {
  struct Options {
    std::string file;
    CarryOutFlags flags;
    bool check = false;
  };
  const auto options = std::make_shared<Options>();
  CarryOutFlags& flags = options->flags;
  CLI::App* command = program.add_subcommand("sweep", "Carry out a sweep file (W&B's format, unchanged)");
  command->add_option("file", options->file, "the sweep file, YAML")->required();
  command->add_option("--study", flags.study, "directory of the study [default: studies/<name of the file>]");
  command->add_flag("--check", options->check,
                    "first try what `caviar check` tries, on trial 0; when something fails the sweep does not start");
  add_search_flags(*command, flags);
  add_ending_flags(*command, flags);
  command->add_flag("--resume", flags.resume, "go on with the study that is in the directory");
  add_weights_flag(*command, flags);
  add_common_flags(*command, flags);
  add_auto_seeds_flags(*command, flags);
  command->footer(kFooter);
  command->callback([options, &exit_code] {
    CarryOutFlags& chosen = options->flags;
    if (chosen.study.empty()) {
      chosen.study = (std::filesystem::path("studies") / std::filesystem::path(options->file).stem()).string();
    }
    const SweepSpec spec = load_sweep(options->file);
    if (options->check) {
      exit_code = check_before(spec, chosen, 0);
      if (exit_code != kExitDone) return;
      fmt::print("\n");
    }
    exit_code = carry_out(spec, chosen, [](Storage& storage) { print_ranking(storage, kRankingRows); });
  });
}

}  // namespace caviar
