// The weights that later trials go on from: final states of finished runs, for population based training.
//
// Unlike a checkpoint, such a state is part of the result: it is durable before the end of its run is recorded. One
// file a run, `<trial>-<repeat>.weights` in the directory of the checkpoints and in their format.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <utility>

#include "tuner/storage/checkpoint.h"

namespace caviar {

class Lineage {
 public:
  // An empty directory: kept in memory.
  explicit Lineage(std::filesystem::path directory) : directory_(std::move(directory)) {}

  void keep(std::int64_t trial, std::int64_t repeat, const SavedRun& state);

  // Nothing when none is kept. Throws Error when it is damaged.
  std::optional<SavedRun> find(std::int64_t trial, std::int64_t repeat) const;

  // States of trials before this one are no longer needed.
  void forget_before(std::int64_t trial);
  void clear();

 private:
  std::filesystem::path file(std::int64_t trial, std::int64_t repeat) const;

  std::filesystem::path directory_;
  std::map<std::pair<std::int64_t, std::int64_t>, SavedRun> in_memory_;
};

}  // namespace caviar
