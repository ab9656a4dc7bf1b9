#include "tuner/advice/chance.h"

#include <algorithm>

#include "kernels/math/elementary.h"
#include "tuner/numerics/distributions.h"

namespace caviar {
namespace {

double power_of_e(double x) { return x < -700 ? 0 : exp_double(x); }

}  // namespace

double log_choose(std::int64_t n, std::int64_t k) {
  const auto log_factorial = [](std::int64_t i) { return log_gamma(static_cast<double>(i) + 1); };
  return log_factorial(n) - log_factorial(k) - log_factorial(n - k);
}

double chance_in_place(std::int64_t population, std::int64_t marked, std::int64_t drawn, std::int64_t hits) {
  const std::int64_t most = std::min(marked, drawn);
  const std::int64_t least = std::max<std::int64_t>(0, drawn - (population - marked));
  if (hits <= least) return 1;
  double sum = 0;
  for (std::int64_t k = hits; k <= most; ++k) {
    sum +=
        power_of_e(log_choose(marked, k) + log_choose(population - marked, drawn - k) - log_choose(population, drawn));
  }
  return std::min(1.0, sum);
}

double chance_within(std::int64_t population, std::int64_t drawn, std::int64_t width) {
  if (drawn < 2 || width >= population) return 1;
  double sum = 0;
  for (std::int64_t d = drawn - 1; d < width; ++d) {
    sum +=
        static_cast<double>(population - d) * power_of_e(log_choose(d - 1, drawn - 2) - log_choose(population, drawn));
  }
  return std::min(1.0, sum);
}

}  // namespace caviar
