#include "tuner/space.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "kernels/base/error.h"
#include "kernels/math/elementary.h"
#include "tuner/distributions.h"
#include "tuner/value.h"

namespace caviar {
namespace {

constexpr double kMostLevels = 1 << 20;  // of a parameter that is listed value by value
constexpr double kLargestUnit = 1 - 0x1p-53;
constexpr double kLargestWhole = 9007199254740992.0;  // 2^53: every whole number up to here is a double

// Values in the order of the file, each once. JSON compares 3.0 and 3 as equal, true and 1 as different.
std::vector<Value> distinct(const std::vector<Value>& values) {
  std::set<Value> seen;
  std::vector<Value> out;
  for (const Value& value : values) {
    if (seen.insert(value).second) out.push_back(value);
  }
  return out;
}

// The place of u among n equal shares, 0 .. n - 1.
double share(double u, double n) { return std::clamp(std::ceil(u * n) - 1, 0.0, n - 1); }

// A multiple of q, as an integer or as a number. Whole numbers are exact as they are, others would show the rounding of
// the product. Adding 0 makes -0, which -0.3 rounds to, an ordinary 0.
Value multiple(double value, bool integer) {
  if (integer) return static_cast<std::int64_t>(std::clamp(value, -kLargestWhole, kLargestWhole));
  const bool whole = std::abs(value) <= kLargestWhole && value == std::floor(value);
  return whole ? value + 0.0 : round_to_float32(value);
}

// Numbers that only go up, or only down: their order means something.
bool is_ladder(const std::vector<Value>& values) {
  for (const Value& value : values) {
    if (!value.is_number()) return false;
  }
  const auto up = [](const Value& a, const Value& b) { return a.get<double>() >= b.get<double>(); };
  const auto down = [](const Value& a, const Value& b) { return a.get<double>() <= b.get<double>(); };
  return std::adjacent_find(values.begin(), values.end(), up) == values.end() ||
         std::adjacent_find(values.begin(), values.end(), down) == values.end();
}

bool is_quantised(Distribution distribution) {
  switch (distribution) {
    case Distribution::kQUniform:
    case Distribution::kQLogUniform:
    case Distribution::kQLogUniformValues:
    case Distribution::kQNormal:
    case Distribution::kQLogNormal:
    case Distribution::kQBeta:
      return true;
    default:
      return false;
  }
}

std::size_t weighted_share(const std::vector<double>& probabilities, double u) {
  double cumulative = 0;
  std::size_t last = 0;
  for (std::size_t i = 0; i < probabilities.size(); ++i) {
    cumulative += probabilities[i];
    if (probabilities[i] > 0) last = i;
    if (u < cumulative) return i;
  }
  return last;  // rounding left the sum a little below 1
}

}  // namespace

Parameter::Parameter(ParameterSpec spec) : spec_(std::move(spec)) {
  const bool listed = spec_.distribution == Distribution::kCategorical ||
                      spec_.distribution == Distribution::kCategoricalWithProbabilities;
  if (listed) distinct_ = distinct(spec_.values);
  levels_ = count_levels();
  if (levels_ == 1) {
    kind_ = Kind::kConstant;
  } else if (levels_ == 0) {
    kind_ = Kind::kContinuous;
  } else {
    kind_ = listed && !is_ladder(spec_.values) ? Kind::kCategorical : Kind::kOrdered;
  }
}

std::int64_t Parameter::count_levels() const {
  switch (spec_.distribution) {
    case Distribution::kConstant:
      return 1;
    case Distribution::kCategorical:
    case Distribution::kCategoricalWithProbabilities:
      return static_cast<std::int64_t>(distinct_.size());
    case Distribution::kIntUniform:
    case Distribution::kQUniform:
    case Distribution::kQLogUniform:
    case Distribution::kQLogUniformValues:
    case Distribution::kQBeta: {
      const bool whole = spec_.distribution == Distribution::kIntUniform;
      const double q = whole ? 1 : spec_.q;
      const double low = whole ? spec_.min : std::nearbyint(continuous(0) / q);
      const double high = whole ? spec_.max : std::nearbyint(continuous(kLargestUnit) / q);
      return high - low < kMostLevels ? static_cast<std::int64_t>(high - low) + 1 : 0;
    }
    default:
      return 0;
  }
}

Value Parameter::level(std::int64_t index) const {
  switch (spec_.distribution) {
    case Distribution::kConstant:
      return spec_.values.front();
    case Distribution::kCategorical:
    case Distribution::kCategoricalWithProbabilities:
      return distinct_[static_cast<std::size_t>(index)];
    case Distribution::kIntUniform:
      return static_cast<std::int64_t>(spec_.min) + index;
    default:
      return multiple((std::nearbyint(continuous(0) / spec_.q) + static_cast<double>(index)) * spec_.q,
                      spec_.integer_q);
  }
}

// The law before quantisation.
double Parameter::continuous(double u) const {
  constexpr double kEdge = 0x1p-54;
  const double inside = std::clamp(u, kEdge, 1 - 2 * kEdge);
  const double line = spec_.min + u * (spec_.max - spec_.min);
  switch (spec_.distribution) {
    case Distribution::kUniform:
    case Distribution::kQUniform:
      return line;
    case Distribution::kLogUniform:
    case Distribution::kQLogUniform:
      return exp_double(line);
    case Distribution::kInvLogUniform:
      return exp_double(-(spec_.min + (1 - u) * (spec_.max - spec_.min)));
    case Distribution::kLogUniformValues:
    case Distribution::kQLogUniformValues:
    case Distribution::kInvLogUniformValues: {
      const double low = log_double(spec_.min), high = log_double(spec_.max);
      return std::clamp(exp_double(low + u * (high - low)), spec_.min, spec_.max);
    }
    case Distribution::kNormal:
    case Distribution::kQNormal:
      return spec_.mu + spec_.sigma * normal_quantile(inside);
    case Distribution::kLogNormal:
    case Distribution::kQLogNormal:
      return exp_double(std::clamp(spec_.mu + spec_.sigma * normal_quantile(inside), -700.0, 700.0));
    case Distribution::kBeta:
    case Distribution::kQBeta:
      return beta_quantile(inside, spec_.a, spec_.b);
    default:
      break;
  }
  fail("parameter '", spec_.name, "' has no continuous law");
}

Value Parameter::quantised(double x) const { return multiple(std::nearbyint(x / spec_.q) * spec_.q, spec_.integer_q); }

Value Parameter::at(double u) const {
  switch (spec_.distribution) {
    case Distribution::kConstant:
      return spec_.values.front();
    case Distribution::kCategorical:
      return spec_.values[static_cast<std::size_t>(share(u, static_cast<double>(spec_.values.size())))];
    case Distribution::kCategoricalWithProbabilities:
      return spec_.values[weighted_share(spec_.probabilities, u)];
    case Distribution::kIntUniform:
      return static_cast<std::int64_t>(spec_.min + share(u, spec_.max - spec_.min + 1));
    case Distribution::kQUniform:
    case Distribution::kQLogUniform:
    case Distribution::kQLogUniformValues:
    case Distribution::kQNormal:
    case Distribution::kQLogNormal:
    case Distribution::kQBeta:
      return quantised(continuous(u));
    default:
      return round_to_float32(continuous(u));
  }
}

std::int64_t Parameter::grid_size() const {
  switch (spec_.distribution) {
    case Distribution::kConstant:
      return 1;
    case Distribution::kCategorical:
      return static_cast<std::int64_t>(distinct_.size());
    case Distribution::kIntUniform:
      return static_cast<std::int64_t>(spec_.max) - static_cast<std::int64_t>(spec_.min) + 1;
    case Distribution::kQUniform: {
      const double points = std::ceil((spec_.max - spec_.min) / spec_.q);
      if (points > kLargestWhole) {
        fail("parameter '", spec_.name, "' has ", points, " grid points; use a larger q");
      }
      return std::max<std::int64_t>(1, static_cast<std::int64_t>(points));
    }
    default:
      break;
  }
  fail("parameter '", spec_.name, "' is ", to_string(spec_.distribution),
       ", which has no grid; list values, use int_uniform or q_uniform, or method: random");
}

Value Parameter::grid_value(std::int64_t index) const {
  switch (spec_.distribution) {
    case Distribution::kConstant:
      return spec_.values.front();
    case Distribution::kCategorical:
      return distinct_[static_cast<std::size_t>(index)];
    case Distribution::kIntUniform:
      return static_cast<std::int64_t>(spec_.min) + index;
    default:
      return multiple(spec_.min + static_cast<double>(index) * spec_.q, spec_.integer_bounds && spec_.integer_q);
  }
}

// The least u with continuous(u) >= x, by bisection over the 2^53 places of u: continuous() never descends.
double Parameter::unit_below(double x) const {
  if (spec_.distribution == Distribution::kBeta || spec_.distribution == Distribution::kQBeta) {
    return x <= 0 ? 0 : x >= 1 ? 1 : beta_cdf(x, spec_.a, spec_.b);
  }
  std::int64_t low = 0, high = std::int64_t{1} << 53;
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    if (continuous(static_cast<double>(middle) * 0x1p-53) >= x) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return static_cast<double>(low) * 0x1p-53;
}

std::optional<double> Parameter::unit_of(const Value& value) const {
  const auto listed = std::find(spec_.values.begin(), spec_.values.end(), value);
  const auto place = static_cast<double>(listed - spec_.values.begin());
  switch (spec_.distribution) {
    case Distribution::kConstant:
      return listed == spec_.values.end() ? std::nullopt : std::optional(0.5);
    case Distribution::kCategorical:
      if (listed == spec_.values.end()) return std::nullopt;
      return (place + 0.5) / static_cast<double>(spec_.values.size());
    case Distribution::kCategoricalWithProbabilities: {
      if (listed == spec_.values.end()) return std::nullopt;
      const auto index = static_cast<std::size_t>(place);
      double below = 0;
      for (std::size_t i = 0; i < index; ++i) below += spec_.probabilities[i];
      const double u = below + spec_.probabilities[index] / 2;
      return u < 1 && at(u) == value ? std::optional(u) : std::nullopt;  // a chance of 0 is never drawn
    }
    default:
      break;
  }
  if (!value.is_number()) return std::nullopt;
  const double x = value.get<double>();
  if (!std::isfinite(x)) return std::nullopt;
  if (spec_.distribution == Distribution::kIntUniform) {
    if (x != std::floor(x) || x < spec_.min || x > spec_.max) return std::nullopt;
    return (x - spec_.min + 0.5) / (spec_.max - spec_.min + 1);
  }
  if (is_quantised(spec_.distribution)) {
    if (std::abs(x - std::nearbyint(x / spec_.q) * spec_.q) > 1e-6 * spec_.q) return std::nullopt;
    const double low = unit_below(x - spec_.q / 2), high = unit_below(x + spec_.q / 2);
    return low < high ? std::optional(std::min(low + (high - low) / 2, kLargestUnit)) : std::nullopt;
  }
  const double tolerance = 1e-6 * std::abs(x);
  if (x < continuous(0) - tolerance || x > continuous(kLargestUnit) + tolerance) return std::nullopt;
  return std::clamp(unit_below(x), 0.0, kLargestUnit);
}

// ---- the space

SearchSpace::SearchSpace(const SweepSpec& spec) {
  for (const ParameterSpec& parameter : spec.parameters) parameters_.emplace_back(parameter);
  std::sort(parameters_.begin(), parameters_.end(), [](const Parameter& a, const Parameter& b) {
    return std::pair(a.name(), a.label()) < std::pair(b.name(), b.label());
  });
  for (const Parameter& parameter : parameters_) {
    int parent = -1;
    if (const auto& when = parameter.spec().when) {
      const auto found = std::find_if(parameters_.begin(), parameters_.end(),
                                      [&](const Parameter& other) { return other.label() == when->parameter; });
      if (found == parameters_.end()) fail("parameter '", parameter.label(), "' depends on an unknown one");
      parent = static_cast<int>(found - parameters_.begin());
    }
    parents_.push_back(parent);
  }
  std::vector<bool> placed(parameters_.size(), false);
  while (from_root_.size() < parameters_.size()) {
    const std::size_t before = from_root_.size();
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      if (placed[i] || (parents_[i] >= 0 && !placed[static_cast<std::size_t>(parents_[i])])) continue;
      placed[i] = true;
      from_root_.push_back(i);
    }
    if (from_root_.size() == before) fail("the choices of the sweep depend on each other in a circle; break it");
  }
}

