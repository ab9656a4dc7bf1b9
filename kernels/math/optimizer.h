// One parameter's update, and the scalars of a step that all parameters of a slot share.
//
// The gradient arrives as the mean over the batch. In this order: scale by the norm clip, clip by value, add the
// coupled weight decay and the L1 subgradient, update. PyTorch's variants throughout: epsilon is added to the root,
// outside it, after the bias correction; momentum buffers start at 0, without dampening.
#pragma once

#include <cstdint>

#include "kernels/base/hd.h"
#include "kernels/hyper.h"
#include "kernels/math/elementary.h"
#include "kernels/math/schedule.h"

namespace caviar {

// The numbers of one optimizer step of one slot, made by step_scalars().
template <class F>
struct StepScalars {
  F rate = 0;           // learning rate of this step
  F coupled_decay = 0;  // weight_decay added to the gradient
  F keep = 1;           // 1 - rate * weight_decay when decoupled, else 1
  F l1 = 0;
  F clip_value = 0;                                                  // 0: off
  F momentum = 0;                                                    // sgd, rmsprop
  F beta1 = 0, one_minus_beta1 = 0, beta2 = 0, one_minus_beta2 = 0;  // adam family; rmsprop: alpha as beta2
  F step_size = 0;        // adam: rate / (1 - beta1^t); nadam: weight of the average, rate mu' / (1 - prod mu')
  F gradient_size = 0;    // nadam: weight of the gradient, rate (1 - mu) / (1 - prod mu)
  F root_correction = 1;  // sqrt(1 - beta2^t)
  F eps = 0;
  F average_weight = 1;  // Polyak: share of the new parameters; 1 copies them
  // Of the update before this one, where the rate adapts itself; see kernels/math/hypergradient.h.
  F last_direction_size = 0;   // factor of its direction: 1, of adam 1 / (1 - beta1^(t-1)); 0: the rate stays
  F last_root_correction = 1;  // adam: sqrt(1 - beta2^(t-1))
};

// Writes the numbers of step `step` that follow from the base rate.
CAVIAR_HD inline void set_rate(StepScalars<float>& s, const Hyper& h, std::int64_t step, double base_rate) {
  s.rate = rate_at(h, step, base_rate);
  const double rate = static_cast<double>(s.rate), decay = static_cast<double>(h.weight_decay);
  const bool decoupled = h.optimizer == Optimizer::kAdamW || h.decoupled_weight_decay != 0;
  s.keep = decoupled ? static_cast<float>(1.0 - rate * decay) : 1.0f;
  if (h.optimizer == Optimizer::kSgd || h.optimizer == Optimizer::kRmsprop) return;
  const double beta1 = 1.0 - static_cast<double>(h.one_minus_beta1);
  s.step_size = static_cast<float>(rate / (1.0 - power(beta1, static_cast<double>(step + 1))));
}

// Update `step` = 0, 1, ... . mu_product: nadam's running product of mu, 1 before the first step; advanced here.
// rate_change: what the rate's own adaptation has added to learning_rate so far.
CAVIAR_HD inline StepScalars<float> step_scalars(const Hyper& h, std::int64_t step, double& mu_product,
                                                 double rate_change = 0.0) {
  StepScalars<float> s;
  const double t = static_cast<double>(step + 1);
  set_rate(s, h, step, static_cast<double>(h.learning_rate) + rate_change);
  const double rate = static_cast<double>(s.rate);
  const bool decoupled = h.optimizer == Optimizer::kAdamW || h.decoupled_weight_decay != 0;
  s.coupled_decay = decoupled ? 0.0f : h.weight_decay;
  s.l1 = h.l1;
  s.clip_value = h.clip_value;
  s.eps = h.eps;
  s.momentum = static_cast<float>(1.0 - static_cast<double>(h.one_minus_momentum));
  const double beta1 = 1.0 - static_cast<double>(h.one_minus_beta1),
               beta2 = 1.0 - static_cast<double>(h.one_minus_beta2);
  s.beta1 = static_cast<float>(beta1);
  s.beta2 = static_cast<float>(beta2);
  s.one_minus_beta1 = h.one_minus_beta1;
  s.one_minus_beta2 = h.one_minus_beta2;
  if (h.optimizer == Optimizer::kRmsprop) {
    s.beta2 = static_cast<float>(1.0 - static_cast<double>(h.one_minus_alpha));
    s.one_minus_beta2 = h.one_minus_alpha;
  } else if (h.optimizer != Optimizer::kSgd) {
    s.root_correction = static_cast<float>(__builtin_sqrt(1.0 - power(beta2, t)));
  }
  if (adapts_rate(h) && step > 0) {
    s.last_direction_size = 1.0f;
    if (h.optimizer != Optimizer::kSgd) {
      s.last_direction_size = static_cast<float>(1.0 / (1.0 - power(beta1, t - 1.0)));
      s.last_root_correction = static_cast<float>(__builtin_sqrt(1.0 - power(beta2, t - 1.0)));
    }
  }
  if (h.optimizer == Optimizer::kNAdam) {  // Dozat 2016, as torch.optim.NAdam
    const double psi = static_cast<double>(h.momentum_decay);
    const double mu = beta1 * (1.0 - 0.5 * power(0.96, t * psi));
    const double mu_next = beta1 * (1.0 - 0.5 * power(0.96, (t + 1.0) * psi));
    mu_product *= mu;
    s.gradient_size = static_cast<float>(rate * (1.0 - mu) / (1.0 - mu_product));
    s.step_size = static_cast<float>(rate * mu_next / (1.0 - mu_product * mu_next));
  }
  const std::int64_t averaged = step + 1 - h.polyak_start_step;  // 1 for the first update that enters the average
  if (averaged > 0 && h.polyak == Polyak::kExponential) s.average_weight = h.one_minus_polyak_decay;
  if (averaged > 0 && h.polyak == Polyak::kUniform)
    s.average_weight = static_cast<float>(1.0 / static_cast<double>(averaged));
  return s;
}

// The gradient that the optimizer sees. clip_scale: min(1, clip_norm / norm), or 1.
template <class F>
CAVIAR_HD inline F effective_gradient(F gradient, F p, F clip_scale, const StepScalars<F>& s) {
  F g = gradient * clip_scale;
  const F low = -s.clip_value, high = s.clip_value;
  const F clipped = g < low ? low : (g > high ? high : g);  // NaN passes
  g = s.clip_value > F(0) ? clipped : g;
  g = fma_of(s.coupled_decay, p, g);
  const F sign = p > F(0) ? F(1) : (p < F(0) ? F(-1) : F(0));
  return fma_of(s.l1, sign, g);
}

// What sgd multiplies by the rate: g, or with momentum b = m b + g, or with nesterov g + m b.
template <class F>
CAVIAR_HD inline F sgd_direction(F g, F& buffer, bool momentum, bool nesterov, const StepScalars<F>& s) {
  if (!momentum) return g;
  buffer = fma_of(s.momentum, buffer, g);
  return nesterov ? fma_of(s.momentum, buffer, g) : buffer;
}

// p -= rate sgd_direction. Sutskever et al. 2013 in PyTorch's form: the rate multiplies the buffer when it is applied,
// not when it is filled.
template <class F>
CAVIAR_HD inline F sgd_update(F p, F g, F& buffer, bool momentum, bool nesterov, const StepScalars<F>& s) {
  return fma_of(-s.rate, sgd_direction(g, buffer, momentum, nesterov, s), p * s.keep);
}

// The same, and `last` keeps the direction for the adaptation of the rate.
template <class F>
CAVIAR_HD inline F sgd_update_and_keep(F p, F g, F& buffer, F& last, bool momentum, bool nesterov,
                                       const StepScalars<F>& s) {
  last = sgd_direction(g, buffer, momentum, nesterov, s);
  return fma_of(-s.rate, last, p * s.keep);
}

// Adam's direction but for the correction of the mean's bias: m / (sqrt v / root_correction + eps).
template <class F>
CAVIAR_HD inline F adam_direction(F m, F v, F root_correction, F eps) {
  return m / (sqrt_of(v) / root_correction + eps);
}

// m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; p -= rate / (1 - b1^t) * m / (sqrt v / sqrt(1 - b2^t) + eps).
// Adam: Kingma and Ba 2015, algorithm 1. With s.keep != 1: AdamW, Loshchilov and Hutter 2019, algorithm 2, decay first.
template <class F>
CAVIAR_HD inline F adam_update(F p, F g, F& m, F& v, const StepScalars<F>& s) {
  const F kept = p * s.keep;
  m = fma_of(s.beta1, m, s.one_minus_beta1 * g);
  v = fma_of(s.beta2, v, s.one_minus_beta2 * g * g);
  return fma_of(-s.step_size, adam_direction(m, v, s.root_correction, s.eps), kept);
}

// Adam with Nesterov momentum: p -= (gradient_size g + step_size m) / (sqrt v / sqrt(1 - b2^t) + eps).
template <class F>
CAVIAR_HD inline F nadam_update(F p, F g, F& m, F& v, const StepScalars<F>& s) {
  const F kept = p * s.keep;
  m = fma_of(s.beta1, m, s.one_minus_beta1 * g);
  v = fma_of(s.beta2, v, s.one_minus_beta2 * g * g);
  const F denominator = sqrt_of(v) / s.root_correction + s.eps;
  return kept - fma_of(s.gradient_size, g, s.step_size * m) / denominator;
}

// v = a v + (1 - a) g^2; p -= rate g / (sqrt v + eps), or with momentum b: b = m b + g / (sqrt v + eps); p -= rate b.
// Hinton's lecture 6e, not centred, as torch.optim.RMSprop.
template <class F>
CAVIAR_HD inline F rmsprop_update(F p, F g, F& v, F& buffer, bool momentum, const StepScalars<F>& s) {
  const F kept = p * s.keep;
  v = fma_of(s.beta2, v, s.one_minus_beta2 * g * g);
  const F scaled = g / (sqrt_of(v) + s.eps);
  if (!momentum) return fma_of(-s.rate, scaled, kept);
  buffer = fma_of(s.momentum, buffer, scaled);
  return fma_of(-s.rate, buffer, kept);
}

// Polyak average: a + w (p - a), exactly p when w is 1. w = 1 - decay (exponential, no bias correction: the average
// starts as a copy of the parameters) or 1 / n (uniform: the mean of the last n parameters). Polyak and Juditsky 1992.
template <class F>
CAVIAR_HD inline F average(F a, F p, F weight) {
  return weight == F(1) ? p : fma_of(weight, p - a, a);
}

}  // namespace caviar
