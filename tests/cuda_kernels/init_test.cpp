#include "kernels/init.h"

#include "tests/cuda_kernels/on_device.h"
#include "tests/cuda_kernels/random_pack.h"

namespace caviar::test {
namespace {

constexpr int kSlots = 7;

std::vector<SlotRow> some_runs(Draw& draw) { return random_table(draw, std::vector<int>(kSlots, 1)); }

testing::AssertionResult initializes_as_cpu(const Cuda& device, std::int64_t size, std::int64_t offset, Draw& draw,
                                            const std::vector<SlotRow>& table,
                                            const std::vector<SlotRow>& on_the_device) {
  PackArray<float> weights(kSlots, 1, 1, size + offset);
  weights.fill([&] { return draw.number(); });
  const DeviceVector<SlotRow> rows(on_the_device);
  const DeviceArray<float> device_weights(weights);
  InitArgs a{{1, kSlots, 0, 0}, rows.data(), 3, 0.125f, size, device_weights.slab().from(offset)};
  initialize(device, a);
  a.rows = table.data();
  a.weights = weights.slab().from(offset);
  initialize(Cpu{}, a);
  return same_bits(weights, device_weights.read());
}

TEST(CudaInit, WeightsAreTheCpus) {
  for (const int size : {1, 5, 4096, 9001})
    on_device([&](const Cuda& device) {
      SCOPED_TRACE(cat("size ", size));
      Draw draw(22);
      const std::vector<SlotRow> table = some_runs(draw);
      EXPECT_TRUE(initializes_as_cpu(device, size, 3, draw, table, table));
    });
}

TEST(CudaInit, AnotherSeedIsNoticed) {
  on_device([](const Cuda& device) {
    Draw draw(23);
    const std::vector<SlotRow> table = some_runs(draw);
    std::vector<SlotRow> other = table;
    other[2].seeds.init ^= std::uint64_t{1} << 63;
    EXPECT_FALSE(initializes_as_cpu(device, 10, 0, draw, table, other));
  });
}

TEST(CudaInit, ZeroIsSetWhereTheCpuSetsIt) {
  for (const int size : {1, 4, 6, 4096, 9001})
    for (const int offset : {0, 1, 4})
      on_device([&](const Cuda& device) {
        SCOPED_TRACE(cat("size ", size, ", offset ", offset));
        Draw draw(24);
        const std::vector<SlotRow> table = some_runs(draw);
        PackArray<float> values(kSlots, 1, 1, size + offset);
        values.fill([&] { return draw.number(); });
        const DeviceVector<SlotRow> rows(table);
        const DeviceArray<float> device_values(values);
        set_zero(device, {{1, kSlots, 0, 0}, rows.data(), device_values.slab().from(offset), size});
        set_zero(Cpu{}, {{1, kSlots, 0, 0}, table.data(), values.slab().from(offset), size});
        EXPECT_TRUE(same_bits(values, device_values.read()));
      });
}

}  // namespace
}  // namespace caviar::test
