#include "tuner/samplers/sobol.h"

#include <string>

#include "tuner/numerics/draws.h"
#include "tuner/samplers/random.h"
#include "tuner/samplers/sobol_directions.h"

namespace caviar {

std::uint32_t scrambled_digits(std::uint32_t digits, std::uint64_t sweep_seed, std::string_view label) {
  const std::string purpose = std::string("sobol scramble ").append(label);
  // The tree of prefixes is cut into subtrees of five levels: one draw of 53 bits has a bit for each of the 31 nodes.
  constexpr int kLevels = 5;
  std::uint32_t scrambled = 0;
  for (int from = 0; from < kSobolDigits; from += kLevels) {
    const std::uint64_t prefix = (std::uint64_t{1} << 32 | digits) >> (kSobolDigits - from);  // a leading 1 counts them
    const double draw = sampler_unit(sweep_seed, static_cast<std::int64_t>(prefix), purpose);
    const auto flips = static_cast<std::uint64_t>(draw * 0x1p53);
    unsigned node = 1;
    for (int place = from; place < from + kLevels && place < kSobolDigits; ++place) {
      const unsigned digit = digits >> (kSobolDigits - 1 - place) & 1;
      scrambled = scrambled << 1 | (digit ^ static_cast<unsigned>(flips >> node & 1));
      node = 2 * node + digit;
    }
  }
  return scrambled;
}

Point sobol_point(const SearchSpace& space, std::uint64_t sweep_seed, std::int64_t number) {
  Point point = random_point(space, sweep_seed, number);
  if (number >> kSobolDigits) return point;
  std::size_t dimension = 0;
  for (std::size_t i = 0; i < point.size() && dimension < kSobolDimensions; ++i) {
    const Parameter& parameter = space.parameters()[i];
    if (parameter.is_constant()) continue;
    const std::uint32_t digits = sobol_digits(dimension++, static_cast<std::uint32_t>(number));
    const auto high = static_cast<std::uint64_t>(scrambled_digits(digits, sweep_seed, parameter.label()));
    const auto low = static_cast<std::uint64_t>(point[i] * 0x1p21);
    point[i] = static_cast<double>(high << 21 | low) * 0x1p-53;
  }
  return point;
}

std::optional<Config> SobolSampler::propose(std::int64_t number, int attempt) {
  if (number < 0) return std::nullopt;
  return space_.config_at(attempt == 0 ? sobol_point(space_, sweep_seed_, number)
                                       : random_point(space_, sweep_seed_, number, attempt));
}

}  // namespace caviar
