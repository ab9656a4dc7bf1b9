// What an executor of GPUs promises beside bits: no trip to the host inside a rung, memory that is never exceeded, and
// no run lost with a GPU.
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/slot_state.h"
#include "tests/cuda_engine/gpu_runs.h"

namespace caviar {
namespace {

using std::chrono::milliseconds;
using ::testing::AllOf;
using ::testing::HasSubstr;

class GpuExecutor : public ::testing::Test {
 protected:
  void SetUp() override { cuda_on_cpu::reset(); }
  void TearDown() override { cuda_on_cpu::reset(); }
};

std::string error_of(const std::function<void()>& what) {
  try {
    what();
  } catch (const std::exception& e) {
    return e.what();
  }
  return "";
}

// Each (run, rung) once, in order.
void expect_every_rung_once(const std::vector<Report>& reports) {
  std::map<std::int64_t, int> next;
  for (const Report& r : reports) EXPECT_EQ(r.rung, next[r.run]++) << "run " << r.run;
}

TEST_F(GpuExecutor, ReportsEveryRungOnceAndInOrder) {
  const auto reports = on_gpu_executor(small_orders(6), on_gpus({0}));
  EXPECT_EQ(reports.size(), 18u);
  expect_every_rung_once(reports);
}

// From rung to rung the table goes out once and comes back once, however many steps and slots there are between.
TEST_F(GpuExecutor, NothingReachesTheHostInsideARung) {
  std::vector<RunOrder> orders = small_orders(4);
  for (RunOrder& o : orders) {
    o.hyper.total_steps = 200;
    o.rung_steps = 100;
  }
  const auto data = small_data_on_gpu();
  const auto pack = make_gpu_pack(orders.front().key, *data, 4, true);
  const std::atomic<bool> never = false;
  for (int s = 0; s < 4; ++s) pack->admit(s, orders[static_cast<std::size_t>(s)]);
  EXPECT_EQ(pack->advance(never).size(), 4u);
  for (int s = 0; s < 4; ++s) pack->go_on(s);
  const auto before = cuda_on_cpu::counters();
  while (!pack->pump(never)) pack->wait();
  const auto after = cuda_on_cpu::counters();
  EXPECT_EQ(pack->reports().size(), 4u);
  EXPECT_GE(after.graph_launches - before.graph_launches, 100);
  EXPECT_EQ(after.copies_to_device - before.copies_to_device, 1) << "the table of slots";
  // The table, and at the end of a run its parameters and averages for the digest.
  EXPECT_EQ(after.copies_to_host - before.copies_to_host, 1 + 4 * 2);
}

TEST_F(GpuExecutor, StoppedRunsReportNoMoreAndTheirSlotsAreTakenAgain) {
  const auto executor = make_gpu_executor(small_data(), on_gpus({0}));
  for (const RunOrder& o : small_orders(6)) executor->submit(o);
  std::set<std::int64_t> over;
  while (over.size() < 6)
    for (const Report& r : executor->advance(milliseconds(60'000))) {
      EXPECT_FALSE(over.contains(r.run));
      if (r.last) over.insert(r.run);
      if (r.run % 2 == 0 && !r.last) {
        executor->stop(r.run);
        over.insert(r.run);
      }
    }
}

TEST_F(GpuExecutor, OrdersThatCannotBeTrainedAreRefusedAtOnce) {
  const auto executor = make_gpu_executor(small_data(), on_gpus({0}));
  RunOrder order = small_order(1);
  order.key.hidden_size = 5000;
  EXPECT_THAT(error_of([&] { executor->submit(order); }), HasSubstr("hidden_size is 5000"));
  order = small_order(1);
  order.key.precision = "bf16";
  EXPECT_THAT(error_of([&] { executor->submit(order); }), HasSubstr("known: fp32, mixed"));
}

TEST_F(GpuExecutor, GpusThatAreNotThereAreRefusedByNumber) {
  EXPECT_THAT(error_of([] { make_gpu_executor(small_data(), on_gpus({3})); }), HasSubstr("no GPU cuda:3"));
  EXPECT_THAT(error_of([] { make_gpu_executor(small_data(), on_gpus({0, 0})); }), HasSubstr("chosen twice"));
  EXPECT_THAT(error_of([] { make_gpu_executor(small_data(), on_gpus({})); }), HasSubstr("at least one"));
  cuda_on_cpu::reset({.devices = 0});
  EXPECT_THAT(find_gpus().none, HasSubstr("no NVIDIA GPU"));
}

// Any allocation may fail: the runs still end with their own bits, in smaller packs, and it is said once.
TEST_F(GpuExecutor, AnAllocationThatFailsMakesPacksSmaller) {
  const std::vector<RunOrder> orders = small_orders(6);
  const Digests expected = each_alone(orders);
  int smaller = 0;
  for (int k = 1; k <= 4; ++k) {
    cuda_on_cpu::reset();
    GpuOptions options = on_gpus({0});
    std::vector<std::string> said;
    options.say = [&](const std::string& text) { said.push_back(text); };
    std::vector<Report> reports;
    const auto executor = make_gpu_executor(small_data(), options);  // the data set's own memory
    cuda_on_cpu::fail_allocation(k);
    for (const RunOrder& o : orders) executor->submit(o);
    reports = finish(*executor, orders.size());
    EXPECT_EQ(digests_of(reports), expected) << "allocation " << k;
    EXPECT_LE(said.size(), 1u);
    if (!said.empty()) {
      EXPECT_THAT(said[0], HasSubstr("packs are made smaller"));
      ++smaller;
    }
    cuda_on_cpu::fail_allocation(0);
  }
  EXPECT_GT(smaller, 0);
}

TEST_F(GpuExecutor, NeverTakesMoreMemoryThanThereIs) {
  const std::vector<RunOrder> orders = mixed_orders(12);
  const Digests expected = each_alone(orders);
  cuda_on_cpu::reset({.memory_bytes = 3 << 20});
  EXPECT_EQ(digests_of(on_gpu_executor(orders, on_gpus({0}))), expected);
  EXPECT_LE(cuda_on_cpu::counters().most_allocated_bytes, std::size_t{3} << 20);
}

TEST_F(GpuExecutor, ARunThatFitsNowhereIsAnErrorThatSaysHowMuchItNeeds) {
  cuda_on_cpu::reset({.memory_bytes = 200 << 10});
  RunOrder order = small_order(1);
  order.key.hidden_size = 200;
  EXPECT_THAT(error_of([&] { on_gpu_executor({order}, on_gpus({0})); }), HasSubstr("hidden_size 200"));
}

TEST_F(GpuExecutor, TheRunsOfALostGpuGoToTheOthers) {
  const std::vector<RunOrder> orders = small_orders(8);
  const Digests expected = each_alone(orders);
  int losses = 0;
  for (const int after : {0, 40, 400, 1500}) {
    cuda_on_cpu::reset({.devices = 2});
    std::vector<std::string> said;
    GpuOptions options = on_gpus({0, 1});
    options.say = [&](const std::string& text) { said.push_back(text); };
    const auto executor = make_gpu_executor(small_data(), options);
    cuda_on_cpu::lose_device(1, after);
    for (const RunOrder& o : orders) executor->submit(o);
    const std::vector<Report> reports = finish(*executor, orders.size());
    EXPECT_EQ(digests_of(reports), expected) << "lost after " << after << " operations";
    expect_every_rung_once(reports);
    ASSERT_LE(said.size(), 1u);
    losses += static_cast<int>(said.size());
    if (!said.empty()) {
      EXPECT_THAT(said[0], HasSubstr("GPU cuda:1 is lost"));
    }
  }
  EXPECT_GT(losses, 0) << "GPU 1 never had a run when it was lost";
}

// A run that begins again after a loss is behind what was told of it: put down then, its state says where it stands.
TEST_F(GpuExecutor, ADrainAfterALossTellsHowFarEachStateIs) {
  std::vector<RunOrder> orders = small_orders(4);
  for (RunOrder& o : orders) o.hyper.total_steps = 300;
  cuda_on_cpu::reset({.devices = 2});
  std::atomic<bool> lost = false;
  GpuOptions options = on_gpus({0, 1});
  options.say = [&](const std::string&) { lost = true; };
  const auto executor = make_gpu_executor(small_data(), options);
  cuda_on_cpu::lose_device(1, 2000);
  for (const RunOrder& o : orders) executor->submit(o);
  std::map<std::int64_t, int> told;
  const auto hear = [&](milliseconds patience) {
    for (const Report& r : executor->advance(patience)) told[r.run] = r.rung + 1;
  };
  while (!lost) hear(milliseconds(2));
  hear(milliseconds(1));
  const std::vector<Parked> parked = executor->drain();
  hear(milliseconds(0));
  ASSERT_EQ(parked.size(), orders.size());
  int behind = 0;
  std::set<std::int64_t> once;
  for (const Parked& run : parked) {
    EXPECT_TRUE(once.insert(run.run).second) << "run " << run.run << " twice";
    EXPECT_EQ(run.rung, rung_of(run.state));
    EXPECT_LE(run.rung, told[run.run]);
    behind += run.rung < told[run.run];
  }
  EXPECT_GT(behind, 0) << "no run was put down behind its reports: the test proved nothing";
}

// Takes all but `left` bytes of a GPU's memory until it is destroyed.
DeviceMemory all_but(std::size_t left, int gpu) {
  use_gpu(gpu);
  std::size_t free = 0, total = 0;
  cuda_check(cudaMemGetInfo(&free, &total), "ask for the free memory of a GPU");
  DeviceMemory taken(free - left);
  use_gpu(0);
  return taken;
}

TEST_F(GpuExecutor, AFullGpuLeavesItsRunsToAnother) {
  const std::vector<RunOrder> orders = small_orders(6);
  const Digests expected = each_alone(orders);
  cuda_on_cpu::reset({.devices = 2, .memory_bytes = 8 << 20});
  std::vector<std::string> said;
  GpuOptions options = on_gpus({0, 1});
  options.say = [&](const std::string& text) { said.push_back(text); };
  const auto executor = make_gpu_executor(small_data(), options);
  const DeviceMemory somebody_elses = all_but(4096, 1);
  for (const RunOrder& o : orders) executor->submit(o);
  EXPECT_EQ(digests_of(finish(*executor, orders.size())), expected);
  ASSERT_EQ(said.size(), 1u);
  EXPECT_THAT(said[0], HasSubstr("more than is free on GPU cuda:1"));
}

TEST_F(GpuExecutor, AGpuWithoutMemoryForTheDataSetIsLeftOut) {
  const std::vector<RunOrder> orders = small_orders(6);
  const Digests expected = each_alone(orders);
  for (const int full : {0, 2}) {
    cuda_on_cpu::reset({.devices = 3, .memory_bytes = 8 << 20});
    std::vector<std::string> said;
    GpuOptions options = on_gpus({0, 1, 2});
    options.say = [&](const std::string& text) { said.push_back(text); };
    const DeviceMemory somebody_elses = all_but(2048, full);
    EXPECT_EQ(digests_of(on_gpu_executor(orders, options)), expected);
    ASSERT_EQ(said.size(), 1u);
    EXPECT_THAT(said[0], AllOf(HasSubstr("the data set needs "), HasSubstr(cat("2 KiB free on cuda:", full)),
                               HasSubstr("GPUs that train: 2")));
    EXPECT_EQ(cuda_on_cpu::counters().broadcasts, 1) << "between the other two";
  }
}

TEST_F(GpuExecutor, AnAllocationForTheDataSetThatFailsLeavesOneGpuOut) {
  const std::vector<RunOrder> orders = small_orders(4);
  const Digests expected = each_alone(orders);
  for (int k = 1; k <= 2; ++k) {
    cuda_on_cpu::reset({.devices = 2});
    cuda_on_cpu::fail_allocation(k);
    std::vector<std::string> said;
    GpuOptions options = on_gpus({0, 1});
    options.say = [&](const std::string& text) { said.push_back(text); };
    EXPECT_EQ(digests_of(on_gpu_executor(orders, options)), expected);
    ASSERT_EQ(said.size(), 1u);
    EXPECT_THAT(said[0], HasSubstr(cat("free on cuda:", k - 1)));
  }
}

TEST_F(GpuExecutor, WithoutMemoryForTheDataSetOnAnyGpuTheErrorSaysWhatIsThereAndWhatToDo) {
  cuda_on_cpu::reset({.devices = 2, .memory_bytes = 1 << 20});
  const DeviceMemory first = all_but(2048, 0), second = all_but(0, 1);
  int said = 0;
  GpuOptions options = on_gpus({0, 1});
  options.say = [&](const std::string&) { ++said; };
  EXPECT_THAT(error_of([&] { make_gpu_executor(small_data(), options); }),
              AllOf(HasSubstr("the data set needs "), HasSubstr("2 KiB free on cuda:0, 0 KiB free on cuda:1"),
                    HasSubstr("--device cpu")));
  EXPECT_EQ(said, 0) << "the error says it";
}

TEST_F(GpuExecutor, AnNcclThatDoesNotStartIsNamedAndTheHostSendsTheDataSet) {
  const std::vector<RunOrder> orders = small_orders(4);
  const Digests expected = each_alone(orders);
  cuda_on_cpu::reset({.devices = 3, .nccl_starts = false});
  std::vector<std::string> said;
  GpuOptions options = on_gpus({0, 1, 2});
  options.say = [&](const std::string& text) { said.push_back(text); };
  EXPECT_EQ(digests_of(on_gpu_executor(orders, options)), expected);
  ASSERT_EQ(said.size(), 1u);
  EXPECT_THAT(said[0], AllOf(HasSubstr("NCCL"), HasSubstr("unhandled system error"), HasSubstr("through the host")));
  EXPECT_EQ(cuda_on_cpu::counters().broadcasts, 0);
}

TEST_F(GpuExecutor, WithEveryGpuLostTheErrorNamesResume) {
  cuda_on_cpu::reset({.devices = 2});
  const auto executor = make_gpu_executor(small_data(), on_gpus({0, 1}));
  cuda_on_cpu::lose_device(0, 30);
  cuda_on_cpu::lose_device(1, 60);
  for (const RunOrder& o : small_orders(4)) executor->submit(o);
  const std::string error = error_of([&] { finish(*executor, 4); });
  EXPECT_THAT(error, HasSubstr("is lost"));
  EXPECT_THAT(error, HasSubstr("--resume"));
}

TEST_F(GpuExecutor, TheDataSetIsBroadcastOnlyToSeveralGpus) {
  cuda_on_cpu::reset({.devices = 4});
  make_gpu_executor(small_data(), on_gpus({1}));
  EXPECT_EQ(cuda_on_cpu::counters().broadcasts, 0);
  make_gpu_executor(small_data(), on_gpus({0, 1, 2, 3}));
  EXPECT_EQ(cuda_on_cpu::counters().broadcasts, 1);
}

TEST_F(GpuExecutor, AllMemoryIsGivenBack) {
  { on_gpu_executor(mixed_orders(6), on_gpus({0})); }
  EXPECT_EQ(cuda_on_cpu::counters().allocated_bytes, 0u);
}

TEST_F(GpuExecutor, NumericsNameTheArchitectureInMixedPrecisionOnly) {
  EXPECT_EQ(gpu_numerics("fp32", {0}), "fp32/1");
  const Gpu gpu = find_gpus().gpus.at(0);
  EXPECT_EQ(gpu_numerics("mixed", {0}), cat("mixed/1/sm_", gpu.major, gpu.minor));
}

}  // namespace
}  // namespace caviar
