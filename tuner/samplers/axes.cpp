#include "tuner/samplers/axes.h"

#include <algorithm>

namespace caviar {
namespace {

bool has_no_ends(Distribution distribution) {
  return distribution == Distribution::kNormal || distribution == Distribution::kQNormal ||
         distribution == Distribution::kLogNormal || distribution == Distribution::kQLogNormal;
}

Axis axis_of(const Parameter& parameter) {
  Axis axis;
  const bool few = parameter.kind() == Parameter::Kind::kOrdered && parameter.levels() <= Axis::kMostSteps;
  if (parameter.is_constant()) return axis;
  axis.kind = few                                                 ? Axis::Kind::kSteps
              : parameter.kind() == Parameter::Kind::kCategorical ? Axis::Kind::kChoice
                                                                  : Axis::Kind::kLine;
  if (has_no_ends(parameter.spec().distribution)) {
    axis.low = Axis::kTail;
    axis.high = 1 - Axis::kTail;
  }
  if (axis.kind == Axis::Kind::kLine) return axis;
  for (std::int64_t k = 0; k < parameter.levels(); ++k)
    axis.middles.push_back(parameter.unit_of(parameter.level(k)).value_or(0.5));
  if (axis.kind == Axis::Kind::kSteps) {
    // The cells follow each other without gaps, so each ends as far above its middle as it begins below.
    axis.edges.push_back(0);
    for (const double middle : axis.middles)
      axis.edges.push_back(std::clamp(2 * middle - axis.edges.back(), axis.edges.back(), 1.0));
    axis.edges.back() = 1;
    for (std::size_t k = 0; k < axis.middles.size(); ++k) axis.chances.push_back(axis.edges[k + 1] - axis.edges[k]);
    return axis;
  }
  const ParameterSpec& spec = parameter.spec();
  for (std::int64_t k = 0; k < parameter.levels(); ++k) {
    const Value level = parameter.level(k);
    double chance = 0;
    for (std::size_t i = 0; i < spec.values.size(); ++i) {
      if (spec.values[i] != level) continue;
      chance += spec.probabilities.empty() ? 1.0 / static_cast<double>(spec.values.size()) : spec.probabilities[i];
    }
    axis.chances.push_back(chance);
  }
  return axis;
}

}  // namespace

std::size_t Axis::level_of(double u) const {
  const auto begin = kind == Kind::kSteps ? edges.begin() + 1 : middles.begin();
  const auto end = kind == Kind::kSteps ? edges.end() - 1 : middles.end();
  auto found = std::upper_bound(begin, end, u);
  if (kind == Kind::kChoice && found != begin && (found == end || u - *(found - 1) <= *found - u)) --found;
  return static_cast<std::size_t>(found - begin);
}

std::vector<Axis> axes_of(const SearchSpace& space) {
  std::vector<Axis> axes;
  for (const Parameter& parameter : space.parameters()) axes.push_back(axis_of(parameter));
  return axes;
}

}  // namespace caviar
