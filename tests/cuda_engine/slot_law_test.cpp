// The slot law on GPUs, held with ==: in fp32 a run has the bits the CPU gives it, wherever and beside whatever it
// trains.
#include <cmath>

#include <gtest/gtest.h>

#include "tests/cuda_engine/gpu_runs.h"
#include "tests/support/committed_digests.h"

namespace caviar {
namespace {

class GpuSlotLaw : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = emulate(); !why.empty()) GTEST_SKIP() << why;
  }
};

void expect_equal(const Metrics& ours, const Metrics& theirs) {
  EXPECT_EQ(ours.loss, theirs.loss);
  EXPECT_EQ(ours.correct, theirs.correct);
  EXPECT_EQ(ours.examples, theirs.examples);
}

void expect_equal(const Report& ours, const Report& theirs) {
  SCOPED_TRACE(cat("run ", ours.run, " rung ", ours.rung));
  EXPECT_EQ(ours.run, theirs.run);
  EXPECT_EQ(ours.rung, theirs.rung);
  EXPECT_EQ(ours.step, theirs.step);
  expect_equal(ours.train, theirs.train);
  expect_equal(ours.validation, theirs.validation);
  expect_equal(ours.averaged, theirs.averaged);
  expect_equal(ours.test, theirs.test);
  expect_equal(ours.averaged_test, theirs.averaged_test);
  EXPECT_EQ(std::isnan(ours.learning_rate), std::isnan(theirs.learning_rate));
  if (!std::isnan(theirs.learning_rate)) {
    EXPECT_EQ(ours.learning_rate, theirs.learning_rate);
  }
  EXPECT_EQ(ours.last, theirs.last);
  EXPECT_EQ(ours.diverged, theirs.diverged);
  EXPECT_EQ(ours.samples, theirs.samples);
  EXPECT_EQ(to_string(ours.digest), to_string(theirs.digest));
}

TEST_F(GpuSlotLaw, ARunReportsWhatItReportsOnTheCpu) {
  for (const RunOrder& order : {small_order(1), diverging_order(2)}) {
    const std::vector<Report> cpu = alone(order), gpu = in_one_gpu_pack({order}, 1, {0});
    ASSERT_EQ(gpu.size(), cpu.size());
    for (std::size_t i = 0; i < cpu.size(); ++i) expect_equal(gpu[i], cpu[i]);
  }
}

// Every cell, optimizer, read-out, one and two layers: the committed digests of the CPU.
TEST_F(GpuSlotLaw, DigestsAreTheCommittedOnesInEveryWarpOrder) {
  const auto committed = committed_digests(CAVIAR_SOURCE_DIR "/tests/golden/digests.txt");
  ASSERT_EQ(committed.size(), committed_orders().size());
  for (int order = 0; order < kWarpOrders; ++order) {
    emulate({.warp_order = order});
    for (const RunOrder& o : committed_orders())
      EXPECT_EQ(to_string(in_one_gpu_pack({o}, 1, {0}).back().digest), committed.at(o.run)) << "run " << o.run;
  }
}

// Its state is one number more, which only the device knows between rungs.
TEST_F(GpuSlotLaw, ARateThatAdaptsItselfMovesBetweenDevicesWithItsRun) {
  const std::atomic<bool> never = false;
  const auto data = small_data_on_gpu();
  for (const RunOrder& order : hypergradient_orders(0)) {
    SCOPED_TRACE(cat("run ", order.run));
    const std::vector<Report> expected = alone(order);
    EXPECT_FALSE(std::isnan(expected.at(2).learning_rate));
    const auto gpu = make_gpu_pack(order.key, *data, 3, true);
    RunOrder beside = order, rest = order;
    beside.run = 50;
    beside.hyper.hypergradient_rate *= 0.5f;
    gpu->admit(0, beside);
    gpu->admit(2, order);
    EXPECT_EQ(gpu->advance(never).size(), 2u);
    rest.resume = gpu->save(2);
    const auto cpu = make_cpu_pack(order.key, small_data(), 1);
    cpu->admit(0, rest);
    EXPECT_EQ(cpu->save(0), rest.resume) << "before a step";
    EXPECT_EQ(cpu->advance(never).at(0).rung, 1);
    rest.resume = cpu->save(0);
    gpu->evict(0);
    gpu->evict(2);
    gpu->admit(1, rest);
    expect_equal(gpu->advance(never).at(0), expected.at(2));
  }
}

