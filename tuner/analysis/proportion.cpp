#include "tuner/analysis/proportion.h"

#include <algorithm>
#include <cmath>

#include "kernels/base/error.h"
#include "tuner/analysis/laws.h"

namespace caviar {

Interval clopper_pearson(double successes, double n, double confidence) {
  if (!(n > 0 && successes >= 0 && successes <= n)) fail(successes, " of ", n, " trials cannot have succeeded");
  if (!(confidence > 0 && confidence < 1))
    fail("a confidence of ", confidence, " was asked for; it lies between 0 and 1");
  const double tail = (1 - confidence) / 2, failures = n - successes;
  return {successes > 0 ? laws::beta_quantile(tail, successes, failures + 1) : 0,
          failures > 0 ? laws::beta_quantile(1 - tail, successes + 1, failures) : 1};
}

Interval score_interval(double share, double n, double z) {
  if (!(n > 0 && share >= 0 && share <= 1)) fail("a share of ", share, " of ", n, " trials cannot be");
  const double square = z * z / n;
  const double centre = (share + square / 2) / (1 + square);
  const double reach = std::sqrt(square * (share * (1 - share) + square / 4)) / (1 + square);
  // At either end one of the two is the share itself, but for rounding.
  return {share > 0 ? std::max(0.0, centre - reach) : 0, share < 1 ? std::min(1.0, centre + reach) : 1};
}

}  // namespace caviar
