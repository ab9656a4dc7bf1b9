// What a slot holds of its run, how it starts, is saved and restored, and which examples it sees when.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/data/dataset.h"
#include "engine/run.h"
#include "kernels/base/buffer.h"
#include "kernels/gather.h"
#include "kernels/slots.h"

namespace caviar {

struct Slot {
  enum class Phase { kFree, kReady, kAtRung, kOver };
  Phase phase = Phase::kFree;
  std::int64_t run = 0;
  SlotRow row;
  DataUse data;
  std::int64_t rung_steps = 1;
  std::int32_t batch_size = 1;
  std::int32_t rung = 0;           // reports made
  std::int64_t reported_step = 0;  // step of the last report
  std::int64_t samples = 0;        // since the last report, on this device
  Digest metrics_digest;           // of all reports so far
  Buffer<float> params;            // [P]
  Buffer<float> state;             // [state_arrays, P]
  Buffer<float> averages;          // [P], or empty
};

// A slot for the order with zeroed arrays of `size` parameters. Throws Error when the data cannot serve the order.
Slot make_slot(const RunOrder& order, const Dataset& data, std::int64_t size);

// Throws Error when the data set cannot serve the order: batch or validation set too large, no examples.
void check_order(const RunOrder& order, const Dataset& data);

// All that cannot be had again from the order: counters, running products, sums, arrays.
std::vector<std::byte> save(const Slot& slot);
void restore(Slot& slot, const std::vector<std::byte>& state);

// Throws Error when order.resume is no state of a run like this one with `size` parameters.
void check_state(const RunOrder& order, std::int64_t size);

// The batch of the step under way: which epoch, which positions of it.
struct BatchPlace {
  std::uint32_t epoch = 0;
  std::int64_t first = 0;
  int rows = 0;  // batch_size, or fewer in the last batch of an epoch
};
BatchPlace batch_place(const Slot& slot);

// The order of the training examples in an epoch.
ExampleOrder training_order(const Slot& slot, std::uint32_t epoch);

// Where the examples for validation are.
struct ValidationPlace {
  const Examples* examples = nullptr;
  ExampleOrder order;
  std::int64_t first = 0, count = 0;
};
ValidationPlace validation_place(const Slot& slot, const Dataset& data);

// The digest of all reports up to and with `report`.
Digest chain_digest(const Digest& before, const Report& report);

// Digest of parameters and averages (NaN made one NaN first), then of the metrics.
Digest final_digest(const Slot& slot);

}  // namespace caviar
