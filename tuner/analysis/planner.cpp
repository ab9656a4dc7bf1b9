#include "tuner/analysis/planner.h"

#include <algorithm>
#include <cmath>

#include "kernels/base/error.h"
#include "tuner/analysis/laws.h"

namespace caviar {
namespace {

struct Noncentral {
  double freedom, shift;
};

Noncentral law_of(std::int64_t n, double ratio, Pairing pairing) {
  const auto count = static_cast<double>(n);
  if (pairing == Pairing::kPaired) return {count - 1, ratio * std::sqrt(count)};
  return {2 * count - 2, ratio * std::sqrt(count / 2)};
}

// `ratio`, difference over sigma, is at least 0.
double power_at(std::int64_t n, double ratio, Pairing pairing, double alpha) {
  const auto [freedom, shift] = law_of(n, ratio, pairing);
  const double critical = laws::student_quantile(1 - alpha / 2, freedom);
  // So far out the law is all above the critical value, and Boost's series would end nowhere.
  if (shift > critical + 40 && shift > 40 * critical / std::sqrt(freedom)) return 1;
  return laws::noncentral_t_tail(critical, freedom, shift) + laws::noncentral_t_cdf(-critical, freedom, shift);
}

void require_plan(double sigma, double power, double alpha) {
  if (!(sigma >= 0 && std::isfinite(sigma))) {
    fail("the standard deviation is ", sigma, "; it has to be at least 0 and finite");
  }
  if (!(alpha > 0 && power > alpha && power < 1)) {
    fail("a power of ", power, " at level ", alpha, " was asked for; 0 < level < power < 1 is needed");
  }
}

void require_seeds(std::int64_t n) {
  if (n < 2 || n > kMostSeeds) fail("a test of ", n, " seeds per arm was asked for; it takes 2 to ", kMostSeeds);
}

}  // namespace

double power_of(std::int64_t n, double difference, double sigma, Pairing pairing, double alpha) {
  require_seeds(n);
  if (!(sigma > 0) || !std::isfinite(difference / sigma)) {
    fail("a difference of ", difference, " at a standard deviation of ", sigma,
         " has no power; the deviation has to be positive, both finite");
  }
  if (!(alpha > 0 && alpha < 1)) fail("a test at level ", alpha, " was asked for; it lies between 0 and 1");
  return power_at(n, std::abs(difference) / sigma, pairing, alpha);
}

std::optional<std::int64_t> seeds_needed(double difference, double sigma, Pairing pairing, double power, double alpha) {
  require_plan(sigma, power, alpha);
  if (!std::isfinite(difference))
    fail("seeds for a difference of ", difference, " were asked for; it has to be finite");
  if (difference == 0) return std::nullopt;
  const double ratio = std::abs(difference) / sigma;
  const auto enough = [&](std::int64_t n) {
    return !std::isfinite(ratio) || power_at(n, ratio, pairing, alpha) >= power;
  };
  std::int64_t high = 2;
  while (!enough(high)) {
    if (high == kMostSeeds) return std::nullopt;
    high = std::min(2 * high, kMostSeeds);
  }
  std::int64_t low = high / 2;  // not enough, or below 2
  while (high - low > 1 && high > 2) {
    const std::int64_t middle = low + (high - low) / 2;
    (enough(middle) ? high : low) = middle;
  }
  return high;
}

double detectable_difference(std::int64_t n, double sigma, Pairing pairing, double power, double alpha) {
  require_seeds(n);
  require_plan(sigma, power, alpha);
  double low = 0, high = 1;
  while (power_at(n, high, pairing, alpha) < power) high *= 2;
  while (high - low > 1e-9 * high) {
    const double middle = low + (high - low) / 2;
    (power_at(n, middle, pairing, alpha) >= power ? high : low) = middle;
  }
  return high * sigma;
}

double sd_of_differences(double sigma, double correlation) {
  if (!(correlation >= -1 && correlation <= 1)) fail("a correlation of ", correlation, "; it lies between -1 and 1");
  return sigma * std::sqrt(2 * (1 - correlation));
}

SeedPlan plan_seeds(double difference, double s, std::int64_t pilot_runs, Pairing pairing, double power, double alpha,
                    double confidence) {
  require_seeds(pilot_runs);
  if (!(confidence > 0 && confidence < 1))
    fail("a confidence of ", confidence, " was asked for; it is between 0 and 1");
  const auto freedom = static_cast<double>(pilot_runs - 1);
  const double upper = s * std::sqrt(freedom / laws::chi_square_quantile((1 - confidence) / 2, freedom));
  return {s, upper, seeds_needed(difference, s, pairing, power, alpha),
          seeds_needed(difference, upper, pairing, power, alpha)};
}

}  // namespace caviar
