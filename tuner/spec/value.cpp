#include "tuner/spec/value.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>

#include "kernels/base/error.h"

namespace caviar {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool all_of(std::string_view text, std::string_view allowed) {
  return text.find_first_not_of(allowed) == std::string_view::npos;
}

std::string without_underscores(std::string_view text) {
  std::string out(text);
  std::erase(out, '_');
  return out;
}

// An unsigned integer in `base` with a sign put before it; nothing when it does not fit 64 bits.
std::optional<Value> integer(const std::string& digits, int base, bool negative) {
  std::uint64_t magnitude = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), magnitude, base);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  constexpr std::uint64_t kMostNegative = std::uint64_t{1} << 63;
  if (negative) {
    if (magnitude > kMostNegative) return std::nullopt;
    return Value(static_cast<std::int64_t>(0 - magnitude));
  }
  if (magnitude < kMostNegative) return Value(static_cast<std::int64_t>(magnitude));
  return Value(magnitude);
}

std::optional<Value> real(const std::string& digits, bool negative) {
  double magnitude = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), magnitude);
  if (error != std::errc() || end != digits.data() + digits.size() || !std::isfinite(magnitude)) return std::nullopt;
  return Value(negative ? -magnitude : magnitude);
}

// Base 60, `1:30` or `1:30.5`: digits, then groups of one or two digits below 60, the last with a fraction or not.
std::optional<Value> sexagesimal(std::string_view text, bool negative) {
  const std::size_t first = text.find(':');
  const std::size_t point = text.find('.');
  const std::string head = without_underscores(text.substr(0, first));
  if (head.empty() || !all_of(head, "0123456789") || text[0] == '_') return std::nullopt;
  if (point == std::string_view::npos && head[0] == '0') return std::nullopt;
  double total = 0;
  if (std::from_chars(head.data(), head.data() + head.size(), total).ec != std::errc()) return std::nullopt;
  std::string_view rest = text.substr(first, point == std::string_view::npos ? point : point - first);
  while (!rest.empty()) {
    rest.remove_prefix(1);  // the colon
    const std::string_view group = rest.substr(0, rest.find(':'));
    if (group.empty() || group.size() > 2 || !all_of(group, "0123456789")) return std::nullopt;
    if (group.size() == 2 && group[0] > '5') return std::nullopt;
    int minutes = 0;
    std::from_chars(group.data(), group.data() + group.size(), minutes);
    total = total * 60 + minutes;
    rest.remove_prefix(group.size());
  }
  if (point == std::string_view::npos) {
    if (total > 9007199254740992.0) return std::nullopt;  // 2^53: beyond it base 60 would lose digits
    return Value(static_cast<std::int64_t>(negative ? -total : total));
  }
  const std::string fraction = without_underscores(text.substr(point + 1));
  if (!all_of(fraction, "0123456789")) return std::nullopt;
  double part = 0;
  const std::string digits = "0." + fraction + "0";
  std::from_chars(digits.data(), digits.data() + digits.size(), part);
  total += part;
  if (!std::isfinite(total)) return std::nullopt;
  return Value(negative ? -total : total);
}

// mantissa [ e [sign] digits ], where the mantissa has a digit and at most one point, and a point or an exponent is
// there. PyYAML asks for both a point and the exponent's sign; nobody who writes 1e-5 means a string.
bool looks_like_real(std::string_view text) {
  const std::size_t e = text.find_first_of("eE");
  const std::string_view mantissa = text.substr(0, e);
  const bool has_point = mantissa.find('.') != std::string_view::npos;
  if (!has_point && e == std::string_view::npos) return false;
  if (mantissa.empty() || mantissa[0] == '_' || std::none_of(mantissa.begin(), mantissa.end(), is_digit)) return false;
  if (!all_of(mantissa, "0123456789._") || std::count(mantissa.begin(), mantissa.end(), '.') > 1) return false;
  if (mantissa[0] == '.' && !is_digit(mantissa[1])) return false;
  if (e == std::string_view::npos) return true;
  std::string_view exponent = text.substr(e + 1);
  if (!exponent.empty() && (exponent[0] == '+' || exponent[0] == '-')) exponent.remove_prefix(1);
  return !exponent.empty() && all_of(exponent, "0123456789");
}

}  // namespace

std::optional<Value> parse_number(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text.empty() || !(is_digit(text[0]) || text[0] == '.')) return std::nullopt;
  if (text.find(':') != std::string_view::npos) return sexagesimal(text, negative);
  if (text.starts_with("0b") && text.size() > 2 && all_of(text.substr(2), "01_")) {
    return integer(without_underscores(text.substr(2)), 2, negative);
  }
  if (text.starts_with("0x") && text.size() > 2 && all_of(text.substr(2), "0123456789abcdefABCDEF_")) {
    return integer(without_underscores(text.substr(2)), 16, negative);
  }
  if (text[0] == '0' && text.size() > 1 && all_of(text, "01234567_")) {
    return integer(without_underscores(text), 8, negative);
  }
  if (text == "0" || (text[0] != '0' && all_of(text, "0123456789_"))) {
    return integer(without_underscores(text), 10, negative);
  }
  if (looks_like_real(text)) return real(without_underscores(text), negative);
  return std::nullopt;
}

double round_to_float32(double x) {
  constexpr double kLargest = std::numeric_limits<float>::max();
  const float rounded = static_cast<float>(std::clamp(x, -kLargest, kLargest)) + 0.0f;  // no negative zero
  char digits[32];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, rounded);
  double decimal = rounded;
  std::from_chars(digits, end, decimal);
  // A decimal on the very edge of the float's interval could round to the neighbour on its way through double.
  return static_cast<float>(decimal) == rounded ? decimal : rounded;
}

std::string show(const Value& value) {
  std::string text;
  if (value.is_string()) {
    text.append(1, '\'').append(value.get<std::string>()).append(1, '\'');
  } else {
    text = value.dump(-1, ' ', false, Value::error_handler_t::replace);
  }
  constexpr std::size_t kLongest = 60;
  if (text.size() > kLongest) {
    std::size_t end = kLongest;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;  // not inside a UTF-8 character
    text.replace(end, std::string::npos, "...");
  }
  return text;
}

std::string difference_of(const Value& recorded, const Value& now) {
  Value all = recorded;
  all.update(now);
  for (const auto& [key, any] : all.items()) {
    const Value before = recorded.value(key, Value()), after = now.value(key, Value());
    if (before == after) continue;
    const auto said = [](const Value& value) { return value.is_null() ? std::string("not set") : show(value); };
    return cat("was recorded with ", key, " ", said(before), " and now has it ", said(after));
  }
  return "was recorded the same way, written otherwise";
}

}  // namespace caviar
