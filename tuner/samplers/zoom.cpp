#include "tuner/samplers/zoom.h"

#include <algorithm>
#include <span>

#include "kernels/base/error.h"
#include "tuner/samplers/random.h"
#include "tuner/samplers/sobol.h"

namespace caviar {

std::int64_t ZoomSampler::kept_of(std::int64_t per_round) {
  return std::clamp<std::int64_t>((per_round + 4) / 5, 2, 5);
}

std::int64_t ZoomSampler::round_of(std::int64_t number) const {
  return std::clamp<std::int64_t>(number / settings_.per_round, 0, settings_.rounds - 1);
}

void ZoomSampler::tell(const TrialResult& result) {
  auto observation = observation_of(space_, result);
  if (!observation) return;
  told_.push_back(std::move(*observation));
  by_round_.resize(static_cast<std::size_t>(settings_.rounds), 0);
  const std::int64_t first = result.number < 0 ? 0 : round_of(result.number) + 1;
  for (std::int64_t r = first; r < settings_.rounds; ++r) by_round_[static_cast<std::size_t>(r)] = told_.size();
}

Region ZoomSampler::region(std::int64_t round) const {
  const std::size_t known = by_round_.empty() ? 0 : by_round_[static_cast<std::size_t>(round)];
  return zoomed_region(space_, std::span(told_).first(known), round, settings_.zoom);
}

std::string ZoomSampler::news() {
  if (region_round_ <= announced_) return {};
  announced_ = region_round_;
  return cat("round ", region_round_ + 1, " of ", settings_.rounds, " looks in this region:\n",
             region_yaml(space_, region_));
}

std::optional<Config> ZoomSampler::propose(std::int64_t number, int attempt) {
  if (number < 0) return std::nullopt;
  const std::int64_t round = round_of(number);
  const std::size_t known = by_round_.empty() ? 0 : by_round_[static_cast<std::size_t>(round)];
  if (region_round_ != round || region_from_ != known) {
    region_ = region(round);
    region_round_ = round;
    region_from_ = known;
  }
  const Point point =
      attempt == 0 ? sobol_point(space_, sweep_seed_, number) : random_point(space_, sweep_seed_, number, attempt);
  return space_.config_at(point_in(region_, point));
}

}  // namespace caviar
