#include "kernels/clip.h"

#include <limits>

#include "tests/cuda_kernels/on_device.h"
#include "tests/cuda_kernels/random_pack.h"

namespace caviar::test {
namespace {

struct Gradients {
  std::vector<SlotRow> table;
  PackArray<float> values;
  Gradients(Draw& draw, int size) : table(random_table(draw, std::vector<int>(9, 1))), values(9, 1, 1, size) {
    values.fill([&] { return draw.number(); });
    for (SlotRow& r : table) r.clip_scale = 77.0f;
    table[0].hyper.clip_norm = 0.0f;
    table[2].hyper.clip_norm = 1.0f;
    table[5].hyper.clip_norm = 1e9f;  // above the norm
    table[6].hyper.clip_norm = 0.3f;
    table[8].hyper.clip_norm = 5.0f;
  }
};

testing::AssertionResult clips_as_cpu(const Cuda& device, Gradients gradients, const Gradients& on_the_device) {
  const DeviceVector<SlotRow> rows(on_the_device.table);
  const DeviceArray<float> values(on_the_device.values);
  const std::int64_t size = gradients.values.size();
  const Window window{0, 9, 0, 0};
  clip(device, {window, rows.data(), size, values.slab()});
  clip(Cpu{}, {window, gradients.table.data(), size, gradients.values.slab()});
  return same_bits(gradients.table, rows.read());
}

TEST(CudaClip, ScalesAreTheCpus) {
  for (const int size : {1, 255, 256, 300, 4096, 9001})
    on_device([&](const Cuda& device) {
      SCOPED_TRACE(cat("P ", size));
      Draw draw(14);
      const Gradients gradients(draw, size);
      EXPECT_TRUE(clips_as_cpu(device, gradients, gradients));
    });
}

TEST(CudaClip, NormsThatAreNoNumbersScaleAsOnTheCpu) {
  on_device([](const Cuda& device) {
    Draw draw(15);
    Gradients gradients(draw, 777);
    gradients.values.at(2, 0, 0, 700) = std::numeric_limits<float>::quiet_NaN();
    gradients.values.at(6, 0, 0, 1) = std::numeric_limits<float>::infinity();
    gradients.values.at(8, 0, 0, 776) = 1e30f;  // its square is infinite
    EXPECT_TRUE(clips_as_cpu(device, gradients, gradients));
  });
}

TEST(CudaClip, OneGradientIsNoticed) {
  on_device([](const Cuda& device) {
    Draw draw(16);
    const Gradients gradients(draw, 5000);
    Gradients other = gradients;
    other.values.at(6, 0, 0, 4999) += 1.0f;
    EXPECT_FALSE(clips_as_cpu(device, gradients, other));
  });
}

}  // namespace
}  // namespace caviar::test
