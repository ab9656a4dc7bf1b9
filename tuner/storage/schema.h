// The tables of study.db. This file is the manual for whoever reads a study with another program.
//
// Open it with any SQLite tool, also while the sweep runs: readers never block the writer. All numbers are as they were
// computed, to the last bit. Metrics of a loss that was not a number are NULL beside a count of examples that is not 0.
// Everything but `event` is a function of the sweep file, the flags and the data: two studies of the same sweep have
// the same rows, whatever was killed and resumed in between.
#pragma once

namespace caviar {

// "Cavi", at byte 68 of the file: how `file` and caviar tell a study from another database.
inline constexpr int kApplicationId = 0x43617669;

// Raised with every change of the tables. An older study is upgraded, a newer one is refused.
inline constexpr int kSchemaVersion = 3;

inline constexpr const char* kSchema = R"sql(
-- What was asked: one row.
CREATE TABLE study (
  id                INTEGER PRIMARY KEY CHECK (id = 1),
  spec_name         TEXT    NOT NULL,  -- the sweep file's name, as the user gave it
  spec              TEXT    NOT NULL,  -- the sweep file's text
  sweep_seed        INTEGER NOT NULL,  -- chooses the trials of random search (as all seeds: 64 bits, shown as signed)
  trials            INTEGER,           -- how many are asked for; NULL: all there are
  seeds             INTEGER NOT NULL,  -- runs of every trial
  metric            TEXT    NOT NULL,  -- what trials are ranked by
  maximize          INTEGER NOT NULL,  -- 1: more is better
  validate_on_test  INTEGER NOT NULL,  -- 1: the val columns were measured on the test set
  data_name         TEXT    NOT NULL,
  data_digest       TEXT    NOT NULL,  -- over pixels, labels and shapes
  numerics          TEXT    NOT NULL,  -- version of the arithmetic that the bits of a run depend on
  caviar_version    TEXT    NOT NULL,
  search            TEXT    NOT NULL   -- JSON: sampler, scheduler, window and rules to end, flags included
);

-- A config to be judged.
CREATE TABLE trial (
  number  INTEGER PRIMARY KEY,  -- 0, 1, ... in order of suggestion
  config  TEXT NOT NULL,        -- JSON, nested groups flattened
  state   TEXT NOT NULL CHECK (state IN ('open', 'done', 'failed')),
  reason  TEXT,                 -- failed: why it could not be trained at all
  parent  INTEGER,              -- the trial whose final weights it started from; NULL: fresh ones
  until   INTEGER               -- it ends with this iteration (report, from 1), wherever its schedule leads; NULL: its last
);

-- One training. Trials whose configs mean the same share their runs, so nothing is trained twice.
CREATE TABLE run (
  id            INTEGER PRIMARY KEY,
  identity      TEXT    NOT NULL UNIQUE,  -- hash of `canonical`
  canonical     TEXT    NOT NULL,         -- JSON: all that the run's bits depend on
  seed_init     INTEGER NOT NULL,
  seed_order    INTEGER NOT NULL,
  seed_dropout  INTEGER NOT NULL,
  seed_augment  INTEGER NOT NULL,
  seed_split    INTEGER NOT NULL,
  steps         INTEGER NOT NULL,         -- optimizer updates it was given
  state         TEXT    NOT NULL
                CHECK (state IN ('waiting', 'running', 'complete', 'diverged', 'stopped', 'failed')),
  reason        TEXT,                     -- diverged, stopped, failed: why
  digest        TEXT                      -- complete, diverged: hash of final weights and all metrics
);
CREATE INDEX run_unfinished ON run (id) WHERE state IN ('waiting', 'running');

-- Which run is the repeat (0 .. seeds - 1) of which trial.
CREATE TABLE trial_run (
  trial   INTEGER NOT NULL REFERENCES trial (number),
  repeat  INTEGER NOT NULL,
  run     INTEGER NOT NULL REFERENCES run (id),
  PRIMARY KEY (trial, repeat)
) WITHOUT ROWID;
CREATE INDEX trial_run_by_run ON trial_run (run, trial, repeat);

-- The metrics of one run at one rung: mean loss, correct answers and examples they were counted over (0: not measured).
CREATE TABLE report (
  run   INTEGER NOT NULL REFERENCES run (id),
  rung  INTEGER NOT NULL,  -- 0, 1, ...
  step  INTEGER NOT NULL,  -- optimizer updates done
  train_loss          REAL, train_correct          INTEGER NOT NULL, train_examples          INTEGER NOT NULL,
  val_loss            REAL, val_correct            INTEGER NOT NULL, val_examples            INTEGER NOT NULL,
  averaged_val_loss   REAL, averaged_val_correct   INTEGER NOT NULL, averaged_val_examples   INTEGER NOT NULL,
  test_loss           REAL, test_correct           INTEGER NOT NULL, test_examples           INTEGER NOT NULL,
  averaged_test_loss  REAL, averaged_test_correct  INTEGER NOT NULL, averaged_test_examples  INTEGER NOT NULL,
  learning_rate       REAL,  -- the base rate, before the schedule scales it, where it adapts itself; else NULL
  PRIMARY KEY (run, rung)
) WITHOUT ROWID;

-- What the scheduler decided about a trial, and what it saw.
CREATE TABLE decision (
  trial     INTEGER NOT NULL REFERENCES trial (number),
  question  TEXT    NOT NULL CHECK (question IN ('iteration', 'seeds')),
  at        INTEGER NOT NULL,  -- iteration: after so many reports; seeds: after so many finished runs
  verdict   TEXT    NOT NULL CHECK (verdict IN ('go on', 'stop')),
  seeds     INTEGER,           -- seeds, go on: how many it may have now
  saw       TEXT    NOT NULL,  -- JSON: the numbers it was made from
  PRIMARY KEY (trial, question, at)
) WITHOUT ROWID;

-- Observations of earlier studies that the sampler started with.
CREATE TABLE prior (
  number  INTEGER PRIMARY KEY,  -- -1, -2, ...
  source  TEXT    NOT NULL,     -- the study
  config  TEXT    NOT NULL,     -- JSON
  metric  REAL,                 -- the mean of this study's metric over seeds; NULL: it diverged
  sd      REAL,                 -- between seeds
  seeds   INTEGER NOT NULL
);

-- What happened to the study: created, resumed, recovered, drained, extended, search, weights, ended, finished, alarm. The only clock times.
CREATE TABLE event (
  id      INTEGER PRIMARY KEY,
  time    TEXT NOT NULL,  -- UTC, ISO 8601
  kind    TEXT NOT NULL,
  detail  TEXT NOT NULL
);

)sql";

