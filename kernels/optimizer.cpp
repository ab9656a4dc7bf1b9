#include "kernels/optimizer.h"

namespace caviar {

namespace {

// The loops over parameters, for rules that keep two arrays, one or none. Restrict-qualified, so that they vectorise.
template <class Rule>
void sweep(std::int64_t n, const float* __restrict gradient, float* __restrict p, float* __restrict first,
           float* __restrict second, float* __restrict averages, const StepScalars<float>& scalars, float clip,
           Rule rule) {
  const StepScalars<float> s = scalars;
  for (std::int64_t i = 0; i < n; ++i) {
    const float g = effective_gradient(gradient[i], p[i], clip, s);
    p[i] = rule(p[i], g, first[i], second[i], s);
  }
  if (averages)
    for (std::int64_t i = 0; i < n; ++i) averages[i] = average(averages[i], p[i], s.average_weight);
}

template <class Rule>
void sweep_one(std::int64_t n, const float* __restrict gradient, float* __restrict p, float* __restrict first,
               float* __restrict averages, const StepScalars<float>& scalars, float clip, Rule rule) {
  const StepScalars<float> s = scalars;
  for (std::int64_t i = 0; i < n; ++i) {
    const float g = effective_gradient(gradient[i], p[i], clip, s);
    p[i] = rule(p[i], g, first[i], s);
  }
  if (averages)
    for (std::int64_t i = 0; i < n; ++i) averages[i] = average(averages[i], p[i], s.average_weight);
}

template <class Rule>
void sweep_none(std::int64_t n, const float* __restrict gradient, float* __restrict p, float* __restrict averages,
                const StepScalars<float>& scalars, float clip, Rule rule) {
  const StepScalars<float> s = scalars;
  for (std::int64_t i = 0; i < n; ++i) p[i] = rule(p[i], effective_gradient(gradient[i], p[i], clip, s), s);
  if (averages)
    for (std::int64_t i = 0; i < n; ++i) averages[i] = average(averages[i], p[i], s.average_weight);
}

using Scalars = StepScalars<float>;

void update_slot(const UpdateArgs& a, int slot) {
  const SlotRow& row = a.rows[slot];
  const Hyper& h = row.hyper;
  const Scalars& s = row.now;
  float* first = a.state[slot];
  float* second = state_arrays(h) > 1 ? first + a.size : first;
  const float* gradient = a.gradient[slot];
  float* params = a.params[slot];
  float* averages = a.averages ? a.averages[slot] : nullptr;
  const bool momentum = h.one_minus_momentum < 1.0f, keeps_direction = adapts_rate(h);
  switch (h.optimizer) {
    case Optimizer::kSgd:
      if (keeps_direction && !momentum)
        sweep_one(a.size, gradient, params, first, averages, s, row.clip_scale,
                  [](float p, float g, float& last, const Scalars& t) {
                    float none = 0;
                    return sgd_update_and_keep(p, g, none, last, false, false, t);
                  });
      else if (keeps_direction && h.nesterov)
        sweep(a.size, gradient, params, first, second, averages, s, row.clip_scale,
              [](float p, float g, float& b, float& last, const Scalars& t) {
                return sgd_update_and_keep(p, g, b, last, true, true, t);
              });
      else if (!momentum)
        sweep_none(a.size, gradient, params, averages, s, row.clip_scale, [](float p, float g, const Scalars& t) {
          float none = 0;
          return sgd_update(p, g, none, false, false, t);
        });
      else if (h.nesterov)
        sweep_one(a.size, gradient, params, first, averages, s, row.clip_scale,
                  [](float p, float g, float& b, const Scalars& t) { return sgd_update(p, g, b, true, true, t); });
      else
        sweep_one(a.size, gradient, params, first, averages, s, row.clip_scale,
                  [](float p, float g, float& b, const Scalars& t) { return sgd_update(p, g, b, true, false, t); });
      break;
    case Optimizer::kAdam:
    case Optimizer::kAdamW:
      sweep(a.size, gradient, params, first, second, averages, s, row.clip_scale,
            [](float p, float g, float& m, float& v, const Scalars& t) { return adam_update(p, g, m, v, t); });
      break;
    case Optimizer::kNAdam:
      sweep(a.size, gradient, params, first, second, averages, s, row.clip_scale,
            [](float p, float g, float& m, float& v, const Scalars& t) { return nadam_update(p, g, m, v, t); });
      break;
    case Optimizer::kRmsprop:
      if (momentum)
        sweep(
            a.size, gradient, params, first, second, averages, s, row.clip_scale,
            [](float p, float g, float& v, float& b, const Scalars& t) { return rmsprop_update(p, g, v, b, true, t); });
      else
        sweep_one(a.size, gradient, params, first, averages, s, row.clip_scale,
                  [](float p, float g, float& v, const Scalars& t) {
                    float none = 0;
                    return rmsprop_update(p, g, v, none, false, t);
                  });
      break;
  }
}

}  // namespace

void update(const Cpu&, const UpdateArgs& a) {
  for (int s = a.window.s0; s < a.window.s1; ++s)
    if (a.rows[s].on && !a.rows[s].diverged) update_slot(a, s);
}

}  // namespace caviar
