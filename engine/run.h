// What the engine is asked to do and what it answers: plain data, with no knowledge of trials or sweeps.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "kernels/hyper.h"
#include "kernels/readout.h"
#include "kernels/recurrent.h"

namespace caviar {

// The five sources of randomness, each the key of its own counter-based stream (kernels/math/philox.h).
struct Seeds {
  std::uint64_t init = 0;     // initial weights
  std::uint64_t order = 0;    // order of the training examples
  std::uint64_t dropout = 0;  // dropout masks
  std::uint64_t augment = 0;  // augmentation (no model uses it yet)
  std::uint64_t split = 0;    // which training examples are kept for validation
  // NOLINTNEXTLINE(modernize-use-nullptr): of the 0 in a comparison
  auto operator<=>(const Seeds&) const = default;
};

// All that must be equal for two runs to share a pack: what sizes an array or picks a compiled kernel.
struct PackKey {
  std::string family = "birnn";
  Cell cell = Cell::kLstm;
  std::int32_t hidden_size = 128;  // 1 .. 1024
  std::int32_t num_layers = 2;     // 1 .. 8
  bool bidirectional = true;
  Readout readout = Readout::kLastStep;
  std::int32_t batch_size = 100;  // 1 .. training examples
  std::int32_t state_arrays = 2;  // of the optimizer: state_arrays(hyper)
  bool averaged = false;          // Polyak averages are kept and evaluated
  std::string precision = "fp32";
  auto operator<=>(const PackKey&) const = default;  // NOLINT(modernize-use-nullptr): the checker misreads it
};

// The data a run sees. The data set itself belongs to the executor.
struct DataUse {
  std::int64_t validation_examples = 10000;  // carved from the training set by the split seed
  bool validate_on_test = false;             // to reproduce studies that tuned on the test set: no carving
  auto operator<=>(const DataUse&) const = default;
};

// One training, completely said. Equal orders give equal bits on every device, in any slot.
struct RunOrder {
  std::int64_t run = 0;  // the caller's number; comes back in reports; never enters a computation
  PackKey key;
  Hyper hyper;  // hyper.total_steps: the length of the run, >= 1
  Seeds seeds;
  DataUse data;
  std::int64_t rung_steps = 0;    // a report every so many steps and at the last step, >= 1
  std::vector<std::byte> resume;  // a state from Report::state or Executor::drain to go on from, or empty
  bool inherits = false;  // `resume` is of another run of the same shapes: its weights, optimizer state and place in
                          // the order of the data are taken over, while this order's numbers rule from here on
};

// Loss (mean cross-entropy; of training examples with the run's label smoothing, as it is minimised, but without weight
// penalties) and accuracy (fraction in [0, 1]) over some examples.
struct Metrics {
  double loss = 0;
  std::int64_t correct = 0;
  std::int64_t examples = 0;
  double accuracy() const { return examples ? static_cast<double>(correct) / static_cast<double>(examples) : 0; }
};

// 128-bit hash of final weights, averages and all metrics of a run (engine/digest.h).
struct Digest {
  std::uint64_t high = 0, low = 0;
  auto operator<=>(const Digest&) const = default;
};
std::string to_string(const Digest& digest);  // 32 hexadecimal digits

// The metrics of one run at one rung. Examples == 0 in a Metrics means it was not measured.
struct Report {
  std::int64_t run = 0;
  std::int32_t rung = 0;        // 0, 1, ...: the n-th report of the run
  std::int64_t step = 0;        // optimizer updates done
  Metrics train;                // over the examples seen since the last rung, with the weights they were seen with
  Metrics validation;           // raw weights
  Metrics averaged;             // Polyak averages on the validation examples
  Metrics test, averaged_test;  // at the last report only
  // The base rate of the last update, before the schedule scales it, of a run whose rate adapts itself; NaN of others.
  double learning_rate = std::numeric_limits<double>::quiet_NaN();
  bool last = false;             // the run is over: complete or diverged
  bool diverged = false;         // a loss was beyond all bounds (kernels/metrics.h); `step` counts the updates
  Digest digest;                 // at the last report only
  std::int64_t samples = 0;      // training examples processed since the last report of this run on this device
  std::vector<std::byte> state;  // when asked for: all that is needed to go on from here; at the last report without
                                 // the optimizer's numbers, for which there is no use any more
};

// A run that was put down between rungs.
struct Parked {
  std::int64_t run = 0;
  std::int64_t step = 0;
  std::int32_t rung = 0;  // reports made up to `state`; fewer than were told when a lost run was on its way again
  std::vector<std::byte> state;
};

// What bits depend on besides config, seeds and data: raised on purpose when a kernel changes its arithmetic.
inline constexpr const char* kNumericsFp32 = "fp32/1";
inline constexpr const char* kNumericsMixed = "mixed/1";  // followed by the architecture: engine/devices.h

}  // namespace caviar