inline constexpr const char* kResultView = R"sql(
-- For reading: every run of every trial with its last report.
CREATE VIEW result AS
SELECT trial.number AS trial, trial_run.repeat, trial.config, run.state, run.reason, report.step,
       report.train_loss, 1.0 * report.train_correct / nullif(report.train_examples, 0) AS train_accuracy,
       report.val_loss, 1.0 * report.val_correct / nullif(report.val_examples, 0) AS val_accuracy,
       report.averaged_val_loss,
       1.0 * report.averaged_val_correct / nullif(report.averaged_val_examples, 0) AS averaged_val_accuracy,
       report.test_loss, 1.0 * report.test_correct / nullif(report.test_examples, 0) AS test_accuracy,
       report.averaged_test_loss,
       1.0 * report.averaged_test_correct / nullif(report.averaged_test_examples, 0) AS averaged_test_accuracy,
       report.learning_rate, run.digest, run.id AS run
FROM trial
JOIN trial_run ON trial_run.trial = trial.number
JOIN run ON run.id = trial_run.run
LEFT JOIN report ON report.run = run.id AND report.rung = (SELECT max(rung) FROM report WHERE report.run = run.id);
)sql";

// From version 1 to 2.
inline constexpr const char* kUpgradeTo2 = R"sql(
ALTER TABLE study ADD COLUMN search TEXT NOT NULL DEFAULT '{}';
ALTER TABLE trial ADD COLUMN parent INTEGER;
ALTER TABLE trial ADD COLUMN until INTEGER;
CREATE TABLE decision (
  trial INTEGER NOT NULL REFERENCES trial (number), question TEXT NOT NULL, at INTEGER NOT NULL, verdict TEXT NOT NULL,
  seeds INTEGER, saw TEXT NOT NULL, PRIMARY KEY (trial, question, at)
) WITHOUT ROWID;
CREATE TABLE prior (
  number INTEGER PRIMARY KEY, source TEXT NOT NULL, config TEXT NOT NULL, metric REAL, sd REAL, seeds INTEGER NOT NULL
);
)sql";

// From version 2 to 3; kResultView follows.
inline constexpr const char* kUpgradeTo3 = R"sql(
ALTER TABLE report ADD COLUMN learning_rate REAL;
DROP VIEW result;
)sql";

}  // namespace caviar