bool SearchSpace::is_conditional() const {
  return std::any_of(parents_.begin(), parents_.end(), [](int parent) { return parent >= 0; });
}

bool SearchSpace::has_place(std::size_t i, const Value& of_parent) const {
  const std::vector<Value>& values = parameters_[i].spec().when->values;
  return std::find(values.begin(), values.end(), of_parent) != values.end();
}

Config SearchSpace::config_at(const Point& point) const {
  Config config;
  std::vector<const Value*> values(parameters_.size(), nullptr);
  for (const std::size_t i : from_root_) {
    if (parents_[i] >= 0) {
      const Value* of_parent = values[static_cast<std::size_t>(parents_[i])];
      if (!of_parent || !has_place(i, *of_parent)) continue;
    }
    const Parameter& parameter = parameters_[i];
    Value value = parameter.is_constant() ? parameter.level(0) : parameter.at(point[i]);
    values[i] = &config.insert_or_assign(parameter.name(), std::move(value)).first->second;
  }
  return config;
}

std::optional<Point> SearchSpace::point_of(const Config& config) const {
  Point point(parameters_.size(), std::numeric_limits<double>::quiet_NaN());
  std::vector<const Value*> values(parameters_.size(), nullptr);
  std::size_t used = 0;
  for (const std::size_t i : from_root_) {
    if (parents_[i] >= 0) {
      const Value* of_parent = values[static_cast<std::size_t>(parents_[i])];
      if (!of_parent || !has_place(i, *of_parent)) continue;
    }
    const auto given = config.find(parameters_[i].name());
    if (given == config.end()) return std::nullopt;
    const std::optional<double> u = parameters_[i].unit_of(given->second);
    if (!u) return std::nullopt;
    point[i] = *u;
    values[i] = &given->second;
    ++used;
  }
  return used == config.size() ? std::optional(std::move(point)) : std::nullopt;
}

