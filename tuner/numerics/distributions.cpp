#include "tuner/numerics/distributions.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <initializer_list>

#include "kernels/math/elementary.h"

namespace caviar {
namespace {

// Coefficients of x^0, x^1, ...
template <int N>
double polynomial(const double (&coefficients)[N], double x) {
  double sum = coefficients[N - 1];
  for (int i = N - 2; i >= 0; --i) sum = sum * x + coefficients[i];
  return sum;
}

// The continued fraction 1 / (1 + d1 / (1 + d2 / ...)) of the incomplete beta function, for x below its turning point.
double beta_fraction(double x, double a, double b) {
  constexpr double kTiny = 1e-300;   // stands in for a zero denominator
  constexpr int kMostTerms = 20000;  // enough for a, b up to 1e6, which need about the root of that
  double c = 1, d = 1 - (a + b) * x / (a + 1);
  if (std::abs(d) < kTiny) d = kTiny;
  d = 1 / d;
  double fraction = d;
  for (int m = 1; m <= kMostTerms; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    double factor = 1;
    for (const double term : {even, odd}) {
      d = 1 + term * d;
      c = 1 + term / c;
      if (std::abs(d) < kTiny) d = kTiny;
      if (std::abs(c) < kTiny) c = kTiny;
      d = 1 / d;
      factor = d * c;
      fraction *= factor;
    }
    if (std::abs(factor - 1) < 1e-16) break;
  }
  return fraction;
}

}  // namespace

double log_gamma(double x) {
  // B(2k) / (2k (2k - 1)) of Stirling's series (DLMF 5.11.1).
  constexpr double kSeries[] = {1.0 / 12,   -1.0 / 360,      1.0 / 1260, -1.0 / 1680,
                                1.0 / 1188, -691.0 / 360360, 1.0 / 156,  -3617.0 / 122400};
  constexpr double kHalfLogTwoPi = 0.91893853320467274178;
  double product = 1;
  while (x < 15) {
    product *= x;
    x += 1;
  }
  const double inverse = 1 / x;
  return (x - 0.5) * log_double(x) - x + kHalfLogTwoPi + inverse * polynomial(kSeries, inverse * inverse) -
         log_double(product);
}

double scaled_erfc(double x) {
  constexpr double kNearTop[] = {3.20937758913846947e03, 3.77485237685302021e02, 1.13864154151050156e02,
                                 3.16112374387056560e00, 1.85777706184603153e-1};
  constexpr double kNearBottom[] = {2.84423683343917062e03, 1.28261652607737228e03, 2.44024637934444173e02,
                                    2.36012909523441209e01, 1.0};
  constexpr double kMiddleTop[] = {1.23033935479799725e03, 2.05107837782607147e03, 1.71204761263407058e03,
                                   8.81952221241769090e02, 2.98635138197400131e02, 6.61191906371416295e01,
                                   8.88314979438837594e00, 5.64188496988670089e-1, 2.15311535474403846e-8};
  constexpr double kMiddleBottom[] = {1.23033935480374942e03, 3.43936767414372164e03, 4.36261909014324716e03,
                                      3.29079923573345963e03, 1.62138957456669019e03, 5.37181101862009858e02,
                                      1.17693950891312499e02, 1.57449261107098347e01, 1.0};
  constexpr double kFarTop[] = {6.58749161529837803e-4, 1.60837851487422766e-2, 1.25781726111229246e-1,
                                3.60344899949804439e-1, 3.05326634961232344e-1, 1.63153871373020978e-2};
  constexpr double kFarBottom[] = {2.33520497626869185e-3, 6.05183413124413191e-2, 5.27905102951428412e-1,
                                   1.87295284992346725e00, 2.56852019228982242e00, 1.0};
  constexpr double kInverseRootPi = 0.56418958354775628695;
  const double size = std::abs(x), square = x * x;
  if (size <= 0.46875) {
    return exp_double(square) * (1 - x * polynomial(kNearTop, square) / polynomial(kNearBottom, square));
  }
  double result = 0;
  if (size <= 4) {
    result = polynomial(kMiddleTop, size) / polynomial(kMiddleBottom, size);
  } else {
    const double z = 1 / square;
    result = (kInverseRootPi - z * polynomial(kFarTop, z) / polynomial(kFarBottom, z)) / size;
  }
  if (x > 0) return result;
  const double rounding = fma_of(x, x, -square);
  return 2 * exp_double(square) * (1 + rounding) - result;
}

namespace {

constexpr double kHalfRoot = 0.70710678118654752440;  // sqrt(1/2)

// ln(1 + x) and e^x - 1 without cancellation: the error of 1 + x, or of e^x, is undone by that of its inverse (Kahan).
double log_one_plus(double x) {
  const double sum = 1 + x;
  return sum == 1 ? x : log_double(sum) * (x / (sum - 1));
}

double exp_minus_one(double x) {
  const double power = exp_double(x);
  if (power == 1) return x;
  return power < 1e-17 ? -1 : (power - 1) * (x / log_double(power));
}

}  // namespace

double normal_cdf(double x) {
  if (x > 0) return 1 - normal_cdf(-x);
  const double square = x * x, rounding = fma_of(x, x, -square);  // e^(-x^2/2), the rounding of the square made good
  return 0.5 * scaled_erfc(-x * kHalfRoot) * (exp_double(-square / 2) * (1 - rounding / 2));
}

double log_normal_cdf(double x) {
  if (x < -1) return log_double(0.5 * scaled_erfc(-x * kHalfRoot)) - x * x / 2;
  return log_one_plus(-normal_cdf(-x));
}

double log_normal_between(double a, double b) {
  if (a > 0) return log_normal_between(-b, -a);
  const double middle = a + (b - a) / 2, width = b - a;
  constexpr double kHalfLogTwoPi = 0.91893853320467274178;
  if (width * (1 - middle) < 1e-5) return log_double(width) - middle * middle / 2 - kHalfLogTwoPi;
  if (b > 0) {  // a <= 0 < b: nothing cancels
    const double outside = normal_cdf(a) + normal_cdf(-b);
    if (outside < 0.9) return log_one_plus(-outside);
  }
  const double log_b = log_normal_cdf(b), log_a = log_normal_cdf(a);
  return log_b + log_double(-exp_minus_one(log_a - log_b));
}

double normal_quantile(double p) {
  constexpr double kCentreTop[] = {3.3871328727963666080e0,  1.3314166789178437745e+2, 1.9715909503065514427e+3,
                                   1.3731693765509461125e+4, 4.5921953931549871457e+4, 6.7265770927008700853e+4,
                                   3.3430575583588128105e+4, 2.5090809287301226727e+3};
  constexpr double kCentreBottom[] = {1.0,
                                      4.2313330701600911252e+1,
                                      6.8718700749205790830e+2,
                                      5.3941960214247511077e+3,
                                      2.1213794301586595867e+4,
                                      3.9307895800092710610e+4,
                                      2.8729085735721942674e+4,
                                      5.2264952788528545610e+3};
  constexpr double kMiddleTop[] = {1.42343711074968357734e0,  4.63033784615654529590e0, 5.76949722146069140550e0,
                                   3.64784832476320460504e0,  1.27045825245236838258e0, 2.41780725177450611770e-1,
                                   2.27238449892691845833e-2, 7.74545014278341407640e-4};
  constexpr double kMiddleBottom[] = {1.0,
                                      2.05319162663775882187e0,
                                      1.67638483018380384940e0,
                                      6.89767334985100004550e-1,
                                      1.48103976427480074590e-1,
                                      1.51986665636164571966e-2,
                                      5.47593808499534494600e-4,
                                      1.05075007164441684324e-9};
  constexpr double kTailTop[] = {6.65790464350110377720e0,  5.46378491116411436990e0,  1.78482653991729133580e0,
                                 2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                 2.71155556874348757815e-5, 2.01033439929228813265e-7};
  constexpr double kTailBottom[] = {1.0,
                                    5.99832206555887937690e-1,
                                    1.36929880922735805310e-1,
                                    1.48753612908506148525e-2,
                                    7.86869131145613259100e-4,
                                    1.84631831751005468180e-5,
                                    1.42151175831644588870e-7,
                                    2.04426310338993978564e-15};
  const double q = p - 0.5;
  if (std::abs(q) <= 0.425) {
    const double r = 0.180625 - q * q;
    return q * polynomial(kCentreTop, r) / polynomial(kCentreBottom, r);
  }
  const double r = std::sqrt(-log_double(q < 0 ? p : 1 - p));
  const double x = r <= 5 ? polynomial(kMiddleTop, r - 1.6) / polynomial(kMiddleBottom, r - 1.6)
                          : polynomial(kTailTop, r - 5) / polynomial(kTailBottom, r - 5);
  return q < 0 ? -x : x;
}

double beta_cdf(double x, double a, double b) {
  if (!(x > 0)) return 0;
  if (!(x < 1)) return 1;
  const double log_front = a * log_double(x) + b * log_double(1 - x) + log_gamma(a + b) - log_gamma(a) - log_gamma(b);
  // The fraction converges fast below the turning point; above it the mirrored tail does.
  if (x < (a + 1) / (a + b + 2)) return exp_double(log_front) * beta_fraction(x, a, b) / a;
  return 1 - exp_double(log_front) * beta_fraction(1 - x, b, a) / b;
}

double student_tail(double t, double freedom) {
  if (t < 0) return 1 - student_tail(-t, freedom);
  return 0.5 * beta_cdf(freedom / (freedom + t * t), 0.5 * freedom, 0.5);
}

double beta_quantile(double p, double a, double b) {
  // Positive doubles are ordered as their bits are, so this halves the set of doubles, not the interval: small
  // quantiles are found as exactly as large ones.
  std::uint64_t low = 0, high = std::bit_cast<std::uint64_t>(1.0);
  while (high - low > 1) {
    const std::uint64_t middle = low + (high - low) / 2;
    (beta_cdf(std::bit_cast<double>(middle), a, b) < p ? low : high) = middle;
  }
  return std::bit_cast<double>(p > 0 ? high : low);
}

}  // namespace caviar
