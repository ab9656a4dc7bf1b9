#include "tuner/storage/directory.h"

#include <fcntl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "kernels/base/error.h"
#include "tuner/failpoint.h"

namespace caviar {
namespace {

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 && name[0] ? name : "this machine";
}

std::string read_owner(int lock) {
  char text[512];
  const ssize_t size = ::pread(lock, text, sizeof text, 0);
  std::string owner(text, size > 0 ? static_cast<std::size_t>(size) : 0);
  owner.erase(owner.find_last_not_of('\n') + 1);
  return owner.empty() ? "another process" : owner;
}

// An open-file-description lock: it belongs to the descriptor, ends with its process, and can be asked about without
// being taken, so that a viewer never stands in a writer's way.
struct flock whole_file(short type) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

}  // namespace

const char* network_file_system(long type) {
  // Values from statfs(2) and the kernel's linux/magic.h.
  switch (static_cast<unsigned long>(type) & 0xffffffffUL) {
    case 0x6969:
      return "NFS";
    case 0x517b:
      return "SMB";
    case 0xff534d42:
      return "CIFS";
    case 0xfe534d42:
      return "SMB2";
    case 0x5346414f:
      return "AFS";
    case 0x73757245:
      return "Coda";
    case 0x00c36400:
      return "Ceph";
    case 0x0bd00bd0:
      return "Lustre";
    case 0x47504653:
      return "GPFS";
    case 0x19830326:
      return "BeeGFS";
    default:
      return nullptr;
  }
}

StudyDirectory StudyDirectory::open_to_write(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error) std::filesystem::create_directories(checkpoints_in(path), error);
  if (error) {
    fail(path.string(), ": the directory of the study cannot be made (", error.message(),
         "); name another with --study, or make its parent writable");
  }
  struct statfs about {};
  if (::statfs(path.c_str(), &about) == 0) {
    if (const char* name = network_file_system(static_cast<long>(about.f_type))) {
      fail(path.string(), ": the study lies on a network file system (", name,
           "), where its database is not safe; name a directory on a local disk with --study");
    }
  }
  const std::string file = (path / "lock").string();
  const int lock = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (lock < 0) {
    fail(file, ": cannot be written (", std::strerror(errno), "); make the study's directory writable for this user");
  }
  StudyDirectory directory(path, lock);
  struct flock request = whole_file(F_WRLCK);
  if (::fcntl(lock, F_OFD_SETLK, &request) != 0) {
    if (errno != EAGAIN && errno != EACCES) {
      fail(file, ": cannot be locked (", std::strerror(errno), "); name a directory on a local disk with --study");
    }
    const std::string owner = read_owner(lock);
    fail(path.string(), ": this study is being written by ", owner,
         "; wait for it, stop it, or name another directory with --study");
  }
  const std::string self = cat("process ", ::getpid(), " on ", host_name(), "\n");
  if (::ftruncate(lock, 0) != 0 || ::pwrite(lock, self.data(), self.size(), 0) != static_cast<ssize_t>(self.size())) {
    fail(file, ": cannot be written (", std::strerror(errno), "); free some space, then try again");
  }
  failpoint(Failpoint::kStudyDirectory);
  return directory;
}

StudyDirectory::StudyDirectory(StudyDirectory&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

StudyDirectory::~StudyDirectory() {
  if (lock_ >= 0) ::close(lock_);
}

bool is_being_written(const std::filesystem::path& study, std::string* owner) {
  const int lock = ::open((study / "lock").c_str(), O_RDONLY | O_CLOEXEC);
  if (lock < 0) return false;
  struct flock request = whole_file(F_RDLCK);
  const bool held = ::fcntl(lock, F_OFD_GETLK, &request) == 0 && request.l_type != F_UNLCK;
  if (held && owner) *owner = read_owner(lock);
  ::close(lock);
  return held;
}

}  // namespace caviar
