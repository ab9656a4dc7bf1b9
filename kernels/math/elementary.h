// exp, tanh, sigmoid and log from additions, multiplications and fused multiply-adds only, so that their bits are the
// same on every processor and compiler; branch-free, so that loops over them vectorise.
//
// The float forms are for kernels; the double forms, `exp_double` and so on, for decisions on the host. Errors in units
// in the last place, measured over the whole range by tests/kernels/elementary_oracle_test.cpp.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/base/hd.h"

namespace caviar {

CAVIAR_HD inline float fma_of(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
CAVIAR_HD inline double fma_of(double a, double b, double c) { return __builtin_fma(a, b, c); }
CAVIAR_HD inline float sqrt_of(float x) { return __builtin_sqrtf(x); }  // IEEE: rounded once
CAVIAR_HD inline double sqrt_of(double x) { return __builtin_sqrt(x); }

// The value of another type that has the same bits. Not std::bit_cast: device code may not call a constexpr function of
// the host's library.
template <class To, class From>
CAVIAR_HD constexpr To bits_as(From x) {
  return __builtin_bit_cast(To, x);
}

namespace detail {

// 2^k for k in [-126, 127], from its exponent field.
CAVIAR_HD inline float power_of_two(std::int32_t k) { return bits_as<float>((k + 127) << 23); }
CAVIAR_HD inline double power_of_two_double(std::int64_t k) { return bits_as<double>((k + 1023) << 52); }

// x = n ln 2 + r with |r| <= ln 2 / 2. Adding 1.5 * 2^23 leaves n in the low bits of the sum (round to nearest even).
struct Reduced {
  float n, r;
  std::int32_t k;
};
CAVIAR_HD inline Reduced reduce(float x) {
  constexpr float kShift = 12582912.0f;  // 1.5 * 2^23
  const float shifted = fma_of(x, 1.44269504f, kShift);
  const float n = shifted - kShift;
  float r = fma_of(n, -0.693145752f, x);  // ln 2 in two parts, the first with few bits, so that n * part is exact
  r = fma_of(n, -1.42860677e-6f, r);
  return {n, r, bits_as<std::int32_t>(shifted) - bits_as<std::int32_t>(kShift)};
}

// (e^r - 1 - r) / r^2 on |r| <= ln 2 / 2: the polynomial of degree 4 whose worst error in e^r is least, 3.6e-9 with
// these coefficients (a linear programme over 4,000 points; 1/16 of a unit in the last place).
CAVIAR_HD inline float exp_tail(float r) {
  float p = 1.38167327e-3f;
  p = fma_of(p, r, 8.36874172e-3f);
  p = fma_of(p, r, 4.16683592e-2f);
  p = fma_of(p, r, 1.66665211e-1f);
  p = fma_of(p, r, 4.9999994e-1f);
  return p;
}

// Written so that NaN passes and each is one instruction.
CAVIAR_HD inline float at_most(float x, float high) { return high < x ? high : x; }
CAVIAR_HD inline float at_least(float x, float low) { return x < low ? low : x; }

}  // namespace detail

// e^x. At most 1.1 ulp where the result is normal; results below 2^-126 are rounded once more; overflows to infinity;
// NaN stays NaN.
CAVIAR_HD inline float exp_of(float x) {
  const float clamped = detail::at_least(detail::at_most(x, 89.0f), -104.0f);
  const detail::Reduced q = detail::reduce(clamped);
  const float e = fma_of(q.r * q.r, detail::exp_tail(q.r), q.r) + 1.0f;
  // 2^k in two factors, so that neither leaves the normal range: k is in [-151, 129].
  const std::int32_t half = q.k >> 1;
  return e * detail::power_of_two(half) * detail::power_of_two(q.k - half);
}

// 1 / (1 + e^-x), at most 2.5 ulp for x >= -87; below, it stays near 6e-39.
CAVIAR_HD inline float sigmoid(float x) {
  const float clamped = detail::at_most(detail::at_least(x, -88.0f), 87.0f);
  const detail::Reduced q = detail::reduce(-clamped);
  const float e = fma_of(q.r * q.r, detail::exp_tail(q.r), q.r) + 1.0f;
  return 1.0f / fma_of(e, detail::power_of_two(q.k), 1.0f);
}

// tanh x = m / (m + 2) with m = e^2|x| - 1 formed without cancellation: at most 3 ulp, exactly odd.
CAVIAR_HD inline float tanh_of(float x) {
  const std::uint32_t sign = bits_as<std::uint32_t>(x) & 0x80000000u;
  const float magnitude = bits_as<float>(bits_as<std::uint32_t>(x) & 0x7fffffffu);
  const float z = detail::at_most(2.0f * magnitude, 20.0f);  // tanh 10 rounds to 1
  const detail::Reduced q = detail::reduce(z);
  const float s = detail::power_of_two(q.k);
  const float tail = fma_of(q.r * q.r, detail::exp_tail(q.r), q.r);  // e^r - 1
  const float m = fma_of(s, tail, s - 1.0f);
  return bits_as<float>(bits_as<std::uint32_t>(m / (m + 2.0f)) | sign);
}

// ln x for normal and subnormal x > 0, at most 1 ulp; -infinity at 0; NaN below.
// x = m 2^k with m in [sqrt 1/2, sqrt 2); ln m = 2 artanh(s) with s = (m - 1) / (m + 1), an odd series in s.
CAVIAR_HD inline float log_of(float x) {
  const bool subnormal = x < 0x1p-126f;
  const float scaled = subnormal ? x * 0x1p23f : x;
  const std::uint32_t bits = bits_as<std::uint32_t>(scaled);                    // unsigned: a negative x wraps around
  const std::int32_t k0 = static_cast<std::int32_t>(bits - 0x3f3504f3u) >> 23;  // 0x3f3504f3: sqrt 1/2
  const float m = bits_as<float>(bits - (static_cast<std::uint32_t>(k0) << 23));
  const float k = static_cast<float>(k0 - (subnormal ? 23 : 0));
  const float f = m - 1.0f;
  const float s = f / (m + 1.0f);
  const float z = s * s;
  float p = 0.2449f;  // near 2/9, shifted to take up the rest of the series on |s| < 0.1716
  p = fma_of(p, z, 0.285714286f);
  p = fma_of(p, z, 0.4f);
  p = fma_of(p, z, 0.666666667f);
  const float half = 0.5f * f * f;
  // ln m = f - (f^2/2 - s (f^2/2 + z p)): small terms first.
  const float correction = fma_of(s, fma_of(z, p, half), k * 9.05800061e-6f);
  const float result = fma_of(k, 0.693138123f, f - (half - correction));
  const float infinity = __builtin_inff();
  return x > 0.0f ? (x == infinity ? infinity : result) : (x == 0.0f ? -infinity : __builtin_nanf(""));
}

// e^x in double, at most 1 ulp: the same scheme, ln 2 in two parts of 32 + 53 bits, Taylor to r^13.
CAVIAR_HD inline double exp_double(double x) {
  if (x != x) return x;
  if (x > 709.79) return __builtin_inf();
  if (x < -745.2) return 0.0;
  constexpr double kShift = 6755399441055744.0;  // 1.5 * 2^52
  const double shifted = fma_of(x, 1.4426950408889634, kShift);
  const double n = shifted - kShift;
  const std::int64_t k = bits_as<std::int64_t>(shifted) - bits_as<std::int64_t>(kShift);
  double r = fma_of(n, -6.93147180369123816490e-01, x);
  r = fma_of(n, -1.90821492927058770002e-10, r);
  double p = 1.0 / 6227020800.0;
  p = fma_of(p, r, 1.0 / 479001600.0);
  p = fma_of(p, r, 1.0 / 39916800.0);
  p = fma_of(p, r, 1.0 / 3628800.0);
  p = fma_of(p, r, 1.0 / 362880.0);
  p = fma_of(p, r, 1.0 / 40320.0);
  p = fma_of(p, r, 1.0 / 5040.0);
  p = fma_of(p, r, 1.0 / 720.0);
  p = fma_of(p, r, 1.0 / 120.0);
  p = fma_of(p, r, 1.0 / 24.0);
  p = fma_of(p, r, 1.0 / 6.0);
  p = fma_of(p, r, 0.5);
  const double e = fma_of(r * r, p, r) + 1.0;
  const std::int64_t half = k >> 1;
  return e * detail::power_of_two_double(half) * detail::power_of_two_double(k - half);
}

// ln x in double, at most 1 ulp; -infinity at 0; NaN below. The scheme of log_of with the series to s^23.
CAVIAR_HD inline double log_double(double x) {
  if (!(x > 0.0)) return x == 0.0 ? -__builtin_inf() : __builtin_nan("");
  if (x == __builtin_inf()) return x;
  const bool subnormal = x < 0x1p-1022;
  const double scaled = subnormal ? x * 0x1p54 : x;
  const std::int64_t bits = bits_as<std::int64_t>(scaled);
  const std::int64_t k0 = (bits - 0x3fe6a09e667f3bcdLL) >> 52;  // sqrt 1/2
  const double m = bits_as<double>(bits - (k0 << 52));
  const double k = static_cast<double>(k0 - (subnormal ? 54 : 0));
  const double f = m - 1.0, s = f / (m + 1.0), z = s * s;
  double p = 2.0 / 23.0;
  for (int odd = 21; odd >= 3; odd -= 2) p = fma_of(p, z, 2.0 / odd);
  const double half = 0.5 * f * f;
  const double correction = fma_of(s, fma_of(z, p, half), k * 1.90821492927058770002e-10);
  return fma_of(k, 6.93147180369123816490e-01, f - (half - correction));
}

// cos(pi t) for t in [0, 1], to about 1e-16: reduced to |t - 1/2| and |t| below 1/4, then Taylor.
CAVIAR_HD inline double cos_pi(double t) {
  constexpr double kPi = 3.14159265358979323846;
  if (t > 0.25 && t < 0.75) {  // -sin(pi (t - 1/2))
    const double a = kPi * (t - 0.5), z = a * a;
    double p = -1.0 / 1307674368000.0;
    p = fma_of(p, z, 1.0 / 6227020800.0);
    p = fma_of(p, z, -1.0 / 39916800.0);
    p = fma_of(p, z, 1.0 / 362880.0);
    p = fma_of(p, z, -1.0 / 5040.0);
    p = fma_of(p, z, 1.0 / 120.0);
    p = fma_of(p, z, -1.0 / 6.0);
    return -fma_of(a * z, p, a);
  }
  const bool far = t >= 0.75;
  const double a = kPi * (far ? 1.0 - t : t), z = a * a;
  double p = 1.0 / 20922789888000.0;
  p = fma_of(p, z, -1.0 / 87178291200.0);
  p = fma_of(p, z, 1.0 / 479001600.0);
  p = fma_of(p, z, -1.0 / 3628800.0);
  p = fma_of(p, z, 1.0 / 40320.0);
  p = fma_of(p, z, -1.0 / 720.0);
  p = fma_of(p, z, 1.0 / 24.0);
  p = fma_of(p, z, -0.5);
  const double c = fma_of(p, z, 1.0);
  return far ? -c : c;
}

// The same functions on double, so that a formula written once over a value type can be checked by central differences.
CAVIAR_HD inline double exp_of(double x) { return exp_double(x); }
CAVIAR_HD inline double log_of(double x) { return log_double(x); }
CAVIAR_HD inline double sigmoid(double x) { return 1.0 / (1.0 + exp_double(-x)); }
CAVIAR_HD inline double tanh_of(double x) { return 2.0 * sigmoid(2.0 * x) - 1.0; }

// b^n for b >= 0 and a real exponent, through ln and exp; 0^0 = 1.
CAVIAR_HD inline double power(double b, double n) {
  if (n == 0.0) return 1.0;
  if (b <= 0.0) return 0.0;
  return exp_double(n * log_double(b));
}

}  // namespace caviar
