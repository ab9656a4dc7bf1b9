#include "tuner/storage/sqlite.h"

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "kernels/base/error.h"

namespace caviar {
namespace {

constexpr int kBusyMilliseconds = 5000;

// A path as SQLite's URI form wants it: only what would end the path is escaped.
std::string as_uri(const std::string& file, const char* query) {
  std::string uri = "file:";
  for (const char c : file) {
    if (c == '?')
      uri += "%3f";
    else if (c == '#')
      uri += "%23";
    else if (c == '%')
      uri += "%25";
    else
      uri += c;
  }
  return uri + query;
}

// What went wrong, and what the user can do.
std::string explain(int code, int system_error) {
  const bool limit = system_error == EFBIG || system_error == EDQUOT;
  switch (code & 0xff) {
    case SQLITE_FULL:
      return "the disk is full; free some space, then go on with --resume: nothing that was recorded is lost";
    case SQLITE_NOTADB:
      return "this is not a database; name the directory of a study, or bring the file back from a copy";
    case SQLITE_CORRUPT:
      return "the database is damaged; bring the file back from a copy, or save what can be read with "
             "`sqlite3 study.db .recover`";
    case SQLITE_READONLY:
      return "it cannot be written; make the directory and the files in it writable for this user";
    case SQLITE_CANTOPEN:
      return "it cannot be opened; check that the directory exists and that this user may write there";
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return "this user may not open it; check the permissions";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "another program holds it locked; close that program, then go on with --resume";
    case SQLITE_NOMEM:
      return "there is not enough memory; close other programs, then go on with --resume";
    case SQLITE_IOERR:
      if (limit) return "a limit on the size of files or a quota is reached; raise it, then go on with --resume";
      return "reading or writing failed; check the disk, then go on with --resume: nothing that was recorded is lost";
    default:
      return "";
  }
}

}  // namespace

void Query::Release::operator()(sqlite3_stmt* statement) const {
  if (cached) {
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
  } else {
    sqlite3_finalize(statement);
  }
}

bool Query::next() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) database_->raise(code);
  return false;
}

std::string Query::text(int column) const {
  const auto* bytes = sqlite3_column_text(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return bytes ? std::string(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)) : std::string();
}

Database::Database(const std::string& file, Access access) : file_(file) {
  if (access == Access::kWrite) {
    open(file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    return;
  }
  open(file, SQLITE_OPEN_READONLY);
  // A database in WAL mode needs its shared-memory file even to be read, and a directory that cannot be written has
  // none when the last writer closed it properly. Then nobody writes, and the file alone is the whole truth.
  const int code = sqlite3_exec(connection_.get(), "SELECT 1 FROM sqlite_schema", nullptr, nullptr, nullptr) & 0xff;
  if ((code == SQLITE_CANTOPEN || code == SQLITE_READONLY) && !std::filesystem::exists(file + "-wal")) {
    open(as_uri(file, "?immutable=1"), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
  }
}

void Database::open(const std::string& name, int flags) {
  statements_.clear();
  sqlite3* connection = nullptr;
  const int code = sqlite3_open_v2(name.c_str(), &connection, flags, nullptr);
  connection_.reset(connection);
  check(code);
  sqlite3_extended_result_codes(connection, 1);
  sqlite3_busy_timeout(connection, kBusyMilliseconds);
}

bool Database::has_moved() const {
  int moved = 0;
  sqlite3_file_control(connection_.get(), "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  return moved != 0;
}

void Database::script(const char* sql) { check(sqlite3_exec(connection_.get(), sql, nullptr, nullptr, nullptr)); }

Query Database::start(std::string_view sql) {
  auto& kept = statements_[sql];
  if (kept && sqlite3_stmt_busy(kept.get()) == 0) return Query(*this, kept.get(), true);
  sqlite3_stmt* statement = nullptr;
  check(sqlite3_prepare_v2(connection_.get(), sql.data(), static_cast<int>(sql.size()), &statement, nullptr));
  if (kept) return Query(*this, statement, false);  // the same statement is being read further out
  kept.reset(statement);
  return Query(*this, statement, true);
}

void Database::raise(int code) const {
  const int kind = code & 0xff;
  const bool from_system = kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN || kind == SQLITE_FULL;
  const int system_error = connection_ && from_system ? sqlite3_system_errno(connection_.get()) : 0;
  const std::string remedy = explain(code, system_error);
  const char* detail = connection_ ? sqlite3_errmsg(connection_.get()) : sqlite3_errstr(code);
  if (remedy.empty()) fail(file_, ": the database answers '", detail, "' (code ", code, ")");
  fail(file_, ": ", remedy, " (", detail, system_error ? cat(": ", std::strerror(system_error)) : std::string(), ")");
}

}  // namespace caviar
