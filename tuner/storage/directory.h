// The directory of a study: where its files are, and who may write them.
//
//   study.db        what happened (tuner/storage/schema.h); study.db-wal and study.db-shm beside it while it is written
//   checkpoints/    the states of runs under way (tuner/storage/checkpoint.h)
//   weights/        of runs that are complete (tuner/storage/weight_keeper.h)
//   lock            names the process that writes; the lock itself is the kernel's, so it ends with its process
//
// caviar writes nowhere else.
#pragma once

#include <filesystem>
#include <string>

namespace caviar {

class StudyDirectory {
 public:
  // Makes the directory when it is not there and takes the lock. Throws Error when another process has it (naming that
  // process and its machine), when the directory cannot be written, or when it lies on a network file system: a
  // write-ahead log needs all its users on one machine.
  static StudyDirectory open_to_write(const std::filesystem::path& path);

  StudyDirectory(StudyDirectory&& other) noexcept;
  StudyDirectory& operator=(StudyDirectory&& other) = delete;
  ~StudyDirectory();  // gives the lock back

  const std::filesystem::path& path() const { return path_; }
  std::string database() const { return database_in(path_); }
  std::filesystem::path checkpoints() const { return checkpoints_in(path_); }
  std::filesystem::path weights() const { return weights_in(path_); }

  static std::string database_in(const std::filesystem::path& path) { return (path / "study.db").string(); }
  static std::filesystem::path checkpoints_in(const std::filesystem::path& path) { return path / "checkpoints"; }
  static std::filesystem::path weights_in(const std::filesystem::path& path) { return path / "weights"; }

 private:
  StudyDirectory(std::filesystem::path path, int lock) : path_(std::move(path)), lock_(lock) {}

  std::filesystem::path path_;
  int lock_ = -1;
};

// True while a process holds the study's lock; what it says of itself goes to `owner`. For viewers.
bool is_being_written(const std::filesystem::path& study, std::string* owner = nullptr);

// The name of a network file system with that statfs(2) type, or nullptr for a local one.
const char* network_file_system(long type);

}  // namespace caviar
