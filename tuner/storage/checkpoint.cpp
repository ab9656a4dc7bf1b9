#include "tuner/storage/checkpoint.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <span>
#include <string_view>

#include "engine/digest.h"
#include "kernels/base/error.h"
#include "tuner/failpoint.h"

namespace caviar {
namespace {

constexpr std::string_view kMagic = "caviarC1";
constexpr std::string_view kExtension = ".checkpoint";
constexpr std::size_t kIdentityBytes = 32;
constexpr std::size_t kKept = 2;

void append(std::vector<char>& out, std::uint64_t value) {
  for (int shift = 0; shift < 64; shift += 8) out.push_back(static_cast<char>(value >> shift));
}

std::vector<char> encode(const std::vector<SavedRun>& runs) {
  std::vector<char> out(kMagic.begin(), kMagic.end());
  append(out, runs.size());
  for (const SavedRun& run : runs) {
    if (run.identity.size() != kIdentityBytes) fail("the identity '", run.identity, "' of a run is not 32 digits long");
    out.insert(out.end(), run.identity.begin(), run.identity.end());
    append(out, static_cast<std::uint64_t>(run.step));
    append(out, static_cast<std::uint64_t>(run.reports));
    append(out, run.state.size());
    const auto* state = reinterpret_cast<const char*>(run.state.data());
    out.insert(out.end(), state, state + run.state.size());
  }
  const Digest sum = hash128(out.data(), out.size(), 0);
  append(out, out.size());
  append(out, sum.high);
  append(out, sum.low);
  return out;
}

// A cursor over a checkpoint that never leaves it.
class Reader {
 public:
  Reader(std::span<const char> bytes, const std::string& file) : bytes_(bytes), file_(file) {}

  std::span<const char> take(std::uint64_t size) {
    if (size > bytes_.size() - at_) fail(file_, ": the checkpoint ends at byte ", bytes_.size(), ", too early");
    const auto part = bytes_.subspan(at_, static_cast<std::size_t>(size));
    at_ += static_cast<std::size_t>(size);
    return part;
  }

  std::uint64_t number() {
    std::uint64_t value = 0;
    int shift = 0;
    for (const char byte : take(8)) {
      value |= std::uint64_t{static_cast<unsigned char>(byte)} << shift;
      shift += 8;
    }
    return value;
  }

 private:
  std::span<const char> bytes_;
  const std::string& file_;
  std::size_t at_ = 0;
};

class File {
 public:
  File(const std::filesystem::path& path, int flags)
      : path_(path), handle_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {
    if (handle_ < 0) raise("opened");
  }
  ~File() {
    if (handle_ >= 0) ::close(handle_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  void write(std::span<const char> bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(handle_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) raise("written");
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
  }
  void sync() {
    if (::fsync(handle_) != 0) raise("synced");
  }

 private:
  [[noreturn]] void raise(const char* what) const {
    fail(path_.string(), ": the checkpoint cannot be ", what, " (", std::strerror(errno),
         "); free some space or check the disk, then go on with --resume");
  }
  std::filesystem::path path_;
  int handle_;
};

std::uint64_t sequence_of(const std::filesystem::path& file) { return std::strtoull(file.stem().c_str(), nullptr, 10); }

// Checkpoints in the directory, newest first.
std::vector<std::filesystem::path> list(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> files;
  std::error_code ignored;  // a directory that vanished holds no checkpoints
  for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
    if (entry.path().extension() == kExtension) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return sequence_of(a) > sequence_of(b); });
  return files;
}

}  // namespace

std::vector<SavedRun> read_checkpoint(const std::filesystem::path& file) {
  const std::string name = file.string();
  std::ifstream in(file, std::ios::binary);
  const std::vector<char> bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  constexpr std::size_t kTrailerBytes = 24;
  if (bytes.size() < kMagic.size() + 8 + kTrailerBytes)
    fail(name, ": the checkpoint ends at byte ", bytes.size(), ", too early");
  const std::span<const char> all(bytes), body = all.first(bytes.size() - kTrailerBytes);
  Reader trailer(all.last(kTrailerBytes), name);
  const std::uint64_t size = trailer.number(), high = trailer.number(), low = trailer.number();
  if (size != body.size()) fail(name, ": the checkpoint has ", body.size(), " bytes before its trailer and not ", size);
  if (hash128(body.data(), body.size(), 0) != Digest{high, low})
    fail(name, ": the checksum at byte ", body.size() + 8, " does not fit: the checkpoint is damaged");

  Reader reader(body, name);
  const auto magic = reader.take(kMagic.size());
  if (std::string_view(magic.data(), magic.size()) != kMagic) fail(name, ": the file does not begin with ", kMagic);
  std::vector<SavedRun> runs;
  for (std::uint64_t left = reader.number(); left > 0; --left) {
    SavedRun run;
    const auto identity = reader.take(kIdentityBytes);
    run.identity = std::string(identity.data(), identity.size());
    run.step = static_cast<std::int64_t>(reader.number());
    run.reports = static_cast<std::int64_t>(reader.number());
    const auto state = std::as_bytes(reader.take(reader.number()));
    run.state.assign(state.begin(), state.end());
    runs.push_back(std::move(run));
  }
  return runs;
}

void write_checkpoint(const std::filesystem::path& final_name, const std::vector<SavedRun>& runs) {
  const auto temporary = std::filesystem::path(final_name.string() + ".tmp");
  const std::vector<char> bytes = encode(runs);
  {
    File file(temporary, O_WRONLY | O_CREAT | O_TRUNC);
    failpoint(Failpoint::kCheckpointOpened);
    const std::span<const char> all(bytes);
    file.write(all.first(all.size() / 2));
    failpoint(Failpoint::kCheckpointHalf);
    file.write(all.subspan(all.size() / 2));
    failpoint(Failpoint::kCheckpointWritten);
    file.sync();
  }
  failpoint(Failpoint::kCheckpointSynced);
  std::error_code error;
  std::filesystem::rename(temporary, final_name, error);
  if (error) fail(final_name.string(), ": the checkpoint cannot be renamed (", error.message(), "); check the disk");
  failpoint(Failpoint::kCheckpointRenamed);
  sync_directory(final_name.parent_path());
}

void sync_directory(const std::filesystem::path& directory) { File(directory, O_RDONLY | O_DIRECTORY).sync(); }

void Checkpoints::save(const std::vector<SavedRun>& runs) {
  const auto before = list(directory_);
  std::error_code ignored;
  // What kills between renaming and pruning left behind.
  for (std::size_t i = kKept; i < before.size(); ++i) std::filesystem::remove(before[i], ignored);
  const std::uint64_t sequence = before.empty() ? 1 : sequence_of(before.front()) + 1;
  write_checkpoint(directory_ / (std::to_string(sequence) + std::string(kExtension)), runs);
  if (before.size() >= kKept) std::filesystem::remove(before[kKept - 1], ignored);
  failpoint(Failpoint::kCheckpointPruned);
}

std::vector<SavedRun> Checkpoints::load(std::vector<std::string>& notices) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(directory_, ignored)) {
    if (entry.path().extension() == ".tmp") std::filesystem::remove(entry.path(), ignored);
  }
  for (const auto& file : list(directory_)) {
    try {
      return read_checkpoint(file);
    } catch (const Error& error) {
      notices.push_back(cat(error.what(), "; it is passed over: its runs start from an older one or again"));
    }
  }
  return {};
}

void Checkpoints::clear() {
  std::error_code ignored;
  for (const auto& file : list(directory_)) std::filesystem::remove(file, ignored);
}

}  // namespace caviar
