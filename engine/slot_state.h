// What the host keeps of the run in a slot, how it starts, is saved and restored, and what it reports at a rung.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/data/dataset.h"
#include "engine/run.h"
#include "kernels/slots.h"

namespace caviar {

// Beside the slot's row of the table and its arrays.
struct Slot {
  enum class Phase { kFree, kReady, kAtRung, kOver };
  Phase phase = Phase::kFree;
  std::int64_t run = 0;
  std::int64_t rung_steps = 1;
  std::int32_t rung = 0;             // reports made
  std::int64_t reported_step = 0;    // step of the last report
  std::int64_t examples_before = 0;  // of row.examples: seen before this device had the run
  Digest metrics_digest;             // of all reports so far
};

// The arrays of a slot in the host's memory.
template <class T>
struct SlotArrays {
  std::span<T> params;    // [P]
  std::span<T> state;     // [state_arrays, P]
  std::span<T> averages;  // [P], or empty
};

// Throws Error when the data set cannot serve the order: batch or validation set too large, no examples.
void check_order(const RunOrder& order, const Dataset& data);

// Throws Error when order.resume is no state of a run like this one with `size` parameters.
void check_state(const RunOrder& order, std::int64_t size);

// Slot and row of a run at its beginning. Throws Error when the data cannot serve the order.
Slot make_slot(const RunOrder& order, const Dataset& data);
SlotRow make_row(const RunOrder& order, const Dataset& data);

// All that cannot be had again from the order: counters, running products, sums, arrays.
std::vector<std::byte> save(const Slot& slot, const SlotRow& row, const SlotArrays<const float>& arrays);
void restore(Slot& slot, SlotRow& row, const SlotArrays<float>& arrays, const std::vector<std::byte>& state);

// Reports made by the run up to a saved state; 0 for an empty one, which is its beginning.
std::int32_t rung_of(const std::vector<std::byte>& state);

// Steps until the run reports next: 0 when it stands at its rung. A diverged run does.
std::int64_t steps_to_rung(const Slot& slot, const SlotRow& row);

// What a run measures when it reports at step `step`: bits of Measure.
std::int32_t measures_at(const SlotRow& row, std::int64_t step);

// What a measurement that is complete found.
Metrics metrics_of(const SlotRow& row, Measure measure);

// The report of a slot that stands at its rung, from the sums in its row, which are cleared. Digest and state are not
// filled in; Report::last says whether finish_run() is due.
Report finish_rung(Slot& slot, SlotRow& row);

// Digest of parameters and averages (NaN made one NaN first), then of all metrics, and of the rate if it adapts itself.
Digest final_digest(const Slot& slot, const SlotRow& row, const SlotArrays<const float>& arrays);

// What the last report has beside its metrics: the digest, and a state as save() has it, but without the optimizer's
// numbers.
void finish_run(Report& report, const Slot& slot, const SlotRow& row, const SlotArrays<const float>& arrays);

// Of a saved state: its weights. They are what predict() (engine/predictions.h) reads.
struct Weights {
  std::vector<float> params, averages;  // [P], [P] or empty
};
Weights weights_of(const std::vector<std::byte>& state);

// The digest of a run that ended in this state, which is that of its last report.
Digest digest_of(const std::vector<std::byte>& state);

}  // namespace caviar
