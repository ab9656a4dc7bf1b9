// The first op of every pass: which examples each slot sees, and the scalars of its step.
#pragma once

#include <cstdint>

#include "kernels/base/device.h"
#include "kernels/base/hd.h"
#include "kernels/base/window.h"
#include "kernels/slots.h"

namespace caviar {

// The order of the training examples of a run in an epoch.
CAVIAR_HD inline ExampleOrder training_order(const SlotRow& r, std::uint32_t epoch) {
  ExampleOrder o;
  o.shuffled = 1;
  o.order = make_permutation(r.seeds.order, Stream::kOrder, epoch, static_cast<std::uint32_t>(r.train_examples));
  o.carved = !r.validate_on_test;
  if (o.carved) {
    const std::int64_t all = r.train_examples + r.validation_examples;
    o.split = make_permutation(r.seeds.split, Stream::kSplit, 0, static_cast<std::uint32_t>(all));
  }
  return o;
}

// The order in which a run's validation examples, or those of the test set, are measured; its first position.
CAVIAR_HD inline ExampleOrder measuring_order(const SlotRow& r, Pass pass) {
  ExampleOrder o;
  o.carved = pass == Pass::kValidate && !r.validate_on_test;
  if (o.carved) {
    const std::int64_t all = r.train_examples + r.validation_examples;
    o.split = make_permutation(r.seeds.split, Stream::kSplit, 0, static_cast<std::uint32_t>(all));
  }
  return o;
}

// Training: the batch of step r.step, its order and scalars. An epoch is cut into batches in order; the last may be
// smaller.
CAVIAR_HD inline void begin_training_pass(SlotRow& r) {
  r.on = r.trains != 0 && r.diverged == 0;
  if (!r.on) return;
  const std::int64_t n = r.train_examples, b = r.batch_size, batches = (n + b - 1) / b;
  r.first = r.step % batches * b;
  r.rows = static_cast<std::int32_t>(n - r.first < b ? n - r.first : b);
  r.from_test = 0;
  r.order = training_order(r, static_cast<std::uint32_t>(r.step / batches));
  r.now = step_scalars(r.hyper, r.step, r.mu_product, r.rate_change);
}

// Measuring: the next examples, at most `most`; a slot that has seen all of them, or has diverged, is off.
CAVIAR_HD inline void begin_measuring_pass(SlotRow& r, Measure measure, int most) {
  const Pass pass = pass_of(measure);
  const std::int64_t count = pass == Pass::kTest ? r.test_examples : r.validation_examples;
  const std::int64_t done = r.measured[static_cast<int>(measure)].examples;
  r.on = (r.measures >> static_cast<int>(measure) & 1) != 0 && r.diverged == 0 && done < count;
  if (!r.on) return;
  r.order = measuring_order(r, pass);
  r.from_test = !r.order.carved;
  r.first = (r.from_test ? 0 : r.train_examples) + done;
  r.rows = static_cast<std::int32_t>(count - done < most ? count - done : most);
}

struct TrainingPrelude {
  Window window;
  SlotRow* rows = nullptr;  // [S]
};
void begin_training(const Cpu&, const TrainingPrelude& args);
void begin_training(const Cuda&, const TrainingPrelude& args);

struct MeasuringPrelude {
  Window window;
  SlotRow* rows = nullptr;  // [S]
  Measure measure = Measure::kValidation;
  int most = 0;  // examples of one pass
};
void begin_measuring(const Cpu&, const MeasuringPrelude& args);
void begin_measuring(const Cuda&, const MeasuringPrelude& args);

}  // namespace caviar
