#include "kernels/optimizer.h"

#include "tests/cuda_kernels/on_device.h"
#include "tests/cuda_kernels/random_pack.h"

namespace caviar::test {
namespace {

constexpr int kSlots = 24;  // every optimizer with and without momentum among those that are on; some adapt their rate

// What one step of a pack reads and writes.
struct Step {
  std::vector<SlotRow> table;
  PackArray<float> gradient, params, state, averages;

  Step(Draw& draw, std::int64_t size, bool wild)
      : table(random_table(draw, std::vector<int>(kSlots, 1))),
        gradient(kSlots, 1, 1, size),
        params(gradient),
        state(kSlots, 1, 2, size),
        averages(gradient) {
    for (int s = 0; s < kSlots; ++s) {
      SlotRow& r = table[static_cast<std::size_t>(s)];
      r.hyper.optimizer = static_cast<Optimizer>(s % 5);
      r.now = step_scalars(r.hyper, r.step, r.mu_product);
      r.clip_scale = draw.one_in(2) ? 1.0f : draw.unit();
    }
    const auto number = [&] { return wild ? draw.wild(20) : draw.number(); };
    gradient.fill(number);
    params.fill(number);
    averages.fill(number);
    state.fill([&] { return std::abs(number()); });  // second moments are never negative
  }
};

testing::AssertionResult updates_as_cpu(const Cuda& device, Step step, const Step& on_the_device, bool averaged) {
  const DeviceVector<SlotRow> rows(on_the_device.table);
  const DeviceArray<float> gradient(on_the_device.gradient), params(on_the_device.params), state(on_the_device.state),
      averages(on_the_device.averages);
  UpdateArgs a;
  a.window = {1, kSlots, 0, 0};
  a.size = step.params.size();
  a.rows = rows.data();
  a.gradient = gradient.slab();
  a.params = params.slab();
  a.state = state.slab();
  if (averaged) a.averages = averages.slab();
  update(device, a);

  a.rows = step.table.data();
  a.gradient = step.gradient.slab();
  a.params = step.params.slab();
  a.state = step.state.slab();
  if (averaged) a.averages = step.averages.slab();
  update(Cpu{}, a);
  const testing::AssertionResult results[] = {same_bits(step.params, params.read()),
                                              same_bits(step.state, state.read()),
                                              same_bits(step.averages, averages.read())};
  for (const testing::AssertionResult& same : results)
    if (!same) return same;
  return testing::AssertionSuccess();
}

TEST(CudaUpdate, ParametersStateAndAveragesAreTheCpus) {
  for (const int size : {1, 3, 1024, 1500, 2047, 4100})  // multiples of 4 and others, one tile and several
    on_device([&](const Cuda& device) {
      SCOPED_TRACE(cat("P ", size));
      Draw draw(17);
      const Step step(draw, size, false);
      EXPECT_TRUE(updates_as_cpu(device, step, step, true));
    });
}

TEST(CudaUpdate, AveragesMayBeMissing) {
  on_device([](const Cuda& device) {
    Draw draw(18);
    const Step step(draw, 1100, false);
    EXPECT_TRUE(updates_as_cpu(device, step, step, false));
  });
}

TEST(CudaUpdate, WhatIsNoNumberSpreadsAsOnTheCpu) {
  on_device([](const Cuda& device) {
    Draw draw(19);
    for (const int size : {1028, 1030}) {
      const Step step(draw, size, true);
      EXPECT_TRUE(updates_as_cpu(device, step, step, true));
    }
  });
}

TEST(CudaUpdate, AnotherRateIsNoticedWithEveryOptimizer) {
  on_device([](const Cuda& device) {
    Draw draw(20);
    const Step step(draw, 1030, false);
    for (const int slot : {2, 5, 6, 9, 12, 14, 15}) {  // on, and of every optimizer
      Step other = step;
      StepScalars<float>& now = other.table[static_cast<std::size_t>(slot)].now;
      now.rate *= 1.01f;
      now.step_size *= 1.01f;
      EXPECT_FALSE(updates_as_cpu(device, step, other, true)) << "slot " << slot;
    }
  });
}

TEST(CudaUpdate, SlotsThatAreOffOrHaveDivergedKeepEveryByte) {
  on_device([](const Cuda& device) {
    Draw draw(21);
    Step step(draw, 700, true);
    for (std::size_t s = 0; s < kSlots; ++s) (s % 2 ? step.table[s].on : step.table[s].diverged) = s % 2 ? 0 : 1;
    const DeviceVector<SlotRow> rows(step.table);
    const DeviceArray<float> gradient(step.gradient), params(step.params), state(step.state), averages(step.averages);
    update(device,
           {{0, kSlots, 0, 0}, rows.data(), 700, gradient.slab(), params.slab(), state.slab(), averages.slab()});
    EXPECT_TRUE(same_bits(step.params, params.read()));
    EXPECT_TRUE(same_bits(step.state, state.read()));
    EXPECT_TRUE(same_bits(step.averages, averages.read()));
  });
}

}  // namespace
}  // namespace caviar::test
