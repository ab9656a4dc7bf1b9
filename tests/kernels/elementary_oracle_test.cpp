// exp, tanh, sigmoid and log against the C library in the next wider type: worst errors in units in the last place, and
// every special value. The float forms are tried on one number in 251 of all 2^32 bit patterns (a prime, so that every
// exponent and every mantissa byte is met). The bounds are the worst errors over all 2^32, measured once, rounded up.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <ostream>
#include <utility>

#include <gtest/gtest.h>

#include "kernels/math/elementary.h"

namespace caviar {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr std::uint64_t kStride = 251;

// |got - exact| in units in the last place of a Float at `exact`; where Float overflows, of its largest number.
template <class Float, class Wide>
double ulps(Float got, Wide exact) {
  if (static_cast<Wide>(got) == exact) return 0;
  int exponent = 0;
  std::frexp(exact, &exponent);
  using Limits = std::numeric_limits<Float>;
  const int unit = std::max(exponent, Limits::min_exponent) - Limits::digits;
  return static_cast<double>(std::ldexp(std::abs(static_cast<Wide>(got) - exact), -unit));
}

struct Worst {
  double error = 0;
  double at = 0;
  void see(double found, double x) {
    if (!(found <= error)) error = found, at = x;  // a NaN counts as worse
  }
};

std::ostream& operator<<(std::ostream& out, const Worst& worst) { return out << worst.error << " ulp at " << worst.at; }

// The worst error of `ours` over the float numbers in [low, high].
template <class Ours, class Exact>
Worst worst_error(Ours ours, Exact exact, float low, float high) {
  Worst worst;
  for (std::uint64_t bits = 0; bits < (std::uint64_t{1} << 32); bits += kStride) {
    const float x = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    if (x >= low && x <= high) worst.see(ulps(ours(x), exact(static_cast<double>(x))), x);
  }
  return worst;
}

double exact_sigmoid(double x) { return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x)); }

TEST(Elementary, ExpIsAccurateWhereItsResultIsNormal) {
  const Worst worst =
      worst_error([](float x) { return exp_of(x); }, [](double x) { return std::exp(x); }, -87.33654f, 88.72283f);
  EXPECT_LE(worst.error, 1.1) << worst;  // all: 1.009 at -27.38
}

TEST(Elementary, ExpIsAccurateWhereItsResultIsSubnormal) {
  const Worst worst =
      worst_error([](float x) { return exp_of(x); }, [](double x) { return std::exp(x); }, -110.0f, -87.33654f);
  EXPECT_LE(worst.error, 0.8) << worst;  // all: 0.750 at -88.03
}

TEST(Elementary, ExpKnowsItsEnds) {
  EXPECT_EQ(exp_of(0.0f), 1.0f);
  EXPECT_EQ(exp_of(-0.0f), 1.0f);
  EXPECT_EQ(exp_of(std::numeric_limits<float>::denorm_min()), 1.0f);
  EXPECT_EQ(exp_of(-kInfinity), 0.0f);
  EXPECT_EQ(exp_of(-1e30f), 0.0f);
  EXPECT_EQ(exp_of(88.72284f), kInfinity);
  EXPECT_LT(exp_of(88.72283f), kInfinity);
  EXPECT_EQ(exp_of(1e30f), kInfinity);
  EXPECT_EQ(exp_of(kInfinity), kInfinity);
  EXPECT_TRUE(std::isnan(exp_of(kNan)));
  EXPECT_TRUE(std::isnan(exp_of(-kNan)));
}

TEST(Elementary, TanhIsAccurateEverywhere) {
  const Worst worst =
      worst_error([](float x) { return tanh_of(x); }, [](double x) { return std::tanh(x); }, -kInfinity, kInfinity);
  EXPECT_LE(worst.error, 2.7) << worst;  // all: 2.606 at 0.06242
}

TEST(Elementary, TanhIsOddMonotoneAtItsEndsAndNeverAboveOne) {
  for (std::uint64_t bits = 0; bits < 0x7f800000u; bits += kStride) {
    const float x = std::bit_cast<float>(static_cast<std::uint32_t>(bits)), y = tanh_of(x);
    ASSERT_EQ(std::bit_cast<std::uint32_t>(tanh_of(-x)), std::bit_cast<std::uint32_t>(y) | 0x80000000u) << x;
    ASSERT_LE(y, 1.0f) << x;
  }
  EXPECT_EQ(std::bit_cast<std::uint32_t>(tanh_of(-0.0f)), 0x80000000u);
  EXPECT_EQ(tanh_of(std::numeric_limits<float>::denorm_min()), std::numeric_limits<float>::denorm_min());
  EXPECT_EQ(tanh_of(kInfinity), 1.0f);
  EXPECT_EQ(tanh_of(-kInfinity), -1.0f);
  EXPECT_TRUE(std::isnan(tanh_of(kNan)));
}

TEST(Elementary, SigmoidIsAccurateWhereItsResultIsNormal) {
  const Worst worst = worst_error([](float x) { return sigmoid(x); }, exact_sigmoid, -87.33f, kInfinity);
  EXPECT_LE(worst.error, 2.5) << worst;  // all: 2.481 at -16.64
}

TEST(Elementary, SigmoidKnowsItsEnds) {
  EXPECT_EQ(sigmoid(0.0f), 0.5f);
  EXPECT_EQ(sigmoid(kInfinity), 1.0f);
  EXPECT_TRUE(std::isnan(sigmoid(kNan)));
  // Below -88 it stays at the subnormal e^-88: nothing is divided by it.
  for (float x : {-87.5f, -88.0f, -89.0f, -100.0f, -1e30f, -kInfinity}) {
    EXPECT_GE(sigmoid(x), 0.0f) << x;
    EXPECT_LE(sigmoid(x), 1.2e-38f) << x;
  }
}

