// What a study remembers: one SQLite file, one writer, any number of readers.
//
// Writes join one open transaction, begun with the first of them (BEGIN IMMEDIATE); commit() makes it durable. In the
// default synchronous FULL a commit that returned survives SIGKILL and power loss; what was not committed never was.
// Errors name the file and the remedy. The tables are documented in tuner/storage/schema.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/run.h"
#include "tuner/scheduler.h"
#include "tuner/storage/sqlite.h"
#include "tuner/trial.h"

namespace caviar {

// Row of `study`.
struct StudyRecord {
  std::string spec_name, spec;
  std::uint64_t sweep_seed = 0;
  std::optional<std::int64_t> trials;  // empty: as many as the sampler has
  std::int64_t seeds = 1;
  std::string metric;
  bool maximize = true;
  bool validate_on_test = false;
  std::string data_name, data_digest;
  std::string numerics, caviar_version;
  std::string search = "{}";  // JSON: sampler, scheduler, window, rules to end; "{}": written by a caviar without them
  bool operator==(const StudyRecord&) const = default;
};

enum class TrialState : std::uint8_t { kOpen, kDone, kFailed };
enum class RunState { kWaiting, kRunning, kComplete, kDiverged, kStopped, kFailed };
const char* to_string(TrialState state);
const char* to_string(RunState state);
const char* to_string(Question question);  // "iteration", "seeds"
const char* to_string(Verdict verdict);    // "go on", "stop"
constexpr bool is_finished(RunState state) { return state != RunState::kWaiting && state != RunState::kRunning; }

// Row of `run`.
struct RunRecord {
  std::int64_t id = 0;
  std::string identity, canonical;
  Seeds seeds;
  std::int64_t steps = 0;
  RunState state = RunState::kWaiting;
  std::string reason;
  std::string digest;  // 32 hexadecimal digits or empty
};

// Row of `prior`.
struct PriorRecord {
  std::int64_t number = -1;  // -1, -2, ...
  std::string source;
  Config config;
  double metric = 0;  // NaN: it diverged
  double sd = 0;      // NaN below two seeds
  std::int64_t seeds = 1;
};

// Row of `trial`.
struct TrialRecord {
  Trial trial;
  TrialState state = TrialState::kOpen;
  std::string reason;
};

// One repeat of a trial and where its run stands; `last` holds the run's last report so far, when there is one.
struct RepeatRecord {
  std::int64_t trial = 0, repeat = 0, run = 0;
  RunState state = RunState::kWaiting;
  std::optional<Report> last;
};

struct Owner {
  std::int64_t trial = 0, repeat = 0;
};

struct Event {
  std::string time, kind, detail;
};

enum class ReportFate { kNew, kSame, kDifferent };

class Storage {
 public:
  enum class Durability { kFull, kFast };

  // Opens the study at `file` (":memory:" for tests) to write, making the tables when it is new: they become durable
  // with the first commit. Refuses a database of another program and one of a newer caviar.
  static Storage open_to_write(const std::string& file, Durability durability = Durability::kFull);
  static Storage open_to_read(const std::string& file);

  // What is recorded in `file`: nothing where there is no such file, or one that nothing was committed to yet. Refuses
  // what open_to_read() refuses otherwise.
  static std::optional<StudyRecord> recorded_in(const std::string& file);

  // From here on, what is read is the study as it is now, whatever a writer adds meanwhile. For readers.
  void freeze() { database_.script("BEGIN; SELECT 1 FROM study;"); }

  const std::string& file() const { return database_.file(); }

  // Makes everything written since the last commit durable, together. Nothing to do is no error.
  void commit();
  void rollback();
  bool pending() const { return database_.in_transaction(); }  // something is written and not committed

  // Throws Error when SQLite finds the file inconsistent. Reads all of it.
  void check_integrity();

  std::optional<StudyRecord> study();
  void create_study(const StudyRecord& study);
  void extend_study(std::optional<std::int64_t> trials, std::int64_t seeds);

  void add_trial(const Trial& trial);
  void set_trial_state(std::int64_t number, TrialState state, const std::string& reason = {});
  std::optional<TrialRecord> trial(std::int64_t number);
  std::int64_t trial_count();

  std::int64_t add_run(const RunRecord& run);  // returns its id: run.id when that is above 0 and free, else the next
  void set_run_state(std::int64_t id, RunState state, const std::string& reason = {}, const std::string& digest = {});
  std::optional<RunRecord> run(std::int64_t id);
  std::optional<RunRecord> find_run(const std::string& identity);
  std::vector<RunRecord> unfinished_runs();  // waiting or running, in order of id

  void add_repeat(const Owner& owner, std::int64_t run);
  std::vector<Owner> owners(std::int64_t run);  // in order of trial, then repeat

  // Records the metrics of a run at a rung. A rung that is recorded already is left as it is and compared: training
  // the same run twice must give the same bits.
  ReportFate add_report(const Report& report);
  std::vector<Report> reports(std::int64_t run);  // in order of rung; of the fields only what the table has
  std::optional<Report> last_report(std::int64_t run);

  void add_decision(const Decision& decision);
  void for_each_decision(const std::function<void(const Decision&)>& visit);  // by trial, question, at
  std::vector<Decision> decisions(std::int64_t trial);

  void add_prior(const PriorRecord& prior);
  std::vector<PriorRecord> priors();  // -1 first

  void add_event(const std::string& kind, const std::string& detail);
  std::vector<Event> events(const std::string& kind = {});  // all kinds when empty

  // Reads in order, one row in memory at a time. The visitor may read through the same Storage.
  void for_each_trial(const std::function<void(const TrialRecord&)>& visit);
  void for_each_repeat(const std::function<void(const RepeatRecord&)>& visit);  // by trial, then repeat
  void for_each_repeat_of(std::int64_t trial, const std::function<void(const RepeatRecord&)>& visit);
  void for_each_run(const std::function<void(const RunRecord&)>& visit);

 private:
  explicit Storage(Database database) : database_(std::move(database)) {}
  int check_version(bool may_be_new);  // returns it; 0 when new
  void upgrade();
  void begin();

  Database database_;
  int version_ = 0;  // of the tables; 0: there are none yet
};

// The study in that directory, as it is now, to read. Throws Error when there is none, or nothing recorded in it yet.
Storage open_study(const std::filesystem::path& directory);

// The study a command with --resume goes on with; nothing where it is to begin.
std::optional<StudyRecord> recorded_study(const std::filesystem::path& directory);

// True when both say the same, bit for bit; but a NaN equals a NaN, and SQLite keeps no sign of a zero.
bool same_metrics(const Metrics& a, const Metrics& b);
bool same_report(const Report& a, const Report& b);  // rung, step, all metrics, the rate

// The same of a report that was recorded, maybe by a caviar that did not record the rate: what it led to is compared.
bool same_as_recorded(Report recorded, const Report& now);

}  // namespace caviar
