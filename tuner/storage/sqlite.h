// The part of SQLite's C interface that storage uses: one connection, cached prepared statements, and errors that say
// which file, what happened and what to do.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include <sqlite3.h>

namespace caviar {

class Database;

// The rows of one statement. Columns count from 0. A column is read as what SQLite converts it to; nothing here throws
// but next().
class Query {
 public:
  Query(Query&&) = default;
  Query& operator=(Query&&) = default;

  bool next();  // moves to the next row; false behind the last
  bool is_null(int column) const { return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL; }
  std::int64_t integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }
  double real(int column) const { return sqlite3_column_double(statement_.get(), column); }
  std::string text(int column) const;
  int columns() const { return sqlite3_column_count(statement_.get()); }

 private:
  friend class Database;
  // A cached statement is reset, one of its own is finalized.
  struct Release {
    bool cached = false;
    void operator()(sqlite3_stmt* statement) const;
  };
  Query(Database& database, sqlite3_stmt* statement, bool cached)
      : database_(&database), statement_(statement, Release{cached}) {}

  Database* database_;
  std::unique_ptr<sqlite3_stmt, Release> statement_;
};

class Database {
 public:
  enum class Access { kWrite, kRead };

  // Opens `file` (":memory:" for one that is never on disk); kWrite creates it. Sets no pragma. A file that lies in a
  // directory that cannot be written is still readable when no writer left a log beside it.
  Database(const std::string& file, Access access);

  const std::string& file() const { return file_; }

  // Carries out one statement without rows. `sql` must outlive the connection (a literal): its prepared form is kept.
  template <class... Values>
  void run(std::string_view sql, const Values&... values) {
    Query rows = query(sql, values...);
    while (rows.next()) {
    }
  }

  // Starts a statement with rows. Values are bound to the question marks in their order.
  template <class... Values>
  Query query(std::string_view sql, const Values&... values) {
    Query rows = start(sql);
    int index = 0;
    (bind(rows.statement_.get(), ++index, values), ...);
    return rows;
  }

  // Carries out a text of several statements, none of them kept.
  void script(const char* sql);

  std::int64_t last_row() const { return sqlite3_last_insert_rowid(connection_.get()); }
  bool changed() const { return sqlite3_changes(connection_.get()) > 0; }
  bool in_transaction() const { return sqlite3_get_autocommit(connection_.get()) == 0; }

  // True when the file is no longer where it was opened: removed, renamed or replaced. What is written then is lost.
  bool has_moved() const;

  // Throws Error for the last failure of this connection.
  [[noreturn]] void raise(int code) const;

 private:
  struct Close {
    void operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }
  };
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };

  Query start(std::string_view sql);
  void open(const std::string& name, int flags);
  void check(int code) const {
    if (code != SQLITE_OK) raise(code);
  }
  void bind(sqlite3_stmt* s, int i, std::integral auto value) {
    check(sqlite3_bind_int64(s, i, static_cast<sqlite3_int64>(value)));
  }
  void bind(sqlite3_stmt* s, int i, double value) { check(sqlite3_bind_double(s, i, value)); }  // NaN becomes NULL
  void bind(sqlite3_stmt* s, int i, std::nullptr_t) { check(sqlite3_bind_null(s, i)); }
  void bind(sqlite3_stmt* s, int i, std::string_view value) {
    check(sqlite3_bind_text64(s, i, value.data() ? value.data() : "", value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
  }
  template <class T>
  requires requires(const T& t) { t.has_value(); }
  void bind(sqlite3_stmt* s, int i, const T& value) {
    if (value.has_value()) {
      bind(s, i, *value);
    } else {
      bind(s, i, nullptr);
    }
  }

  std::string file_;
  std::unique_ptr<sqlite3, Close> connection_;
  std::unordered_map<std::string_view, std::unique_ptr<sqlite3_stmt, Finalize>> statements_;
};

}  // namespace caviar
