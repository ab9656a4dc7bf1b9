#include "kernels/gather.h"

#include "kernels/prelude.h"
#include "tests/cuda_kernels/on_device.h"
#include "tests/cuda_kernels/random_pack.h"

namespace caviar::test {
namespace {

struct Shape {
  int batch, steps, features;
  int offset = 0;  // bytes between a 4-aligned address and the first pixel
};

// Passes of every kind over 150 + 30 examples, or 40 of the test set, full and partial.
std::vector<SlotRow> passes(Draw& draw, int batch) {
  std::vector<SlotRow> table = random_table(draw, {batch, 1, 16, 17, batch, 33, 2});
  for (std::size_t s = 0; s < table.size(); ++s) {
    SlotRow& r = table[s];
    r.train_examples = 150;
    r.validate_on_test = s % 2 == 0;
    r.validation_examples = r.validate_on_test ? 40 : 30;
    r.test_examples = 40;
    const bool trains = s < 4;
    r.order = trains ? training_order(r, 5) : measuring_order(r, s == 5 ? Pass::kTest : Pass::kValidate);
    r.from_test = !trains && !r.order.carved;
    r.first = trains ? 100 : (r.from_test ? 3 : 150);
    r.rows = std::min({r.rows, batch, trains ? 50 : 30});
  }
  return table;
}

// The examples of a set, `offset` bytes behind an aligned address.
struct Examples {
  std::vector<std::uint8_t> pixels, labels;
  Examples(Draw& draw, int count, const Shape& shape) {
    for (int i = 0; i < count * shape.steps * shape.features + shape.offset; ++i)
      pixels.push_back(static_cast<std::uint8_t>(draw.bits()));
    for (int i = 0; i < count; ++i) labels.push_back(static_cast<std::uint8_t>(draw.below(10)));
  }
};

// `on_the_device` may differ from `table` in a test that expects to see it.
testing::AssertionResult gathers_as_cpu(const Cuda& device, const Shape& shape, Draw& draw, std::vector<SlotRow> table,
                                        const std::vector<SlotRow>& on_the_device) {
  const Examples train(draw, 180, shape), test(draw, 40, shape);
  const int slots = static_cast<int>(table.size());
  PackArray<float> x(slots, shape.steps, shape.batch, padded(shape.features));
  PackArray<std::int32_t> labels(slots, 1, shape.batch, 1);
  x.fill([&] { return draw.number(); });
  labels.fill([&] { return draw.below(1000); });

  const DeviceVector<SlotRow> rows(on_the_device);
  const DeviceVector<std::uint8_t> train_pixels(train.pixels), train_labels(train.labels), test_pixels(test.pixels),
      test_labels(test.labels);
  const DeviceArray<float> device_x(x);
  const DeviceArray<std::int32_t> device_labels(labels);
  GatherArgs a;
  a.window = {1, slots, 0, shape.batch};
  a.rows = rows.data();
  a.train = {train_pixels.data() + shape.offset, train_labels.data()};
  a.test = {test_pixels.data() + shape.offset, test_labels.data()};
  a.steps = shape.steps;
  a.features = shape.features;
  a.x = device_x.slab();
  a.labels = device_labels.slab();
  gather(device, a);

  a.rows = table.data();
  a.train = {train.pixels.data() + shape.offset, train.labels.data()};
  a.test = {test.pixels.data() + shape.offset, test.labels.data()};
  for (int s = 1; s < slots; ++s) {
    const int count = table[static_cast<std::size_t>(s)].rows;
    SlotRows<float> x_of_slot(x, s, count);
    SlotRows<std::int32_t> labels_of_slot(labels, s, count);
    a.window = {s, s + 1, 0, count};
    a.x = x_of_slot.slab();
    a.labels = labels_of_slot.slab();
    gather(Cpu{}, a);
  }
  const testing::AssertionResult same = same_bits(x, device_x.read());
  return same ? same_bits(labels, device_labels.read()) : same;
}

TEST(CudaGather, GivesTheExamplesOfTheCpu) {
  for (const Shape shape :
       {Shape{37, 5, 28}, Shape{37, 5, 28, 1}, Shape{1, 3, 1}, Shape{16, 4, 7}, Shape{37, 2, 33}, Shape{48, 1, 300}})
    on_device([&](const Cuda& device) {
      SCOPED_TRACE(cat("B ", shape.batch, ", T ", shape.steps, ", D ", shape.features, ", offset ", shape.offset));
      Draw draw(2);
      const std::vector<SlotRow> table = passes(draw, shape.batch);
      EXPECT_TRUE(gathers_as_cpu(device, shape, draw, table, table));
    });
}

TEST(CudaGather, AnotherMeanOrOrderIsNoticed) {
  on_device([](const Cuda& device) {
    Draw draw(3);
    std::vector<SlotRow> table = passes(draw, 37), other = table;
    table[2].hyper.standardize = other[2].hyper.standardize = 1;
    other[2].pixel_mean = std::nextafter(other[2].pixel_mean, 2.0f);
    EXPECT_FALSE(gathers_as_cpu(device, {37, 2, 8}, draw, table, other));
    other = table;
    ++other[3].order.order.keys[0];
    EXPECT_FALSE(gathers_as_cpu(device, {37, 2, 8}, draw, table, other));
  });
}

}  // namespace
}  // namespace caviar::test
