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

}  // namespace

void update(const Cpu&, const UpdateArgs& a) {
  const SlotRow& row = *a.row;
  if (row.diverged) return;
  const Hyper& h = row.hyper;
  const Scalars& s = row.now;
  float* first = a.state;
  float* second = a.state + a.size;
  const bool momentum = h.one_minus_momentum < 1.0f;
  switch (h.optimizer) {
    case Optimizer::kSgd:
      if (!momentum)
        sweep_none(a.size, a.gradient, a.params, a.averages, s, row.clip_scale, [](float p, float g, const Scalars& t) {
          float none = 0;
          return sgd_update(p, g, none, false, false, t);
        });
      else if (h.nesterov)
        sweep_one(a.size, a.gradient, a.params, first, a.averages, s, row.clip_scale,
                  [](float p, float g, float& b, const Scalars& t) { return sgd_update(p, g, b, true, true, t); });
      else
        sweep_one(a.size, a.gradient, a.params, first, a.averages, s, row.clip_scale,
                  [](float p, float g, float& b, const Scalars& t) { return sgd_update(p, g, b, true, false, t); });
      break;
    case Optimizer::kAdam:
    case Optimizer::kAdamW:
      sweep(a.size, a.gradient, a.params, first, second, a.averages, s, row.clip_scale,
            [](float p, float g, float& m, float& v, const Scalars& t) { return adam_update(p, g, m, v, t); });
      break;
    case Optimizer::kNAdam:
      sweep(a.size, a.gradient, a.params, first, second, a.averages, s, row.clip_scale,
            [](float p, float g, float& m, float& v, const Scalars& t) { return nadam_update(p, g, m, v, t); });
      break;
    case Optimizer::kRmsprop:
      if (momentum)
        sweep(
            a.size, a.gradient, a.params, first, second, a.averages, s, row.clip_scale,
            [](float p, float g, float& v, float& b, const Scalars& t) { return rmsprop_update(p, g, v, b, true, t); });
      else
        sweep_one(a.size, a.gradient, a.params, first, a.averages, s, row.clip_scale,
                  [](float p, float g, float& v, const Scalars& t) {
                    float none = 0;
                    return rmsprop_update(p, g, v, none, false, t);
                  });
      break;
  }
}

}  // namespace caviar
