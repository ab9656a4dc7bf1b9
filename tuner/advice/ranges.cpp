#include "tuner/advice/ranges.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <vector>

#include "kernels/math/elementary.h"
#include "tuner/spec/names.h"
#include "tuner/spec/parameter_help.h"

namespace caviar {
namespace {

enum class Scale { kNone, kLinear, kLog };

// In what the bounds of a law are even, whatever they are written in.
Scale scale_of(Distribution distribution) {
  switch (distribution) {
    case Distribution::kIntUniform:
    case Distribution::kUniform:
    case Distribution::kQUniform:
      return Scale::kLinear;
    case Distribution::kLogUniform:
    case Distribution::kQLogUniform:
    case Distribution::kInvLogUniform:
    case Distribution::kLogUniformValues:
    case Distribution::kQLogUniformValues:
    case Distribution::kInvLogUniformValues:
      return Scale::kLog;
    default:
      return Scale::kNone;
  }
}

// Lowest and highest value of the law, from its bounds and back.
struct Range {
  double low = 0, high = 0;
};

Range range_of(const ParameterSpec& parameter) {
  switch (parameter.distribution) {
    case Distribution::kLogUniform:
    case Distribution::kQLogUniform:
      return {exp_double(parameter.min), exp_double(parameter.max)};
    case Distribution::kInvLogUniform:
      return {exp_double(-parameter.max), exp_double(-parameter.min)};
    default:
      return {parameter.min, parameter.max};
  }
}

ParameterSpec with_end(ParameterSpec parameter, End end, double value) {
  const bool is_low = end == End::kLow;
  switch (parameter.distribution) {
    case Distribution::kLogUniform:
    case Distribution::kQLogUniform:
      (is_low ? parameter.min : parameter.max) = log_double(value);
      break;
    case Distribution::kInvLogUniform:
      (is_low ? parameter.max : parameter.min) = -log_double(value);
      break;
    default:
      (is_low ? parameter.min : parameter.max) = value;
  }
  return parameter;
}

// The decimal of so many digits next to x.
double rounded(double x, int digits) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*g", digits, x);
  return std::strtod(text, nullptr);
}

struct Legal {
  double low = -std::numeric_limits<double>::infinity(), high = std::numeric_limits<double>::infinity();
  bool low_open = true, high_open = true;
};

Legal legal_range(const ParameterSpec& parameter) {
  const std::string name = canonical_parameter(parameter.name);
  for (const ParameterHelp& help : parameter_help()) {
    if (help.name != name) continue;
    return {help.low, help.high, help.low_open, help.high_open};
  }
  return {};
}

// `wanted`, or as much of the way there from `from` as is legal.
double within_legal(const ParameterSpec& parameter, double from, double wanted) {
  const Legal legal = legal_range(parameter);
  const auto stop_short_of = [&](double bound) { return bound - (bound - from) / 4; };
  if (wanted > legal.high || (wanted == legal.high && legal.high_open)) {
    return legal.high_open ? stop_short_of(legal.high) : legal.high;
  }
  if (wanted < legal.low || (wanted == legal.low && legal.low_open)) {
    return legal.low_open ? stop_short_of(legal.low) : legal.low;
  }
  return wanted;
}

bool is_legal(const ParameterSpec& parameter, double value) { return within_legal(parameter, value, value) == value; }

// What follows `last` in a row of numbers.
double next_in_row(const std::vector<double>& row) {
  const std::size_t n = row.size();
  const double step = row[n - 1] - row[n - 2], ratio = row[n - 1] / row[n - 2];
  bool even = n > 2;
  for (std::size_t i = 1; i < n; ++i) even &= std::abs(row[i] - row[i - 1] - step) <= 1e-6 * std::abs(step);
  const bool positive = *std::min_element(row.begin(), row.end()) > 0;
  return even || !positive ? row[n - 1] + step : row[n - 1] * ratio;
}

std::optional<ParameterSpec> longer_list(ParameterSpec parameter, End end) {
  if (parameter.distribution != Distribution::kCategorical) return std::nullopt;
  std::vector<double> row;
  bool whole = true;
  for (const Value& value : parameter.values) {
    if (!value.is_number()) return std::nullopt;
    whole &= value.is_number_integer();
    if (row.empty() || row.back() != value.get<double>()) row.push_back(value.get<double>());
  }
  if (end == End::kLow) std::reverse(row.begin(), row.end());
  if (row.size() < 2) return std::nullopt;
  double next = next_in_row(row);
  next = whole ? std::nearbyint(next) : rounded(next, 6);
  if (next == row.back() || !is_legal(parameter, next)) return std::nullopt;
  const Value value = whole ? Value(static_cast<std::int64_t>(next)) : Value(next);
  parameter.values.insert(end == End::kLow ? parameter.values.begin() : parameter.values.end(), value);
  return parameter;
}

std::optional<ParameterSpec> shorter_list(ParameterSpec parameter, End end, double last) {
  const auto is_last = [&](const Value& value) { return value.is_number() && value.get<double>() == last; };
  std::vector<Value>& values = parameter.values;
  if (parameter.distribution != Distribution::kCategorical) return std::nullopt;
  if (end == End::kHigh) {
    const auto found = std::find_if(values.rbegin(), values.rend(), is_last);
    values.erase(found.base(), values.end());
  } else {
    values.erase(values.begin(), std::find_if(values.begin(), values.end(), is_last));
  }
  return values.empty() ? std::nullopt : std::optional(std::move(parameter));
}

double to_whole_steps(const ParameterSpec& parameter, double value) {
  if (parameter.distribution == Distribution::kIntUniform) return std::nearbyint(value);
  return std::nearbyint(value / parameter.q) * parameter.q;
}

bool has_steps(const ParameterSpec& parameter) {
  return parameter.distribution == Distribution::kIntUniform || parameter.distribution == Distribution::kQUniform;
}

}  // namespace

