// A table of slots in the middle of their training, and random numbers for their arrays.
#pragma once

#include <cstdint>

#include "bench/kernels/support/rows.h"
#include "kernels/math/philox.h"
#include "kernels/prelude.h"
#include "kernels/slots.h"

namespace caviar::bench {

// Uniform in [-bound, bound): element i of array `array` of a slot.
inline float random_value(std::uint32_t array, int slot, std::int64_t i, float bound = 1) {
  const Philox4 random = philox4x32(static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(slot), array, 0, 1);
  return bound * (static_cast<float>(random.x >> 8) * 0x1p-23f - 1.0f);
}

// [S]: each slot in its own step of training on `examples` examples, the prelude done.
inline Rows<SlotRow> training_slots(int slots, int batch, std::int64_t examples, const Hyper& hyper = {}) {
  return Rows<SlotRow>(slots, 1, [&](int slot, std::int64_t) {
    SlotRow row;
    const auto seed = static_cast<std::uint64_t>(slot) + 1;
    row.seeds = {seed, seed + 100, seed + 200, seed + 300, seed + 400};
    row.hyper = hyper;
    row.hyper.total_steps = 1'000'000;
    row.step = 10 + slot;
    row.validation_examples = examples / 6;
    row.train_examples = examples - row.validation_examples;
    row.batch_size = batch;
    row.trains = 1;
    begin_training_pass(row);
    return row;
  });
}

}  // namespace caviar::bench
