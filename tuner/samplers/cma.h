// The covariance matrix adaptation evolution strategy on real vectors, without a space or a box.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace caviar {

// The numbers of the strategy for n coordinates and a population of lambda: Hansen 2023, "The CMA Evolution Strategy: A
// Tutorial" (arXiv:1604.00772v2), table 1, equations 49 to 58, with negative weights (active CMA).
struct CmaNumbers {
  CmaNumbers(std::size_t n, std::size_t lambda);

  std::vector<double> weights;  // [lambda], of ranks from the best; the first `parents` add up to 1
  std::size_t parents;          // mu = lambda / 2
  double mu_eff, c_sigma, d_sigma, c_c, c_1, c_mu;
};

// A normal distribution over R^n that moves towards the better of its samples:
//
//   x = mean + sigma a y,  y from N(0, C),  a a factor for every coordinate (1 unless keep_margin() changes it)
//
// update() is one generation of the tutorial: equations 38 to 47, with c_m = 1 and the factor of n / |C^(-1/2) y|^2 on
// negative weights. C is decomposed after every generation, or every 1 / (10 n (c_1 + c_mu)) generations if that is
// more.
class Cma {
 public:
  Cma(std::vector<double> mean, double sigma, std::size_t lambda);

  std::size_t size() const { return mean_.size(); }
  std::size_t population() const { return numbers_.weights.size(); }
  const std::vector<double>& mean() const { return mean_; }
  double sigma() const { return sigma_; }
  double covariance(std::size_t i, std::size_t j) const { return covariance_[i * size() + j]; }
  double deviation(std::size_t i) const;  // standard deviation of coordinate i of x
  double condition() const;               // largest over smallest eigenvalue of C

  // y of independent standard normal z, and x of y.
  std::vector<double> spread(std::span<const double> z) const;
  std::vector<double> at(std::span<const double> y) const;

  // The y of an x that was not drawn here, shortened to |C^(-1/2) y| <= sqrt(n) + 2 n / (n + 2): Hansen 2011,
  // "Injecting External Solutions Into CMA-ES", equation 4 with its default.
  std::vector<double> spread_of(std::span<const double> x) const;

  // One generation: the y of its trials from the best to the worst, at most population() of them, of which the first
  // `finite` >= 1 have a loss. Diverged trials that rank among the parents get no weight, and the parents before them
  // share it; as bad ones they count like any other.
  void update(const std::vector<std::vector<double>>& best_first, std::size_t finite);

  // Coordinate i means one of several levels, and all x in (low, high) that of the mean; an end is infinite where there
  // is no further level. Changes the mean and a_i as little as gives every neighbouring level a chance of at least
  // alpha / 2 (alpha, where there is one on one side only): Hamano, Saito, Nomura, Shirakawa 2022, "CMA-ES with Margin"
  // (arXiv:2205.13482), section 4.2 and 4.3.
  void keep_margin(std::size_t i, double low, double high, double alpha);

 private:
  std::vector<double> whitened(std::span<const double> y) const;  // C^(-1/2) y
  bool move(const std::vector<std::vector<double>>& best_first, std::size_t finite);
  void learn(const std::vector<std::vector<double>>& best_first, bool long_step);
  void decompose();

  CmaNumbers numbers_;
  std::vector<double> mean_, scale_;                  // [n]
  double sigma_, expected_length_;                    // of a standard normal vector
  std::vector<double> covariance_, axes_, lengths_;   // C [n, n]; its eigenvectors [n, n] and roots of eigenvalues [n]
  std::vector<double> path_sigma_, path_covariance_;  // [n]
  double unlearned_ = 1;                              // (1 - c_sigma)^(2 g) after g generations
  int generations_ = 0, decompose_every_ = 1;
};

}  // namespace caviar