TEST_F(GpuSlotLaw, HoldsInAnySlot) {
  const RunOrder order = small_order(1);
  const Digest expected = alone(order).back().digest;
  EXPECT_EQ(digests_of(in_one_gpu_pack({order, small_order(2), small_order(3)}, 3, {0, 1, 2}))[1], expected);
  EXPECT_EQ(digests_of(in_one_gpu_pack({order, small_order(2), small_order(3)}, 3, {2, 0, 1}))[1], expected);
}

TEST_F(GpuSlotLaw, HoldsInSlot731Of1000) {
  RunOrder order = small_order(1);
  order.key.hidden_size = 3;
  order.key.num_layers = 1;
  order.hyper.total_steps = 6;
  EXPECT_EQ(in_one_gpu_pack({order}, 1000, {731}).back().digest, alone(order).back().digest);
}

TEST_F(GpuSlotLaw, HoldsWithGraphsAndWithoutThem) {
  const std::vector<RunOrder> orders = small_orders(3);
  EXPECT_EQ(digests_of(in_one_gpu_pack(orders, 3, {0, 1, 2}, true)),
            digests_of(in_one_gpu_pack(orders, 3, {0, 1, 2}, false)));
}

TEST_F(GpuSlotLaw, HoldsBesideDivergingNeighbours) {
  const RunOrder order = small_order(1);
  const auto reports = in_one_gpu_pack({diverging_order(5), order, diverging_order(6)}, 3, {0, 1, 2});
  EXPECT_EQ(digests_of(reports)[1], alone(order).back().digest);
  EXPECT_EQ(digests_of(reports)[5], alone(diverging_order(5)).back().digest);
}

// Runs of different lengths and rungs: slots fall free and are taken again while others are in the middle of a way.
TEST_F(GpuSlotLaw, HoldsWhileRunsComeAndGo) {
  std::vector<RunOrder> orders = small_orders(9);
  for (std::size_t i = 0; i < orders.size(); ++i) {
    orders[i].hyper.total_steps = 4 + static_cast<std::int64_t>(i) * 3 % 13;
    orders[i].rung_steps = 2 + static_cast<std::int64_t>(i) % 4;
  }
  const auto data = small_data_on_gpu();
  const auto pack = make_gpu_pack(orders.front().key, *data, 4, true);
  const std::atomic<bool> never = false;
  std::map<std::int64_t, int> slot_of;
  std::vector<int> free{3, 1, 0, 2};
  std::size_t next = 0;
  Digests digests;
  while (digests.size() < orders.size()) {
    for (; next < orders.size() && !free.empty(); ++next) {
      slot_of[orders[next].run] = free.back();
      pack->admit(free.back(), orders[next]);
      free.pop_back();
    }
    for (const Report& r : pack->advance(never)) {
      if (!r.last) {
        pack->go_on(slot_of[r.run]);
        continue;
      }
      digests[r.run] = r.digest;
      pack->evict(slot_of[r.run]);
      free.push_back(slot_of[r.run]);
    }
  }
  EXPECT_EQ(digests, each_alone(orders));
}

TEST_F(GpuSlotLaw, HoldsOnOneStreamAndOnEight) {
  std::vector<RunOrder> orders = mixed_orders(10);
  for (const RunOrder& o : hypergradient_orders(10)) orders.push_back(o);
  const Digests expected = each_alone(orders);
  for (const int streams : {1, 8}) {
    for (const std::uint64_t seed : {1u, 2u, 3u}) {
      emulate({.seed = seed});
      GpuOptions options = on_gpus({0});
      options.streams = streams;
      EXPECT_EQ(digests_of(on_gpu_executor(orders, options)), expected) << streams << " streams, seed " << seed;
    }
  }
}