void SearchSpace::trim(Point& point) const {
  std::vector<Value> values(parameters_.size());
  for (const std::size_t i : from_root_) {
    if (parents_[i] >= 0) {
      const auto parent = static_cast<std::size_t>(parents_[i]);
      if (std::isnan(point[parent]) || !has_place(i, values[parent])) {
        point[i] = std::numeric_limits<double>::quiet_NaN();
        continue;
      }
    }
    values[i] = parameters_[i].is_constant() ? parameters_[i].level(0) : parameters_[i].at(point[i]);
  }
}

// ---- listing

namespace {

std::int64_t size_of(SearchSpace::Listing listing, const Parameter& parameter) {
  return listing == SearchSpace::Listing::kGrid ? parameter.grid_size() : parameter.levels();
}

Value value_of(SearchSpace::Listing listing, const Parameter& parameter, std::int64_t index) {
  return listing == SearchSpace::Listing::kGrid ? parameter.grid_value(index) : parameter.level(index);
}

// Sums and products of counts; -1 is "too many".
std::int64_t times(std::int64_t a, std::int64_t b) {
  std::int64_t product = -1;
  return a < 0 || b < 0 || __builtin_mul_overflow(a, b, &product) ? -1 : product;
}

std::int64_t plus(std::int64_t a, std::int64_t b) {
  std::int64_t sum = -1;
  return a < 0 || b < 0 || __builtin_add_overflow(a, b, &sum) ? -1 : sum;
}

}  // namespace

