#include "tuner/space.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "kernels/base/error.h"
#include "kernels/math/elementary.h"
#include "tuner/distributions.h"
#include "tuner/value.h"

namespace caviar {
namespace {

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
  if (spec_.distribution == Distribution::kCategorical) distinct_ = distinct(spec_.values);
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

SearchSpace::SearchSpace(const SweepSpec& spec) {
  for (const ParameterSpec& parameter : spec.parameters) parameters_.emplace_back(parameter);
  std::sort(parameters_.begin(), parameters_.end(),
            [](const Parameter& a, const Parameter& b) { return a.name() < b.name(); });
}

}  // namespace caviar
