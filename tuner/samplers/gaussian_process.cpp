#include "tuner/samplers/gaussian_process.h"

#include <algorithm>
#include <cmath>

#include "kernels/math/elementary.h"
#include "tuner/numerics/descent.h"

namespace caviar {
namespace {

constexpr double kRootFive = 2.23606797749978969641;
constexpr double kLeastPivot = 1e-10;  // of the kernel's variance
constexpr double kBelief = 1e-6;       // likewise: the noise of points that are believed

double squared(double x) { return x * x; }

// The weights 1 / length^2.
std::vector<double> inverse_squares(const GpParameters& parameters) {
  std::vector<double> out;
  for (const double log_length : parameters.log_length) out.push_back(exp_double(-2 * log_length));
  return out;
}

// Squared differences of one value from n others of its column.
void differences(double x, const double* others, std::size_t n, bool is_choice, double* out) {
  if (is_choice) {
    for (std::size_t k = 0; k < n; ++k) out[k] = others[k] == x ? 0 : 1;
  } else {
    for (std::size_t k = 0; k < n; ++k) out[k] = squared(others[k] - x);
  }
}

// k / variance as a function of r^2, and -2 times its derivative by r^2.
double matern(double squares) {
  const double r = kRootFive * std::sqrt(squares);
  return (1 + r + 5 * squares / 3) * exp_double(-r);
}

double matern_slope(double squares) {
  const double r = kRootFive * std::sqrt(squares);
  return 5.0 / 3 * (1 + r) * exp_double(-r);
}

// r^2 of points `first` to `last` of b to point i of a.
void distances(const Inputs& a, std::size_t i, const Inputs& b, std::size_t first, std::span<const double> weights,
               std::span<double> scratch, std::span<double> out) {
  std::fill(out.begin(), out.end(), 0.0);
  for (std::size_t j = 0; j < weights.size(); ++j) {
    differences(a.columns[j][i], b.columns[j].data() + first, out.size(), a.is_choice[j], scratch.data());
    for (std::size_t k = 0; k < out.size(); ++k) out[k] += scratch[k] * weights[j];
  }
}

// The upper triangle of k(X, X) + noise I.
std::vector<double> gram(const Inputs& inputs, const GpParameters& parameters, double noise) {
  const std::size_t n = inputs.size();
  const double variance = exp_double(parameters.log_variance);
  const std::vector<double> weights = inverse_squares(parameters);
  std::vector<double> matrix(n * n, 0.0), scratch(n);
  for (std::size_t i = 0; i < n; ++i) {
    const std::span<double> row(&matrix[i * n + i], n - i);
    distances(inputs, i, inputs, i, weights, scratch, row);
    for (double& entry : row) entry = variance * matern(entry);
    row[0] += noise;
  }
  return matrix;
}

// Of logarithms: mean and variance.
constexpr double kLengthMean = -1.2, kLengthVariance = 0.5;  // the mean before ln(d) / 2 is added
constexpr double kVarianceMean = 0, kVarianceVariance = 1;
constexpr double kNoiseMean = -5, kNoiseVariance = 0.4;

// Adds the priors' share of the loss and of its gradient.
double add_priors(const GpParameters& at, std::span<double> gradient) {
  const std::size_t d = at.log_length.size();
  const double length_mean = kLengthMean + log_double(static_cast<double>(std::max<std::size_t>(d, 1))) / 2;
  double loss = 0;
  const auto add = [&](double off, double variance, double& slope) {
    loss += off * off / (2 * variance);
    slope += off / variance;
  };
  for (std::size_t j = 0; j < d; ++j) add(at.log_length[j] - length_mean, kLengthVariance, gradient[j]);
  add(at.log_variance - kVarianceMean, kVarianceVariance, gradient[d]);
  add(at.log_noise - kNoiseMean, kNoiseVariance, gradient[d + 1]);
  return loss;
}

}  // namespace

double gp_loss(const Inputs& inputs, std::span<const double> y, const GpParameters& at, std::span<double> gradient) {
  const std::size_t n = inputs.size(), d = at.log_length.size();
  const double variance = exp_double(at.log_variance), noise = exp_double(at.log_noise);
  const Cholesky factor(gram(inputs, at, noise), n, kLeastPivot * variance);
  std::vector<double> alpha(y.begin(), y.end());
  factor.solve(alpha);
  double loss = factor.log_determinant() / 2;
  for (std::size_t i = 0; i < n; ++i) loss += y[i] * alpha[i] / 2;

  // 1/2 tr((K^-1 - alpha alpha') dK): every pair counts twice, the diagonal once.
  const std::vector<double> inverse = factor.inverse(), weights = inverse_squares(at);
  std::vector<double> squares(n), scratch(n), share(n);
  std::vector<std::vector<double>> sums(d, std::vector<double>(n, 0.0));
  double by_variance = 0, by_noise = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t count = n - i;
    distances(inputs, i, inputs, i, weights, scratch, {squares.data(), count});
    for (std::size_t k = 0; k < count; ++k) {
      const double weight = inverse[i * n + i + k] - alpha[i] * alpha[i + k];
      by_variance += (k == 0 ? 0.5 : 1) * weight * variance * matern(squares[k]);
      share[k] = weight * variance * matern_slope(squares[k]);
    }
    by_noise += 0.5 * noise * (inverse[i * n + i] - alpha[i] * alpha[i]);
    for (std::size_t j = 0; j < d; ++j) {
      differences(inputs.columns[j][i], inputs.columns[j].data() + i, count, inputs.is_choice[j], scratch.data());
      double* sum = sums[j].data();
      for (std::size_t k = 0; k < count; ++k) sum[k] += share[k] * scratch[k];
    }
  }
  for (std::size_t j = 0; j < d; ++j) {
    double sum = 0;
    for (const double part : sums[j]) sum += part;
    gradient[j] = sum * weights[j];
  }
  gradient[d] = by_variance;
  gradient[d + 1] = by_noise;
  return loss + add_priors(at, gradient);
}

