#include "kernels/readout.h"

#include "tests/cuda_kernels/on_device.h"
#include "tests/cuda_kernels/random_pack.h"

namespace caviar::test {
namespace {

struct Shape {
  int batch, steps, directions, direction_width, width;
};

testing::AssertionResult reads_as_cpu(const Cuda& device, const Shape& shape, Readout kind, Readout on_the_device) {
  Draw draw(6);
  std::vector<SlotRow> table = random_table(draw, {shape.batch, 1, 16, 7, shape.batch, 3, 18, 2});
  for (SlotRow& r : table) r.rows = std::min(r.rows, shape.batch);
  const int slots = static_cast<int>(table.size());
  PackArray<float> h(slots, shape.steps, shape.batch, shape.width), features(slots, 1, shape.batch, shape.width);
  PackArray<float> grad_h = h, grad_features = features;
  for (PackArray<float>* array : {&h, &features, &grad_h, &grad_features}) array->fill([&] { return draw.wild(60); });

  const DeviceVector<SlotRow> rows(table);
  const DeviceArray<float> device_h(h), device_features(features), device_grad_h(grad_h), device_grad(grad_features);
  ReadoutArgs a;
  a.window = {1, slots, 0, shape.batch};
  a.rows = rows.data();
  a.kind = on_the_device;
  a.steps = shape.steps;
  a.directions = shape.directions;
  a.direction_width = shape.direction_width;
  a.width = shape.width;
  a.h = device_h.slab();
  a.features = device_features.slab();
  a.grad_features = device_grad.slab();
  a.grad_h = device_grad_h.slab();
  readout_forward(device, a);
  readout_backward(device, a);

  a.rows = table.data();
  a.kind = kind;
  for (int s = 1; s < slots; ++s) {
    const int count = table[static_cast<std::size_t>(s)].rows;
    SlotRows<float> from(h, s, count), to(features, s, count), grad_to(grad_h, s, count),
        grad_from(grad_features, s, count);
    a.window = {s, s + 1, 0, count};
    a.h = from.slab();
    a.features = to.slab();
    a.grad_features = grad_from.slab();
    a.grad_h = grad_to.slab();
    readout_forward(Cpu{}, a);
    readout_backward(Cpu{}, a);
  }
  const testing::AssertionResult same = same_bits(features, device_features.read());
  return same ? same_bits(grad_h, device_grad_h.read()) : same;
}

constexpr Readout kKinds[] = {Readout::kLastStep, Readout::kFinalStates, Readout::kMean};

TEST(CudaReadout, ReadsAndSpreadsAsTheCpu) {
  for (const Shape shape :
       {Shape{19, 9, 2, 8, 16}, Shape{1, 1, 2, 16, 40}, Shape{19, 10, 1, 24, 24}, Shape{32, 3, 2, 64, 144}})
    for (const Readout kind : kKinds)
      on_device([&](const Cuda& device) {
        SCOPED_TRACE(
            cat("B ", shape.batch, ", T ", shape.steps, ", width ", shape.width, ", kind ", static_cast<int>(kind)));
        EXPECT_TRUE(reads_as_cpu(device, shape, kind, kind));
      });
}

TEST(CudaReadout, AnotherKindIsNoticed) {
  on_device([](const Cuda& device) {
    for (const Readout kind : kKinds)
      for (const Readout other : kKinds) {
        if (kind == other) continue;
        EXPECT_FALSE(reads_as_cpu(device, {19, 9, 2, 8, 16}, kind, other));
      }
  });
}

}  // namespace
}  // namespace caviar::test
