// Which packs are opened: never more bytes than are free, never more slots than help, and everybody gets a share.
#include "engine/packer.h"

#include <numeric>

#include <gtest/gtest.h>

#include "kernels/math/philox.h"

namespace caviar {
namespace {

WaitingRuns waiting(int hidden, int count, std::int64_t fixed, std::int64_t slot, int blocks = 1) {
  WaitingRuns w;
  w.key.hidden_size = hidden;
  w.count = count;
  w.fixed_bytes = fixed;
  w.slot_bytes = slot;
  w.blocks_per_slot = blocks;
  return w;
}

std::int64_t bytes_of(const std::vector<PackPlan>& plans, const std::vector<WaitingRuns>& all) {
  std::int64_t bytes = 0;
  for (const PackPlan& plan : plans)
    for (const WaitingRuns& w : all)
      if (w.key == plan.key) bytes += w.fixed_bytes + plan.slots * w.slot_bytes;
  return bytes;
}

TEST(Packer, OneKeyGetsASlotForEveryRunUpToWhatFillsTheDevice) {
  const PackerLimits limits{1'000'000, 132, 8};
  const auto few = plan_packs({waiting(64, 7, 100, 10, 4)}, limits);
  ASSERT_EQ(few.size(), 1u);
  EXPECT_EQ(few[0].slots, 7);
  const auto many = plan_packs({waiting(64, 100'000, 100, 10, 4)}, limits);
  EXPECT_EQ(many[0].slots, slots_to_fill(132, 4));
  EXPECT_EQ(slots_to_fill(132, 4), 132);  // 2 rounds of 2 blocks on each of 132 multiprocessors
  EXPECT_EQ(slots_to_fill(132, 1'000), 1);
}

TEST(Packer, MemoryBoundsTheSlots) {
  const auto plans = plan_packs({waiting(64, 100, 100, 10)}, {357, 132, 8});
  ASSERT_EQ(plans.size(), 1u);
  EXPECT_EQ(plans[0].slots, 25);
}

TEST(Packer, AKeyWhoseSingleSlotDoesNotFitGetsNone) {
  EXPECT_TRUE(plan_packs({waiting(64, 3, 100, 10)}, {109, 132, 8}).empty());
  const auto plans = plan_packs({waiting(64, 3, 100, 1000), waiting(32, 2, 10, 5)}, {200, 132, 8});
  ASSERT_EQ(plans.size(), 1u);
  EXPECT_EQ(plans[0].key.hidden_size, 32);
  EXPECT_EQ(plans[0].slots, 2);
}

TEST(Packer, KeysShareMemoryByWhatTheyCouldUse) {
  const auto plans = plan_packs({waiting(64, 60, 0, 10), waiting(32, 30, 0, 10)}, {300, 132, 8});
  ASSERT_EQ(plans.size(), 2u);
  EXPECT_EQ(plans[0].slots, 20);
  EXPECT_EQ(plans[1].slots, 10);
}

TEST(Packer, NoMorePacksThanMayBeOpenedTheLongestQueuesFirst) {
  const auto plans = plan_packs({waiting(16, 1, 0, 1), waiting(32, 9, 0, 1), waiting(64, 5, 0, 1)}, {1000, 132, 2});
  ASSERT_EQ(plans.size(), 2u);
  EXPECT_EQ(plans[0].key.hidden_size, 32);
  EXPECT_EQ(plans[1].key.hidden_size, 64);
  EXPECT_TRUE(plan_packs({waiting(16, 1, 0, 1)}, {1000, 132, 0}).empty());
  EXPECT_TRUE(plan_packs({}, {1000, 132, 8}).empty());
}

TEST(Packer, NeverExceedsTheMemoryWhateverIsAsked) {
  int planned = 0;
  for (std::uint32_t i = 0; i < 2000; ++i) {
    const auto draw = [&](std::uint32_t what, std::uint32_t most) { return philox4x32(i, what, 0, 0, 7).x % most; };
    std::vector<WaitingRuns> all;
    for (std::uint32_t k = 0; k < draw(0, 6); ++k)
      all.push_back(waiting(static_cast<int>(k) + 1, static_cast<int>(draw(10 + k, 500)), draw(20 + k, 100'000),
                            1 + draw(30 + k, 20'000), 1 + static_cast<int>(draw(40 + k, 50))));
    const PackerLimits limits{draw(1, 3'000'000), 1 + static_cast<int>(draw(2, 200)), static_cast<int>(draw(3, 9))};
    const auto plans = plan_packs(all, limits);
    EXPECT_LE(bytes_of(plans, all), limits.free_bytes);
    EXPECT_LE(static_cast<int>(plans.size()), limits.packs);
    for (const PackPlan& plan : plans)
      for (const WaitingRuns& w : all)
        if (w.key == plan.key) {
          EXPECT_GE(plan.slots, 1);
          EXPECT_LE(plan.slots, w.count);
          EXPECT_LE(plan.slots, slots_to_fill(limits.multiprocessors, w.blocks_per_slot));
          ++planned;
        }
  }
  EXPECT_GT(planned, 1000);
}

}  // namespace
}  // namespace caviar
