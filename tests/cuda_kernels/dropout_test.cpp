#include "kernels/dropout.h"

#include "tests/cuda_kernels/on_device.h"
#include "tests/cuda_kernels/random_pack.h"

namespace caviar::test {
namespace {

struct Shape {
  int batch, steps, segments, length, width;
  bool in_place = false;
};

testing::AssertionResult drops_as_cpu(const Cuda& device, const Shape& shape, Draw& draw, std::vector<SlotRow> table,
                                      const std::vector<SlotRow>& on_the_device) {
  const int slots = static_cast<int>(table.size());
  PackArray<float> in(slots, shape.steps, shape.batch, shape.width), out = in;
  in.fill([&] { return draw.wild(50); });
  out.fill([&] { return draw.number(); });

  const DeviceVector<SlotRow> rows(on_the_device);
  const DeviceArray<float> device_in(in), device_out(out);
  DropoutArgs a;
  a.window = {1, slots, 0, shape.batch};
  a.rows = rows.data();
  a.layer = 2;
  a.steps = shape.steps;
  a.segments = shape.segments;
  a.length = shape.length;
  a.width = shape.width;
  a.in = device_in.slab();
  a.out = shape.in_place ? device_in.slab() : device_out.slab();
  dropout(device, a);

  a.rows = table.data();
  for (int s = 1; s < slots; ++s) {
    const int count = table[static_cast<std::size_t>(s)].rows;
    SlotRows<float> from(in, s, count), to(out, s, count);
    a.window = {s, s + 1, 0, count};
    a.in = from.slab();
    a.out = shape.in_place ? from.slab() : to.slab();
    dropout(Cpu{}, a);
  }
  const testing::AssertionResult same = same_bits(in, device_in.read());
  return same ? same_bits(out, device_out.read()) : same;
}

std::vector<SlotRow> some_runs(Draw& draw, int batch) {
  std::vector<SlotRow> table = random_table(draw, {batch, 1, batch, 7, 16, 20, 3, batch});
  for (SlotRow& r : table) r.rows = std::min(r.rows, batch);
  table[2].hyper.dropout = 0.0f;
  table[3].hyper.dropout = 0.5f;
  return table;
}

TEST(CudaDropout, DropsWhatTheCpuDrops) {
  for (const Shape shape :
       {Shape{21, 6, 2, 7, 24}, Shape{1, 1, 1, 1, 8}, Shape{21, 9, 2, 33, 80, true}, Shape{32, 4, 2, 64, 144, true}})
    on_device([&](const Cuda& device) {
      SCOPED_TRACE(cat("B ", shape.batch, ", T ", shape.steps, ", H ", shape.length));
      Draw draw(4);
      const std::vector<SlotRow> table = some_runs(draw, shape.batch);
      EXPECT_TRUE(drops_as_cpu(device, shape, draw, table, table));
    });
}

TEST(CudaDropout, AnotherStepIsNoticed) {
  on_device([](const Cuda& device) {
    Draw draw(5);
    const std::vector<SlotRow> table = some_runs(draw, 21);
    std::vector<SlotRow> other = table;
    ++other[3].step;
    EXPECT_FALSE(drops_as_cpu(device, {21, 6, 2, 7, 24}, draw, table, other));
  });
}

}  // namespace
}  // namespace caviar::test
