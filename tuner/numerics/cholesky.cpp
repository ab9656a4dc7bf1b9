#include "tuner/numerics/cholesky.h"

#include <algorithm>
#include <cmath>

#include "kernels/math/elementary.h"

namespace caviar {
namespace {

// y -= a x
void subtract(double a, const double* x, double* y, std::size_t n) {
  for (std::size_t j = 0; j < n; ++j) y[j] = fma_of(-a, x[j], y[j]);
}

// y -= a[0] x_0 + a[1] x_1 + a[2] x_2 + a[3] x_3, rows of x `stride` apart: the same sums as four calls of the above,
// with a quarter of the traffic.
void subtract_four(const double* a, const double* x, std::size_t stride, double* y, std::size_t n) {
  const double a0 = -a[0], a1 = -a[1], a2 = -a[2], a3 = -a[3];
  const double *x0 = x, *x1 = x + stride, *x2 = x + 2 * stride, *x3 = x + 3 * stride;
  for (std::size_t j = 0; j < n; ++j)
    y[j] = fma_of(a3, x3[j], fma_of(a2, x2[j], fma_of(a1, x1[j], fma_of(a0, x0[j], y[j]))));
}

// y -= sum over k of a[k] x_k, k ascending from 0 to `count`.
void subtract_rows(std::span<const double> a, const double* x, std::size_t stride, double* y, std::size_t n) {
  std::size_t k = 0;
  for (; k + 4 <= a.size(); k += 4) subtract_four(&a[k], x + k * stride, stride, y, n);
  for (; k < a.size(); ++k) subtract(a[k], x + k * stride, y, n);
}

}  // namespace

Cholesky::Cholesky(std::vector<double> matrix, std::size_t n, double least_pivot) : u_(std::move(matrix)), n_(n) {
  std::vector<double> column(n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < i; ++k) column[k] = u_[k * n + i];
    double* row = &u_[i * n];
    std::fill(row, row + i, 0.0);
    subtract_rows({column.data(), i}, u_.data() + i, n, row + i, n - i);
    const double pivot = std::sqrt(std::max(row[i], least_pivot));
    row[i] = pivot;
    for (std::size_t j = i + 1; j < n; ++j) row[j] /= pivot;
  }
}

void Cholesky::extend(std::vector<double> across, std::vector<double> corner, std::size_t m, double least_pivot) {
  if (m == 0) return;
  if (n_ > 0) solve_transposed(across, m);
  std::vector<double> column(n_);
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t k = 0; k < n_; ++k) column[k] = across[k * m + i];
    subtract_rows(column, across.data() + i, m, &corner[i * m + i], m - i);
  }
  const Cholesky lower(std::move(corner), m, least_pivot);
  const std::size_t all = n_ + m;
  std::vector<double> grown(all * all, 0.0);
  for (std::size_t i = 0; i < n_; ++i) {
    std::copy_n(&u_[i * n_], n_, &grown[i * all]);
    std::copy_n(&across[i * m], m, &grown[i * all + n_]);
  }
  for (std::size_t i = 0; i < m; ++i) std::copy_n(&lower.u_[i * m], m, &grown[(n_ + i) * all + n_]);
  u_ = std::move(grown);
  n_ = all;
}

double Cholesky::log_determinant() const {
  double sum = 0;
  for (std::size_t i = 0; i < n_; ++i) sum += log_double(u_[i * n_ + i]);
  return 2 * sum;
}

void Cholesky::solve_transposed(std::span<double> b, std::size_t m) const {
  if (m == 1) {  // along the rows of U, which lie together
    for (std::size_t k = 0; k < n_; ++k) {
      b[k] /= u_[k * n_ + k];
      subtract(b[k], &u_[k * n_] + k + 1, b.data() + k + 1, n_ - k - 1);
    }
    return;
  }
  std::vector<double> column(n_);
  for (std::size_t i = 0; i < n_; ++i) {
    for (std::size_t k = 0; k < i; ++k) column[k] = u_[k * n_ + i];
    double* row = &b[i * m];
    subtract_rows({column.data(), i}, b.data(), m, row, m);
    for (std::size_t j = 0; j < m; ++j) row[j] /= u_[i * n_ + i];
  }
}

void Cholesky::solve_upper(std::span<double> b) const {
  for (std::size_t i = n_; i-- > 0;) {
    double partial[4] = {0, 0, 0, 0};  // element j to partial j mod 4
    const double* row = &u_[i * n_];
    std::size_t j = i + 1;
    for (; j + 4 <= n_; j += 4) {
      for (std::size_t p = 0; p < 4; ++p) partial[p] = fma_of(row[j + p], b[j + p], partial[p]);
    }
    for (std::size_t p = 0; j < n_; ++j, ++p) partial[p] = fma_of(row[j], b[j], partial[p]);
    b[i] = (b[i] - ((partial[0] + partial[1]) + (partial[2] + partial[3]))) / row[i];
  }
}

void Cholesky::solve(std::span<double> b) const {
  solve_transposed(b, 1);
  solve_upper(b);
}

std::vector<double> Cholesky::inverse() const {
  // V = U'^-1 is lower triangular, and A^-1 = V'V: row i of the result is the sum over k >= i of V[k][i] V[k].
  std::vector<double> v(n_ * n_, 0.0), result(n_ * n_, 0.0), column(n_);
  for (std::size_t i = 0; i < n_; ++i) {
    for (std::size_t k = 0; k < i; ++k) column[k] = u_[k * n_ + i];
    double* row = &v[i * n_];
    subtract_rows({column.data(), i}, v.data(), n_, row, i);
    row[i] = 1;
    for (std::size_t j = 0; j <= i; ++j) row[j] /= u_[i * n_ + i];
  }
  for (std::size_t i = 0; i < n_; ++i) {
    for (std::size_t k = i; k < n_; ++k) column[k - i] = -v[k * n_ + i];
    subtract_rows({column.data(), n_ - i}, &v[i * n_] + i, n_, &result[i * n_] + i, n_ - i);
  }
  return result;
}

}  // namespace caviar
