// The final weights of finished runs, for whoever wants to ask their networks: `weights/<run>.weights` in the study's
// directory.
//
// One file a run that is complete, in the form of tuner/storage/checkpoint.h with one run in it: its identity, steps,
// reports, and its last state, which has parameters and averages but not the optimizer's numbers (4 bytes a parameter,
// 8 with averages, and 200 more). It is durable before the end of its run is committed. Weights are a convenience: what
// is not kept can be had again (tuner/replay.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/slot_state.h"
#include "tuner/storage/checkpoint.h"
#include "tuner/storage/storage.h"

namespace caviar {

enum class SaveWeights : std::uint8_t {
  kNone,
  kBest,  // of the one run whose last report has the best value of the sweep's metric; the lower number among equals
  kAll,
};
const char* to_string(SaveWeights which);
SaveWeights save_weights_of(const std::string& word);  // "none", "best", "all"; throws Error for another

class WeightKeeper {
 public:
  // An empty directory: keeps nothing. `which`: as asked for now; empty: as the study has it, of a new one kBest.
  WeightKeeper(std::filesystem::path directory, std::optional<SaveWeights> which, std::string metric, bool maximize)
      : directory_(std::move(directory)), which_(which), metric_(std::move(metric)), maximize_(maximize) {}

  // The study begins or goes on: notes in its events what is kept, finds the best run so far, and removes what a killed
  // process left half written. Weights that were kept while all were, are never removed.
  void open(Storage& storage);

  // A run is complete; its end is not recorded yet.
  void run_complete(const Report& last, const SavedRun& state);

  // What was recorded is durable: weights that a better run has replaced are removed.
  void committed();

 private:
  double loss_of(const Report& last) const;
  bool is_better(const Report& last) const;
  std::filesystem::path file(std::int64_t run) const;

  std::filesystem::path directory_;
  std::optional<SaveWeights> which_;
  std::string metric_;
  bool maximize_;
  bool removes_ = true;
  double best_ = std::numeric_limits<double>::quiet_NaN();  // as a loss
  std::int64_t best_run_ = -1;
  std::vector<std::int64_t> replaced_;  // since the last commit
};

// The weights of a run, if they were kept in the study of that directory. Throws Error, naming the file, when it is
// damaged, or holds what are not the weights of the run as recorded: the digest is computed again from them.
std::optional<Weights> kept_weights(const std::filesystem::path& study, const RunRecord& run);

}  // namespace caviar
