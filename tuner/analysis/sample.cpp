#include "tuner/analysis/sample.h"

#include <algorithm>
#include <cmath>

#include "kernels/base/error.h"
#include "kernels/math/philox.h"

namespace caviar {
namespace {

Philox4 bootstrap_bits(std::uint64_t seed, std::uint32_t purpose, std::uint32_t resample, std::uint32_t four) {
  return philox4x32(four, resample, purpose, static_cast<std::uint32_t>(Stream::kBootstrap), seed);
}

std::size_t scaled(std::uint32_t bits, std::size_t n) {
  return static_cast<std::size_t>(std::uint64_t{bits} * n >> 32);
}

}  // namespace

void require_sample(const char* what, std::span<const double> sample, std::size_t least) {
  if (sample.size() < least) fail(what, " are ", sample.size(), " values; this needs at least ", least);
  for (const double value : sample) {
    if (!std::isfinite(value)) {
      fail(what, " include ", value, "; a run that failed or diverged has no score: leave it out and count it");
    }
  }
}

double mean_of(std::span<const double> sample) {
  double sum = 0;
  for (const double value : sample) sum += value - sample[0];
  return sample[0] + sum / static_cast<double>(sample.size());
}

double squares_about_mean(std::span<const double> sample) {
  if (sample.empty()) return 0;
  const double mean = mean_of(sample);
  double squares = 0, rest = 0;
  for (const double value : sample) {
    squares += (value - mean) * (value - mean);
    rest += value - mean;
  }
  return std::max(0.0, squares - rest * rest / static_cast<double>(sample.size()));
}

std::optional<double> variance_of(std::span<const double> sample) {
  if (sample.size() < 2) return std::nullopt;
  return squares_about_mean(sample) / static_cast<double>(sample.size() - 1);
}

std::optional<double> sd_of(std::span<const double> sample) {
  if (sample.size() < 2) return std::nullopt;
  return std::sqrt(*variance_of(sample));
}

bool all_equal(std::span<const double> sample) {
  return std::all_of(sample.begin(), sample.end(), [&](double value) { return value == sample[0]; });
}

std::vector<double> sorted(std::span<const double> sample) {
  std::vector<double> ascending(sample.begin(), sample.end());
  std::sort(ascending.begin(), ascending.end());
  return ascending;
}

double quantile_of_sorted(std::span<const double> ascending, double share) {
  if (ascending.empty() || !(share >= 0 && share <= 1)) {
    fail("the quantile at ", share, " of ", ascending.size(),
         " values was asked for; it needs a share from 0 to 1 and a value");
  }
  const double place = share * static_cast<double>(ascending.size() - 1);
  const auto below = std::min(static_cast<std::size_t>(place), ascending.size() - 1);
  const std::size_t above = std::min(below + 1, ascending.size() - 1);
  return ascending[below] + (place - static_cast<double>(below)) * (ascending[above] - ascending[below]);
}

std::size_t resampled_index(std::uint64_t seed, std::uint32_t purpose, std::uint32_t resample, std::uint32_t element,
                            std::size_t n) {
  return scaled(word(bootstrap_bits(seed, purpose, resample, element / 4), element % 4), n);
}

void resample(std::span<const double> sample, std::uint64_t seed, std::uint32_t purpose, std::uint32_t number,
              std::span<double> into) {
  Philox4 bits{};
  for (std::size_t i = 0; i < into.size(); ++i) {
    if (i % 4 == 0) bits = bootstrap_bits(seed, purpose, number, static_cast<std::uint32_t>(i / 4));
    into[i] = sample[scaled(word(bits, static_cast<std::uint32_t>(i % 4)), sample.size())];
  }
}

}  // namespace caviar
