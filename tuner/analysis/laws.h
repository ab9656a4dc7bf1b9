// The laws that estimates and tests refer to, by Boost.Math. For what is shown to a reader; what a search decides by is
// in tuner/numerics/distributions.h, whose bits are the same on every host.
#pragma once

#include <cstdint>

namespace caviar::laws {

// cdf: P(X <= x). tail: P(X > x), exact where 1 - cdf would cancel. quantile: the x with cdf(x) = p, 0 < p < 1.
// Degrees of freedom are > 0 and need not be whole. Arguments outside, and NaN, are errors.

double normal_cdf(double x);
double normal_tail(double x);
double normal_quantile(double p);

double student_cdf(double t, double freedom);
double student_tail(double t, double freedom);
double student_two_sided(double t, double freedom);  // P(|T| > |t|)
double student_quantile(double p, double freedom);

double chi_square_cdf(double x, double freedom);
double chi_square_tail(double x, double freedom);
double chi_square_quantile(double p, double freedom);

double fisher_f_cdf(double f, double freedom_above, double freedom_below);
double fisher_f_tail(double f, double freedom_above, double freedom_below);
double fisher_f_quantile(double p, double freedom_above, double freedom_below);

// Of (Z + shift) / sqrt(V / freedom), Z standard normal, V chi-square.
double noncentral_t_cdf(double t, double freedom, double shift);
double noncentral_t_tail(double t, double freedom, double shift);

double beta_cdf(double x, double a, double b);       // 0 <= x <= 1; a, b > 0
double beta_quantile(double p, double a, double b);  // 0 <= p <= 1

// Of successes in n trials, each with probability p, 0 <= p <= 1. k may lie outside 0 .. n.
double binomial_mass(std::int64_t k, std::int64_t n, double p);
double binomial_cdf(std::int64_t k, std::int64_t n, double p);   // P(X <= k)
double binomial_tail(std::int64_t k, std::int64_t n, double p);  // P(X > k)

// Of marked ones among `drawn` taken without replacement from `total` of which `marked` are marked. k may lie outside
// what is possible. total <= 1e9.
double hypergeometric_mass(std::int64_t k, std::int64_t drawn, std::int64_t marked, std::int64_t total);

// Gamma(x + 1/2) / Gamma(x), x > 0, without overflow.
double gamma_half_step(double x);

}  // namespace caviar::laws
