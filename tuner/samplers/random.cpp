#include "tuner/samplers/random.h"

#include "tuner/numerics/draws.h"

namespace caviar {

std::optional<Config> RandomSampler::propose(std::int64_t number, int attempt) {
  if (number < 0) return std::nullopt;
  return space_.config_at(random_point(space_, sweep_seed_, number, attempt));
}

Point random_point(const SearchSpace& space, std::uint64_t sweep_seed, std::int64_t trial, int attempt) {
  Point point(space.parameters().size(), 0);
  for (std::size_t i = 0; i < point.size(); ++i) {
    const Parameter& parameter = space.parameters()[i];
    if (parameter.is_constant()) continue;
    Draws draws(sweep_seed, trial, parameter.label());
    for (int skipped = 0; skipped < attempt; ++skipped) draws.unit();
    point[i] = draws.unit();
  }
  return point;
}

}  // namespace caviar
