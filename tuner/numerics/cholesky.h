// Cholesky factors of small dense matrices, in a fixed order of summation: sums run over ascending k by fused
// multiply-adds, vectorised across outputs, so the bits are the same on every host.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace caviar {

// An upper triangular U with U'U = A.
class Cholesky {
 public:
  Cholesky() = default;

  // matrix: A [n, n], row-major, of which the upper triangle is read. A pivot below `least_pivot` is raised to it,
  // which adds to the diagonal of A what rounding took away; > 0.
  Cholesky(std::vector<double> matrix, std::size_t n, double least_pivot);

  std::size_t size() const { return n_; }

  // Adds m rows and columns: `across` [n, m] is A's upper right block, `corner` [m, m] its lower right one.
  void extend(std::vector<double> across, std::vector<double> corner, std::size_t m, double least_pivot);

  double log_determinant() const;  // of A

  // In place of b [n, m], row-major, U'^-1 b.
  void solve_transposed(std::span<double> b, std::size_t m) const;

  // In place of b [n], U^-1 b; and A^-1 b.
  void solve_upper(std::span<double> b) const;
  void solve(std::span<double> b) const;

  // The upper triangle of A^-1 [n, n]; below it zeros.
  std::vector<double> inverse() const;

 private:
  std::vector<double> u_;  // [n, n]
  std::size_t n_ = 0;
};

}  // namespace caviar
