#include "kernels/prelude.h"

#include "tests/cuda_kernels/on_device.h"
#include "tests/cuda_kernels/random_pack.h"

namespace caviar::test {
namespace {

// Runs at all points of their training: some have diverged, some do not train, some have measured everything.
std::vector<SlotRow> random_runs(int slots) {
  Draw draw(1);
  std::vector<SlotRow> table = random_table(draw, std::vector<int>(static_cast<std::size_t>(slots)));
  for (SlotRow& r : table) {
    r.train_examples = 1 + draw.below(60000);
    r.validate_on_test = draw.below(2);
    r.validation_examples = 1 + draw.below(10000);
    r.test_examples = 1 + draw.below(10000);
    r.batch_size = 1 + draw.below(300);
    r.trains = !draw.one_in(4);
    r.measures = draw.below(16);
    for (Measured& m : r.measured) m.examples = draw.below(10000);
  }
  return table;
}

template <class Args, class Op>
void expect_same_table(const Args& args, const Op& op) {
  constexpr int kSlots = 150, kFirst = 3, kLast = 147;  // more than a block, and slots outside the window
  on_device([&](const Cuda& device) {
    std::vector<SlotRow> want = random_runs(kSlots);
    const DeviceVector<SlotRow> got(want);
    Args a = args;
    a.window = {kFirst, kLast, 0, 0};
    a.rows = got.data();
    op(device, a);
    a.rows = want.data();
    op(Cpu{}, a);
    EXPECT_TRUE(same_bits(want, got.read()));
  });
}

TEST(CudaPrelude, BeginsTrainingPassesAsTheCpu) {
  expect_same_table(TrainingPrelude{}, [](const auto& device, const TrainingPrelude& a) { begin_training(device, a); });
}

TEST(CudaPrelude, BeginsMeasuringPassesAsTheCpu) {
  for (const Measure measure : {Measure::kValidation, Measure::kAveraged, Measure::kTest, Measure::kAveragedTest}) {
    MeasuringPrelude a;
    a.measure = measure;
    a.most = 777;
    expect_same_table(a, [](const auto& device, const MeasuringPrelude& m) { begin_measuring(device, m); });
  }
}

TEST(CudaPrelude, AnotherRateOrSeedIsNoticed) {
  on_device([](const Cuda& device) {
    std::vector<SlotRow> want = random_runs(5);
    for (const std::size_t changed : {0, 2}) {
      want[changed].trains = 1;
      std::vector<SlotRow> other = want;
      if (changed == 0) other[0].hyper.learning_rate *= 1.0001f;
      if (changed == 2) ++other[2].seeds.order;
      const DeviceVector<SlotRow> got(other);
      begin_training(device, {{0, 5, 0, 0}, got.data()});
      std::vector<SlotRow> result = got.read(), by_cpu = want;
      begin_training(Cpu{}, {{0, 5, 0, 0}, by_cpu.data()});
      result[changed].hyper = by_cpu[changed].hyper;
      result[changed].seeds = by_cpu[changed].seeds;
      EXPECT_FALSE(same_bits(by_cpu, result)) << "slot " << changed;
    }
  });
}

}  // namespace
}  // namespace caviar::test
