#include "tuner/samplers/evolution.h"

#include <cmath>
#include <string>
#include <vector>

#include "tuner/region.h"
#include "tuner/samplers/mirror.h"
#include "tuner/samplers/random.h"
#include "tuner/samplers/sobol.h"

namespace caviar {
namespace {

constexpr int kScales = 8;  // of a step: 1, 1/2, ... 1/128

}  // namespace

void EvolutionSampler::tell(const TrialResult& result) {
  std::optional<Point> point = space_.point_of(result.config);
  if (!point) return;  // given by hand, of another space
  members_.push_back({std::move(*point), result.loss});
  if (members_.size() > static_cast<std::size_t>(settings_.population)) members_.pop_front();
}

const EvolutionSampler::Member& EvolutionSampler::winner(Draws& draws) const {
  const Member* best = nullptr;
  for (std::int64_t drawn = 0; drawn < settings_.tournament; ++drawn) {
    const Member& member = members_[static_cast<std::size_t>(draws.below(settings_.population))];
    if (!best || std::isnan(best->loss) || member.loss < best->loss) best = &member;
  }
  return *best;
}

void EvolutionSampler::change(Point& point, std::size_t i, Draws& draws) const {
  const Parameter& parameter = space_.parameters()[i];
  const Value before = parameter.at(point[i]);
  if (parameter.kind() == Parameter::Kind::kCategorical) {
    constexpr int kTries = 64;  // a value that is rarer than that is not drawn either
    for (int tries = 0; tries < kTries && parameter.at(point[i]) == before; ++tries) point[i] = draws.unit();
    return;
  }
  double scale = settings_.step;
  for (std::int64_t k = draws.below(kScales); k > 0; --k) scale /= 2;
  const double step = scale * draws.normal(), from = point[i];
  point[i] = mirrored(from + step);
  if (parameter.kind() != Parameter::Kind::kOrdered || parameter.at(point[i]) != before) return;
  const UnitInterval level = level_at(parameter, from);
  const bool up = (step > 0 && level.high < 1) || level.low <= 0;
  point[i] = up ? level.high : level.low - 0x1p-53;
}

std::optional<Config> EvolutionSampler::propose(std::int64_t number, int attempt) {
  if (number < 0) return std::nullopt;
  if (members_.size() < static_cast<std::size_t>(settings_.population)) {
    return space_.config_at(attempt == 0 ? sobol_point(space_, sweep_seed_, number)
                                         : random_point(space_, sweep_seed_, number, attempt));
  }
  Draws draws(sweep_seed_, number, attempt == 0 ? "evolution" : "evolution attempt " + std::to_string(attempt));
  const Member& mother = winner(draws);
  const Member& father = draws.chance(settings_.crossover) ? winner(draws) : mother;
  Point child = random_point(space_, sweep_seed_, number, attempt);
  for (std::size_t i = 0; i < child.size(); ++i) {
    const bool of_father = draws.chance(0.5);
    const double first = (of_father ? father : mother).point[i], second = (of_father ? mother : father).point[i];
    if (!std::isnan(first)) {
      child[i] = first;
    } else if (!std::isnan(second)) {
      child[i] = second;
    }
  }

  Point placed = child;
  space_.trim(placed);
  std::vector<std::size_t> changeable;
  for (std::size_t i = 0; i < child.size(); ++i) {
    if (!std::isnan(placed[i]) && !space_.parameters()[i].is_constant()) changeable.push_back(i);
  }
  if (changeable.empty()) return space_.config_at(child);
  const auto count = static_cast<std::int64_t>(changeable.size());
  const auto chosen = static_cast<std::size_t>(draws.below(count));
  for (std::size_t k = 0; k < changeable.size(); ++k) {
    if (k == chosen || draws.chance(1 / static_cast<double>(count))) change(child, changeable[k], draws);
  }
  return space_.config_at(child);
}

}  // namespace caviar
