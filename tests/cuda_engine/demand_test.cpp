// What a pack would take of a GPU, asked before it is opened.
#include <gtest/gtest.h>

#include "engine/cuda/gpu_pack.h"
#include "engine/devices.h"
#include "engine/packer.h"
#include "tests/support/small_runs.h"

namespace caviar {
namespace {

TEST(GpuDemand, IsWhatPacksOfThatManySlotsTake) {
  const PackKey key = small_order(0).key;
  const GpuDemand demand = gpu_demand(key, *small_data(), 0);
  for (const int slots : {1, 3, 50}) {
    const auto bytes = static_cast<double>(gpu_pack_size(key, *small_data(), slots).bytes);
    const auto said = static_cast<double>(demand.memory.fixed_bytes + slots * demand.memory.slot_bytes);
    EXPECT_NEAR(said / bytes, 1, 0.05) << slots;  // arrays are rounded up to 256 bytes each
  }
  const int multiprocessors = find_gpus().gpus.at(0).multiprocessors;
  EXPECT_EQ(demand.slots, slots_to_fill(multiprocessors, gpu_pack_size(key, *small_data(), 1).blocks_per_slot));
}

}  // namespace
}  // namespace caviar
