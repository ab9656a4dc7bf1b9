#include "tuner/analysis/laws.h"

#include <algorithm>
#include <boost/math/distributions/beta.hpp>
#include <boost/math/distributions/binomial.hpp>
#include <boost/math/distributions/chi_squared.hpp>
#include <boost/math/distributions/fisher_f.hpp>
#include <boost/math/distributions/non_central_t.hpp>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <cmath>
#include <initializer_list>

#include "kernels/base/error.h"

namespace caviar::laws {
namespace {

namespace bm = boost::math;

// Out of range towards infinity is the limit, towards zero is zero; what cannot be is refused below, before Boost sees
// it.
using Policy = bm::policies::policy<bm::policies::overflow_error<bm::policies::ignore_error>,
                                    bm::policies::underflow_error<bm::policies::ignore_error>>;
using Normal = bm::normal_distribution<double, Policy>;
using Student = bm::students_t_distribution<double, Policy>;
using ChiSquare = bm::chi_squared_distribution<double, Policy>;
using FisherF = bm::fisher_f_distribution<double, Policy>;
using NoncentralT = bm::non_central_t_distribution<double, Policy>;
using Beta = bm::beta_distribution<double, Policy>;
using Binomial = bm::binomial_distribution<double, Policy>;

void require_probability(double p) {
  if (!(p > 0 && p < 1)) fail("a quantile was asked for at probability ", p, "; it has to lie between 0 and 1");
}

void require_positive(const char* what, std::initializer_list<double> values) {
  for (const double value : values) {
    if (!(value > 0 && std::isfinite(value))) fail(what, " is ", value, "; it has to be positive and finite");
  }
}

void require_number(double x) {
  if (std::isnan(x)) fail("the probability of NaN was asked for; leave what is not a number out, and count it");
}

void require_binomial(std::int64_t n, double p) {
  if (n < 0 || !(p >= 0 && p <= 1)) fail("there is no binomial law of ", n, " trials with probability ", p);
}

// Boost knows infinite arguments of some laws only.
template <class Law>
double cdf_of(const Law& law, double x, double least) {
  require_number(x);
  if (x <= least) return 0;
  return std::isinf(x) ? 1 : bm::cdf(law, x);
}

template <class Law>
double tail_of(const Law& law, double x, double least) {
  require_number(x);
  if (x <= least) return 1;
  return std::isinf(x) ? 0 : bm::cdf(bm::complement(law, x));
}

constexpr double kNoLeast = -HUGE_VAL;

}  // namespace

double normal_cdf(double x) { return cdf_of(Normal(), x, kNoLeast); }
double normal_tail(double x) { return tail_of(Normal(), x, kNoLeast); }

double normal_quantile(double p) {
  require_probability(p);
  return bm::quantile(Normal(), p);
}

double student_cdf(double t, double freedom) {
  require_positive("the number of degrees of freedom", {freedom});
  return cdf_of(Student(freedom), t, kNoLeast);
}

double student_tail(double t, double freedom) {
  require_positive("the number of degrees of freedom", {freedom});
  return tail_of(Student(freedom), t, kNoLeast);
}

double student_two_sided(double t, double freedom) { return std::min(1.0, 2 * student_tail(std::abs(t), freedom)); }

double student_quantile(double p, double freedom) {
  require_probability(p);
  require_positive("the number of degrees of freedom", {freedom});
  return bm::quantile(Student(freedom), p);
}

double chi_square_cdf(double x, double freedom) {
  require_positive("the number of degrees of freedom", {freedom});
  return cdf_of(ChiSquare(freedom), x, 0);
}

double chi_square_tail(double x, double freedom) {
  require_positive("the number of degrees of freedom", {freedom});
  return tail_of(ChiSquare(freedom), x, 0);
}

double chi_square_quantile(double p, double freedom) {
  require_probability(p);
  require_positive("the number of degrees of freedom", {freedom});
  return bm::quantile(ChiSquare(freedom), p);
}

double fisher_f_cdf(double f, double freedom_above, double freedom_below) {
  require_positive("the number of degrees of freedom", {freedom_above, freedom_below});
  return cdf_of(FisherF(freedom_above, freedom_below), f, 0);
}

double fisher_f_tail(double f, double freedom_above, double freedom_below) {
  require_positive("the number of degrees of freedom", {freedom_above, freedom_below});
  return tail_of(FisherF(freedom_above, freedom_below), f, 0);
}

double fisher_f_quantile(double p, double freedom_above, double freedom_below) {
  require_probability(p);
  require_positive("the number of degrees of freedom", {freedom_above, freedom_below});
  return bm::quantile(FisherF(freedom_above, freedom_below), p);
}

double noncentral_t_cdf(double t, double freedom, double shift) {
  require_positive("the number of degrees of freedom", {freedom});
  require_number(shift);
  return cdf_of(NoncentralT(freedom, shift), t, kNoLeast);
}

double noncentral_t_tail(double t, double freedom, double shift) {
  require_positive("the number of degrees of freedom", {freedom});
  require_number(shift);
  return tail_of(NoncentralT(freedom, shift), t, kNoLeast);
}

double beta_cdf(double x, double a, double b) {
  require_positive("a parameter of the beta law", {a, b});
  require_number(x);
  return x >= 1 ? 1 : cdf_of(Beta(a, b), x, 0);
}

double beta_quantile(double p, double a, double b) {
  require_positive("a parameter of the beta law", {a, b});
  if (p == 0 || p == 1) return p;
  require_probability(p);
  return bm::quantile(Beta(a, b), p);
}

double binomial_mass(std::int64_t k, std::int64_t n, double p) {
  require_binomial(n, p);
  if (k < 0 || k > n) return 0;
  return bm::pdf(Binomial(static_cast<double>(n), p), static_cast<double>(k));
}

double binomial_cdf(std::int64_t k, std::int64_t n, double p) {
  require_binomial(n, p);
  if (k < 0) return 0;
  return k >= n ? 1 : bm::cdf(Binomial(static_cast<double>(n), p), static_cast<double>(k));
}

double binomial_tail(std::int64_t k, std::int64_t n, double p) {
  require_binomial(n, p);
  if (k < 0) return 1;
  return k >= n ? 0 : bm::cdf(bm::complement(Binomial(static_cast<double>(n), p), static_cast<double>(k)));
}

// Products of whole binomial coefficients overflow; three binomial masses of one probability have the same ratio
// (Loader 2000).
double hypergeometric_mass(std::int64_t k, std::int64_t drawn, std::int64_t marked, std::int64_t total) {
  if (drawn < 0 || marked < 0 || drawn > total || marked > total || total > 1'000'000'000) {
    fail("nobody can draw ", drawn, " of ", total, " of which ", marked, " are marked");
  }
  if (k < std::max<std::int64_t>(0, drawn + marked - total) || k > std::min(drawn, marked)) return 0;
  if (drawn == 0 || drawn == total) return 1;
  const double p = static_cast<double>(drawn) / static_cast<double>(total);
  return binomial_mass(k, marked, p) * binomial_mass(drawn - k, total - marked, p) / binomial_mass(drawn, total, p);
}

double gamma_half_step(double x) {
  require_positive("the argument of the gamma function", {x});
  return 1 / bm::tgamma_delta_ratio(x, 0.5, Policy());
}

}  // namespace caviar::laws
