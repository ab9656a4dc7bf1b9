#include "kernels/metrics.h"

#include <limits>

#include "tests/cuda_kernels/on_device.h"
#include "tests/cuda_kernels/random_pack.h"

namespace caviar::test {
namespace {

constexpr int kMost = 1100;

struct Batch {
  std::vector<SlotRow> table;
  PackArray<float> losses;
  PackArray<std::int32_t> correct;
  PackArray<double> partials;

  explicit Batch(Draw& draw)
      : table(random_table(draw, {kMost, 1, 255, 256, 257, 64, 1000, 33, 513, 2})),
        losses(static_cast<int>(table.size()), 1, kMost, 1),
        correct(losses.slots(), 1, kMost, 1),
        partials(losses.slots(), 1, 1, kPartialSums) {
    losses.fill([&] { return std::abs(draw.number()); });
    correct.fill([&] { return draw.below(2); });
    partials.fill([&] { return static_cast<double>(draw.number()); });
    for (SlotRow& r : table) {
      r.loss_sum = static_cast<double>(draw.number());
      r.correct = draw.below(1000);
      r.examples = draw.below(5000);
      for (Measured& m : r.measured) m = {0.5, 3, draw.one_in(3) ? 0 : draw.below(2000)};
    }
  }

  static constexpr int kPartialSums = 256;
};

testing::AssertionResult records_as_cpu(const Cuda& device, Batch batch, const Batch& on_the_device) {
  const int slots = batch.losses.slots();
  const DeviceVector<SlotRow> rows(on_the_device.table);
  const DeviceArray<float> losses(on_the_device.losses);
  const DeviceArray<std::int32_t> correct(on_the_device.correct);
  record_batch(device, {{1, slots, 0, kMost}, rows.data(), losses.slab(), correct.slab()});
  record_batch(Cpu{}, {{1, slots, 0, kMost}, batch.table.data(), batch.losses.slab(), batch.correct.slab()});
  return same_bits(batch.table, rows.read());
}

TEST(CudaMetrics, BatchesAreAddedAsByTheCpu) {
  on_device([](const Cuda& device) {
    Draw draw(10);
    const Batch batch(draw);
    EXPECT_TRUE(records_as_cpu(device, batch, batch));
  });
}

TEST(CudaMetrics, DivergenceIsMarkedAsByTheCpu) {
  on_device([](const Cuda& device) {
    Draw draw(11);
    Batch batch(draw);
    batch.losses.at(2, 0, 254, 0) = std::numeric_limits<float>::quiet_NaN();
    batch.losses.at(3, 0, 0, 0) = std::numeric_limits<float>::infinity();
    batch.losses.at(5, 0, 63, 0) = 6.5e7f;                                    // a mean above 1e6
    batch.losses.at(6, 0, 1000, 0) = std::numeric_limits<float>::infinity();  // behind the batch: nobody's
    EXPECT_TRUE(records_as_cpu(device, batch, batch));
    const Batch untouched = batch;
    record_batch(Cpu{}, {{0, 7, 0, kMost}, batch.table.data(), batch.losses.slab(), batch.correct.slab()});
    EXPECT_EQ(batch.table[2].diverged, 1);
    EXPECT_EQ(batch.table[5].diverged, 1);
    EXPECT_EQ(batch.table[6].diverged, untouched.table[6].diverged);
  });
}

TEST(CudaMetrics, OneLossIsNoticed) {
  on_device([](const Cuda& device) {
    Draw draw(12);
    Batch batch(draw);
    batch.losses.at(6, 0, 999, 0) = 3.0f;
    Batch other = batch;
    other.losses.at(6, 0, 999, 0) = std::nextafter(3.0f, 4.0f);
    EXPECT_FALSE(records_as_cpu(device, batch, other));
  });
}

TEST(CudaMetrics, MeasurementsAreTheCpusHoweverPassesCutThem) {
  on_device([](const Cuda& device) {
    Draw draw(13);
    Batch batch(draw);
    const int slots = batch.losses.slots();
    const DeviceVector<SlotRow> rows(batch.table);
    const DeviceArray<float> losses(batch.losses);
    const DeviceArray<std::int32_t> correct(batch.correct);
    const DeviceArray<double> partials(batch.partials);
    for (int pass = 0; pass < 3; ++pass) {
      record_measured(
          device,
          {{1, slots, 0, kMost}, rows.data(), Measure::kAveraged, losses.slab(), correct.slab(), partials.slab()});
      record_measured(Cpu{}, {{1, slots, 0, kMost},
                              batch.table.data(),
                              Measure::kAveraged,
                              batch.losses.slab(),
                              batch.correct.slab(),
                              batch.partials.slab()});
      EXPECT_TRUE(same_bits(batch.table, rows.read()));
      EXPECT_TRUE(same_bits(batch.partials, partials.read()));
    }
  });
}

}  // namespace
}  // namespace caviar::test
