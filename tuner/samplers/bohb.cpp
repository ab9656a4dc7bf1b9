#include "tuner/samplers/bohb.h"

#include "tuner/numerics/draws.h"
#include "tuner/samplers/random.h"

namespace caviar {

BohbSampler::BohbSampler(const SearchSpace& space, const BohbSettings& settings, std::uint64_t sweep_seed,
                         std::int64_t window)
    : space_(space), axes_(axes_of(space)), settings_(settings), sweep_seed_(sweep_seed), window_(window) {
  for (const Axis& axis : axes_) enough_ += axis.kind != Axis::Kind::kNone;
}

void BohbSampler::tell(const TrialResult& result) {
  pending_.told(result.number);
  const auto point = space_.point_of(result.config);
  if (!point) return;
  std::map<std::int64_t, double> losses;
  for (const TrialResult::Point& judged : result.curve) losses[judged.iteration] = judged.loss;
  const std::int64_t last = losses.empty() ? 0 : losses.rbegin()->first;
  if (losses.empty() || result.loss != result.loss) losses[last] = result.loss;
  for (const auto& [iteration, loss] : losses) {
    Level& level = levels_[iteration];
    if (settings_.by_gp && !level.search) level.search = std::make_unique<GpSearch>(space_, axes_);
    level.seen.add(*point, loss);
  }
}

std::int64_t BohbSampler::modelled_iteration() const {
  for (auto level = levels_.rbegin(); level != levels_.rend(); ++level) {
    if (level->second.seen.size() >= enough_) return level->first;
  }
  return -1;
}

std::vector<Point> BohbSampler::candidates(std::int64_t number) {
  if (enough_ == 2) return {};  // nothing varies
  const auto level = levels_.find(modelled_iteration());
  if (level == levels_.end() || Draws(sweep_seed_, number, "bohb").chance(settings_.random_share)) return {};
  const Observations& seen = level->second.seen;
  if (!settings_.by_gp) {
    return tpe_candidates(space_, axes_, seen, pending_, settings_.tpe, {sweep_seed_, number, "tpe"});
  }
  if (seen.is_flat()) return {};
  return level->second.search->candidates(seen, pending_, {sweep_seed_, number, "gp"});
}

std::optional<Config> BohbSampler::propose(std::int64_t number, int attempt) {
  if (number < 0) return std::nullopt;
  const std::vector<Point> found = candidates(number);
  const auto place = static_cast<std::size_t>(attempt);
  if (place < found.size()) return space_.config_at(found[place]);
  return space_.config_at(random_point(space_, sweep_seed_, number, attempt));
}

}  // namespace caviar
