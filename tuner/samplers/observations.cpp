#include "tuner/samplers/observations.h"

#include <algorithm>
#include <cmath>

namespace caviar {

bool same_point(const Point& a, const Point& b) {
  const auto same = [](double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same);
}

void Observations::add(Point point, double loss) {
  const auto better = [&](double a, std::uint32_t b) {
    const double other = all_[b].loss;
    return !std::isnan(a) && (std::isnan(other) || a < other);
  };
  const auto place = std::upper_bound(ranking_.begin(), ranking_.end(), loss, better);
  ranking_.insert(place, static_cast<std::uint32_t>(all_.size()));
  all_.push_back({std::move(point), loss});
  trained_ += !std::isnan(loss);
}

bool Observations::is_flat() const {
  return trained_ == 0 || all_[ranking_.front()].loss == all_[ranking_[trained_ - 1]].loss;
}

void PendingTrials::started(const SearchSpace& space, const Trial& trial) {
  if (auto point = space.point_of(trial.config)) points_.insert_or_assign(trial.number, std::move(*point));
}

std::vector<const Point*> PendingTrials::points() const {
  std::vector<const Point*> out;
  for (const auto& [number, point] : points_) out.push_back(&point);
  return out;
}

}  // namespace caviar
