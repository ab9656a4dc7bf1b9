#include "kernels/hypergradient.h"

#include <algorithm>

#include "kernels/base/reduce.h"
#include "kernels/math/elementary.h"

namespace caviar {

namespace {

// The gradient that the optimizer sees times direction(i), over all parameters.
template <class Direction>
float dot(const float* __restrict gradient, const float* __restrict params, std::int64_t n, float clip,
          const StepScalars<float>& scalars, const Direction& direction) {
  const StepScalars<float> s = scalars;
  Partials<float> sums;
  for (std::int64_t i = 0; i < n; i += kPartials) {
    const std::int64_t end = std::min<std::int64_t>(kPartials, n - i);
    for (std::int64_t j = 0; j < end; ++j) {
      const float g = effective_gradient(gradient[i + j], params[i + j], clip, s);
      sums.value[j] = fma_of(g, direction(i + j), sums.value[j]);
    }
  }
  return sums.total();
}

void adapt_slot(const AdaptRateArgs& a, int slot) {
  SlotRow& row = a.rows[slot];
  const float *gradient = a.gradient[slot], *params = a.params[slot], *state = a.state[slot];
  if (row.hyper.optimizer == Optimizer::kSgd) {
    const float* last = state + sgd_direction_array(row.hyper) * a.size;
    adapt(row, dot(gradient, params, a.size, row.clip_scale, row.now, [=](std::int64_t i) { return last[i]; }));
    return;
  }
  const float *m = state, *v = state + a.size, correction = row.now.last_root_correction, eps = row.now.eps;
  adapt(row, dot(gradient, params, a.size, row.clip_scale, row.now,
                 [=](std::int64_t i) { return adam_direction(m[i], v[i], correction, eps); }));
}

}  // namespace

void adapt_rate(const Cpu&, const AdaptRateArgs& a) {
  for (int s = a.window.s0; s < a.window.s1; ++s)
    if (a.rows[s].on && !a.rows[s].diverged && a.rows[s].now.last_direction_size != 0.0f) adapt_slot(a, s);
}

}  // namespace caviar
