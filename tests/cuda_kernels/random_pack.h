// Random packs for tests of kernels: a run of another kind in every slot, slots that are off and slots whose run has
// diverged among them.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "kernels/hyper.h"
#include "kernels/math/philox.h"
#include "kernels/slots.h"

namespace caviar::test {

// Random numbers in a row, the same on every machine.
class Draw {
 public:
  explicit Draw(std::uint64_t seed) : seed_(seed) {}

  std::uint32_t bits() { return philox4x32(count_++, 0, 0, 0, seed_).x; }
  int below(int n) { return static_cast<int>(bits() % static_cast<std::uint32_t>(n)); }
  bool one_in(int n) { return below(n) == 0; }
  float unit() { return unit_float(bits()); }
  float between(float low, float high) { return low + (high - low) * unit(); }
  // Sizes from 1e-4 to 1e2, both signs, sometimes a zero of either sign: another order of summation shows.
  float number() {
    const float size = std::exp(between(-9.0f, 5.0f));
    if (one_in(32)) return one_in(2) ? 0.0f : -0.0f;
    return one_in(2) ? size : -size;
  }
  // number(), and one in `n` is NaN, infinite, subnormal or huge.
  float wild(int n) {
    if (!one_in(n)) return number();
    using Limits = std::numeric_limits<float>;
    const float special[] = {Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity(), Limits::denorm_min(), 1e38f};
    return special[below(5)];
  }

 private:
  std::uint64_t seed_;
  std::uint32_t count_ = 0;
};

// Legal, and about every choice and every switch both ways.
inline Hyper random_hyper(Draw& draw) {
  const auto maybe = [&](float value) { return draw.one_in(2) ? value : 0.0f; };
  Hyper h;
  h.optimizer = static_cast<Optimizer>(draw.below(5));
  h.learning_rate = draw.between(1e-4f, 0.3f);
  h.one_minus_momentum = draw.one_in(2) ? 1.0f : draw.between(0.01f, 0.9f);
  h.nesterov = draw.below(2);
  h.one_minus_beta1 = draw.between(0.01f, 0.5f);
  h.one_minus_beta2 = draw.between(0.0001f, 0.1f);
  h.one_minus_alpha = draw.between(0.001f, 0.2f);
  h.momentum_decay = draw.between(0.001f, 0.01f);
  h.weight_decay = maybe(draw.between(1e-5f, 0.1f));
  h.decoupled_weight_decay = draw.below(2);
  h.l1 = maybe(draw.between(1e-5f, 0.01f));
  h.clip_norm = maybe(draw.between(0.1f, 10.0f));
  h.clip_value = maybe(draw.between(0.01f, 10.0f));
  h.schedule = static_cast<Schedule>(draw.below(7));
  h.total_steps = 20 + draw.below(200);
  h.warmup_steps = draw.one_in(2) ? draw.below(20) : 0;
  h.step_size = 1 + draw.below(30);
  h.gamma = draw.between(0.1f, 1.0f);
  h.end_factor = draw.unit();
  h.eta_min = maybe(1e-5f);
  h.polyak = static_cast<Polyak>(draw.below(3));
  h.polyak_start_step = draw.below(30);
  h.dropout = maybe(draw.between(0.05f, 0.9f));
  h.label_smoothing = maybe(draw.between(0.01f, 0.5f));
  h.standardize = draw.below(2);
  h.hypergradient_rate = maybe(draw.between(1e-5f, 1e-2f));
  return h;
}

// A run under way. It is on and has `rows` rows in its pass.
inline SlotRow random_row(Draw& draw, int rows) {
  SlotRow r;
  r.hyper = random_hyper(draw);
  r.seeds = {draw.bits(), draw.bits(), draw.bits(), draw.bits(), draw.bits()};
  r.step = draw.below(static_cast<int>(r.hyper.total_steps));
  r.mu_product = 0.9 - 0.8 * static_cast<double>(draw.unit());
  r.pixel_mean = draw.unit();
  r.pixel_std = draw.between(0.1f, 0.5f);
  r.trains = 1;
  r.on = 1;
  r.rows = rows;
  return r;
}

// A row for each of `rows`, its examples in the pass; of three slots one after the first is off, of five one has
// diverged.
inline std::vector<SlotRow> random_table(Draw& draw, const std::vector<int>& rows) {
  std::vector<SlotRow> table(rows.size());
  for (std::size_t s = 0; s < rows.size(); ++s) {
    table[s] = random_row(draw, rows[s]);
    table[s].on = s % 3 != 1;
    table[s].diverged = s % 5 == 3;
  }
  return table;
}

}  // namespace caviar::test
