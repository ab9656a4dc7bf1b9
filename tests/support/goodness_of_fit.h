// Tests of a law by numbers from it: Pearson's chi-squared and Kolmogorov-Smirnov, with the probability that numbers of
// exactly that law come out this far from it or further.
//
// Seeds are fixed, so a test passes always or never; the bound on the probability says how unlucky a correct
// implementation would have to be for its author to see it fail: kFailureProbability.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "kernels/base/error.h"

namespace caviar::test {

inline constexpr double kFailureProbability = 1e-6;

// P(X > x), X chi-squared with `freedom` degrees: the regularised upper incomplete gamma Q(freedom / 2, x / 2), by its
// series below the mean and its continued fraction above (Abramowitz and Stegun, 6.5.29 and 6.5.31). To about 1e-12.
inline double chi_squared_tail(double x, double freedom) {
  const double a = freedom / 2, z = x / 2;
  if (z <= 0) return 1;
  const double front = std::exp(a * std::log(z) - z - std::lgamma(a));
  if (z < a + 1) {
    double term = 1 / a, sum = term;
    for (int n = 1; n < 10000 && term > sum * 1e-16; ++n) sum += term *= z / (a + n);
    return 1 - front * sum;
  }
  // Q = front / (z + 1 - a - 1 (1 - a) / (z + 3 - a - 2 (2 - a) / (z + 5 - a - ...))), from the inside out.
  double fraction = 0;
  for (int n = 2000; n >= 1; --n) fraction = n * (n - a) / (z + 2 * n + 1 - a - fraction);
  return front / (z + 1 - a - fraction);
}

// The tail probability of Pearson's statistic of counts against expectations of the same sum. Each expectation should
// be at least 5; `constraints` is 1 for the common sum, more for tables with fixed margins.
inline double chi_squared_p(const std::vector<double>& counts, const std::vector<double>& expected,
                            int constraints = 1) {
  if (counts.size() != expected.size()) fail("counts and expectations differ in number");
  double statistic = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (expected[i] < 5) fail("an expectation of ", expected[i], " is too small for chi-squared: join cells");
    statistic += (counts[i] - expected[i]) * (counts[i] - expected[i]) / expected[i];
  }
  return chi_squared_tail(statistic, static_cast<double>(counts.size()) - constraints);
}

// The tail probability of the Kolmogorov-Smirnov statistic of `sample` against a continuous distribution function, by
// the limit law with Stephens's correction (1970); for 40 numbers or more.
template <class Cdf>
double kolmogorov_smirnov_p(std::vector<double> sample, Cdf cdf) {
  std::sort(sample.begin(), sample.end());
  const double n = static_cast<double>(sample.size());
  double distance = 0;
  for (std::size_t i = 0; i < sample.size(); ++i) {
    const double p = cdf(sample[i]), rank = static_cast<double>(i);
    distance = std::max({distance, p - rank / n, (rank + 1) / n - p});
  }
  const double t = distance * (std::sqrt(n) + 0.12 + 0.11 / std::sqrt(n));
  if (t < 0.2) return 1;  // the series needs more terms there, and is 1 to twelve digits
  double tail = 0;
  for (int k = 1; k <= 100; ++k) tail += (k % 2 ? 2 : -2) * std::exp(-2.0 * k * k * t * t);
  return std::clamp(tail, 0.0, 1.0);
}

}  // namespace caviar::test