GpParameters fit_gp(const Inputs& inputs, std::span<const double> y) {
  const std::size_t d = inputs.columns.size();
  const auto unpack = [d](std::span<const double> x) {
    return GpParameters{{x.begin(), x.begin() + static_cast<std::ptrdiff_t>(d)}, x[d], x[d + 1]};
  };
  const SmoothFunction loss = [&](std::span<const double> x, std::span<double> gradient) {
    return gp_loss(inputs, y, unpack(x), gradient);
  };
  Box box;
  box.low.assign(d + 2, log_double(0.01));
  box.high.assign(d + 2, log_double(100.0));
  box.low[d + 1] = log_double(1e-6);
  box.high[d + 1] = log_double(0.3);
  Minimum best;
  best.value = __builtin_inf();
  for (const auto& [length, noise] : {std::pair{0.5, 1e-3}, std::pair{0.2, 0.1}}) {
    std::vector<double> start(d + 2,
                              log_double(length) + log_double(static_cast<double>(std::max<std::size_t>(d, 1))) / 2);
    start[d] = 0;
    start[d + 1] = log_double(noise);
    Minimum found = descend(loss, std::move(start), box, 40, 1e-3);
    if (found.value < best.value || best.x.empty()) best = std::move(found);
  }
  return unpack(best.x);
}

// ---- the posterior

GaussianProcess::GaussianProcess(Inputs inputs, std::span<const double> y, GpParameters parameters)
    : inputs_(std::move(inputs)),
      parameters_(std::move(parameters)),
      factor_(gram(inputs_, parameters_, noise()), inputs_.size(), kLeastPivot * exp_double(parameters_.log_variance)),
      weights_(y.begin(), y.end()) {
  factor_.solve(weights_);
  least_mean_ = __builtin_inf();
  for (std::size_t i = 0; i < y.size(); ++i) {
    const double mean = y[i] - noise() * weights_[i];  // K alpha = y, so k alpha = y - noise alpha
    if (mean < least_mean_) {
      least_mean_ = mean;
      least_at_ = i;
    }
  }
}