std::optional<ParameterSpec> widened(const ParameterSpec& parameter, End end) {
  const Scale scale = scale_of(parameter.distribution);
  if (scale == Scale::kNone) return longer_list(parameter, end);
  const Range range = range_of(parameter);
  const double from = end == End::kLow ? range.low : range.high;
  double wanted = 0, least = 0;
  if (scale == Scale::kLog) {
    const double half = std::sqrt(range.high / range.low);
    wanted = end == End::kLow ? from / half : from * half;
    const double twentieth = exp_double(log_double(range.high / range.low) / 20);
    least = end == End::kLow ? from / twentieth : from * twentieth;
  } else {
    const double width = end == End::kLow ? range.low - range.high : range.high - range.low;
    wanted = from + width / 2;
    least = from + width / 20;
  }
  double value = within_legal(parameter, from, rounded(wanted, 2));
  if (has_steps(parameter)) value = to_whole_steps(parameter, value);
  if (!is_legal(parameter, value) || !std::isfinite(static_cast<float>(value))) return std::nullopt;
  if (end == End::kLow ? value > least : value < least) return std::nullopt;
  return with_end(parameter, end, value);
}

std::optional<ParameterSpec> narrowed(const ParameterSpec& parameter, End end, double last, double beyond) {
  const Scale scale = scale_of(parameter.distribution);
  if (scale == Scale::kNone) return shorter_list(parameter, end, last);
  if (has_steps(parameter)) return with_end(parameter, end, last);
  const double middle =
      scale == Scale::kLog && last > 0 && beyond > 0 ? std::sqrt(last) * std::sqrt(beyond) : (last + beyond) / 2;
  double value = middle;
  for (int digits = 2; digits <= 9; ++digits) {
    value = rounded(middle, digits);
    if (std::min(last, beyond) <= value && value <= std::max(last, beyond)) break;
  }
  const Range range = range_of(parameter);
  if (value <= range.low || value >= range.high) return std::nullopt;
  return with_end(parameter, end, value);
}

}  // namespace caviar
