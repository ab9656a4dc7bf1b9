#include "tuner/samplers/cma.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/math/elementary.h"
#include "tuner/numerics/distributions.h"
#include "tuner/numerics/symmetric_eigen.h"

namespace caviar {
namespace {

double length(std::span<const double> v) {
  double sum = 0;
  for (const double x : v) sum += x * x;
  return std::sqrt(sum);
}

// (sum w)^2 / sum w^2: how many equal weights weigh as much.
double effective(std::span<const double> weights) {
  double sum = 0, squares = 0;
  for (const double w : weights) {
    sum += w;
    squares += w * w;
  }
  return squares > 0 ? sum * sum / squares : 0;
}

}  // namespace

CmaNumbers::CmaNumbers(std::size_t count, std::size_t lambda) : parents(lambda / 2) {
  const auto n = static_cast<double>(count), population = static_cast<double>(lambda);
  for (std::size_t i = 1; i <= lambda; ++i) {
    weights.push_back(log_double((population + 1) / 2) - log_double(static_cast<double>(i)));
  }
  const std::span<double> better = std::span(weights).first(parents), worse = std::span(weights).subspan(parents);
  mu_eff = effective(better);
  const double worse_eff = effective(worse);
  c_sigma = (mu_eff + 2) / (n + mu_eff + 5);
  d_sigma = 1 + 2 * std::max(0.0, std::sqrt((mu_eff - 1) / (n + 1)) - 1) + c_sigma;
  c_c = (4 + mu_eff / n) / (n + 4 + 2 * mu_eff / n);
  c_1 = 2 / ((n + 1.3) * (n + 1.3) + mu_eff);
  c_mu = std::min(1 - c_1, 2 * (0.25 + mu_eff + 1 / mu_eff - 2) / ((n + 2) * (n + 2) + mu_eff));

  double positive = 0, negative = 0;
  for (const double w : better) positive += w;
  for (const double w : worse) negative += std::max(0.0, -w);
  const double against = std::min({1 + c_1 / c_mu, 1 + 2 * worse_eff / (mu_eff + 2), (1 - c_1 - c_mu) / (n * c_mu)});
  for (double& w : better) w /= positive;
  for (double& w : worse) w = negative > 0 ? std::min(0.0, w) * against / negative : 0;
}

Cma::Cma(std::vector<double> mean, double sigma, std::size_t lambda)
    : numbers_(mean.size(), lambda),
      mean_(std::move(mean)),
      scale_(mean_.size(), 1),
      sigma_(sigma),
      covariance_(mean_.size() * mean_.size(), 0),
      axes_(covariance_.size(), 0),
      lengths_(mean_.size(), 1),
      path_sigma_(mean_.size(), 0),
      path_covariance_(mean_.size(), 0) {
  const auto n = static_cast<double>(size());
  expected_length_ = std::sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n));
  decompose_every_ = std::max(1, static_cast<int>(1 / (10 * n * (numbers_.c_1 + numbers_.c_mu))));
  for (std::size_t i = 0; i < size(); ++i) covariance_[i * size() + i] = axes_[i * size() + i] = 1;
}

double Cma::deviation(std::size_t i) const { return sigma_ * scale_[i] * std::sqrt(covariance(i, i)); }

double Cma::condition() const {
  const auto [least, most] = std::minmax_element(lengths_.begin(), lengths_.end());
  return *most / *least * (*most / *least);
}

std::vector<double> Cma::spread(std::span<const double> z) const {
  std::vector<double> y(size(), 0);
  for (std::size_t i = 0; i < size(); ++i) {
    for (std::size_t j = 0; j < size(); ++j) y[i] += axes_[i * size() + j] * (lengths_[j] * z[j]);
  }
  return y;
}

std::vector<double> Cma::at(std::span<const double> y) const {
  std::vector<double> x(size());
  for (std::size_t i = 0; i < size(); ++i) x[i] = mean_[i] + sigma_ * scale_[i] * y[i];
  return x;
}

std::vector<double> Cma::spread_of(std::span<const double> x) const {
  std::vector<double> y(size());
  for (std::size_t i = 0; i < size(); ++i) y[i] = (x[i] - mean_[i]) / (sigma_ * scale_[i]);
  const auto n = static_cast<double>(size());
  const double longest = std::sqrt(n) + 2 * n / (n + 2), now = length(whitened(y));
  if (now > longest) {
    for (double& component : y) component *= longest / now;
  }
  return y;
}

std::vector<double> Cma::whitened(std::span<const double> y) const {
  std::vector<double> along(size(), 0), out(size(), 0);
  for (std::size_t i = 0; i < size(); ++i) {
    for (std::size_t j = 0; j < size(); ++j) along[j] += axes_[i * size() + j] * y[i];
  }
  for (std::size_t j = 0; j < size(); ++j) along[j] /= lengths_[j];
  for (std::size_t i = 0; i < size(); ++i) {
    for (std::size_t j = 0; j < size(); ++j) out[i] += axes_[i * size() + j] * along[j];
  }
  return out;
}

