#include "tuner/samplers/gp_search.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "kernels/math/elementary.h"
#include "tuner/samplers/improvement.h"

namespace caviar {
namespace {

constexpr std::size_t kMostKnown = 256;   // observations behind a prediction
constexpr std::size_t kMostFitted = 128;  // and behind the parameters
constexpr std::size_t kMostPending = 256;
constexpr std::size_t kUniform = 256, kLocal = 128;  // candidates
constexpr std::size_t kClimbs = 4;
constexpr int kRounds = 3;  // of a step to another level and a climb
constexpr std::size_t kReturned = 32;
constexpr double kNear = 2.0 / 3, kNearWidth = 0.3;  // share of suggestions that keep to a region, and half its width

// Of the first `known` observations at most `most`: the best and the newest quarter of that, the rest evenly over time.
std::vector<std::uint32_t> chosen_of(const Observations& seen, std::size_t known, std::size_t most) {
  std::vector<std::uint32_t> chosen;
  if (known <= most) {
    chosen.resize(known);
    std::iota(chosen.begin(), chosen.end(), 0u);
    return chosen;
  }
  std::vector<bool> taken(known, false);
  std::size_t best = 0;
  for (const std::uint32_t i : seen.ranking()) {
    if (i >= known) continue;
    if (best++ == most / 4) break;
    taken[i] = true;
  }
  for (std::size_t i = known - most / 4; i < known; ++i) taken[i] = true;
  std::vector<std::uint32_t> rest;
  for (std::size_t i = 0; i < known; ++i) {
    if (!taken[i]) rest.push_back(static_cast<std::uint32_t>(i));
  }
  const std::size_t room = most - (known - rest.size());
  for (std::size_t i = 0; i < room; ++i) taken[rest[i * rest.size() / room]] = true;
  for (std::size_t i = 0; i < known; ++i) {
    if (taken[i]) chosen.push_back(static_cast<std::uint32_t>(i));
  }
  return chosen;
}

// The parameters are fitted anew at every result below 64 of them, at every second below 128, and so on.
std::size_t fitted_at(std::size_t known) {
  const std::size_t every = std::max<std::size_t>(1, std::bit_floor(known) / 32);
  return known - known % every;
}

// Augmented expected improvement (Huang, Allen, Notz, Zeng 2006, eq. 12): times what a further observation, noise and
// all, can tell of the value: 1 - noise / sqrt(deviation^2 + noise^2). As a logarithm, with derivatives.
LogImprovement improvement_of(double mean, double deviation, double best, double noise) {
  LogImprovement out = log_expected_improvement(mean, deviation, best);
  const double total = deviation * deviation + noise, root = std::sqrt(total), ratio = std::sqrt(noise) / root;
  const double share = deviation * deviation / (total * (1 + ratio));  // 1 - ratio without cancellation
  out.value += log_double(share);
  out.by_deviation += ratio * deviation / (total * share);
  return out;
}

}  // namespace

std::vector<double> gp_targets(std::span<const double> losses) {
  std::vector<double> finite, out;
  double mean = 0;
  for (const double loss : losses) {
    if (std::isfinite(loss)) finite.push_back(loss);
  }
  if (finite.empty()) return std::vector<double>(losses.size(), 0.0);
  std::sort(finite.begin(), finite.end());
  const double least = finite.front(), most = finite.back(), middle = finite[finite.size() / 2];
  const double scale = middle > least ? middle - least : most - least;
  for (const double loss : losses) {
    double y = std::isfinite(loss) ? loss : loss < 0 ? least : most;
    if (y > middle) y = middle + scale * log_double(1 + (y - middle) / scale);
    out.push_back(y);
    mean += y / static_cast<double>(losses.size());
  }
  double squares = 0;
  for (const double y : out) squares += (y - mean) * (y - mean);
  const double deviation = squares > 0 ? std::sqrt(squares / static_cast<double>(losses.size())) : 1;
  for (double& y : out) y = (y - mean) / deviation;
  return out;
}

GpSearch::GpSearch(const SearchSpace& space, std::span<const Axis> axes) : space_(space), axes_(axes) {
  for (std::size_t j = 0; j < axes.size(); ++j) {
    if (axes[j].kind != Axis::Kind::kNone) varying_.push_back(j);
  }
}

std::vector<double> GpSearch::encoded(const Point& point) const {
  std::vector<double> out;
  for (const std::size_t j : varying_) {
    const bool absent = std::isnan(point[j]);
    if (axes_[j].kind == Axis::Kind::kChoice) {
      out.push_back(static_cast<double>(absent ? axes_[j].middles.size() : axes_[j].level_of(point[j])));
    } else {
      out.push_back(absent ? 0.5 : point[j]);
    }
  }
  return out;
}

Inputs GpSearch::encoded(std::span<const Point> points) const {
  Inputs inputs;
  inputs.columns.resize(varying_.size());
  for (const std::size_t j : varying_) inputs.is_choice.push_back(axes_[j].kind == Axis::Kind::kChoice);
  for (const Point& point : points) {
    const std::vector<double> row = encoded(point);
    for (std::size_t k = 0; k < row.size(); ++k) inputs.columns[k].push_back(row[k]);
  }
  return inputs;
}

Point GpSearch::trimmed(Point point) const {
  if (space_.is_conditional()) space_.trim(point);
  return point;
}

// Of what every parameter may be.
Box GpSearch::whole() const {
  Box box;
  for (const Axis& axis : axes_) {
    box.low.push_back(axis.low);
    box.high.push_back(axis.high);
  }
  return box;
}

Box GpSearch::around(const Point& centre) const {
  Box box = whole();
  for (const std::size_t j : varying_) {
    if (axes_[j].kind != Axis::Kind::kLine || std::isnan(centre[j])) continue;
    box.low[j] = std::max(box.low[j], centre[j] - kNearWidth);
    box.high[j] = std::min(box.high[j], centre[j] + kNearWidth);
  }
  return box;
}

void GpSearch::place_on_levels(Point& point, const Box& box) const {
  for (const std::size_t j : varying_) {
    point[j] = std::clamp(point[j], box.low[j], box.high[j]);
    if (axes_[j].kind != Axis::Kind::kLine) point[j] = axes_[j].middles[axes_[j].level_of(point[j])];
  }
}

// Brings parameters_ and process_ up to what is seen.
void GpSearch::fit(const Observations& seen) {
  const auto part = [&](std::span<const std::uint32_t> chosen) {
    std::vector<Point> points;
    for (const std::uint32_t i : chosen) points.push_back(seen[i].point);
    return encoded(points);
  };
  const auto targets = [&](std::span<const std::uint32_t> chosen) {
    std::vector<double> losses;
    for (const std::uint32_t i : chosen) losses.push_back(seen[i].loss);
    return gp_targets(losses);
  };
  const std::size_t due = fitted_at(seen.size());
  if (fitted_ != due) {
    const auto chosen = chosen_of(seen, due, kMostFitted);
    parameters_ = fit_gp(part(chosen), targets(chosen));
    fitted_ = due;
    known_ = 0;
  }
  if (known_ != seen.size()) {
    const auto chosen = chosen_of(seen, seen.size(), kMostKnown);
    process_.emplace(part(chosen), targets(chosen), parameters_);
    behind_ = chosen;
    known_ = seen.size();
  }
}

// Points over the whole box, and others around the best. A centre: levels are its own as often as not.
std::vector<Point> GpSearch::starts(const Observations& seen, const Box& box, const Point& centre, Draws& draws) const {
  std::vector<Point> points;
  for (std::size_t i = 0; i < kUniform; ++i) {
    Point point(axes_.size(), 0.5);
    for (const std::size_t j : varying_) {
      const double u = draws.unit();
      const bool is_line = axes_[j].kind == Axis::Kind::kLine;
      point[j] = is_line ? box.low[j] + (box.high[j] - box.low[j]) * u : u;
      if (!is_line && !centre.empty() && !std::isnan(centre[j]) && draws.chance(0.5)) point[j] = centre[j];
    }
    place_on_levels(point, box);
    points.push_back(std::move(point));
  }
  const std::size_t centres = std::min<std::size_t>(seen.trained(), 5);
  const double moved = std::min(1.0, 3.0 / static_cast<double>(varying_.size()));
  for (std::size_t i = 0; i < kLocal && centres > 0; ++i) {
    Point point = seen[seen.ranking()[i % centres]].point;
    const double width = i / centres % 2 == 0 ? 0.1 : 0.02;
    for (const std::size_t j : varying_) {
      const double u = draws.unit();
      if (std::isnan(point[j])) {
        point[j] = u;
      } else if (draws.chance(moved)) {
        point[j] = axes_[j].kind == Axis::Kind::kChoice ? u : point[j] + width * draws.normal();
      }
    }
    place_on_levels(point, box);
    points.push_back(std::move(point));
  }
  return points;
}

std::vector<double> GpSearch::scores(const GaussianProcess& process, double best, std::span<const Point> points) const {
  if (points.empty()) return {};
  std::vector<Point> placed;
  for (const Point& point : points) placed.push_back(trimmed(point));
  const GaussianProcess::Prediction prediction = process.predict(encoded(placed));
  std::vector<double> out;
  for (std::size_t i = 0; i < points.size(); ++i) {
    out.push_back(improvement_of(prediction.mean[i], prediction.deviation[i], best, process.noise()).value);
  }
  return out;
}

// Up along the gradient in the parameters on a line that have a place.
GpSearch::Scored GpSearch::climbed(const GaussianProcess& process, double best, const Box& box, Scored from) const {
  const Point present = trimmed(from.point);
  std::vector<std::size_t> places, parameters;  // in an encoded point, in a point
  std::vector<double> start;
  for (std::size_t k = 0; k < varying_.size(); ++k) {
    const std::size_t j = varying_[k];
    if (axes_[j].kind != Axis::Kind::kLine || std::isnan(present[j])) continue;
    places.push_back(k);
    parameters.push_back(j);
    start.push_back(from.point[j]);
  }
  if (start.empty()) return from;
  std::vector<double> at = encoded(present);
  const SmoothFunction loss = [&](std::span<const double> x, std::span<double> gradient) {
    for (std::size_t k = 0; k < x.size(); ++k) at[places[k]] = x[k];
    const GaussianProcess::Slope slope = process.slope(at);
    const LogImprovement improvement = improvement_of(slope.mean, slope.deviation, best, process.noise());
    for (std::size_t k = 0; k < x.size(); ++k) {
      gradient[k] = -improvement.by_mean * slope.mean_slope[places[k]] -
                    improvement.by_deviation * slope.deviation_slope[places[k]];
    }
    return -improvement.value;
  };
  Box climb;
  for (const std::size_t j : parameters) {
    climb.low.push_back(box.low[j]);
    climb.high.push_back(box.high[j]);
  }
  const Minimum found = descend(loss, std::move(start), climb, 30, 1e-6);
  for (std::size_t k = 0; k < parameters.size(); ++k) from.point[parameters[k]] = found.x[k];
  from.score = -found.value;
  return from;
}

// The best of all points that differ in one parameter: another choice, the next steps.
GpSearch::Scored GpSearch::stepped(const GaussianProcess& process, double best, Scored from) const {
  const Point present = trimmed(from.point);
  std::vector<Point> others;
  for (const std::size_t j : varying_) {
    const Axis& axis = axes_[j];
    if (axis.kind == Axis::Kind::kLine || std::isnan(present[j])) continue;
    const std::size_t here = axis.level_of(present[j]);
    for (std::size_t level = 0; level < axis.middles.size(); ++level) {
      const std::size_t apart = level > here ? level - here : here - level;
      if (apart == 0 || (axis.kind == Axis::Kind::kSteps && apart > 2)) continue;
      others.push_back(from.point);
      others.back()[j] = axis.middles[level];
    }
  }
  const std::vector<double> found = scores(process, best, others);
  for (std::size_t i = 0; i < others.size(); ++i) {
    if (found[i] > from.score) from = {others[i], found[i]};
  }
  return from;
}

std::vector<Point> GpSearch::candidates(const Observations& seen, const PendingTrials& pending, Draws draws) {
  fit(seen);
  GaussianProcess process = *process_;
  std::vector<Point> waiting;
  for (const Point* point : pending.points()) waiting.push_back(*point);
  if (waiting.size() > kMostPending) waiting.erase(waiting.begin(), waiting.end() - kMostPending);
  process.believe(encoded(waiting));
  const double best = process.least_mean();

  Point centre;
  if (draws.chance(kNear / static_cast<double>(1 + waiting.size()))) {
    const std::size_t at = process.least_at();
    centre = at < behind_.size() ? seen[behind_[at]].point : waiting[at - behind_.size()];
  }
  const Box box = centre.empty() ? whole() : around(centre);
  std::vector<Point> points = starts(seen, box, centre, draws);
  const std::vector<double> found = scores(process, best, points);
  std::vector<Scored> ranked;
  for (std::size_t i = 0; i < points.size(); ++i) ranked.push_back({std::move(points[i]), found[i]});
  const auto better = [](const Scored& a, const Scored& b) { return a.score > b.score; };
  std::stable_sort(ranked.begin(), ranked.end(), better);
  for (std::size_t i = 0; i < std::min(kClimbs, ranked.size()); ++i) {
    ranked[i] = climbed(process, best, box, std::move(ranked[i]));
    for (int round = 0; round < kRounds; ++round) {
      Scored moved = stepped(process, best, ranked[i]);
      if (!(moved.score > ranked[i].score)) break;
      ranked[i] = climbed(process, best, box, std::move(moved));
    }
  }
  std::stable_sort(ranked.begin(), ranked.end(), better);
  return distinct(ranked);
}

// The first of them without a place for what has none, each once.
std::vector<Point> GpSearch::distinct(std::span<const Scored> ranked) const {
  std::vector<Point> out;
  for (const Scored& candidate : ranked) {
    if (out.size() == kReturned) break;
    Point point = trimmed(candidate.point);
    if (std::none_of(out.begin(), out.end(), [&](const Point& other) { return same_point(point, other); })) {
      out.push_back(std::move(point));
    }
  }
  return out;
}

}  // namespace caviar
