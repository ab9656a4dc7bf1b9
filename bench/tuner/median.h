// The median of a sample and how far it may be off.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace caviar {

// The interval between two order statistics that holds the median of the distribution with a probability of at least
// 95 %, whatever the distribution (Conover 1999, section 3.2): ranks l and n + 1 - l, l the largest with
// P(Binomial(n, 1/2) < l) <= 0.025. Below six values it is all of them, which is less sure.
struct Median {
  double value = 0, low = 0, high = 0;
};

inline Median median_of(std::vector<double> sample) {
  std::sort(sample.begin(), sample.end());
  const std::size_t n = sample.size();
  if (n == 0) return {};
  double term = 1;  // of the binomial, C(n, k) / 2^n
  for (std::size_t i = 0; i < n; ++i) term /= 2;
  std::size_t rank = 0;  // l
  for (double below = term; below <= 0.025 && rank < n / 2; below += term) {
    ++rank;
    term *= static_cast<double>(n - rank + 1) / static_cast<double>(rank);
  }
  const std::size_t first = rank > 0 ? rank - 1 : 0;
  return {(sample[(n - 1) / 2] + sample[n / 2]) / 2, sample[first], sample[n - 1 - first]};
}

}  // namespace caviar
