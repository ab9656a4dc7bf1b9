// A study for other programs.
#pragma once

#include <cstdint>
#include <cstdio>
#include <optional>

#include "tuner/storage/storage.h"

namespace caviar {

// One JSON object: the study, and of every trial (or the one of that number) its config, its summary, how it ended
// (tuner/outcome.h) and every run with seeds, state, digest and all reports. Numbers that are not finite are null.
// Trials are written one at a time.
void write_json(Storage& storage, std::optional<std::int64_t> trial, std::FILE* out);

// One row a run with its last report and how its trial ended, parameters as columns "config.<name>"; with a trial, one
// row a report of its runs. RFC 4180 quoting, shortest numbers that read back, no clock times: equal studies give equal
// files.
void write_csv(Storage& storage, std::optional<std::int64_t> trial, std::FILE* out);

// What app/decisions.h shows, `saw` as it was recorded: in losses, the metric negated where more of it is better. In
// CSV, a row a decision, a copy (question "weights") and a piece of news (question "search").
void write_decisions_json(Storage& storage, std::optional<std::int64_t> trial, std::FILE* out);
void write_decisions_csv(Storage& storage, std::optional<std::int64_t> trial, std::FILE* out);

// Error when there is no trial of that number.
void require_trial(Storage& storage, std::int64_t number);

}  // namespace caviar
