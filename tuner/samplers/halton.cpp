#include "tuner/samplers/halton.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "tuner/numerics/draws.h"
#include "tuner/samplers/random.h"

namespace caviar {
namespace {

constexpr std::size_t kMostDimensions = 1000;

int prime_after(int n) {
  for (int candidate = n + 1;; ++candidate) {
    bool prime = true;
    for (int divisor = 2; divisor * divisor <= candidate && prime; ++divisor) prime = candidate % divisor != 0;
    if (prime) return candidate;
  }
}

}  // namespace

HaltonDimension::HaltonDimension(int base, std::uint64_t sweep_seed, std::string_view label) : base_(base) {
  const std::string purpose = std::string("halton scramble ").append(label);
  for (std::int64_t digit = 0; cells_ * base <= 0x1p53; ++digit) {
    std::vector<std::uint16_t> permutation(static_cast<std::size_t>(base));
    std::iota(permutation.begin(), permutation.end(), std::uint16_t{0});
    Draws draws(sweep_seed, digit, purpose);  // Fisher and Yates
    for (std::int64_t left = base; left > 1; --left) {
      std::swap(permutation[static_cast<std::size_t>(left - 1)],
                permutation[static_cast<std::size_t>(draws.below(left))]);
    }
    permuted_.insert(permuted_.end(), permutation.begin(), permutation.end());
    cells_ *= base;
  }
}

double HaltonDimension::at(std::int64_t index, double below) const {
  // Whole numbers below 2^53: exact.
  double cell = 0;
  for (auto table = permuted_.begin(); table != permuted_.end(); table += base_, index /= base_) {
    cell = cell * base_ + table[index % base_];
  }
  return std::min((cell + below) / cells_, 1 - 0x1p-53);
}

HaltonSampler::HaltonSampler(const SearchSpace& space, std::uint64_t sweep_seed)
    : space_(space), sweep_seed_(sweep_seed) {
  int base = 1;
  for (const Parameter& parameter : space_.parameters()) {
    if (parameter.is_constant() || dimensions_.size() == kMostDimensions) continue;
    base = prime_after(base);
    dimensions_.emplace_back(base, sweep_seed, parameter.label());
  }
}

Point HaltonSampler::point(std::int64_t number) const {
  Point point = random_point(space_, sweep_seed_, number);
  auto dimension = dimensions_.begin();
  for (std::size_t i = 0; i < point.size() && dimension != dimensions_.end(); ++i) {
    if (!space_.parameters()[i].is_constant()) point[i] = (dimension++)->at(number, point[i]);
  }
  return point;
}

std::optional<Config> HaltonSampler::propose(std::int64_t number, int attempt) {
  if (number < 0) return std::nullopt;
  return space_.config_at(attempt == 0 ? point(number) : random_point(space_, sweep_seed_, number, attempt));
}

}  // namespace caviar
