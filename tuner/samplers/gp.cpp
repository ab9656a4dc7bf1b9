#include "tuner/samplers/gp.h"

#include "tuner/samplers/random.h"
#include "tuner/samplers/sobol.h"

namespace caviar {

GpSampler::GpSampler(const SearchSpace& space, const GpSettings& settings, std::uint64_t sweep_seed,
                     std::int64_t window)
    : space_(space),
      axes_(axes_of(space)),
      settings_(settings),
      sweep_seed_(sweep_seed),
      window_(window),
      search_(space_, axes_) {}

void GpSampler::tell(const TrialResult& result) {
  pending_.told(result.number);
  if (auto point = space_.point_of(result.config)) seen_.add(std::move(*point), result.loss);
}

std::optional<Config> GpSampler::propose(std::int64_t number, int attempt) {
  if (number < 0) return std::nullopt;
  const bool ready = seen_.size() >= static_cast<std::size_t>(settings_.startup) && !seen_.is_flat();
  if (ready) {
    const auto candidates = search_.candidates(seen_, pending_, {sweep_seed_, number, "gp"});
    const auto place = static_cast<std::size_t>(attempt);
    if (place < candidates.size()) return space_.config_at(candidates[place]);
  }
  if (attempt == 0) return space_.config_at(sobol_point(space_, sweep_seed_, number));
  return space_.config_at(random_point(space_, sweep_seed_, number, attempt));
}

}  // namespace caviar