std::vector<double> GaussianProcess::covariances(const Inputs& points) const {
  const std::size_t n = inputs_.size(), m = points.size();
  const double variance = exp_double(parameters_.log_variance);
  const std::vector<double> weights = inverse_squares(parameters_);
  std::vector<double> matrix(n * m), scratch(m);
  for (std::size_t i = 0; i < n; ++i) {
    const std::span<double> row(&matrix[i * m], m);
    distances(inputs_, i, points, 0, weights, scratch, row);
    for (double& entry : row) entry = variance * matern(entry);
  }
  return matrix;
}

double GaussianProcess::noise() const { return exp_double(parameters_.log_noise); }

void GaussianProcess::believe(const Inputs& points) {
  const std::size_t m = points.size();
  if (m == 0) return;
  const std::vector<double> means = predict(points).mean;
  for (std::size_t i = 0; i < m; ++i) {
    if (means[i] < least_mean_) {
      least_mean_ = means[i];
      least_at_ = inputs_.size() + i;
    }
  }
  const double variance = exp_double(parameters_.log_variance);
  factor_.extend(covariances(points), gram(points, parameters_, kBelief * variance), m, kLeastPivot * variance);
  for (std::size_t j = 0; j < inputs_.columns.size(); ++j) {
    inputs_.columns[j].insert(inputs_.columns[j].end(), points.columns[j].begin(), points.columns[j].end());
  }
  weights_.resize(weights_.size() + m, 0.0);  // a value as expected changes no weight
}

GaussianProcess::Prediction GaussianProcess::predict(const Inputs& points) const {
  const std::size_t n = inputs_.size(), m = points.size();
  const double variance = exp_double(parameters_.log_variance);
  std::vector<double> across = covariances(points), explained(m, 0.0);
  Prediction prediction;
  prediction.mean.assign(m, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < m; ++k) prediction.mean[k] = fma_of(weights_[i], across[i * m + k], prediction.mean[k]);
  }
  factor_.solve_transposed(across, m);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < m; ++k) explained[k] = fma_of(across[i * m + k], across[i * m + k], explained[k]);
  }
  for (const double part : explained) {
    prediction.deviation.push_back(std::sqrt(std::max(variance - part, kLeastPivot * variance)));
  }
  return prediction;
}

GaussianProcess::Slope GaussianProcess::slope(std::span<const double> point) const {
  const std::size_t n = inputs_.size(), d = point.size();
  const double variance = exp_double(parameters_.log_variance);
  const std::vector<double> weights = inverse_squares(parameters_);
  Inputs one;
  one.is_choice = inputs_.is_choice;
  for (const double x : point) one.columns.push_back({x});
  std::vector<double> squares(n), scratch(n), across(n), share(n);
  distances(one, 0, inputs_, 0, weights, scratch, squares);
  for (std::size_t i = 0; i < n; ++i) across[i] = variance * matern(squares[i]);
  Slope slope;
  for (std::size_t i = 0; i < n; ++i) slope.mean += weights_[i] * across[i];
  factor_.solve_transposed(across, 1);
  double explained = 0;
  for (const double part : across) explained += part * part;
  factor_.solve_upper(across);  // K^-1 k
  slope.deviation = std::sqrt(std::max(variance - explained, kLeastPivot * variance));
  for (std::size_t i = 0; i < n; ++i) share[i] = variance * matern_slope(squares[i]);
  for (std::size_t j = 0; j < d; ++j) {
    double by_mean = 0, by_explained = 0;
    for (std::size_t i = 0; i < n && !inputs_.is_choice[j]; ++i) {
      const double by_kernel = share[i] * weights[j] * (inputs_.columns[j][i] - point[j]);
      by_mean += weights_[i] * by_kernel;
      by_explained += across[i] * by_kernel;
    }
    slope.mean_slope.push_back(by_mean);
    slope.deviation_slope.push_back(-by_explained / slope.deviation);
  }
  return slope;
}

}  // namespace caviar
