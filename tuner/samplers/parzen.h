// Parzen estimators: the density of points of a space, as a mixture of kernels on the points seen.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tuner/numerics/draws.h"
#include "tuner/samplers/axes.h"

namespace caviar {

struct ParzenSettings {
  double prior_weight = 1;   // of the prior's kernel, where an observation weighs 1; > 0
  double bandwidth = 1.75;   // factor of the rule below
  double prior_share = 0.4;  // in the rule below: what the prior weighs beside an observation
  double narrowest = 0.01;   // least sigma
};

// A mixture of product kernels (multivariate: Falkner, Klein, Hutter 2018, section 3.2; in the form of Watanabe 2023,
// arXiv 2304.11127, eq. 5 and section 3.3), over n points of d parameters that vary, and one kernel more, the prior,
// which is the space's own law:
//
//   p(x) = (prior_weight prod_j q_j(x_j) + sum_i w_i prod_j k_ij(x_j)) / (prior_weight + sum_i w_i)
//
// the products over the parameters that have a place in x. All is on the scale u of each parameter's cumulative
// distribution, where q is uniform. The kernels:
//   line    normal around the point's u, cut off at 0 and 1 and normalised between: density in u
//   steps   the mass of the line's kernel, around the middle of the point's level, on the cell of x's level
//   choice  (1[x = level of the point] + a q(x)) / (1 + a), a = prior_weight levels / (n + 1), as Optuna has it
// sigma_j follows the spread of the points, as BOHB's does (Scott's rule for normal densities: Scott 1992, eq. 6.42):
//
//   sigma_j = bandwidth s_j (n_j + 1)^(-1 / (d + 4)),  s_j^2 = (sum_i (u_ij - mean_j)^2 + c / 12) / (n_j + c)
//
// over the n_j points where j has a place, at least `narrowest` and at most 1; c is `prior_share` and 1/12 the variance
// of the prior: one point, or equal points, have a spread too. There is no magic clipping (Bergstra et al. 2011 widen
// sigma to 1 / min(100, n) of the range): `narrowest` is all that keeps kernels from collapsing.
//
// Conditional parameters: a point without the parameter takes the prior's law q_j for it. So p is a density on the
// space of configs: p of the parent's value, times, where that value gives the child a place, p of the child.
class ParzenEstimator {
 public:
  // Keeps a view of the axes: they outlive it. `weights`: w_i > 0 of the points, or none, and all are 1.
  ParzenEstimator(std::span<const Axis> axes, std::span<const Point* const> points, const ParzenSettings& settings,
                  std::span<const double> weights = {});

  // A draw from the mixture; every coordinate is set, also those of parameters without a place. On steps and choices it
  // is the middle of a level.
  Point draw(Draws& draws) const;

  // ln p(x), for every point.
  std::vector<double> log_density(std::span<const Point> points) const;

  double sigma(std::size_t parameter) const { return dimensions_[parameter].sigma; }

 private:
  struct Dimension {
    double sigma = 1;
    double smoothing = 0;              // `a` of a choice
    std::vector<double> centre;        // [kernels]; NaN: the prior's law
    std::vector<double> log_scale;     // [kernels], line: ln of 1 / (sigma sqrt(2 pi) mass inside); 0 for the prior's
    std::vector<double> log_inside;    // [levels], steps: ln of the mass inside of a kernel on that level
    std::vector<std::uint32_t> level;  // [kernels], steps and choice; number of levels: the prior's law
  };

  static void place_kernels(const Axis& axis, Dimension& dimension);
  static void fit_spread(Dimension& dimension, std::size_t varying, const ParzenSettings& settings);
  double draw_from(std::size_t kernel, std::size_t parameter, double u) const;
  void add_log_kernels(std::size_t parameter, double x, std::span<double> sums) const;

  std::span<const Axis> axes_;
  std::vector<Dimension> dimensions_;  // [parameters]
  std::vector<double> weights_;        // [kernels]: the n points, then the prior
  std::vector<double> log_weights_;    // [kernels]: ln of their shares
  double total_weight_ = 0;
};

}  // namespace caviar
