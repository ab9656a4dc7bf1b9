#include "tuner/samplers/improvement.h"

#include <cmath>

#include "kernels/math/elementary.h"
#include "tuner/numerics/distributions.h"

namespace caviar {
namespace {

constexpr double kHalfLogTwoPi = 0.91893853320467274178;
constexpr double kRootHalfPi = 1.25331413731550025121;
constexpr double kHalfRoot = 0.70710678118654752440;

constexpr double kFar = -100;  // below, series in 1 / z^2: z^2 h / pdf = 1 - 3 / z^2 + 15 / z^4 - ...

// ln(pdf(z) + z cdf(z)); log_pdf is ln pdf(z).
double log_h(double z, double log_pdf) {
  if (z > -1) return log_double(exp_double(log_pdf) + z * normal_cdf(z));
  // The difference tends to 1 / z^2 and loses as many digits.
  if (z > kFar) return log_double(1 + z * kRootHalfPi * scaled_erfc(-z * kHalfRoot)) + log_pdf;
  const double x = 1 / (z * z);
  return log_pdf + log_double(x) - 3 * x + 10.5 * x * x;
}

}  // namespace

LogImprovement log_expected_improvement(double mean, double deviation, double best) {
  const double z = (best - mean) / deviation, log_pdf = -z * z / 2 - kHalfLogTwoPi;
  const double log_of_h = log_h(z, log_pdf);
  LogImprovement out;
  out.value = log_of_h + log_double(deviation);
  // cdf / h and pdf / h.
  out.by_mean = (z > kFar ? -exp_double(log_normal_cdf(z) - log_of_h) : z + 2 / z) / deviation;
  out.by_deviation = (z > kFar ? exp_double(log_pdf - log_of_h) : z * z + 3) / deviation;
  return out;
}

}  // namespace caviar
