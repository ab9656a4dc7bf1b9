// A minimum of a smooth function in a box.
#pragma once

#include <functional>
#include <span>
#include <vector>

namespace caviar {

// The value at x [n]; writes the gradient [n]. A value that is not finite is a step to be taken back.
using SmoothFunction = std::function<double(std::span<const double> x, std::span<double> gradient)>;

struct Box {
  std::vector<double> low, high;  // [n]
};

struct Minimum {
  std::vector<double> x;
  double value = 0;
};

// Projected L-BFGS (Nocedal and Wright 2006, algorithm 7.4, 8 pairs, steps clamped to the box, coordinates at a bound
// that the gradient pushes against left out), halving the step until it satisfies Armijo's condition with 1e-4. Ends
// after `steps` steps, or when one lowers the value by less than `tolerance`. Deterministic; `start` is clamped first.
Minimum descend(const SmoothFunction& function, std::vector<double> start, const Box& box, int steps, double tolerance);

}  // namespace caviar