std::vector<std::size_t> SearchSpace::children(int parent, const Value& value) const {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    if (parents_[i] == parent && (parent < 0 || has_place(i, value))) out.push_back(i);
  }
  return out;
}

std::int64_t SearchSpace::count_below(Listing listing, std::size_t parameter, const Value& value) const {
  std::int64_t count = 1;
  for (const std::size_t child : children(static_cast<int>(parameter), value)) {
    count = times(count, count_of(listing, child));
  }
  return count;
}

std::int64_t SearchSpace::count_of(Listing listing, std::size_t parameter) const {
  const std::int64_t size = size_of(listing, parameters_[parameter]);
  if (size == 0) return -1;
  if (std::find(parents_.begin(), parents_.end(), static_cast<int>(parameter)) == parents_.end()) return size;
  std::int64_t count = 0;
  for (std::int64_t i = 0; i < size; ++i) {
    count = plus(count, count_below(listing, parameter, value_of(listing, parameters_[parameter], i)));
  }
  return count;
}

std::int64_t SearchSpace::count(Listing listing) const {
  std::int64_t count = 1;
  for (const std::size_t root : children(-1, {})) count = times(count, count_of(listing, root));
  return count;
}

void SearchSpace::list(Listing listing, std::span<const std::size_t> siblings, std::int64_t index, Config& into) const {
  for (std::size_t s = siblings.size(); s-- > 0;) {
    const std::size_t i = siblings[s];
    const std::int64_t all = count_of(listing, i);
    std::int64_t own = index % all;
    index /= all;
    if (std::find(parents_.begin(), parents_.end(), static_cast<int>(i)) == parents_.end()) {
      into.insert_or_assign(parameters_[i].name(), value_of(listing, parameters_[i], own));
      continue;
    }
    for (std::int64_t v = 0;; ++v) {
      const Value value = value_of(listing, parameters_[i], v);
      const std::int64_t below = count_below(listing, i, value);
      if (own < below) {
        into.insert_or_assign(parameters_[i].name(), value);
        list(listing, children(static_cast<int>(i), value), own, into);
        break;
      }
      own -= below;
    }
  }
}

Config SearchSpace::config_number(Listing listing, std::int64_t index) const {
  Config config;
  list(listing, children(-1, {}), index, config);
  return config;
}

}  // namespace caviar
