// Eigenvalues and eigenvectors of a small symmetric matrix, the same bits on every host.
#pragma once

#include <cstddef>
#include <vector>

namespace caviar {

struct SymmetricEigen {
  std::vector<double> values;   // [n], in no order
  std::vector<double> vectors;  // [n, n], column j belongs to value j; orthonormal
};

// matrix [n, n], of which the upper triangle is read: cyclic Jacobi rotations (Golub and Van Loan 2013,
// algorithm 8.5.3, rows ascending) until no element off the diagonal exceeds 1e-17 of the root of its two diagonal
// elements' product, or 60 sweeps. Every step is one IEEE operation in fixed order. O(n^3) a sweep, about 8 sweeps.
SymmetricEigen symmetric_eigen(std::vector<double> matrix, std::size_t n);

}  // namespace caviar
