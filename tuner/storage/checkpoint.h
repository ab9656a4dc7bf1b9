// Checkpoints: the states of the runs under way, in one file, so that a killed study loses seconds and not runs.
//
// A checkpoint is never needed for the result: a run without one starts again and ends with the same bits. So a torn
// file is passed over with a notice, and nothing else depends on it. A file is written under a temporary name in the
// same directory, synced, renamed, and the directory synced; the last two are kept.
//
// File `<sequence>.checkpoint`, little-endian: 8 bytes "caviarC1"; u64 number of runs; then for each run 32 bytes of
// identity, u64 optimizer updates done, u64 reports made, u64 size of its state, the state; at the end u64 size of all
// that came before and its hash128 (engine/digest.h), high half first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace caviar {

struct SavedRun {
  std::string identity;  // 32 hexadecimal digits
  std::int64_t step = 0;
  std::int64_t reports = 0;  // that were recorded before: a state ahead of the record is of no use
  std::vector<std::byte> state;
};

class Checkpoints {
 public:
  // `directory` exists. Nothing is read or written yet.
  explicit Checkpoints(std::filesystem::path directory) : directory_(std::move(directory)) {}

  // Writes a new checkpoint and removes all but the last two. Throws Error when it cannot be written (the ones before
  // stay whole).
  void save(const std::vector<SavedRun>& runs);

  // The runs of the newest whole checkpoint; empty when there is none. Says in `notices` which files were passed over
  // and why, and removes temporary files that a killed writer left.
  std::vector<SavedRun> load(std::vector<std::string>& notices);

  // Removes all checkpoints: the study is finished.
  void clear();

 private:
  std::filesystem::path directory_;
};

// Writes one file, durably, in the place of what was there under that name.
void write_checkpoint(const std::filesystem::path& file, const std::vector<SavedRun>& runs);

// Makes durable which files the directory has.
void sync_directory(const std::filesystem::path& directory);

// Reads and verifies one file. Throws Error naming the file, the offset and what is wrong there.
std::vector<SavedRun> read_checkpoint(const std::filesystem::path& file);

}  // namespace caviar