TEST(Elementary, LogIsAccurateForEveryPositiveNumber) {
  const Worst worst = worst_error([](float x) { return log_of(x); }, [](double x) { return std::log(x); }, 1e-45f,
                                  std::numeric_limits<float>::max());
  EXPECT_LE(worst.error, 0.9) << worst;  // all: 0.897 at 1.407
}

TEST(Elementary, LogIsAccurateNearOne) {
  Worst worst;
  float x = 0.99f;
  for (; x < 1.01f; x = std::nextafter(x, 2.0f)) worst.see(ulps(log_of(x), std::log(static_cast<double>(x))), x);
  EXPECT_LE(worst.error, 1.0) << worst;
  EXPECT_EQ(log_of(1.0f), 0.0f);
}

TEST(Elementary, LogKnowsItsEnds) {
  EXPECT_EQ(log_of(0.0f), -kInfinity);
  EXPECT_EQ(log_of(-0.0f), -kInfinity);
  EXPECT_EQ(log_of(kInfinity), kInfinity);
  EXPECT_TRUE(std::isnan(log_of(-1.0f)));
  EXPECT_TRUE(std::isnan(log_of(-kInfinity)));
  EXPECT_TRUE(std::isnan(log_of(kNan)));
}

// Numbers in [low, high] on an even grid of a million, off the round ones.
template <class Ours, class Exact>
Worst worst_on_grid(Ours ours, Exact exact, double low, double high) {
  constexpr int kPoints = 1000000;
  Worst worst;
  for (int i = 0; i <= kPoints; ++i) {
    const double x = low + (high - low) * i / kPoints;
    worst.see(ulps(ours(x), exact(static_cast<long double>(x))), x);
  }
  return worst;
}

static_assert(std::numeric_limits<long double>::digits >= 64, "the oracle of the double forms is a wider long double");

TEST(Elementary, ExpDoubleIsAccurate) {
  const auto exact = [](long double x) { return std::exp(x); };
  for (auto [low, high] : {std::pair{-708.39, 709.78}, {-1.0, 1.0}, {-1e-8, 1e-8}}) {
    const Worst worst = worst_on_grid(exp_double, exact, low, high);
    EXPECT_LE(worst.error, 1.0) << worst;
  }
  const Worst subnormal = worst_on_grid(exp_double, exact, -745.5, -708.39);
  EXPECT_LE(subnormal.error, 1.0) << subnormal;
  EXPECT_EQ(exp_double(0.0), 1.0);
  EXPECT_EQ(exp_double(1e300), std::numeric_limits<double>::infinity());
  EXPECT_EQ(exp_double(-1e300), 0.0);
  EXPECT_TRUE(std::isnan(exp_double(std::nan(""))));
}

TEST(Elementary, LogDoubleIsAccurate) {
  const auto exact = [](long double x) { return std::log(x); };
  for (auto [low, high] :
       {std::pair{1e-300, 1e-299}, {0.01, 0.5}, {0.5, 1.5}, {0.9999, 1.0001}, {1.5, 1e6}, {1e300, 1.7e308}}) {
    const Worst worst = worst_on_grid(log_double, exact, low, high);
    EXPECT_LE(worst.error, 1.0) << worst;
  }
  const Worst subnormal = worst_on_grid(log_double, exact, 5e-324, 1e-308);
  EXPECT_LE(subnormal.error, 1.0) << subnormal;
  EXPECT_EQ(log_double(1.0), 0.0);
  EXPECT_EQ(log_double(0.0), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(log_double(std::numeric_limits<double>::infinity()), std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(log_double(-1.0)));
  EXPECT_TRUE(std::isnan(log_double(std::nan(""))));
}

TEST(Elementary, CosineOfAHalfTurnIsAccurate) {
  constexpr long double kPi = 3.14159265358979323846264338327950288L;
  double worst = 0;
  for (int i = 0; i <= 1000000; ++i) {
    const double t = i / 1e6;
    worst = std::max(worst, static_cast<double>(std::abs(cos_pi(t) - std::cos(kPi * static_cast<long double>(t)))));
  }
  EXPECT_LE(worst, 2.3e-16);
  EXPECT_EQ(cos_pi(0.0), 1.0);
  EXPECT_EQ(cos_pi(0.5), 0.0);
  EXPECT_EQ(cos_pi(1.0), -1.0);
}

// Through ln and exp the relative error grows with |n ln b|: half an ulp of that product, and the two functions' own.
TEST(Elementary, PowerIsAccurateToTheSizeOfItsExponent) {
  for (double base : {1e-6, 0.1, 0.5, 0.9, 0.999, 0.9999999, 1.0, 1.5, 10.0}) {
    for (double n : {-3.0, 0.0, 0.5, 1.0, 2.0, 7.0, 100.0, 12345.0}) {
      const long double exact = std::pow(static_cast<long double>(base), static_cast<long double>(n));
      if (exact < 1e-300L || exact > 1e300L) continue;
      const double product = std::abs(n * std::log(base));
      EXPECT_LE(std::abs((power(base, n) - exact) / exact), (1.5 * product + 2) * 0x1p-53) << base << " ^ " << n;
    }
  }
  EXPECT_EQ(power(0.0, 0.0), 1.0);
  EXPECT_EQ(power(0.0, 3.0), 0.0);
}

}  // namespace
}  // namespace caviar
