#include "kernels/loss.h"

#include <limits>

#include "tests/cuda_kernels/on_device.h"
#include "tests/cuda_kernels/random_pack.h"

namespace caviar::test {
namespace {

// Rows of every kind: ordinary ones, ties, rows of one value, a NaN at the front, behind, everywhere, infinities.
void fill_logits(PackArray<float>& logits, int classes, Draw& draw) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  logits.fill([&] { return draw.between(-8.0f, 8.0f); });
  for (int s = 0; s < logits.slots(); ++s)
    for (int row = 0; row < logits.rows(); ++row) {
      float* logit = &logits.at(s, 0, row, 0);
      const int c = draw.below(classes), d = draw.below(classes);
      const float same = draw.one_in(2) ? 0.0f : draw.number();
      switch (draw.below(12)) {
        case 0:
          logit[c] = logit[d] = 20.0f;
          break;
        case 1:
          std::fill_n(logit, classes, draw.one_in(2) ? -infinity : same);
          break;
        case 2:
          logit[draw.one_in(2) ? 0 : c] = nan;
          break;
        case 3:
          std::fill_n(logit, classes, nan);
          logit[c] = draw.number();
          break;
        case 4:
          logit[c] = draw.one_in(2) ? infinity : -infinity;
          break;
        case 5:
          std::fill_n(logit, classes, -0.0f);
          logit[c] = 0.0f;
          break;
        case 6:
          for (int i = 0; i < classes; ++i) logit[i] *= 30.0f;
          break;
        default:
          break;
      }
    }
}

struct Case {
  int batch, classes;
  bool gradient = true;
};

testing::AssertionResult loses_as_cpu(const Cuda& device, const Case& test, Draw& draw, std::vector<SlotRow> table,
                                      const std::vector<SlotRow>& on_the_device) {
  const int slots = static_cast<int>(table.size());
  PackArray<float> logits(slots, 1, test.batch, padded(test.classes)), gradient = logits,
                                                                       losses(slots, 1, test.batch, 1);
  PackArray<std::int32_t> labels(slots, 1, test.batch, 1), correct = labels;
  fill_logits(logits, test.classes, draw);
  gradient.fill([&] { return draw.number(); });
  losses.fill([&] { return draw.number(); });
  labels.fill([&] { return draw.below(test.classes); });
  correct.fill([&] { return 7; });

  const DeviceVector<SlotRow> rows(on_the_device);
  const DeviceArray<float> device_logits(logits), device_gradient(gradient), device_losses(losses);
  const DeviceArray<std::int32_t> device_labels(labels), device_correct(correct);
  LossArgs a;
  a.window = {1, slots, 0, test.batch};
  a.rows = rows.data();
  a.classes = test.classes;
  a.logits = device_logits.slab();
  a.labels = device_labels.slab();
  a.losses = device_losses.slab();
  a.correct = device_correct.slab();
  if (test.gradient) a.grad_logits = device_gradient.slab();
  softmax_cross_entropy(device, a);

  a.rows = table.data();
  for (int s = 1; s < slots; ++s) {
    const int count = table[static_cast<std::size_t>(s)].rows;
    SlotRows<float> logit(logits, s, count), grad(gradient, s, count), loss(losses, s, count);
    SlotRows<std::int32_t> label(labels, s, count), hit(correct, s, count);
    a.window = {s, s + 1, 0, count};
    a.logits = logit.slab();
    a.labels = label.slab();
    a.losses = loss.slab();
    a.correct = hit.slab();
    if (test.gradient) a.grad_logits = grad.slab();
    softmax_cross_entropy(Cpu{}, a);
  }
  const testing::AssertionResult results[] = {same_bits(losses, device_losses.read()),
                                              same_bits(correct, device_correct.read()),
                                              same_bits(gradient, device_gradient.read())};
  for (const testing::AssertionResult& same : results)
    if (!same) return same;
  return testing::AssertionSuccess();
}

std::vector<SlotRow> some_runs(Draw& draw, int batch) {
  std::vector<SlotRow> table = random_table(draw, {9, 1, batch, 1, 16, 44, 33, batch});
  for (SlotRow& r : table) r.rows = std::min(r.rows, batch);
  return table;
}

TEST(CudaLoss, LossesHitsAndGradientsAreTheCpus) {
  for (const int classes : {1, 2, 8, 10, 17, 32, 33, 64, 100, 129, 256})
    for (const int batch : {1, 45})
      on_device([&](const Cuda& device) {
        SCOPED_TRACE(cat("B ", batch, ", C ", classes));
        Draw draw(7);
        const std::vector<SlotRow> table = some_runs(draw, batch);
        EXPECT_TRUE(loses_as_cpu(device, {batch, classes}, draw, table, table));
      });
}

TEST(CudaLoss, MeasuringHasNoGradientAndNoSmoothing) {
  for (const int classes : {10, 100})
    on_device([&](const Cuda& device) {
      Draw draw(8);
      const std::vector<SlotRow> table = some_runs(draw, 45);
      EXPECT_TRUE(loses_as_cpu(device, {45, classes, false}, draw, table, table));
    });
}

TEST(CudaLoss, AnotherSmoothingIsNoticed) {
  on_device([](const Cuda& device) {
    Draw draw(9);
    std::vector<SlotRow> table = some_runs(draw, 45);
    table[2].hyper.label_smoothing = 0.1f;
    std::vector<SlotRow> other = table;
    other[2].hyper.label_smoothing = 0.100001f;
    EXPECT_FALSE(loses_as_cpu(device, {45, 10}, draw, table, other));
  });
}

}  // namespace
}  // namespace caviar::test
