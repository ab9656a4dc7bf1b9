// Softmax cross-entropy of one example, with label smoothing and its gradient.
#pragma once

#include "kernels/base/hd.h"
#include "kernels/math/elementary.h"

namespace caviar {

// -ln softmax(logits)[y] with the log of the sum of exponentials, `log_sum` = ln sum exp(logit - max), given.
template <class F>
CAVIAR_HD inline F cross_entropy(F logit_of_label, F max_logit, F log_sum) {
  return log_sum + (max_logit - logit_of_label);
}

// PyTorch's smoothing (Szegedy et al. 2016): the target is (1 - s) one_hot + s / C, so the loss is (1 - s) times the
// plain loss plus s times the mean over classes of -ln softmax. mean_logit: the mean of the C logits.
template <class F>
CAVIAR_HD inline F smoothed_cross_entropy(F plain, F mean_logit, F max_logit, F log_sum, F smoothing) {
  return fma_of(smoothing, (log_sum + (max_logit - mean_logit)) - plain, plain);
}

// dL/dlogit of one class: (softmax - target) * scale, where scale is 1 / examples in the batch.
template <class F>
CAVIAR_HD inline F cross_entropy_gradient(F probability, bool is_label, F smoothing, F classes, F scale) {
  const F target = is_label ? F(1) - smoothing + smoothing / classes : smoothing / classes;
  return (probability - target) * scale;
}

}  // namespace caviar
