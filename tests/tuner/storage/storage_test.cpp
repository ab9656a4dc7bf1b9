// Storage: what is written is read back to the bit, what is not committed never was, and files that are no study are
// refused with a sentence.
#include "tuner/storage/storage.h"

#include <cmath>
#include <fstream>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tests/support/study_fixture.h"
#include "tests/support/temp_dir.h"
#include "tuner/metric.h"
#include "tuner/storage/schema.h"

namespace caviar {
namespace {

using ::testing::HasSubstr;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

RunRecord some_run(const std::string& identity) {
  RunRecord run;
  run.identity = identity;
  run.canonical = "{\"x\":1}";
  run.seeds = {1, 2, 3, 4, std::numeric_limits<std::uint64_t>::max()};
  run.steps = 50;
  run.state = RunState::kRunning;
  return run;
}

Report some_report(std::int64_t run, int rung) {
  Report report;
  report.run = run;
  report.rung = rung;
  report.step = 10 * (rung + 1);
  report.train = {0.1 + 0.2, 90, 100};
  report.validation = {std::nextafter(0.5, 1), 70, 100};
  return report;
}

template <class Action>
std::string error_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Storage, ReadsBackWhatWasWrittenToTheBit) {
  TempDir dir;
  const StudyRecord study = small_setup(7).record;
  Report diverged = some_report(1, 1);
  diverged.train.loss = kNaN;
  diverged.validation = {};
  diverged.averaged = {std::numeric_limits<double>::infinity(), 3, 100};
  diverged.test = {1e-308, 4, 100};
  diverged.averaged_test = {-0.0, 5, 100};
  {
    Storage storage = Storage::open_to_write(dir.file("study.db"));
    storage.create_study(study);
    storage.add_trial({0, {{"learning_rate", 0.003f}, {"name", "a \"quoted\" 'name'"}, {"nothing", nullptr}}});
    const std::int64_t run = storage.add_run(some_run("0123"));
    EXPECT_EQ(run, 1);
    storage.add_repeat({0, 0}, run);
    storage.add_report(some_report(run, 0));
    storage.add_report(diverged);
    storage.set_run_state(run, RunState::kDiverged, "because", "abcd");
    storage.commit();
  }
  Storage storage = Storage::open_to_read(dir.file("study.db"));
  EXPECT_EQ(storage.study(), study);
  EXPECT_EQ(storage.trial(0)->trial.config.at("learning_rate").get<double>(), 0.003f);
  EXPECT_EQ(storage.trial(0)->trial.config.at("name"), "a \"quoted\" 'name'");
  const auto run = storage.find_run("0123");
  ASSERT_TRUE(run);
  EXPECT_EQ(run->seeds, some_run("").seeds);
  EXPECT_EQ(run->state, RunState::kDiverged);
  EXPECT_EQ(run->reason, "because");
  EXPECT_EQ(run->digest, "abcd");
  const auto reports = storage.reports(1);
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_TRUE(same_report(reports[0], some_report(1, 0)));
  EXPECT_TRUE(same_report(reports[1], diverged));
  EXPECT_TRUE(std::isnan(reports[1].train.loss));
}

TEST(Storage, KeepsARateThatAdaptsItselfAndComparesIt) {
  Storage storage = Storage::open_to_write(":memory:");
  storage.create_study(small_setup().record);
  const std::int64_t run = storage.add_run(some_run("0123"));
  Report report = some_report(run, 0);
  report.learning_rate = std::nextafter(0.003, 1);
  EXPECT_EQ(storage.add_report(report), ReportFate::kNew);
  EXPECT_EQ(storage.reports(run).at(0).learning_rate, report.learning_rate);
  EXPECT_EQ(metric_value(storage.reports(run).at(0), "learning_rate"), report.learning_rate);
  EXPECT_EQ(storage.add_report(report), ReportFate::kSame);
  report.learning_rate = 0.003;
  EXPECT_EQ(storage.add_report(report), ReportFate::kDifferent);
  storage.add_report(some_report(run, 1));
  EXPECT_TRUE(std::isnan(storage.reports(run).at(1).learning_rate)) << "other runs have none";
}

// Tables as caviar made them before a report had the rate.
void take_back_to_version_2(const std::string& file) {
  Database(file, Database::Access::kWrite)
      .script(
          "DROP VIEW result; ALTER TABLE report DROP COLUMN learning_rate; CREATE VIEW result AS SELECT 1;"
          "PRAGMA user_version = 2;");
}

TEST(Storage, UpgradesAStudyOfVersion2AndReadsOneThatIsNot) {
  TempDir dir;
  const std::string file = dir.file("study.db");
  {
    Storage storage = Storage::open_to_write(file);
    storage.create_study(small_setup().record);
    storage.add_trial({0, {}});
    storage.add_run(some_run("0123"));
    storage.add_repeat({0, 0}, 1);
    storage.add_report(some_report(1, 0));
    storage.commit();
  }
  take_back_to_version_2(file);
  {
    Storage storage = Storage::open_to_read(file);
    EXPECT_TRUE(same_report(storage.reports(1).at(0), some_report(1, 0)));
    storage.for_each_repeat([](const RepeatRecord& repeat) {
      ASSERT_TRUE(repeat.last);
      EXPECT_TRUE(same_report(*repeat.last, some_report(1, 0)));
    });
  }
  Storage storage = Storage::open_to_write(file);
  EXPECT_EQ(storage.events("upgraded").size(), 1u);
  Report again = some_report(1, 0);
  again.learning_rate = 0.5;
  EXPECT_EQ(storage.add_report(again), ReportFate::kSame) << "the version before did not record the rate";
  again.rung = 1;
  EXPECT_EQ(storage.add_report(again), ReportFate::kNew);
  storage.commit();
  EXPECT_TRUE(same_report(storage.last_report(1).value(), again));
  Database database(file, Database::Access::kRead);
  Query row = database.query("SELECT learning_rate FROM result");
  ASSERT_TRUE(row.next());
  EXPECT_EQ(row.real(0), 0.5);
}

TEST(Storage, ForgetsWhatWasNotCommitted) {
  TempDir dir;
  {
    Storage storage = Storage::open_to_write(dir.file("study.db"));
    storage.create_study(small_setup().record);
    storage.commit();
    storage.add_trial({0, {}});
    storage.commit();
    storage.add_trial({1, {}});
  }
  Storage storage = Storage::open_to_write(dir.file("study.db"));
  EXPECT_EQ(storage.trial_count(), 1);
}

TEST(Storage, HasNoStudyUntilTheFirstCommit) {
  TempDir dir;
  {
    Storage storage = Storage::open_to_write(dir.file("study.db"));
    storage.create_study(small_setup().record);
  }
  Storage storage = Storage::open_to_write(dir.file("study.db"));
  EXPECT_EQ(storage.study(), std::nullopt);
  EXPECT_THAT(error_of([&] { Storage::open_to_read(dir.file("study.db")); }),
              HasSubstr("nothing is recorded here yet"));
  EXPECT_EQ(recorded_study(dir.path()), std::nullopt);
  EXPECT_EQ(recorded_study(dir.path() / "absent"), std::nullopt);
  storage.create_study(small_setup().record);
  storage.commit();
  EXPECT_EQ(recorded_study(dir.path()).value().spec, small_setup().record.spec);
}

TEST(Storage, TellsADuplicateReportThatIsEqualFromOneThatIsNot) {
  Storage storage = Storage::open_to_write(":memory:");
  storage.create_study(small_setup().record);
  const std::int64_t run = storage.add_run(some_run("0123"));
  EXPECT_EQ(storage.add_report(some_report(run, 0)), ReportFate::kNew);
  EXPECT_EQ(storage.add_report(some_report(run, 0)), ReportFate::kSame);
  Report other = some_report(run, 0);
  other.validation.loss = std::nextafter(other.validation.loss, 1);
  EXPECT_EQ(storage.add_report(other), ReportFate::kDifferent);
  EXPECT_TRUE(same_report(storage.reports(run).at(0), some_report(run, 0))) << "the first one is kept";
}

TEST(Storage, HoldsOneRunPerIdentity) {
  Storage storage = Storage::open_to_write(":memory:");
  storage.create_study(small_setup().record);
  storage.add_run(some_run("0123"));
  EXPECT_THROW(storage.add_run(some_run("0123")), Error);
}

TEST(Storage, ReadsWhileTheWriterWritesAndNeverBlocksIt) {
  TempDir dir;
  Storage writer = Storage::open_to_write(dir.file("study.db"));
  writer.create_study(small_setup().record);
  writer.add_trial({0, {}});
  writer.commit();
  Storage reader = Storage::open_to_read(dir.file("study.db"));
  reader.for_each_trial([&](const TrialRecord&) {  // the reader is inside a read
    writer.add_trial({1, {}});
    writer.commit();
  });
  EXPECT_EQ(reader.trial_count(), 2);
}

TEST(Storage, RefusesANewerSchemaAndAnotherProgramsDatabase) {
  TempDir dir;
  {
    Storage storage = Storage::open_to_write(dir.file("study.db"));
    storage.create_study(small_setup().record);
    storage.commit();
    Database(dir.file("study.db"), Database::Access::kWrite).script("PRAGMA user_version = 99");
    Database(dir.file("other.db"), Database::Access::kWrite).script("CREATE TABLE recipe (name)");
  }
  for (const auto open : {&Storage::open_to_read}) {
    EXPECT_THAT(error_of([&] { open(dir.file("study.db")); }), HasSubstr("written by a newer caviar"));
    EXPECT_THAT(error_of([&] { open(dir.file("other.db")); }), HasSubstr("a database of another program"));
  }
  EXPECT_THAT(error_of([&] { Storage::open_to_write(dir.file("study.db")); }), HasSubstr("written by a newer caviar"));
  EXPECT_THAT(error_of([&] { Storage::open_to_write(dir.file("other.db")); }), HasSubstr("of another program"));
}

TEST(Storage, RefusesAFileThatIsNoDatabaseNamingIt) {
  TempDir dir;
  dir.write("study.db", std::string(5000, 'x'));
  const std::string error = error_of([&] { Storage::open_to_write(dir.file("study.db")); });
  EXPECT_THAT(error, HasSubstr(dir.file("study.db")));
  EXPECT_THAT(error, HasSubstr("not a database"));
  EXPECT_THAT(error_of([&] { Storage::open_to_read(dir.file("absent.db")); }), HasSubstr("cannot be opened"));
}

TEST(Storage, SurvivesFlippedBytesWithAnErrorOrAnAnswer) {
  TempDir dir;
  std::string whole;
  {
    Storage storage = Storage::open_to_write(dir.file("study.db"));
    FakeStudy(storage, small_setup(), small_sweep(8)).study.carry_out();
  }
  {
    std::ifstream in(dir.file("study.db"), std::ios::binary);
    whole.assign(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  ASSERT_GT(whole.size(), 10000u);
  int refused = 0;
  for (std::size_t round = 0; round < 400; ++round) {
    std::string damaged = whole;
    // The header and the roots of the tables densely, then all of the file.
    const std::size_t at = round < 200 ? round : (round * 2654435761u) % whole.size();
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << (round % 8)));
    dir.write("damaged/study.db", damaged);
    try {
      Storage storage = Storage::open_to_read(dir.file("damaged/study.db"));
      storage.check_integrity();
      History history("val_accuracy", true, 2);
      history.fold(storage);
      study_content(storage);
    } catch (const Error& error) {
      ++refused;
      EXPECT_THAT(error.what(), HasSubstr("study.db"));
    }
  }
  EXPECT_GT(refused, 20);
}

TEST(Storage, SaysThatAnAnswerOfNoUseIsADamagedFile) {
  TempDir dir;
  {
    Storage storage = Storage::open_to_write(dir.file("study.db"));
    storage.create_study(small_setup().record);
    storage.add_trial({0, {}});
    storage.commit();
    Database database(dir.file("study.db"), Database::Access::kWrite);
    database.script("UPDATE trial SET config = '[1'");
  }
  Storage storage = Storage::open_to_read(dir.file("study.db"));
  EXPECT_THAT(error_of([&] { storage.trial(0); }), HasSubstr("not a JSON object"));
}

TEST(Storage, ViewResultShowsEveryRunWithItsLastReport) {
  TempDir dir;
  {
    Storage storage = Storage::open_to_write(dir.file("study.db"));
    FakeStudy(storage, small_setup(), small_sweep(3)).study.carry_out();
  }
  Database database(dir.file("study.db"), Database::Access::kRead);
  Query rows = database.query("SELECT count(*), min(step), max(step), min(val_accuracy) FROM result");
  ASSERT_TRUE(rows.next());
  EXPECT_EQ(rows.integer(0), 6);
  EXPECT_EQ(rows.integer(1), 50);
  EXPECT_EQ(rows.integer(2), 50);
  EXPECT_GT(rows.real(3), 0.0);
}

}  // namespace
}  // namespace caviar
