// Gaussian process regression on the unit cube, with choices among the inputs.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "tuner/numerics/cholesky.h"

namespace caviar {

// Points as models read them, one column a parameter: u on a line, the number of the level for a choice.
struct Inputs {
  std::vector<std::vector<double>> columns;  // [d][n]
  std::vector<bool> is_choice;               // [d]

  std::size_t size() const { return columns.empty() ? 0 : columns.front().size(); }
};

// Natural logarithms: of the d length scales, of the kernel's variance and of the noise's.
struct GpParameters {
  std::vector<double> log_length;
  double log_variance = 0;
  double log_noise = 0;
};

// The kernel is Matern's with nu = 5/2, one length scale a parameter (Rasmussen and Williams 2006, eqs. 4.17 and 5.1):
//
//   k(x, x') = variance (1 + sqrt(5) r + 5 r^2 / 3) exp(-sqrt(5) r),  r^2 = sum_j (delta_j / length_j)^2
//
// delta_j is the difference on a line; on a choice 0 for the same level and 1 for different ones, which is the distance
// of one-hot codes divided by sqrt(2): two levels are as far apart as the ends of a line. The observed values are
// y = f(x) + noise, f of mean 0.
//
// Minus the logarithm of the posterior density of the parameters, without its constant, and its gradient by log_length
// (d of them), log_variance, log_noise:
//
//   1/2 y' K^-1 y + 1/2 ln |K| - ln prior,  K = k(X, X) + noise I        (eq. 5.8; gradient eq. 5.9)
//
// Priors, on logarithms: length N(ln(d) / 2 - 1.2, 0.5), which grows with the number of parameters as Hvarfner,
// Hellsten, Nardi 2024 (arXiv 2402.02229) have it but is shorter; variance N(0, 1), y being standardised;
// noise N(-5, 0.4), of BoTorch's kind, LogNormal(-4, 1), but nearer to no noise. Second figures are variances. They
// keep the fit from taking a plateau with noise (all trials far from the minimum) for noise and nothing else: then all
// lengths are long, and the improvement is greatest in corners.
double gp_loss(const Inputs& inputs, std::span<const double> y, const GpParameters& at, std::span<double> gradient);

// The parameters of least gp_loss found by descend() from two fixed starts, a smooth and a noisy one. Bounds: lengths
// from 0.01 to 100, variance from 0.01 to 100, noise from 1e-6 to 0.3.
GpParameters fit_gp(const Inputs& inputs, std::span<const double> y);

// The process given observations.
class GaussianProcess {
 public:
  GaussianProcess(Inputs inputs, std::span<const double> y, GpParameters parameters);

  // Takes for known, with hardly any noise (variance 1e-6 of the kernel's), that f has its mean at further points
  // (kriging believer: Ginsbourger, Le Riche, Carraro 2010, section 4.2): the mean stays what it is everywhere, the
  // deviation around the points vanishes, however noisy one observation there will be.
  void believe(const Inputs& points);

  double noise() const;  // its variance

  // The least mean of f over the points observed and believed, and where: its place among the points in the order they
  // were given.
  double least_mean() const { return least_mean_; }
  std::size_t least_at() const { return least_at_; }

  // Of f, without noise: means [m] and standard deviations [m] at m points.
  struct Prediction {
    std::vector<double> mean, deviation;
  };
  Prediction predict(const Inputs& points) const;

  // At one point [d], with derivatives by the coordinates [d], those of choices 0.
  struct Slope {
    double mean = 0, deviation = 0;
    std::vector<double> mean_slope, deviation_slope;
  };
  Slope slope(std::span<const double> point) const;

 private:
  std::vector<double> covariances(const Inputs& points) const;  // [size, m]

  Inputs inputs_;
  GpParameters parameters_;
  Cholesky factor_;
  std::vector<double> weights_;  // K^-1 y; 0 for points believed
  double least_mean_ = 0;
  std::size_t least_at_ = 0;
};

}  // namespace caviar
