#include "tuner/space.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "kernels/base/error.h"
#include "kernels/math/elementary.h"
#include "tuner/numerics/distributions.h"
#include "tuner/spec/value.h"

namespace caviar {
namespace {

constexpr double kMostLevels = 1 << 20;  // of a parameter that is listed value by value
constexpr double kLargestUnit = 1 - 0x1p-53;
constexpr std::int64_t kPlaces = std::int64_t{1} << 53;  // of u in [0, 1): the multiples of 2^-53
constexpr double kLargestWhole = 9007199254740992.0;     // 2^53: every whole number up to here is a double

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

// Numbers that never go down, or never up: their order means something.
bool is_ladder(const std::vector<Value>& values) {
  for (const Value& value : values) {
    if (!value.is_number()) return false;
  }
  const auto up = [](const Value& a, const Value& b) { return a.get<double>() > b.get<double>(); };
  const auto down = [](const Value& a, const Value& b) { return a.get<double>() < b.get<double>(); };
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

double unit_of_place(std::int64_t place) { return static_cast<double>(place) * 0x1p-53; }

// The first place of u where `reached` holds, or kPlaces; it holds from some place on.
template <class Reached>
std::int64_t first_place(const Reached& reached) {
  std::int64_t low = 0, high = kPlaces;
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    if (reached(unit_of_place(middle))) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

// A u amid the places where something is reached and the next thing is not; nothing when there is no such place.
std::optional<double> amid(std::int64_t reached, std::int64_t next) {
  if (reached >= next) return std::nullopt;
  return unit_of_place(reached + (next - reached) / 2);
}

}  // namespace

Parameter::Parameter(ParameterSpec spec) : spec_(std::move(spec)) {
  const bool weighted = spec_.distribution == Distribution::kCategoricalWithProbabilities;
  const bool listed = weighted || spec_.distribution == Distribution::kCategorical;
  if (weighted) {  // a chance of 0 is never drawn
    std::vector<Value> drawn;
    for (std::size_t i = 0; i < spec_.values.size(); ++i) {
      if (spec_.probabilities[i] > 0) drawn.push_back(spec_.values[i]);
    }
    distinct_ = distinct(drawn);
  } else if (listed) {
    distinct_ = distinct(spec_.values);
  }
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
      return spec_.max - spec_.min < kMostLevels ? static_cast<std::int64_t>(spec_.max - spec_.min) + 1 : 0;
    default:
      break;
  }
  if (at(0) == at(kLargestUnit)) return 1;  // min and max are equal, sigma is 0, or q is larger than the range
  switch (spec_.distribution) {
    case Distribution::kQUniform:
    case Distribution::kQLogUniform:
    case Distribution::kQLogUniformValues:
    case Distribution::kQBeta: {
      const double low = multiple_at(0), high = multiple_at(kLargestUnit);
      // From here on neighbouring multiples may be one value: whole numbers above 2^53, others when float32 has them.
      const double most = spec_.q == std::floor(spec_.q) ? kLargestWhole / spec_.q : 0x1p23;
      const bool apart = std::max(std::abs(low), std::abs(high)) <= most;
      return apart && high - low < kMostLevels ? static_cast<std::int64_t>(high - low) + 1 : 0;
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
      break;
  }
  if (levels_ == 1) return at(0.5);
  return multiple((multiple_at(0) + static_cast<double>(index)) * spec_.q, spec_.integer_q);
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

double Parameter::multiple_at(double u) const { return std::nearbyint(continuous(u) / spec_.q); }

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
      return multiple(multiple_at(u) * spec_.q, spec_.integer_q);
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

std::optional<double> Parameter::unit_of(const Value& value) const {
  switch (spec_.distribution) {
    case Distribution::kConstant:
    case Distribution::kCategorical:
    case Distribution::kCategoricalWithProbabilities:
      return unit_of_listed(value);
    default:
      break;
  }
  if (!value.is_number()) return std::nullopt;
  const double x = value.get<double>();
  if (!std::isfinite(x)) return std::nullopt;
  if (spec_.distribution == Distribution::kIntUniform) return unit_of_whole(x);
  if (is_quantised(spec_.distribution)) return unit_of_multiple(x);
  return unit_of_number(x);
}

std::optional<double> Parameter::unit_of_listed(const Value& value) const {
  double below = 0;  // the chance of what stands before
  for (std::size_t i = 0; i < spec_.values.size(); ++i) {
    if (spec_.distribution == Distribution::kCategoricalWithProbabilities) {
      const double u = below + spec_.probabilities[i] / 2;
      below += spec_.probabilities[i];
      // A chance too small for the sum to show is never drawn, as one of 0 is.
      if (spec_.values[i] == value && u < 1 && weighted_share(spec_.probabilities, u) == i) return u;
    } else if (spec_.values[i] == value) {
      return (static_cast<double>(i) + 0.5) / static_cast<double>(spec_.values.size());
    }
  }
  return std::nullopt;
}

std::optional<double> Parameter::unit_of_whole(double x) const {
  if (x != std::floor(x) || x < spec_.min || x > spec_.max) return std::nullopt;
  const double n = spec_.max - spec_.min + 1, index = x - spec_.min;
  if (n <= 0x1p48) return (index + 0.5) / n;  // the rounding of the quotient is far from the ends of a share
  const auto place_of = [&](double least) { return first_place([&](double u) { return share(u, n) >= least; }); };
  return amid(place_of(index), place_of(index + 1));
}

std::optional<double> Parameter::unit_of_multiple(double x) const {
  const double k = std::nearbyint(x / spec_.q);
  // Rounded to float32, then to its shortest digits, a multiple moves by at most 2^-23 of itself.
  if (std::abs(x - k * spec_.q) > std::max(1e-6 * spec_.q, 0x1p-22 * std::abs(x))) return std::nullopt;
  if (spec_.distribution == Distribution::kQBeta) {  // as for beta below
    const auto cdf = [&](double y) { return y <= 0 ? 0 : y >= 1 ? 1 : beta_cdf(y, spec_.a, spec_.b); };
    const double low = cdf((k - 0.5) * spec_.q), high = cdf((k + 0.5) * spec_.q);
    const double u = std::min(low + (high - low) / 2, kLargestUnit);
    return multiple_at(u) == k ? std::optional(u) : std::nullopt;
  }
  const auto place_of = [&](double least) { return first_place([&](double u) { return multiple_at(u) >= least; }); };
  // Integers end at 2^53: what lies beyond has become that.
  const bool most = spec_.integer_q && x >= kLargestWhole, least = spec_.integer_q && x <= -kLargestWhole;
  return amid(least ? 0 : place_of(k), most ? kPlaces : place_of(k + 1));
}

std::optional<double> Parameter::unit_of_number(double x) const {
  const double tolerance = 1e-6 * std::abs(x);
  const double least = at(0).get<double>(), most = at(kLargestUnit).get<double>();
  if (x < least - tolerance || x > most + tolerance) return std::nullopt;
  if (is_constant()) return 0.5;
  double u = 0;
  if (spec_.distribution == Distribution::kBeta) {  // continuous() is itself a bisection: its inverse is quicker
    u = beta_cdf(x, spec_.a, spec_.b);
  } else {
    u = unit_of_place(first_place([&](double place) { return continuous(place) >= x; }));
  }
  u = std::min(u, kLargestUnit);
  // Where places are farther apart than float32 numbers, and where beta_cdf() is off by one, it may be a neighbour.
  const double wanted = round_to_float32(x);
  for (const double near : {u, u - 0x1p-53, u + 0x1p-53}) {
    if (near >= 0 && near < 1 && at(near) == wanted) return near;
  }
  return u;
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
