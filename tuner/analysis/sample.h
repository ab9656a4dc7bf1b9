// Sums over a sample, and drawing from it again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace caviar {

// Throws Error unless the sample has at least `least` values and all of them are finite; `what` begins the sentence,
// "the scores". A run that failed or diverged has no score: its caller counts it, and keeps it out of the sample.
void require_sample(const char* what, std::span<const double> sample, std::size_t least = 1);

// x_1 + the mean of x_i - x_1, in the order of the sample: exactly x_1 when all are equal. At least one value.
double mean_of(std::span<const double> sample);

// Sum of (x_i - mean)^2, two passes, less the square of what rounding left of the sum of x_i - mean (Chan, Golub,
// LeVeque 1983): exactly 0 when all are equal.
double squares_about_mean(std::span<const double> sample);

// squares_about_mean / (n - 1) and its root; none for fewer than two values.
std::optional<double> variance_of(std::span<const double> sample);
std::optional<double> sd_of(std::span<const double> sample);

bool all_equal(std::span<const double> sample);

// Ascending.
std::vector<double> sorted(std::span<const double> sample);

// The value at `share` in [0, 1] of an ascending, non-empty sample: between the order statistics, linearly in
// share (n - 1), Hyndman & Fan 1996 type 7, as NumPy and R by default.
double quantile_of_sorted(std::span<const double> ascending, double share);

// Which value takes place `element` of resample number `resample`, uniform on 0 .. n - 1 (1 <= n < 2^32) to within
// n 2^-32: Philox at counter {element / 4, resample, purpose, kBootstrap} with the seed as key. `purpose` tells apart
// what one seed is used for.
std::size_t resampled_index(std::uint64_t seed, std::uint32_t purpose, std::uint32_t resample, std::uint32_t element,
                            std::size_t n);

// One resample of the same size into `into`: its element i is sample[resampled_index(.., i, n)].
void resample(std::span<const double> sample, std::uint64_t seed, std::uint32_t purpose, std::uint32_t number,
              std::span<double> into);

}  // namespace caviar
