// The laws against SciPy 1.10.1 (scipy.stats), to show that each name means what it says; Boost.Math has its own tests.
#include "tuner/analysis/laws.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "kernels/base/error.h"

namespace caviar {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

void expect_close(double found, double expected) { EXPECT_NEAR(found, expected, 1e-11 * std::abs(expected)); }

TEST(Laws, MeetScipy) {
  expect_close(laws::normal_cdf(1.25), 0.89435022633314465);
  expect_close(laws::normal_tail(9), 1.1285884059538324e-19);
  expect_close(laws::normal_quantile(0.025), -1.9599639845400545);
  expect_close(laws::student_cdf(-2.5, 7.3), 0.019825117332800207);
  expect_close(laws::student_tail(12, 9), 3.8499431114928223e-07);
  expect_close(laws::student_two_sided(-4.310527248642617, 7.711133400200602), 0.0028098125323277861);
  expect_close(laws::student_quantile(0.975, 4), 2.7764451051977987);
  expect_close(laws::chi_square_cdf(3.5, 6), 0.25603030460278181);
  expect_close(laws::chi_square_tail(60, 6), 4.5010166480121309e-11);
  expect_close(laws::chi_square_quantile(0.025, 209), 170.85501870267484);
  expect_close(laws::fisher_f_cdf(1.7, 3, 20), 0.8008590308978123);
  expect_close(laws::fisher_f_tail(30, 3, 20), 1.3345705379913512e-07);
  expect_close(laws::fisher_f_quantile(0.95, 209, 209), 1.2561761529030455);
  expect_close(laws::noncentral_t_cdf(2.1, 18, 2.8), 0.24538175737178891);
  expect_close(laws::noncentral_t_tail(2.1, 18, 2.8), 0.75461824262821109);
  expect_close(laws::beta_cdf(0.3, 2.5, 4), 0.3521975859067672);
  expect_close(laws::beta_quantile(0.025, 7.5, 3.5), 0.39418168185132868);
  expect_close(laws::binomial_mass(4, 29, 0.25), 0.069818983104988089);
  expect_close(laws::binomial_cdf(4, 29, 0.25), 0.11532434534090284);
  expect_close(laws::binomial_tail(20, 29, 0.25), 1.1085355717047052e-07);
  expect_close(laws::hypergeometric_mass(3, 10, 8, 40), 0.22236252576809853);
  expect_close(laws::hypergeometric_mass(40, 300, 500, 5000), 0.011479269647760002);
  expect_close(laws::gamma_half_step(2.5), 1.5045055561273502);
  expect_close(laws::gamma_half_step(500), 22.355090304690144);
}

TEST(Laws, KnowTheirEnds) {
  EXPECT_EQ(laws::student_cdf(kInfinity, 3), 1);
  EXPECT_EQ(laws::student_tail(-kInfinity, 3), 1);
  EXPECT_EQ(laws::chi_square_tail(-1, 3), 1);
  EXPECT_EQ(laws::fisher_f_tail(kInfinity, 2, 3), 0);
  EXPECT_EQ(laws::noncentral_t_cdf(-kInfinity, 2, 3), 0);
  EXPECT_EQ(laws::beta_cdf(1, 0.5, 3), 1);
  EXPECT_EQ(laws::beta_quantile(0, 0.5, 3), 0);
  EXPECT_EQ(laws::binomial_cdf(-1, 4, 0.3), 0);
  EXPECT_EQ(laws::binomial_tail(4, 4, 0.3), 0);
  EXPECT_EQ(laws::binomial_mass(5, 4, 0.3), 0);
  EXPECT_EQ(laws::binomial_cdf(2, 4, 0), 1);
  EXPECT_EQ(laws::hypergeometric_mass(0, 4, 3, 5), 0);
  EXPECT_EQ(laws::hypergeometric_mass(3, 5, 3, 5), 1);
  EXPECT_EQ(laws::student_two_sided(0, 7), 1);
}

TEST(Laws, RefuseWhatHasNoMeaning) {
  EXPECT_THROW(laws::normal_quantile(0), Error);
  EXPECT_THROW(laws::normal_cdf(std::nan("")), Error);
  EXPECT_THROW(laws::student_cdf(1, 0), Error);
  EXPECT_THROW(laws::chi_square_quantile(1.5, 3), Error);
  EXPECT_THROW(laws::binomial_mass(1, 3, 1.1), Error);
  EXPECT_THROW(laws::hypergeometric_mass(1, 6, 2, 5), Error);
}

}  // namespace
}  // namespace caviar
