// Intervals of a share of n trials that succeed.
#pragma once

#include "tuner/analysis/interval.h"

namespace caviar {

// Clopper & Pearson 1934: all p that a binomial test of either side at (1 - confidence) / 2 does not reject, from beta
// quantiles; never covers less than its confidence. successes in 0 .. n need not be whole: ties count half. n > 0.
// None: [0, ..]; all: [.., 1].
Interval clopper_pearson(double successes, double n, double confidence = 0.95);

// Wilson 1927, without continuity correction: all p with |share - p| <= z sqrt(p (1 - p) / n). n > 0 need not be whole;
// share in 0 .. 1; z >= 0 the quantile, of the normal law or a wider one.
Interval score_interval(double share, double n, double z);

}  // namespace caviar
