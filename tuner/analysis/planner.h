// How many seeds show a difference, and which difference so many seeds show: the power of the t test by the noncentral
// t law.
//
// Assumes normal scores, of one standard deviation in both arms. Standard deviations and differences share a unit; all
// that matters is their ratio.
#pragma once

#include <cstdint>
#include <optional>

namespace caviar {

enum class Pairing {
  kUnpaired,  // two arms of n runs, each sigma apart: 2 n - 2 degrees of freedom, noncentrality delta / sigma sqrt(n /
              // 2)
  kPaired,    // n differences of runs on the same seeds; sigma is that of the differences: n - 1, delta / sigma sqrt n
};

// P(the two-sided t test at level alpha rejects), both tails counted as statsmodels' TTestIndPower and TTestPower do,
// for n >= 2 seeds per arm, sigma > 0 and any difference.
double power_of(std::int64_t n, double difference, double sigma, Pairing pairing, double alpha = 0.05);

inline constexpr std::int64_t kMostSeeds = 10'000'000;

// The fewest seeds per arm, 2 at least, with power_of() >= power. 0 < alpha < power < 1. Empty when kMostSeeds are not
// enough, as with a difference of 0. sigma = 0: 2.
// It is the t test's answer. A rule that also asks for ranks or for wins needs a floor: this program asks for 5 seeds
// per arm at least before it calls anything real.
std::optional<std::int64_t> seeds_needed(double difference, double sigma, Pairing pairing, double power = 0.8,
                                         double alpha = 0.05);

// The smallest difference that n >= 2 seeds per arm show with that power, to 1e-9 of itself; 0 for sigma = 0.
double detectable_difference(std::int64_t n, double sigma, Pairing pairing, double power = 0.8, double alpha = 0.05);

// The standard deviation of differences of runs whose scores have standard deviation sigma and correlation r in [-1, 1]
// over the seeds they share: sigma sqrt(2 (1 - r)). Pairing pays only where r > 0.
double sd_of_differences(double sigma, double correlation);

// A plan from a pilot of few runs. Their standard deviation s is itself a guess: from 5 runs the true one is up to 2.87
// s, and a plan made with s fails in half the cases. `at_upper_limit` is the number to go by.
struct SeedPlan {
  double sigma;                                // as measured
  double upper_sigma;                          // s sqrt((n - 1) / q), q the (1 - confidence) / 2 quantile of chi-square
  std::optional<std::int64_t> at_estimate;     // seeds_needed() with sigma
  std::optional<std::int64_t> at_upper_limit;  // seeds_needed() with upper_sigma
};

// For a pilot of `pilot_runs` >= 2 runs (or differences, when paired) with standard deviation s.
SeedPlan plan_seeds(double difference, double s, std::int64_t pilot_runs, Pairing pairing, double power = 0.8,
                    double alpha = 0.05, double confidence = 0.95);

}  // namespace caviar
