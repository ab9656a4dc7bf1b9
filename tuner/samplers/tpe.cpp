#include "tuner/samplers/tpe.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/math/elementary.h"
#include "tuner/samplers/random.h"

namespace caviar {
namespace {

constexpr std::size_t kMostBad = 2000;

struct Split {
  std::vector<const Point*> good, bad;
};

Split split_of(const Observations& seen, const PendingTrials& pending, const TpeSettings& settings) {
  const auto ranking = seen.ranking();
  const double share = std::ceil(settings.gamma * static_cast<double>(ranking.size()));
  const auto most = std::min(static_cast<std::size_t>(share), static_cast<std::size_t>(settings.most_good));
  Split split;
  split.bad = pending.points();
  for (std::size_t i = 0; i < ranking.size(); ++i) {
    (i < std::min(most, seen.trained()) ? split.good : split.bad).push_back(&seen[ranking[i]].point);
  }
  if (split.bad.size() > kMostBad) {
    const std::size_t all = split.bad.size();
    for (std::size_t i = 0; i < kMostBad; ++i) split.bad[i] = split.bad[i * all / kMostBad];
    split.bad.resize(kMostBad);
  }
  return split;
}

// Of the m best, the best first; their mean is 1.
std::vector<double> weights_of(std::size_t m) {
  std::vector<double> weights;
  double sum = 0;
  for (std::size_t i = 1; i <= m; ++i) {
    weights.push_back(log_double(static_cast<double>(m + 1)) - log_double(static_cast<double>(i)));
    sum += weights.back();
  }
  for (double& weight : weights) weight *= static_cast<double>(m) / sum;
  return weights;
}

}  // namespace

std::vector<Point> tpe_candidates(const SearchSpace& space, std::span<const Axis> axes, const Observations& seen,
                                  const PendingTrials& pending, const TpeSettings& settings, Draws draws) {
  const Split split = split_of(seen, pending, settings);
  const ParzenEstimator l(axes, split.good, settings.kernels, weights_of(split.good.size()));
  const ParzenEstimator g(axes, split.bad, settings.kernels);
  std::vector<Point> candidates;
  for (std::int64_t i = 0; i < settings.candidates; ++i) {
    Point point = l.draw(draws);
    if (space.is_conditional()) space.trim(point);
    const bool is_new = std::none_of(candidates.begin(), candidates.end(),
                                     [&](const Point& other) { return same_point(point, other); });
    if (is_new) candidates.push_back(std::move(point));
  }
  std::vector<double> score = l.log_density(candidates);
  const std::vector<double> against = g.log_density(candidates);
  for (std::size_t i = 0; i < score.size(); ++i) score[i] -= against[i];
  std::vector<std::size_t> order(candidates.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return score[a] > score[b]; });
  std::vector<Point> ranked;
  ranked.reserve(order.size());
  for (const std::size_t i : order) ranked.push_back(std::move(candidates[i]));
  return ranked;
}

TpeSampler::TpeSampler(const SearchSpace& space, const TpeSettings& settings, std::uint64_t sweep_seed,
                       std::int64_t window)
    : space_(space), axes_(axes_of(space)), settings_(settings), sweep_seed_(sweep_seed), window_(window) {}

void TpeSampler::tell(const TrialResult& result) {
  pending_.told(result.number);
  if (auto point = space_.point_of(result.config)) seen_.add(std::move(*point), result.loss);
}

std::optional<Config> TpeSampler::propose(std::int64_t number, int attempt) {
  if (number < 0) return std::nullopt;
  if (seen_.size() >= static_cast<std::size_t>(settings_.startup)) {
    const auto candidates = tpe_candidates(space_, axes_, seen_, pending_, settings_, {sweep_seed_, number, "tpe"});
    const auto place = static_cast<std::size_t>(attempt);
    if (place < candidates.size()) return space_.config_at(candidates[place]);
  }
  return space_.config_at(random_point(space_, sweep_seed_, number, attempt));
}

}  // namespace caviar
