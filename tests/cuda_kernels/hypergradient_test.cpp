#include "kernels/hypergradient.h"

#include "kernels/prelude.h"
#include "tests/cuda_kernels/on_device.h"
#include "tests/cuda_kernels/random_pack.h"

namespace caviar::test {
namespace {

constexpr int kSlots = 24;  // every optimizer, those that cannot adapt their rate too

// What the op reads, of runs in the middle of their training, one in its first step.
struct Step {
  std::vector<SlotRow> table;
  PackArray<float> gradient, params, state;

  Step(Draw& draw, std::int64_t size, bool wild)
      : table(random_table(draw, std::vector<int>(kSlots, 1))),
        gradient(kSlots, 1, 1, size),
        params(gradient),
        state(kSlots, 1, 2, size) {
    for (int s = 0; s < kSlots; ++s) {
      SlotRow& r = table[static_cast<std::size_t>(s)];
      r.hyper.optimizer = static_cast<Optimizer>(s % 5);
      r.hyper.hypergradient_rate = draw.one_in(4) ? 0.0f : draw.between(1e-9f, 1e-6f);
      r.rate_change = static_cast<double>(draw.unit());
      if (s == 12) r.step = 0;
      r.now = step_scalars(r.hyper, r.step, r.mu_product, r.rate_change);
      r.clip_scale = draw.one_in(2) ? 1.0f : draw.unit();
      ++r.step;
    }
    const auto number = [&] { return wild ? draw.wild(200) : draw.number(); };
    gradient.fill(number);
    params.fill(number);
    state.fill([&] { return std::abs(number()); });  // second moments are never negative
  }
};

testing::AssertionResult adapts_as_cpu(const Cuda& device, Step step, const Step& on_the_device) {
  const DeviceVector<SlotRow> rows(on_the_device.table);
  const DeviceArray<float> gradient(on_the_device.gradient), params(on_the_device.params), state(on_the_device.state);
  const std::int64_t size = step.params.size();
  const Window window{1, kSlots, 0, 0};
  adapt_rate(device, {window, rows.data(), size, gradient.slab(), params.slab(), state.slab()});
  const std::vector<SlotRow> before = step.table;
  adapt_rate(Cpu{}, {window, step.table.data(), size, step.gradient.slab(), step.params.slab(), step.state.slab()});
  int free = 0;  // rates that moved and did not stop at 0
  for (std::size_t s = 0; s < kSlots; ++s) {
    const SlotRow& r = before[s];
    free += step.table[s].rate_change != r.rate_change &&
            !(step.table[s].rate_change == -static_cast<double>(r.hyper.learning_rate));
    const bool adapts = s > 0 && r.on && !r.diverged && r.step > 1 && adapts_rate(r.hyper);
    if (!adapts && step.table[s].rate_change != r.rate_change)
      return testing::AssertionFailure() << "the rate of slot " << s << " moved";
  }
  if (free < 3) return testing::AssertionFailure() << "only " << free << " rates moved freely";
  std::vector<SlotRow> got = rows.read();
  for (std::size_t s = 0; s < kSlots; ++s)
    if (step.table[s].rate_change != step.table[s].rate_change) {  // which NaN differs between processors
      if (got[s].rate_change == got[s].rate_change)
        return testing::AssertionFailure() << "the rate of slot " << s << " is a number";
      got[s].rate_change = step.table[s].rate_change;
      got[s].now = step.table[s].now;
    }
  return same_bits(step.table, got);
}

TEST(CudaHypergradient, RatesAreTheCpus) {
  for (const int size : {1, 255, 256, 300, 2048, 9001})
    on_device([&](const Cuda& device) {
      SCOPED_TRACE(cat("P ", size));
      Draw draw(31);
      const Step step(draw, size, false);
      EXPECT_TRUE(adapts_as_cpu(device, step, step));
    });
}

TEST(CudaHypergradient, WhatIsNoNumberSpreadsAsOnTheCpu) {
  on_device([](const Cuda& device) {
    Draw draw(32);
    const Step step(draw, 777, true);
    EXPECT_TRUE(adapts_as_cpu(device, step, step));
  });
}

TEST(CudaHypergradient, OneElementIsNoticedWithEveryOptimizer) {
  on_device([](const Cuda& device) {
    Draw draw(33);
    Step step(draw, 3000, false);
    for (SlotRow& r : step.table) {
      r.on = 1;
      r.diverged = 0;
      r.hyper.hypergradient_rate = 1e-9f;
      r.hyper.clip_value = 0;
      r.hyper.eps = 1.0f;  // no direction is so large that others are lost beside it
      r.now = step_scalars(r.hyper, 5, r.mu_product, r.rate_change);
      r.step = 6;
    }
    for (int slot = 0; slot < kSlots; ++slot)
      for (const std::int64_t i : {0, 2999})
        for (const int array : {0, 1}) step.state.at(slot, 0, array, i) = 1.0f;
    for (const int slot : {1, 2, 5, 6, 7, 10}) {  // sgd, adam, adamw
      Step other = step;
      other.gradient.at(slot, 0, 0, slot % 2 ? 2999 : 0) += 1e4f;
      EXPECT_FALSE(adapts_as_cpu(device, step, other)) << "slot " << slot;
    }
  });
}

}  // namespace
}  // namespace caviar::test
