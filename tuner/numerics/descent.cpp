#include "tuner/numerics/descent.h"

#include <algorithm>
#include <cmath>
#include <deque>

namespace caviar {
namespace {

constexpr std::size_t kPairs = 8;
constexpr int kHalvings = 25;

using Vector = std::vector<double>;

struct Pair {
  Vector step, change;  // of x, of the gradient
  double product = 0;
};

double dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

void add(double factor, const Vector& a, Vector& to) {
  for (std::size_t i = 0; i < a.size(); ++i) to[i] += factor * a[i];
}

// Minus the inverse Hessian times the gradient, as the pairs have it.
Vector direction_of(const Vector& gradient, const std::deque<Pair>& pairs) {
  Vector direction = gradient;
  std::vector<double> shares(pairs.size());
  for (std::size_t k = pairs.size(); k-- > 0;) {
    shares[k] = dot(pairs[k].step, direction) / pairs[k].product;
    add(-shares[k], pairs[k].change, direction);
  }
  const double size = std::sqrt(dot(gradient, gradient));
  const double scale =
      pairs.empty() ? 1 / std::max(size, 1.0) : pairs.back().product / dot(pairs.back().change, pairs.back().change);
  for (double& x : direction) x *= scale;
  for (std::size_t k = 0; k < pairs.size(); ++k) {
    add(shares[k] - dot(pairs[k].change, direction) / pairs[k].product, pairs[k].step, direction);
  }
  for (double& x : direction) x = -x;
  return direction;
}

}  // namespace

Minimum descend(const SmoothFunction& function, std::vector<double> start, const Box& box, int steps,
                double tolerance) {
  const std::size_t n = start.size();
  for (std::size_t i = 0; i < n; ++i) start[i] = std::clamp(start[i], box.low[i], box.high[i]);
  Minimum best{std::move(start), 0};
  Vector gradient(n), next_gradient(n), next(n);
  best.value = function(best.x, gradient);
  std::deque<Pair> pairs;
  for (int step = 0; step < steps && std::isfinite(best.value); ++step) {
    Vector free = gradient;
    for (std::size_t i = 0; i < n; ++i) {
      if ((best.x[i] <= box.low[i] && free[i] > 0) || (best.x[i] >= box.high[i] && free[i] < 0)) free[i] = 0;
    }
    Vector direction = direction_of(free, pairs);
    for (std::size_t i = 0; i < n; ++i) {
      if (free[i] == 0) direction[i] = 0;
    }
    if (!(dot(direction, free) < 0)) {
      pairs.clear();
      direction = direction_of(free, pairs);
    }
    double factor = 1, value = 0, slope = 0;
    bool lower = false;
    for (int halving = 0; halving < kHalvings && !lower; ++halving) {
      slope = 0;
      for (std::size_t i = 0; i < n; ++i) {
        next[i] = std::clamp(best.x[i] + factor * direction[i], box.low[i], box.high[i]);
        slope += gradient[i] * (next[i] - best.x[i]);
      }
      value = function(next, next_gradient);
      lower = std::isfinite(value) && value <= best.value + 1e-4 * slope && slope < 0;
      factor /= 2;
    }
    if (!lower) break;
    Pair pair{next, next_gradient, 0};
    add(-1, best.x, pair.step);
    add(-1, gradient, pair.change);
    pair.product = dot(pair.step, pair.change);
    if (pair.product > 1e-10 * dot(pair.change, pair.change)) {
      pairs.push_back(std::move(pair));
      if (pairs.size() > kPairs) pairs.pop_front();
    }
    const double gain = best.value - value;
    best.x = next;
    best.value = value;
    std::swap(gradient, next_gradient);
    if (gain < tolerance) break;
  }
  return best;
}

}  // namespace caviar
