#include "tuner/numerics/symmetric_eigen.h"

#include <cmath>

namespace caviar {
namespace {

// The rotation that makes element (p, q) zero: tangent t, the smaller of the two roots, so that angles stay below 45
// degrees.
struct Rotation {
  double c, s;
};

Rotation rotation_of(double pp, double pq, double qq) {
  const double tau = (qq - pp) / (2 * pq);
  const double t = (tau >= 0 ? 1 : -1) / (std::abs(tau) + std::sqrt(1 + tau * tau));
  const double c = 1 / std::sqrt(1 + t * t);
  return {c, t * c};
}

void rotate(double& x, double& y, Rotation r) {
  const double old = x;
  x = r.c * old - r.s * y;
  y = r.s * old + r.c * y;
}

}  // namespace

SymmetricEigen symmetric_eigen(std::vector<double> a, std::size_t n) {
  // Rows of `v` are the eigenvectors until the end: a rotation then runs through memory in order.
  std::vector<double> v(n * n, 0);
  for (std::size_t i = 0; i < n; ++i) {
    v[i * n + i] = 1;
    for (std::size_t j = 0; j < i; ++j) a[i * n + j] = a[j * n + i];
  }
  bool done = false;
  for (int sweep = 0; sweep < 60 && !done; ++sweep) {
    done = true;
    for (std::size_t p = 0; p + 1 < n; ++p) {
      for (std::size_t q = p + 1; q < n; ++q) {
        const double pq = a[p * n + q], pp = a[p * n + p], qq = a[q * n + q];
        if (std::abs(pq) <= 1e-17 * std::sqrt(std::abs(pp * qq)) || std::abs(pq) < 1e-300) continue;
        done = false;
        const Rotation r = rotation_of(pp, pq, qq);
        for (std::size_t k = 0; k < n; ++k) rotate(a[p * n + k], a[q * n + k], r);
        for (std::size_t k = 0; k < n; ++k) rotate(a[k * n + p], a[k * n + q], r);
        a[p * n + q] = a[q * n + p] = 0;
        for (std::size_t k = 0; k < n; ++k) rotate(v[p * n + k], v[q * n + k], r);
      }
    }
  }
  SymmetricEigen eigen{std::vector<double>(n), std::vector<double>(n * n)};
  for (std::size_t j = 0; j < n; ++j) {
    eigen.values[j] = a[j * n + j];
    for (std::size_t i = 0; i < n; ++i) eigen.vectors[i * n + j] = v[j * n + i];
  }
  return eigen;
}

}  // namespace caviar
