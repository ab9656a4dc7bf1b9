#include "tuner/region.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace caviar {
namespace {

constexpr double kPlaces = 0x1p53;  // u is a multiple of 2^-53

// All places that give the value u gives, by bisection between `from` and `to`, where they must be one run.
UnitInterval run_of(const Parameter& parameter, double u, double from, double to) {
  const Value value = parameter.at(u);
  const auto place = [](double x) { return static_cast<std::int64_t>(std::clamp(x, 0.0, 1.0) * kPlaces); };
  const auto has = [&](std::int64_t x) { return parameter.at(static_cast<double>(x) / kPlaces) == value; };
  std::int64_t low = place(from), first = place(u);
  while (low < first) {
    const std::int64_t middle = low + (first - low) / 2;
    if (has(middle)) {
      first = middle;
    } else {
      low = middle + 1;
    }
  }
  std::int64_t last = place(u), high = std::max(place(to) - 1, last);
  while (last < high) {
    const std::int64_t middle = high - (high - last) / 2;
    if (has(middle)) {
      last = middle;
    } else {
      high = middle - 1;
    }
  }
  return {static_cast<double>(first) / kPlaces, static_cast<double>(last + 1) / kPlaces};
}

// The places of one value of a categorical parameter; the first of them when the file lists it more than once.
UnitInterval cell_of(const Parameter& parameter, const Value& value) {
  constexpr double kSlack = 1e-9;  // bisection finds the edge itself
  const ParameterSpec& spec = parameter.spec();
  const double u = parameter.unit_of(value).value();
  double width = 1.0 / static_cast<double>(spec.values.size());
  if (!spec.probabilities.empty()) {
    const auto at = std::find(spec.values.begin(), spec.values.end(), value) - spec.values.begin();
    width = spec.probabilities[static_cast<std::size_t>(at)];
  }
  return run_of(parameter, u, u - width / 2 - kSlack, u + width / 2 + kSlack);
}

// The coordinates of parameter i that are there, ascending.
std::vector<double> places_of(std::size_t i, std::span<const Observation* const> best) {
  std::vector<double> places;
  for (const Observation* observation : best) {
    if (!std::isnan(observation->point[i])) places.push_back(observation->point[i]);
  }
  std::sort(places.begin(), places.end());
  return places;
}

std::vector<UnitInterval> values_kept(const Parameter& parameter, const std::vector<double>& places) {
  std::vector<UnitInterval> kept;
  for (const double u : places) {
    if (kept.empty() || u >= kept.back().high) kept.push_back(cell_of(parameter, parameter.at(u)));
  }
  return kept;
}

UnitInterval span_kept(const Parameter& parameter, const std::vector<double>& places, double least) {
  const double span = places.back() - places.front();
  const double unseen = places.size() > 1 ? span / static_cast<double>(places.size() - 1) : 0;
  const double width = std::min(1.0, std::max(span + 2 * unseen, least));
  const double low = std::clamp((places.front() + places.back() - width) / 2, 0.0, 1 - width);
  UnitInterval kept{low, std::min(1.0, low + width)};
  if (parameter.kind() == Parameter::Kind::kOrdered) {
    kept.high = level_at(parameter, std::max(kept.low, kept.high - 1 / kPlaces)).high;
    kept.low = level_at(parameter, kept.low).low;
  }
  return kept;
}

}  // namespace

Region whole_region(const SearchSpace& space) { return Region(space.size(), {UnitInterval{}}); }

UnitInterval level_at(const Parameter& parameter, double u) { return run_of(parameter, u, 0, 1); }

Point point_in(const Region& region, const Point& point) {
  Point out = point;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (std::isnan(point[i])) continue;
    const std::vector<UnitInterval>& intervals = region[i];
    double length = 0;
    for (const UnitInterval& interval : intervals) length += interval.high - interval.low;
    double along = point[i] * length;
    for (const UnitInterval& interval : intervals) {
      const double last = std::max(interval.low, interval.high - 1 / kPlaces);  // rounding must not leave it
      out[i] = std::min(interval.low + along, last);
      if (along < interval.high - interval.low) break;
      along -= interval.high - interval.low;
    }
  }
  return out;
}

std::optional<Observation> observation_of(const SearchSpace& space, const TrialResult& result) {
  if (std::isnan(result.loss)) return std::nullopt;
  std::optional<Point> point = space.point_of(result.config);
  if (!point) return std::nullopt;
  return Observation{std::move(*point), result.loss};
}

Region zoomed_region(const SearchSpace& space, std::span<const Observation> observations, std::int64_t round,
                     const ZoomSettings& settings) {
  Region region = whole_region(space);
  if (round <= 0 || observations.empty()) return region;
  std::vector<const Observation*> best;
  for (const Observation& observation : observations) best.push_back(&observation);
  std::stable_sort(best.begin(), best.end(), [](const auto* a, const auto* b) { return a->loss < b->loss; });
  best.resize(std::min(best.size(), static_cast<std::size_t>(settings.keep)));

  double least = 1;
  for (std::int64_t r = 0; r < round && least > 1 / kPlaces; ++r) least *= settings.shrink;
  for (std::size_t i = 0; i < region.size(); ++i) {
    const Parameter& parameter = space.parameters()[i];
    const std::vector<double> places = places_of(i, best);
    if (parameter.is_constant() || places.empty()) continue;
    region[i] = parameter.kind() == Parameter::Kind::kCategorical
                    ? values_kept(parameter, places)
                    : std::vector<UnitInterval>{span_kept(parameter, places, least)};
  }
  return region;
}

Region zoomed_region(const SearchSpace& space, std::span<const TrialResult> results, std::int64_t round,
                     const ZoomSettings& settings) {
  std::vector<Observation> observations;
  for (const TrialResult& result : results) {
    if (auto observation = observation_of(space, result)) observations.push_back(std::move(*observation));
  }
  return zoomed_region(space, observations, round, settings);
}

}  // namespace caviar
