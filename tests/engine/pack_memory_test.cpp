// What a pack takes of memory, against sums done by hand.
#include <gtest/gtest.h>

#include "engine/pack.h"

namespace caviar {
namespace {

Dataset images() {
  Dataset data;
  data.steps = data.features = 28;
  data.classes = 10;
  return data;
}

// A row of the slot's table and the ends of cache lines.
constexpr std::int64_t kSmall = 4096;

TEST(PackMemory, ASlotIsItsParametersAndWhatTheOptimizerKeeps) {
  PackKey key;  // an LSTM, 2 layers of 128
  const std::int64_t parameters = parameters_of(key, images());
  EXPECT_EQ(parameters, 559'626);  // torch.nn.LSTM(28, 128, 2, bidirectional=True) and a Linear(256, 10)
  for (const int arrays : {0, 1, 2})
    for (const bool averaged : {false, true}) {
      key.state_arrays = arrays;
      key.averaged = averaged;
      const std::int64_t floats = 4 * parameters * (1 + arrays + averaged);
      const PackMemory memory = cpu_pack_memory(key, images());
      EXPECT_GE(memory.slot_bytes, floats);
      EXPECT_LE(memory.slot_bytes, floats + kSmall);
      EXPECT_GE(memory.fixed_bytes, 4 * parameters) << "the gradient";
    }
}

TEST(PackMemory, BatchesCostTheWorkerAndNotTheSlot) {
  PackKey small, large;
  small.hidden_size = large.hidden_size = 32;
  small.batch_size = 16;
  large.batch_size = 512;
  const PackMemory one = cpu_pack_memory(small, images()), other = cpu_pack_memory(large, images());
  EXPECT_EQ(one.slot_bytes, other.slot_bytes);
  EXPECT_LT(one.fixed_bytes, other.fixed_bytes);
}

TEST(PackMemory, ParametersDoNotDependOnThePrecision) {
  PackKey key;
  key.precision = "mixed";
  EXPECT_EQ(parameters_of(key, images()), 559'626);
}

}  // namespace
}  // namespace caviar