void Cma::update(const std::vector<std::vector<double>>& best_first, std::size_t finite) {
  const bool long_step = move(best_first, finite);
  learn(best_first, long_step);
  if (++generations_ % decompose_every_ == 0) decompose();
}

// Mean, paths and step size; whether the path of the step size is too long for the path of C to follow (h_sigma = 0).
bool Cma::move(const std::vector<std::vector<double>>& best_first, std::size_t finite) {
  const std::size_t parents = std::min({numbers_.parents, finite, best_first.size()});
  double sum = 0;
  for (std::size_t k = 0; k < parents; ++k) sum += numbers_.weights[k];
  std::vector<double> step(size(), 0);
  for (std::size_t k = 0; k < parents; ++k) {
    const double weight = numbers_.weights[k] / sum;
    for (std::size_t i = 0; i < size(); ++i) step[i] += weight * best_first[k][i];
  }
  for (std::size_t i = 0; i < size(); ++i) mean_[i] += sigma_ * scale_[i] * step[i];

  const double c = numbers_.c_sigma, gain = std::sqrt(c * (2 - c) * numbers_.mu_eff);
  const std::vector<double> white = whitened(step);
  for (std::size_t i = 0; i < size(); ++i) path_sigma_[i] = (1 - c) * path_sigma_[i] + gain * white[i];
  const double path = length(path_sigma_);
  unlearned_ *= (1 - c) * (1 - c);
  const double limit = (1.4 + 2 / (static_cast<double>(size()) + 1)) * expected_length_;
  const bool long_step = !(path / std::sqrt(1 - unlearned_) < limit);

  const double c_c = numbers_.c_c, follow = long_step ? 0 : std::sqrt(c_c * (2 - c_c) * numbers_.mu_eff);
  for (std::size_t i = 0; i < size(); ++i) path_covariance_[i] = (1 - c_c) * path_covariance_[i] + follow * step[i];
  sigma_ *= exp_double(c / numbers_.d_sigma * (path / expected_length_ - 1));
  return long_step;
}

void Cma::learn(const std::vector<std::vector<double>>& best_first, bool long_step) {
  const std::size_t n = size(), trials = std::min(best_first.size(), population());
  double weights = 0;
  for (const double w : numbers_.weights) weights += w;
  const double lost = long_step ? numbers_.c_c * (2 - numbers_.c_c) : 0;
  const double keep = 1 + numbers_.c_1 * lost - numbers_.c_1 - numbers_.c_mu * weights;
  std::vector<double> rank(trials);
  for (std::size_t k = 0; k < trials; ++k) {
    rank[k] = numbers_.weights[k];
    if (rank[k] >= 0) continue;
    const double far = length(whitened(best_first[k]));
    rank[k] *= static_cast<double>(n) / std::max(far * far, 1e-300);
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = i; j < n; ++j) {
      double sum = 0;
      for (std::size_t k = 0; k < trials; ++k) sum += rank[k] * best_first[k][i] * best_first[k][j];
      const double value = keep * covariance_[i * n + j] + numbers_.c_1 * path_covariance_[i] * path_covariance_[j] +
                           numbers_.c_mu * sum;
      covariance_[i * n + j] = covariance_[j * n + i] = value;
    }
  }
}

void Cma::decompose() {
  SymmetricEigen eigen = symmetric_eigen(covariance_, size());
  axes_ = std::move(eigen.vectors);
  const double largest = *std::max_element(eigen.values.begin(), eigen.values.end());
  // Rounding may leave a small eigenvalue below 0; the caller restarts long before, by condition().
  for (std::size_t i = 0; i < size(); ++i) lengths_[i] = std::sqrt(std::max(eigen.values[i], 1e-18 * largest));
}

void Cma::keep_margin(std::size_t i, double low, double high, double alpha) {
  const bool below = std::isfinite(low), above = std::isfinite(high);
  if (!below && !above) return;
  const double width = deviation(i);
  if (below != above) {
    const double edge = below ? low : high;
    const double farthest = -normal_quantile(alpha) * width;
    mean_[i] = edge + std::clamp(mean_[i] - edge, -farthest, farthest);
    return;
  }
  const double p_low = normal_cdf((low - mean_[i]) / width), p_high = normal_cdf((mean_[i] - high) / width);
  if (p_low >= alpha / 2 && p_high >= alpha / 2) return;
  const double middle = 1 - p_low - p_high;
  const double raised_low = std::max(alpha / 2, p_low), raised_high = std::max(alpha / 2, p_high);
  const double excess = (1 - raised_low - raised_high - middle) / (raised_low + raised_high + middle - 3 * alpha / 2);
  const double z_low = -normal_quantile(raised_low + excess * (raised_low - alpha / 2));
  const double z_high = -normal_quantile(raised_high + excess * (raised_high - alpha / 2));
  scale_[i] *= (high - low) / (z_low + z_high) / width;
  mean_[i] = (low * z_high + high * z_low) / (z_low + z_high);
}

}  // namespace caviar
