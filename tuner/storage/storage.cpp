#include "tuner/storage/storage.h"

#include <chrono>
#include <cmath>
#include <ctime>
#include <limits>

#include "kernels/base/error.h"
#include "tuner/failpoint.h"
#include "tuner/storage/directory.h"
#include "tuner/storage/schema.h"

namespace caviar {
namespace {

constexpr const char* kTrialStates[] = {"open", "done", "failed"};
constexpr const char* kRunStates[] = {"waiting", "running", "complete", "diverged", "stopped", "failed"};

constexpr const char* kQuestions[] = {"iteration", "seeds"};
constexpr const char* kVerdicts[] = {"go on", "stop"};

template <class State, std::size_t kCount>
State state_named(const std::string& name, const char* const (&names)[kCount], const std::string& file) {
  for (std::size_t i = 0; i < kCount; ++i) {
    if (name == names[i]) return static_cast<State>(i);
  }
  fail(file, ": a row has the state '", name, "', which no version of caviar writes; bring the file back from a copy");
}

std::string utc_now() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

std::optional<std::string> unless_empty(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

Config parse_config(const std::string& text, const std::string& file) {
  const Value value = Value::parse(text, nullptr, false);
  if (!value.is_object()) {
    fail(file, ": the config '", text.substr(0, 80),
         "' of a trial is not a JSON object; bring the file back from a copy");
  }
  return value.get<Config>();
}

// Columns `first` .. first + 2: loss, correct, examples.
Metrics read_metrics(const Query& row, int first) {
  Metrics metrics;
  metrics.correct = row.integer(first + 1);
  metrics.examples = row.integer(first + 2);
  if (row.is_null(first)) {
    metrics.loss = metrics.examples ? std::numeric_limits<double>::quiet_NaN() : 0;
  } else {
    metrics.loss = row.real(first);
  }
  return metrics;
}

// Columns first .. first + 17: run, rung, step, five metrics; then, from version 3 of the tables on, the rate.
Report read_report(const Query& row, int first) {
  Report report;
  report.run = row.integer(first);
  report.rung = static_cast<std::int32_t>(row.integer(first + 1));
  report.step = row.integer(first + 2);
  report.train = read_metrics(row, first + 3);
  report.validation = read_metrics(row, first + 6);
  report.averaged = read_metrics(row, first + 9);
  report.test = read_metrics(row, first + 12);
  report.averaged_test = read_metrics(row, first + 15);
  const int rate = first + 18;
  if (rate < row.columns() && !row.is_null(rate)) report.learning_rate = row.real(rate);
  return report;
}

std::optional<double> loss_column(const Metrics& metrics) {
  return metrics.examples ? std::optional(metrics.loss) : std::nullopt;
}

RunRecord read_run(const Query& row, const std::string& file) {
  RunRecord run;
  run.id = row.integer(0);
  run.identity = row.text(1);
  run.canonical = row.text(2);
  std::uint64_t* const seeds[] = {&run.seeds.init, &run.seeds.order, &run.seeds.dropout, &run.seeds.augment,
                                  &run.seeds.split};
  for (int i = 0; i < 5; ++i) *seeds[i] = static_cast<std::uint64_t>(row.integer(3 + i));
  run.steps = row.integer(8);
  run.state = state_named<RunState>(row.text(9), kRunStates, file);
  run.reason = row.text(10);
  run.digest = row.text(11);
  return run;
}

RepeatRecord read_repeat(const Query& row, const std::string& file) {
  RepeatRecord record;
  record.trial = row.integer(0);
  record.repeat = row.integer(1);
  record.run = row.integer(2);
  record.state = state_named<RunState>(row.text(3), kRunStates, file);
  if (!row.is_null(4)) record.last = read_report(row, 4);
  return record;
}

Decision read_decision(const Query& row, const std::string& file) {
  Decision decision;
  decision.trial = row.integer(0);
  decision.question = state_named<Question>(row.text(1), kQuestions, file);
  decision.at = row.integer(2);
  decision.verdict = state_named<Verdict>(row.text(3), kVerdicts, file);
  if (!row.is_null(4)) decision.seeds = row.integer(4);
  decision.saw = Value::parse(row.text(5), nullptr, false);
  return decision;
}

TrialRecord read_trial(const Query& row, const std::string& file) {
  TrialRecord record;
  record.trial.number = row.integer(0);
  record.trial.config = parse_config(row.text(1), file);
  record.state = state_named<TrialState>(row.text(2), kTrialStates, file);
  record.reason = row.text(3);
  if (!row.is_null(4)) record.trial.parent = row.integer(4);
  if (!row.is_null(5)) record.trial.until = row.integer(5);
  return record;
}

// Of tables of version 1, and from version 2 on.
constexpr std::string_view kTrials[] = {
    "SELECT number, config, state, reason, NULL, NULL FROM trial ORDER BY number",
    "SELECT number, config, state, reason, parent, until FROM trial ORDER BY number",
};
constexpr std::string_view kOneTrial[] = {
    "SELECT number, config, state, reason, NULL, NULL FROM trial WHERE number = ?",
    "SELECT number, config, state, reason, parent, until FROM trial WHERE number = ?",
};

}  // namespace

const char* to_string(TrialState state) { return kTrialStates[static_cast<int>(state)]; }
const char* to_string(RunState state) { return kRunStates[static_cast<int>(state)]; }
const char* to_string(Question question) { return kQuestions[static_cast<int>(question)]; }
const char* to_string(Verdict verdict) { return kVerdicts[static_cast<int>(verdict)]; }

bool same_metrics(const Metrics& a, const Metrics& b) {
  if (a.correct != b.correct || a.examples != b.examples) return false;
  return a.examples == 0 || a.loss == b.loss || (std::isnan(a.loss) && std::isnan(b.loss));
}

bool same_report(const Report& a, const Report& b) {
  const bool same_rate =
      a.learning_rate == b.learning_rate || (std::isnan(a.learning_rate) && std::isnan(b.learning_rate));
  return same_rate && a.rung == b.rung && a.step == b.step && same_metrics(a.train, b.train) &&
         same_metrics(a.validation, b.validation) && same_metrics(a.averaged, b.averaged) &&
         same_metrics(a.test, b.test) && same_metrics(a.averaged_test, b.averaged_test);
}

bool same_as_recorded(Report recorded, const Report& now) {
  if (std::isnan(recorded.learning_rate)) recorded.learning_rate = now.learning_rate;
  return same_report(recorded, now);
}

Storage Storage::open_to_write(const std::string& file, Durability durability) {
  Storage storage(Database(file, Database::Access::kWrite));
  Database& database = storage.database_;
  // Nothing may be written outside the study's directory, temporary files included.
  database.script("PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = ON;");
  storage.version_ = storage.check_version(true);
  {
    Query mode = database.query("PRAGMA journal_mode = WAL");
    if (mode.next() && mode.text(0) != "wal" && mode.text(0) != "memory") {
      fail(file, ": this file system cannot keep a write-ahead log; put the study on a local disk");
    }
  }
  database.script(durability == Durability::kFull ? "PRAGMA synchronous = FULL;" : "PRAGMA synchronous = NORMAL;");
  if (storage.version_ > 0 && storage.version_ < kSchemaVersion) storage.upgrade();
  return storage;
}

Storage Storage::open_to_read(const std::string& file) {
  Storage storage(Database(file, Database::Access::kRead));
  storage.version_ = storage.check_version(false);
  return storage;
}

std::optional<StudyRecord> Storage::recorded_in(const std::string& file) {
  if (!std::filesystem::exists(file)) return std::nullopt;
  Storage storage(Database(file, Database::Access::kRead));
  storage.version_ = storage.check_version(true);
  return storage.study();
}

void Storage::upgrade() {
  begin();
  if (version_ < 2) database_.script(kUpgradeTo2);
  database_.script(kUpgradeTo3);
  database_.script(kResultView);
  database_.script(cat("PRAGMA user_version = ", kSchemaVersion).c_str());
  add_event("upgraded", cat("tables from version ", version_, " to ", kSchemaVersion));
  commit();
  version_ = kSchemaVersion;
}

int Storage::check_version(bool may_be_new) {
  const auto number = [&](std::string_view pragma) {
    Query row = database_.query(pragma);
    return row.next() ? row.integer(0) : 0;
  };
  const auto application = number("PRAGMA application_id");
  const auto version = number("PRAGMA user_version");
  const bool empty = number("SELECT count(*) FROM sqlite_schema") == 0;
  if (empty && application == 0 && version == 0) {
    if (may_be_new) return 0;
    fail(file(), ": nothing is recorded here yet; start the sweep, or name the directory of another study");
  }
  if (application != kApplicationId) {
    fail(file(), ": this is a database of another program; name another directory for the study");
  }
  if (version > kSchemaVersion) {
    fail(file(), ": the study was written by a newer caviar (tables of version ", version, ", this program knows ",
         kSchemaVersion, "); use that version to go on");
  }
  return static_cast<int>(version);
}

void Storage::begin() {
  if (!database_.in_transaction()) database_.script("BEGIN IMMEDIATE");
}

void Storage::commit() {
  if (!database_.in_transaction()) return;
  failpoint(Failpoint::kCommit);
  database_.run("COMMIT");
  if (database_.has_moved()) {
    fail(file(),
         ": the study was removed or replaced while it was being written, so nothing more can be kept; leave a study "
         "where it is until its sweep has ended, then start it again");
  }
  failpoint(Failpoint::kCommitted);
}

void Storage::rollback() {
  if (database_.in_transaction()) database_.script("ROLLBACK");
}

void Storage::check_integrity() {
  Query row = database_.query("PRAGMA quick_check(1)");
  if (row.next() && row.text(0) != "ok") {
    fail(file(), ": the database is damaged (", row.text(0),
         "); bring the file back from a copy, or save what can be read with `sqlite3 study.db .recover`");
  }
}

std::optional<StudyRecord> Storage::study() {
  if (!database_.query("SELECT 1 FROM sqlite_schema WHERE name = 'study'").next()) return std::nullopt;
  Query row = database_.query(
      "SELECT spec_name, spec, sweep_seed, trials, seeds, metric, maximize, validate_on_test, data_name, data_digest, "
      "numerics, caviar_version FROM study");
  if (!row.next()) return std::nullopt;
  StudyRecord study;
  study.spec_name = row.text(0);
  study.spec = row.text(1);
  study.sweep_seed = static_cast<std::uint64_t>(row.integer(2));
  if (!row.is_null(3)) study.trials = row.integer(3);
  study.seeds = row.integer(4);
  study.metric = row.text(5);
  study.maximize = row.integer(6) != 0;
  study.validate_on_test = row.integer(7) != 0;
  study.data_name = row.text(8);
  study.data_digest = row.text(9);
  study.numerics = row.text(10);
  study.caviar_version = row.text(11);
  if (version_ >= 2) {
    Query search = database_.query("SELECT search FROM study");
    if (search.next()) study.search = search.text(0);
  }
  return study;
}

void Storage::create_study(const StudyRecord& study) {
  begin();
  database_.script(kSchema);
  database_.script(kResultView);
  database_.script(cat("PRAGMA application_id = ", kApplicationId, "; PRAGMA user_version = ", kSchemaVersion).c_str());
  version_ = kSchemaVersion;
  failpoint(Failpoint::kStudySchema);
  database_.run("INSERT INTO study VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", study.spec_name, study.spec,
                study.sweep_seed, study.trials, study.seeds, study.metric, study.maximize, study.validate_on_test,
                study.data_name, study.data_digest, study.numerics, study.caviar_version, study.search);
}

void Storage::extend_study(std::optional<std::int64_t> trials, std::int64_t seeds) {
  begin();
  database_.run("UPDATE study SET trials = ?, seeds = ?", trials, seeds);
}

void Storage::add_trial(const Trial& trial) {
  begin();
  const auto unless = [](std::int64_t nothing, std::int64_t value) {
    return value == nothing ? std::nullopt : std::optional(value);
  };
  database_.run("INSERT INTO trial (number, config, state, parent, until) VALUES (?, ?, 'open', ?, ?)", trial.number,
                Value(trial.config).dump(), unless(-1, trial.parent), unless(0, trial.until));
}

void Storage::set_trial_state(std::int64_t number, TrialState state, const std::string& reason) {
  begin();
  database_.run("UPDATE trial SET state = ?, reason = ? WHERE number = ?", to_string(state), unless_empty(reason),
                number);
}

std::optional<TrialRecord> Storage::trial(std::int64_t number) {
  Query row = database_.query(kOneTrial[version_ >= 2], number);
  if (!row.next()) return std::nullopt;
  return read_trial(row, file());
}

std::int64_t Storage::trial_count() {
  Query row = database_.query("SELECT count(*) FROM trial");
  return row.next() ? row.integer(0) : 0;
}

std::int64_t Storage::add_run(const RunRecord& run) {
  begin();
  std::optional<std::int64_t> id;
  if (run.id > 0 && !database_.query("SELECT 1 FROM run WHERE id = ?", run.id).next()) id = run.id;
  database_.run(
      "INSERT INTO run (id, identity, canonical, seed_init, seed_order, seed_dropout, seed_augment, seed_split, steps, "
      "state, reason, digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      id, run.identity, run.canonical, run.seeds.init, run.seeds.order, run.seeds.dropout, run.seeds.augment,
      run.seeds.split, run.steps, to_string(run.state), unless_empty(run.reason), unless_empty(run.digest));
  return database_.last_row();
}

void Storage::set_run_state(std::int64_t id, RunState state, const std::string& reason, const std::string& digest) {
  begin();
  database_.run("UPDATE run SET state = ?, reason = ?, digest = ? WHERE id = ?", to_string(state), unless_empty(reason),
                unless_empty(digest), id);
}

#define CAVIAR_RUN_COLUMNS                                                                                        \
  "SELECT id, identity, canonical, seed_init, seed_order, seed_dropout, seed_augment, seed_split, steps, state, " \
  "reason, digest FROM run "

std::optional<RunRecord> Storage::run(std::int64_t id) {
  Query row = database_.query(CAVIAR_RUN_COLUMNS "WHERE id = ?", id);
  if (!row.next()) return std::nullopt;
  return read_run(row, file());
}

std::optional<RunRecord> Storage::find_run(const std::string& identity) {
  Query row = database_.query(CAVIAR_RUN_COLUMNS "WHERE identity = ?", identity);
  if (!row.next()) return std::nullopt;
  return read_run(row, file());
}

std::vector<RunRecord> Storage::unfinished_runs() {
  std::vector<RunRecord> runs;
  Query row = database_.query(CAVIAR_RUN_COLUMNS "WHERE state IN ('waiting', 'running') ORDER BY id");
  while (row.next()) runs.push_back(read_run(row, file()));
  return runs;
}

void Storage::for_each_run(const std::function<void(const RunRecord&)>& visit) {
  Query row = database_.query(CAVIAR_RUN_COLUMNS "ORDER BY id");
  while (row.next()) visit(read_run(row, file()));
}

#undef CAVIAR_RUN_COLUMNS

void Storage::add_repeat(const Owner& owner, std::int64_t run) {
  begin();
  database_.run("INSERT INTO trial_run (trial, repeat, run) VALUES (?, ?, ?)", owner.trial, owner.repeat, run);
}

std::vector<Owner> Storage::owners(std::int64_t run) {
  std::vector<Owner> owners;
  Query row = database_.query("SELECT trial, repeat FROM trial_run WHERE run = ? ORDER BY trial, repeat", run);
  while (row.next()) owners.push_back({row.integer(0), row.integer(1)});
  return owners;
}

ReportFate Storage::add_report(const Report& report) {
  begin();
  const Metrics &a = report.train, &b = report.validation, &c = report.averaged, &d = report.test,
                &e = report.averaged_test;
  database_.run(
      "INSERT INTO report VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
      report.run, report.rung, report.step, loss_column(a), a.correct, a.examples, loss_column(b), b.correct,
      b.examples, loss_column(c), c.correct, c.examples, loss_column(d), d.correct, d.examples, loss_column(e),
      e.correct, e.examples, report.learning_rate);
  failpoint(Failpoint::kReportRecorded);
  if (database_.changed()) return ReportFate::kNew;
  Query row = database_.query("SELECT * FROM report WHERE run = ? AND rung = ?", report.run, report.rung);
  return row.next() && same_as_recorded(read_report(row, 0), report) ? ReportFate::kSame : ReportFate::kDifferent;
}

std::vector<Report> Storage::reports(std::int64_t run) {
  std::vector<Report> reports;
  Query row = database_.query("SELECT * FROM report WHERE run = ? ORDER BY rung", run);
  while (row.next()) reports.push_back(read_report(row, 0));
  return reports;
}

std::optional<Report> Storage::last_report(std::int64_t run) {
  Query row = database_.query("SELECT * FROM report WHERE run = ? ORDER BY rung DESC LIMIT 1", run);
  if (!row.next()) return std::nullopt;
  return read_report(row, 0);
}

void Storage::add_decision(const Decision& decision) {
  begin();
  std::optional<std::int64_t> seeds;
  if (decision.question == Question::kSeeds && decision.verdict == Verdict::kGoOn) seeds = decision.seeds;
  database_.run("INSERT INTO decision VALUES (?, ?, ?, ?, ?, ?)", decision.trial, to_string(decision.question),
                decision.at, to_string(decision.verdict), seeds, decision.saw.dump());
}

void Storage::for_each_decision(const std::function<void(const Decision&)>& visit) {
  if (version_ < 2) return;
  Query row = database_.query("SELECT trial, question, at, verdict, seeds, saw FROM decision ORDER BY 1, 2, 3");
  while (row.next()) visit(read_decision(row, file()));
}

std::vector<Decision> Storage::decisions(std::int64_t trial) {
  std::vector<Decision> decisions;
  if (version_ < 2) return decisions;
  Query row = database_.query(
      "SELECT trial, question, at, verdict, seeds, saw FROM decision WHERE trial = ? ORDER BY 1, 2, 3", trial);
  while (row.next()) decisions.push_back(read_decision(row, file()));
  return decisions;
}

void Storage::add_prior(const PriorRecord& prior) {
  begin();
  const auto unless_nan = [](double x) { return std::isnan(x) ? std::nullopt : std::optional(x); };
  database_.run("INSERT INTO prior VALUES (?, ?, ?, ?, ?, ?)", prior.number, prior.source, Value(prior.config).dump(),
                unless_nan(prior.metric), unless_nan(prior.sd), prior.seeds);
}

std::vector<PriorRecord> Storage::priors() {
  std::vector<PriorRecord> priors;
  if (version_ < 2) return priors;
  Query row = database_.query("SELECT number, source, config, metric, sd, seeds FROM prior ORDER BY number DESC");
  const auto real = [&](int column) {
    return row.is_null(column) ? std::numeric_limits<double>::quiet_NaN() : row.real(column);
  };
  while (row.next()) {
    priors.push_back(
        {row.integer(0), row.text(1), parse_config(row.text(2), file()), real(3), real(4), row.integer(5)});
  }
  return priors;
}

void Storage::add_event(const std::string& kind, const std::string& detail) {
  begin();
  database_.run("INSERT INTO event (time, kind, detail) VALUES (?, ?, ?)", utc_now(), kind, detail);
}

std::vector<Event> Storage::events(const std::string& kind) {
  std::vector<Event> events;
  Query row = database_.query("SELECT time, kind, detail FROM event WHERE ?1 = '' OR kind = ?1 ORDER BY id", kind);
  while (row.next()) events.push_back({row.text(0), row.text(1), row.text(2)});
  return events;
}

void Storage::for_each_trial(const std::function<void(const TrialRecord&)>& visit) {
  Query row = database_.query(kTrials[version_ >= 2]);
  while (row.next()) visit(read_trial(row, file()));
}

#define CAVIAR_REPEATS                                                                                                 \
  "SELECT t.trial, t.repeat, t.run, run.state, report.* FROM trial_run t JOIN run ON run.id = t.run LEFT JOIN report " \
  "ON report.run = t.run AND report.rung = (SELECT max(rung) FROM report WHERE report.run = t.run) "

void Storage::for_each_repeat(const std::function<void(const RepeatRecord&)>& visit) {
  Query row = database_.query(CAVIAR_REPEATS "ORDER BY t.trial, t.repeat");
  while (row.next()) visit(read_repeat(row, file()));
}

void Storage::for_each_repeat_of(std::int64_t trial, const std::function<void(const RepeatRecord&)>& visit) {
  Query row = database_.query(CAVIAR_REPEATS "WHERE t.trial = ? ORDER BY t.repeat", trial);
  while (row.next()) visit(read_repeat(row, file()));
}

#undef CAVIAR_REPEATS

Storage open_study(const std::filesystem::path& directory) {
  const std::string file = StudyDirectory::database_in(directory);
  if (!std::filesystem::exists(file)) {
    fail(directory.string(), ": there is no study here; name the directory that `caviar sweep` was given with --study");
  }
  Storage storage = Storage::open_to_read(file);
  storage.freeze();
  if (!storage.study()) fail(file, ": nothing is recorded here yet; wait for the sweep to start");
  return storage;
}

std::optional<StudyRecord> recorded_study(const std::filesystem::path& directory) {
  return Storage::recorded_in(StudyDirectory::database_in(directory));
}

}  // namespace caviar
