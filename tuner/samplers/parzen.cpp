#include "tuner/samplers/parzen.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/math/elementary.h"
#include "tuner/numerics/distributions.h"

namespace caviar {
namespace {

constexpr double kRootTwoPi = 2.50662827463100050242;
constexpr double kPriorVariance = 1.0 / 12;  // of a uniform u
constexpr double kLargestUnit = 1 - 0x1p-53;

// The level that u, uniform, means under a parameter's own law.
std::size_t drawn_level(const Axis& axis, double u) {
  std::size_t last = 0;
  for (std::size_t k = 0; k < axis.chances.size(); ++k) {
    if (axis.chances[k] > 0) last = k;
    u -= axis.chances[k];
    if (u < 0) break;
  }
  return last;
}

}  // namespace

ParzenEstimator::ParzenEstimator(std::span<const Axis> axes, std::span<const Point* const> points,
                                 const ParzenSettings& settings, std::span<const double> weights)
    : axes_(axes), dimensions_(axes.size()), weights_(weights.begin(), weights.end()) {
  weights_.resize(points.size(), 1.0);
  weights_.push_back(settings.prior_weight);
  for (const double weight : weights_) total_weight_ += weight;
  for (const double weight : weights_) log_weights_.push_back(log_double(weight / total_weight_));
  std::size_t varying = 0;
  for (const Axis& axis : axes) varying += axis.kind != Axis::Kind::kNone;
  for (std::size_t j = 0; j < axes.size(); ++j) {
    if (axes[j].kind == Axis::Kind::kNone) continue;
    Dimension& dimension = dimensions_[j];
    for (const Point* point : points) dimension.centre.push_back((*point)[j]);
    dimension.centre.push_back(std::numeric_limits<double>::quiet_NaN());
    if (axes[j].kind == Axis::Kind::kChoice) {
      dimension.smoothing = settings.prior_weight * static_cast<double>(axes[j].middles.size()) /
                            static_cast<double>(dimension.centre.size());
    } else {
      fit_spread(dimension, varying, settings);
    }
    place_kernels(axes[j], dimension);
  }
}

void ParzenEstimator::place_kernels(const Axis& axis, Dimension& dimension) {
  const auto log_inside = [&](double centre) {
    return log_normal_between(-centre / dimension.sigma, (1 - centre) / dimension.sigma);
  };
  if (axis.kind == Axis::Kind::kSteps) {
    for (const double middle : axis.middles) dimension.log_inside.push_back(log_inside(middle));
  }
  for (double& centre : dimension.centre) {
    const bool prior = std::isnan(centre);
    if (axis.kind == Axis::Kind::kLine) {
      dimension.log_scale.push_back(prior ? 0 : -log_inside(centre) - log_double(dimension.sigma * kRootTwoPi));
    } else {
      dimension.level.push_back(static_cast<std::uint32_t>(prior ? axis.middles.size() : axis.level_of(centre)));
      if (!prior) centre = axis.middles[dimension.level.back()];
    }
  }
}

void ParzenEstimator::fit_spread(Dimension& dimension, std::size_t varying, const ParzenSettings& settings) {
  double n = 0, mean = 0;
  for (const double centre : dimension.centre) {
    if (std::isnan(centre)) continue;
    mean += centre;
    n += 1;
  }
  mean /= std::max(n, 1.0);
  double squares = settings.prior_share * kPriorVariance;
  for (const double centre : dimension.centre) {
    if (!std::isnan(centre)) squares += (centre - mean) * (centre - mean);
  }
  const double spread = std::sqrt(squares / (n + settings.prior_share));
  const double rule = settings.bandwidth * spread * power(n + 1, -1 / (static_cast<double>(varying) + 4));
  dimension.sigma = std::clamp(rule, settings.narrowest, 1.0);
}

Point ParzenEstimator::draw(Draws& draws) const {
  const std::size_t prior = weights_.size() - 1;
  std::size_t kernel = 0;
  double at = draws.unit() * total_weight_ - weights_[0];
  while (at >= 0 && kernel < prior) at -= weights_[++kernel];
  Point point(axes_.size(), 0.5);
  for (std::size_t j = 0; j < axes_.size(); ++j) {
    if (axes_[j].kind != Axis::Kind::kNone) point[j] = draw_from(kernel, j, draws.unit());
  }
  return point;
}

// What the uniform draw u becomes under one kernel of one parameter.
double ParzenEstimator::draw_from(std::size_t kernel, std::size_t parameter, double u) const {
  const Axis& axis = axes_[parameter];
  const Dimension& dimension = dimensions_[parameter];
  const double centre = dimension.centre[kernel];
  if (axis.kind == Axis::Kind::kChoice) {
    const double own = std::isnan(centre) ? 0 : 1 / (1 + dimension.smoothing);  // the share of the point's own level
    if (u < own) return axis.middles[dimension.level[kernel]];
    return axis.middles[drawn_level(axis, (u - own) / (1 - own))];
  }
  if (!std::isnan(centre)) {
    const double low = normal_cdf(-centre / dimension.sigma), high = 1 - normal_cdf((centre - 1) / dimension.sigma);
    const double p = std::clamp(low + u * (high - low), 0x1p-54, kLargestUnit);
    u = std::clamp(centre + dimension.sigma * normal_quantile(p), 0.0, kLargestUnit);
  }
  return axis.kind == Axis::Kind::kSteps ? axis.middles[axis.level_of(u)] : u;
}

// Adds ln k_ij(x) to the sum of every kernel.
void ParzenEstimator::add_log_kernels(std::size_t parameter, double x, std::span<double> sums) const {
  const Axis& axis = axes_[parameter];
  const Dimension& dimension = dimensions_[parameter];
  const std::size_t kernels = sums.size();
  if (axis.kind == Axis::Kind::kLine) {
    const double inverse = 1 / dimension.sigma;
    for (std::size_t i = 0; i < kernels; ++i) {
      const double z = (x - dimension.centre[i]) * inverse;
      sums[i] += dimension.log_scale[i] - (z == z ? 0.5 * z * z : 0);
    }
    return;
  }
  const std::size_t levels = axis.middles.size(), here = axis.level_of(x);
  std::vector<double> table(levels + 1);  // of the kernel's level
  const double own = log_double(axis.chances[here]);
  table[levels] = own;
  if (axis.kind == Axis::Kind::kChoice) {
    const double a = dimension.smoothing;
    for (std::size_t k = 0; k < levels; ++k)
      table[k] = log_double(((k == here ? 1 : 0) + a * axis.chances[here]) / (1 + a));
  } else {
    for (std::size_t k = 0; k < levels; ++k) {
      const double centre = axis.middles[k], inverse = 1 / dimension.sigma;
      table[k] = log_normal_between((axis.edges[here] - centre) * inverse, (axis.edges[here + 1] - centre) * inverse) -
                 dimension.log_inside[k];
    }
  }
  for (std::size_t i = 0; i < kernels; ++i) sums[i] += table[dimension.level[i]];
}

std::vector<double> ParzenEstimator::log_density(std::span<const Point> points) const {
  std::vector<double> out, sums;
  for (const Point& point : points) {
    sums = log_weights_;
    for (std::size_t j = 0; j < axes_.size(); ++j) {
      if (axes_[j].kind != Axis::Kind::kNone && !std::isnan(point[j])) add_log_kernels(j, point[j], sums);
    }
    const double largest = *std::max_element(sums.begin(), sums.end());
    double total = 0;
    for (const double sum : sums) total += exp_double(sum - largest);
    out.push_back(largest + log_double(total));
  }
  return out;
}

}  // namespace caviar
