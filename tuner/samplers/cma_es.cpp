#include "tuner/samplers/cma_es.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <string>

#include "kernels/math/elementary.h"
#include "tuner/numerics/draws.h"
#include "tuner/region.h"
#include "tuner/samplers/axes.h"
#include "tuner/samplers/mirror.h"

namespace caviar {

// A trial before it is a config.
struct CmaEsSampler::Draw {
  std::vector<double> y;            // [numeric], see cma.h
  std::vector<std::int64_t> value;  // [categorical]; -1: it has none
};

struct CmaEsSampler::Told {
  std::int64_t number = 0;
  Config config;
  double loss = 0;
};

struct CmaEsSampler::Search {
  std::optional<Cma> normal;                 // nothing without numeric parameters
  std::vector<std::vector<double>> chances;  // [categorical, values]
  std::int64_t starts = 0, doublings = 0;
  std::vector<Told> told;    // of the generation that runs
  std::int64_t blocks = 0;   // of it that are over
  std::deque<double> bests;  // losses of the last generations
};

namespace {

constexpr int kMostAttempts = 64;  // at a trial, for its draw to be found again
constexpr std::int64_t kMostDoublings = 16;

std::int64_t default_population(std::size_t parameters, std::int64_t window) {
  const double n = static_cast<double>(std::max<std::size_t>(1, parameters));
  return std::max(4 + static_cast<std::int64_t>(3 * log_double(n)), window - 1);
}

// The x nearest to `near` that mirrored() maps to u.
double image_of(double u, double near) {
  const double even = 2 * std::nearbyint(near / 2);
  return near < even ? even - u : even + u;
}

}  // namespace

CmaEsSampler::CmaEsSampler(const SearchSpace& space, std::uint64_t sweep_seed, const Settings& settings)
    : space_(space), sweep_seed_(sweep_seed), sigma_(settings.sigma) {
  std::size_t freedom = 0;
  const std::vector<Axis> axes = axes_of(space_);
  for (std::size_t i = 0; i < space_.size(); ++i) {
    if (axes[i].kind == Axis::Kind::kNone) continue;
    if (axes[i].kind != Axis::Kind::kChoice) {
      numeric_.push_back(i);
      ++freedom;
      continue;
    }
    categorical_.push_back(i);
    places_.emplace_back();
    first_chances_.emplace_back();
    for (std::size_t level = 0; level < axes[i].middles.size(); ++level) {
      if (!(axes[i].chances[level] > 0)) continue;
      places_.back().push_back(axes[i].middles[level]);
      first_chances_.back().push_back(axes[i].chances[level]);
    }
    freedom += places_.back().size() - 1;
  }
  population_ = settings.population > 0 ? settings.population
                                        : default_population(numeric_.size() + categorical_.size(), settings.window);
  const CmaNumbers numbers(std::max<std::size_t>(1, freedom), static_cast<std::size_t>(population_));
  category_rate_ = numbers.c_1 + numbers.c_mu;
  const std::int64_t searches = settings.wait ? 1 : 1 + (settings.window - 1 + population_ - 1) / population_;
  for (std::int64_t s = 0; s < searches; ++s) searches_.push_back(std::make_unique<Search>());
}

CmaEsSampler::~CmaEsSampler() = default;

std::int64_t CmaEsSampler::needs(std::int64_t number) const {
  return std::max<std::int64_t>(-1, (number / population_ - searches() + 1) * population_ - 1);
}

std::int64_t CmaEsSampler::restarts(std::int64_t search) const {
  return std::max<std::int64_t>(0, searches_[static_cast<std::size_t>(search)]->starts - 1);
}

// Late, so that observations of earlier studies have been told.
CmaEsSampler::Search& CmaEsSampler::started_search(std::int64_t index) {
  Search& search = *searches_[static_cast<std::size_t>(index)];
  if (search.starts == 0) start(index, search);
  return search;
}

void CmaEsSampler::start(std::int64_t index, Search& search) const {
  std::vector<double> mean(numeric_.size(), 0.5);
  if (index > 0 || search.starts > 0) {
    Draws draws(sweep_seed_, index + searches() * search.starts, "cma_es start");
    for (double& u : mean) u = draws.unit();
  } else if (best_before_) {
    for (std::size_t k = 0; k < mean.size(); ++k) {
      const double u = (*best_before_)[numeric_[k]];
      if (!std::isnan(u)) mean[k] = u;
    }
  }
  if (!mean.empty()) search.normal.emplace(mean, sigma_, static_cast<std::size_t>(population_ << search.doublings));
  search.chances = first_chances_;
  search.bests.clear();
  ++search.starts;
  keep_margins(search);
}

CmaEsSampler::Draw CmaEsSampler::draw(const Search& search, std::int64_t number, int attempt) const {
  Draws draws(sweep_seed_, number, attempt == 0 ? "cma_es" : "cma_es attempt " + std::to_string(attempt));
  Draw out;
  std::vector<double> z(numeric_.size());
  for (double& component : z) component = draws.normal();
  if (search.normal) out.y = search.normal->spread(z);
  for (const std::vector<double>& chances : search.chances) {
    const double u = draws.unit();
    std::size_t value = 0;
    for (double below = chances[0]; u >= below && value + 1 < chances.size();) below += chances[++value];
    out.value.push_back(static_cast<std::int64_t>(value));
  }
  return out;
}

Config CmaEsSampler::config_of(const Search& search, const Draw& draw) const {
  Point point(space_.size(), 0.5);
  if (search.normal) {
    const std::vector<double> x = search.normal->at(draw.y);
    for (std::size_t k = 0; k < numeric_.size(); ++k) {
      const bool continuous = space_.parameters()[numeric_[k]].kind() == Parameter::Kind::kContinuous;
      point[numeric_[k]] = continuous ? mirrored(x[k]) : std::clamp(x[k], 0.0, kBelowOne);
    }
  }
  for (std::size_t k = 0; k < categorical_.size(); ++k) {
    point[categorical_[k]] = places_[k][static_cast<std::size_t>(draw.value[k])];
  }
  return space_.config_at(point);
}

// A point from elsewhere as if it had been drawn here; what has no place is at the mean.
CmaEsSampler::Draw CmaEsSampler::placed(const Search& search, const Point& point) const {
  Draw out;
  if (search.normal) {
    std::vector<double> x = search.normal->mean();
    for (std::size_t k = 0; k < x.size(); ++k) {
      const double u = point[numeric_[k]];
      if (std::isnan(u)) continue;
      const bool continuous = space_.parameters()[numeric_[k]].kind() == Parameter::Kind::kContinuous;
      x[k] = continuous ? image_of(u, x[k]) : u;
    }
    out.y = search.normal->spread_of(x);
  }
  for (std::size_t k = 0; k < categorical_.size(); ++k) {
    const auto at = std::find(places_[k].begin(), places_[k].end(), point[categorical_[k]]);
    out.value.push_back(at == places_[k].end() ? -1 : at - places_[k].begin());
  }
  return out;
}

// What was drawn for a trial: a draw of today that gives its config is what was drawn then, unless the search has moved
// in between. Nothing when the space does not have the config.
std::optional<CmaEsSampler::Draw> CmaEsSampler::recovered(const Search& search, const Told& told) const {
  for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
    Draw again = draw(search, told.number, attempt);
    if (config_of(search, again) == told.config) return again;
  }
  const std::optional<Point> point = space_.point_of(told.config);
  return point ? std::optional(placed(search, *point)) : std::nullopt;
}

