// Hypergradient descent: a learning rate that follows the gradient of the loss with respect to itself.
//
// An update is p_t = p_{t-1} - rate_t u_t, so that d loss_t / d rate_{t-1} = -g_t . u_{t-1}, and the base rate takes a
// step against it before it is used:
//
//   r_t = max(0, r_{t-1} + hypergradient_rate (g_t . u_{t-1})),   r_1 = r_0 = learning_rate
//
// Baydin, Cornish, Martinez Rubio, Schmidt, Wood 2018 (ICLR), "Online Learning Rate Adaptation with Hypergradient
// Descent", algorithms 4 (SGD-HD), 5 (SGDN-HD, nesterov) and 6 (Adam-HD); the additive rule. Our choices:
//   - g is the gradient that the optimizer sees: clipped, with coupled weight decay and l1; u is made of the same.
//   - u: sgd g; with momentum the buffer; with nesterov g + m b; adam and adamw m^ / (sqrt v^ + eps), recomputed from
//     the moments before they are updated. Decoupled decay is no part of u.
//   - The base rate replaces learning_rate and the schedule scales it, warm-up too: rate_t = rate_at(t, r_t). The
//     schedule's factor is no part of the dot product, so that a schedule does not change the meaning of
//     hypergradient_rate.
//   - The base rate stops at 0, where the paper lets it go on below: a negative rate climbs. At 0 the weights stand
//     still, gradients of neighbouring batches agree, and the rate rises again.
//   - The base rate is kept in double: an increment may be smaller than float32 holds beside the rate.
// A NaN in the gradient makes the rate NaN, and the run diverges as it would without.
#pragma once

#include <cstdint>

#include "kernels/base/hd.h"
#include "kernels/hyper.h"
#include "kernels/math/optimizer.h"

namespace caviar {

// What has been added to learning_rate after this step's adaptation. dot: gradient times last direction, where the
// latter is still without the factor s.last_direction_size.
CAVIAR_HD inline double adapted_rate_change(const Hyper& h, double rate_change, float dot,
                                            const StepScalars<float>& s) {
  const double product = static_cast<double>(dot) * static_cast<double>(s.last_direction_size);
  const double change = rate_change + static_cast<double>(h.hypergradient_rate) * product;
  const double lowest = -static_cast<double>(h.learning_rate);
  return change < lowest ? lowest : change;  // NaN passes
}

}  // namespace caviar
