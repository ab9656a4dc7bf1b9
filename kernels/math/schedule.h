// The learning rate at a step. Computed in double on one thread per slot, rounded once.
#pragma once

#include <cstdint>

#include "kernels/base/hd.h"
#include "kernels/hyper.h"
#include "kernels/math/elementary.h"

namespace caviar {

namespace detail {

// From a to b along half a cosine, x in [0, 1].
CAVIAR_HD inline double anneal(double a, double b, double x) { return b + (a - b) * 0.5 * (1.0 + cos_pi(x)); }

}  // namespace detail

// Rate of optimizer step `step` = 0, 1, ...: the base rate `rate` as the schedule has changed it.
//
// Warm-up comes first and multiplies the base rate by (step + 1) / warmup_steps; the schedule's own clock s starts
// after it and runs over S = total_steps - warmup_steps steps:
//   constant      rate
//   step          rate gamma^floor(s / step_size)                               (StepLR)
//   exponential   rate gamma^(s / step_size)                                    (ExponentialLR at step_size 1)
//   inverse_time  rate / (1 + gamma s / step_size)
//   linear        rate (1 + (end_factor - 1) s / S)                             (LinearLR from 1, total_iters S)
//   cosine        eta_min + (rate - eta_min) (1 + cos(pi s / S)) / 2            (CosineAnnealingLR, T_max S)
//   one_cycle     half a cosine from rate / div_factor to rate until s = pct_start S - 1, then another down to
//                 rate / (div_factor final_div_factor) at s = S - 1             (OneCycleLR, two phases, cosine)
CAVIAR_HD inline float rate_at(const Hyper& h, std::int64_t step, double rate) {
  if (step < h.warmup_steps)
    return static_cast<float>(rate * (static_cast<double>(step + 1) / static_cast<double>(h.warmup_steps)));
  const std::int64_t clock = step - h.warmup_steps, length = h.total_steps - h.warmup_steps;
  const double s = static_cast<double>(clock), all = static_cast<double>(length > 0 ? length : 1);
  const double period = static_cast<double>(h.step_size > 0 ? h.step_size : 1);
  const double gamma = static_cast<double>(h.gamma);
  double now = rate;
  switch (h.schedule) {
    case Schedule::kConstant:
      break;
    case Schedule::kStep:
      now = rate * power(gamma, static_cast<double>(clock / (h.step_size > 0 ? h.step_size : 1)));
      break;
    case Schedule::kExponential:
      now = rate * power(gamma, s / period);
      break;
    case Schedule::kInverseTime:
      now = rate / (1.0 + gamma * (s / period));
      break;
    case Schedule::kLinear:
      now = rate * (1.0 + (static_cast<double>(h.end_factor) - 1.0) * (s / all));
      break;
    case Schedule::kCosine:
      now = detail::anneal(rate, static_cast<double>(h.eta_min), s / all);
      break;
    case Schedule::kOneCycle: {
      const double low = rate / static_cast<double>(h.div_factor), end = low / static_cast<double>(h.final_div_factor);
      const double peak = static_cast<double>(h.pct_start) * all - 1.0, last = all - 1.0;
      if (s <= peak)
        now = detail::anneal(low, rate, peak > 0.0 ? s / peak : 1.0);
      else
        now = detail::anneal(
            rate, end,
            last > peak && s < last ? (s - (peak > 0.0 ? peak : 0.0)) / (last - (peak > 0.0 ? peak : 0.0)) : 1.0);
      break;
    }
  }
  return static_cast<float>(now);
}

// With learning_rate as the base rate.
CAVIAR_HD inline float rate_at(const Hyper& h, std::int64_t step) {
  return rate_at(h, step, static_cast<double>(h.learning_rate));
}

}  // namespace caviar