void CmaEsSampler::tell(const TrialResult& result) {
  if (result.number < 0) {
    const bool better = !best_before_ || result.loss < best_loss_before_;
    std::optional<Point> point = std::isnan(result.loss) || !better ? std::nullopt : space_.point_of(result.config);
    if (!point) return;
    best_before_ = std::move(point);
    best_loss_before_ = result.loss;
    return;
  }
  const std::int64_t index = search_of(result.number);
  Search& search = started_search(index);
  search.told.push_back({result.number, result.config, result.loss});
  if ((result.number + 1) % population_ != 0) return;
  if (++search.blocks == std::int64_t{1} << search.doublings) end_generation(index, search);
}

void CmaEsSampler::end_generation(std::int64_t index, Search& search) const {
  std::stable_sort(search.told.begin(), search.told.end(), [](const Told& a, const Told& b) {
    return std::isnan(b.loss) ? !std::isnan(a.loss) : a.loss < b.loss;
  });
  std::vector<Draw> best_first;
  std::vector<std::vector<double>> spreads;
  std::size_t finite = 0;
  double best = std::numeric_limits<double>::quiet_NaN();
  for (const Told& told : search.told) {
    std::optional<Draw> found = recovered(search, told);
    if (!found) continue;
    if (best_first.empty()) best = told.loss;
    finite += !std::isnan(told.loss);
    spreads.push_back(found->y);
    best_first.push_back(std::move(*found));
  }
  search.told.clear();
  search.blocks = 0;
  if (finite == 0) {
    start(index, search);
    return;
  }
  if (search.normal) search.normal->update(spreads, finite);
  learn_categories(search, best_first, finite);
  keep_margins(search);
  if (is_stuck(search, best)) {
    search.doublings = std::min(search.doublings + 1, kMostDoublings);
    start(index, search);
  }
}

