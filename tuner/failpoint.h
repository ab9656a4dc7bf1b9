// Named places where a test ends the process, or makes it fail, on purpose.
//
// They are compiled in always, so that what is tested is what is used; a place that is not armed costs one comparison.
// The environment variable CAVIAR_FAILPOINT arms one of them: "name" (the first time it is passed), "name:k" (the k-th
// time, k >= 1), and either with ":error" behind it. An armed place sends SIGKILL to its own process: no destructor, no
// buffer, no lock is treated kindly. With ":error" it throws Error instead, once.
#pragma once

#include <span>
#include <string>

namespace caviar {

enum class Failpoint {
  kStudyDirectory,     // the directory exists, the database does not
  kStudySchema,        // tables are made, not yet committed
  kStudyCreated,       // the empty study is committed
  kRecoverBegun,       // a resume has read what was running and written nothing
  kRecovered,          // a resume is recorded
  kTrialRecorded,      // a trial and its run are in the open transaction
  kRunSubmitted,       // a run was given to the executor, its row is not committed
  kReportRecorded,     // a report is in the open transaction
  kRunFinished,        // a run's digest and state are in the open transaction
  kCommit,             // before COMMIT
  kCommitted,          // behind COMMIT, before anything else happens
  kCheckpointOpened,   // the temporary file is there and empty
  kCheckpointHalf,     // half of it is written
  kCheckpointWritten,  // all of it is written, not synced
  kCheckpointSynced,   // synced, under its temporary name
  kCheckpointRenamed,  // under its own name, the directory not synced
  kCheckpointPruned,   // the oldest was removed
  kDrainBegun,         // before the executor is emptied
  kDrainParked,        // the executor is empty, nothing of it recorded
  kDrainRecorded,      // recorded, the checkpoint not written
  kFinished,           // the last trial is committed, the study still open
};

// Every name, in the order of the enum.
std::span<const char* const> failpoint_names();

// Dies or throws here when this place is armed and has been passed often enough.
void failpoint(Failpoint point);

// Arms a place as CAVIAR_FAILPOINT would; "" disarms. Throws Error for a name that does not exist: a typing error
// must not look like a test that passed.
void arm_failpoint(const std::string& setting);

}  // namespace caviar