TEST_F(GpuSlotLaw, HoldsOnOneDeviceAndOnFour) {
  const std::vector<RunOrder> orders = small_orders(10);
  const Digests expected = each_alone(orders);
  if (const std::string why = emulate({.devices = 4}); !why.empty()) GTEST_SKIP() << why;
  EXPECT_EQ(digests_of(on_gpu_executor(orders, on_gpus({0, 1, 2, 3}))), expected);
  EXPECT_EQ(digests_of(on_gpu_executor(orders, on_gpus({2}))), expected);
}

// Mixed precision has bits of its own, and the same law.
TEST_F(GpuSlotLaw, HoldsInMixedPrecision) {
  std::vector<RunOrder> orders = mixed_orders(8);
  for (RunOrder& o : orders) o.key.precision = "mixed";
  Digests alone_on_gpu;
  for (const RunOrder& o : orders) alone_on_gpu[o.run] = in_one_gpu_pack({o}, 1, {0}).back().digest;
  EXPECT_NE(alone_on_gpu, each_alone(mixed_orders(8))) << "the tensor cores were not used";
  EXPECT_EQ(digests_of(on_gpu_executor(orders, on_gpus({0}))), alone_on_gpu);
  std::vector<RunOrder> like = small_orders(5);
  for (RunOrder& o : like) o.key.precision = "mixed";
  RunOrder diverging = diverging_order(9);
  diverging.key.precision = "mixed";
  const Digest expected = in_one_gpu_pack({like[1]}, 1, {0}).back().digest;
  EXPECT_EQ(digests_of(in_one_gpu_pack({like[0], like[1], diverging}, 40, {7, 33, 8}))[1], expected);
  EXPECT_EQ(digests_of(in_one_gpu_pack(like, 5, {4, 3, 2, 1, 0}, false))[1], expected);
  if (emulate({.devices = 4}).empty()) {
    EXPECT_EQ(digests_of(on_gpu_executor(like, on_gpus({0, 1, 2, 3})))[1], expected);
  }
}

// A state saved on one device goes on on the other.
TEST_F(GpuSlotLaw, AStateOfTheCpuGoesOnOnAGpuAndBack) {
  const RunOrder order = small_order(1);
  const std::vector<Report> expected = alone(order);
  const std::atomic<bool> never = false;
  const auto data = small_data_on_gpu();
  const auto cpu = make_cpu_pack(order.key, small_data(), 1);
  cpu->admit(0, order);
  cpu->advance(never);
  RunOrder rest = order;
  rest.resume = cpu->save(0);
  const auto gpu = make_gpu_pack(order.key, *data, 3, true);
  gpu->admit(2, rest);
  EXPECT_EQ(gpu->save(2), rest.resume) << "before a step";
  EXPECT_EQ(gpu->advance(never).at(0).rung, 1);
  rest.resume = gpu->save(2);
  cpu->evict(0);
  cpu->admit(0, rest);
  expect_equal(cpu->advance(never).at(0), expected.at(2));
}

TEST_F(GpuSlotLaw, ADrainAtAnyMomentAndAResumeChangeNoBit) {
  std::vector<RunOrder> orders = small_orders(5);
  for (RunOrder& o : orders) {
    o.rung_steps = 100;  // more steps than are ever in flight
    o.hyper.total_steps = 200;
  }
  const Digests expected = each_alone(orders);
  Digests digests;
  std::map<std::int64_t, std::vector<std::byte>> states;
  int caught = 0;
  for (int round = 0; digests.size() < orders.size(); ++round) {
    ASSERT_LT(round, 2000);
    const auto executor = make_gpu_executor(small_data(), on_gpus({0}));
    for (RunOrder o : orders) {
      if (digests.contains(o.run)) continue;
      o.resume = states[o.run];
      executor->submit(o);
    }
    std::vector<Report> reports = executor->advance(std::chrono::milliseconds(round));
    for (Parked& parked : executor->drain()) {
      caught += parked.step % 100 != 0;
      states[parked.run] = std::move(parked.state);
    }
    for (const Report& r : executor->advance(std::chrono::milliseconds(0))) reports.push_back(r);
    for (const auto& [run, digest] : digests_of(reports)) digests[run] = digest;
  }
  EXPECT_EQ(digests, expected);
  EXPECT_GT(caught, 0) << "no run was ever caught between rungs: the test proved nothing";
}

}  // namespace
}  // namespace caviar