void CmaEsSampler::learn_categories(Search& search, const std::vector<Draw>& best_first, std::size_t finite) const {
  if (categorical_.empty()) return;
  const CmaNumbers numbers(1, static_cast<std::size_t>(population_ << search.doublings));
  const std::size_t parents = std::min({numbers.parents, finite, best_first.size()});
  const double parameters = static_cast<double>(categorical_.size());
  for (std::size_t k = 0; k < categorical_.size(); ++k) {
    std::vector<double>& chances = search.chances[k];
    std::vector<double> chosen(chances.size(), 0);
    double sum = 0;
    for (std::size_t rank = 0; rank < parents; ++rank) {
      if (best_first[rank].value[k] < 0) continue;
      chosen[static_cast<std::size_t>(best_first[rank].value[k])] += numbers.weights[rank];
      sum += numbers.weights[rank];
    }
    if (!(sum > 0)) continue;
    const double least =
        (1 - power(0.73, 1 / parameters)) / static_cast<double>(std::max<std::size_t>(2, chances.size()) - 1);
    double total = 0, above = 0;
    for (std::size_t v = 0; v < chances.size(); ++v) {
      chances[v] = std::max(least, chances[v] + category_rate_ * (chosen[v] / sum - chances[v]));
      total += chances[v];
      above += chances[v] - least;
    }
    // What raising has added is taken from those above the least, in proportion.
    for (double& p : chances) p += above > 0 ? (1 - total) / above * (p - least) : 0;
  }
}

void CmaEsSampler::keep_margins(Search& search) const {
  if (!search.normal) return;
  const double alpha = 1 / static_cast<double>((numeric_.size() + categorical_.size()) *
                                               static_cast<std::size_t>(population_ << search.doublings));
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (std::size_t k = 0; k < numeric_.size(); ++k) {
    const Parameter& parameter = space_.parameters()[numeric_[k]];
    if (parameter.kind() != Parameter::Kind::kOrdered) continue;
    const UnitInterval level = level_at(parameter, std::clamp(search.normal->mean()[k], 0.0, kBelowOne));
    search.normal->keep_margin(k, level.low > 0 ? level.low : -kInfinity, level.high < 1 ? level.high : kInfinity,
                               alpha);
  }
}

bool CmaEsSampler::is_stuck(Search& search, double best) const {
  const auto n = static_cast<std::int64_t>(numeric_.size() + categorical_.size());
  const auto remembered = static_cast<std::size_t>(10 + 30 * n / (population_ << search.doublings));
  search.bests.push_back(best);
  if (search.bests.size() > remembered) search.bests.pop_front();
  if (search.bests.size() == remembered) {
    const auto [least, most] = std::minmax_element(search.bests.begin(), search.bests.end());
    if (*least == *most || *most - *least <= 1e-12) return true;
  }
  if (!search.normal) return false;
  if (search.normal->condition() > 1e14) return true;
  double largest = 0;
  bool continuous = false;
  for (std::size_t k = 0; k < numeric_.size(); ++k) {
    if (space_.parameters()[numeric_[k]].kind() != Parameter::Kind::kContinuous) continue;
    continuous = true;
    largest = std::max(largest, search.normal->deviation(k));
  }
  if (continuous) return largest < 1e-7 || !(largest < 10);
  return !(search.normal->sigma() > 1e-30);  // margins keep such a search going; the number must not become 0
}

std::optional<Config> CmaEsSampler::propose(std::int64_t number, int attempt) {
  if (number < 0) return std::nullopt;
  const Search& search = started_search(search_of(number));
  return config_of(search, draw(search, number, attempt));
}

}  // namespace caviar
