// Special functions of samplers and schedulers. No call to the C library but sqrt, which IEEE rounds exactly: draws and
// decisions are the same on every host.
#pragma once

namespace caviar {

// Natural logarithm of the gamma function, x > 0: Stirling's series from x = 15 on, the recurrence below. Error below
// 1e-14 of max(1, the result).
double log_gamma(double x);

// e^(x^2) erfc(x), erfc(x) = 2 / sqrt(pi) times the integral of e^(-t^2) from x to infinity: the rational
// approximations of Cody 1969, relative error about 1e-16. Infinity from about x = -26.6 down.
double scaled_erfc(double x);

// P(X < x) for a standard normal X, relative error about 1e-15 (1 + x^2 / 10); 0 from about x = -38 down. The other
// tail, 1 - normal_cdf(x), is normal_cdf(-x).
double normal_cdf(double x);

// ln P(X < x) for a standard normal X, for any finite x.
double log_normal_cdf(double x);

// ln P(a < X < b) for a standard normal X, a < b, without cancellation in the tails: error about 1e-11.
double log_normal_between(double a, double b);

// The x with P(X < x) = p for a standard normal X, 0 < p < 1: Wichura 1988, algorithm AS 241, PPND16, relative error
// about 1e-16.
double normal_quantile(double p);

// P(X > t) for X of Student's distribution with `freedom` > 0 degrees of freedom, by beta_cdf (DLMF 8.17, Abramowitz &
// Stegun 26.7.1).
double student_tail(double t, double freedom);

// P(X < x) for X of a beta distribution, a, b > 0: the continued fraction of DLMF 8.17.22 by Lentz's method.
double beta_cdf(double x, double a, double b);

// The x in [0, 1] with beta_cdf(x, a, b) = p, by bisection over the doubles between 0 and 1.
double beta_quantile(double p, double a, double b);

}  // namespace caviar
