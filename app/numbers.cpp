#include "app/numbers.h"

#include <cmath>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "tuner/spec/value.h"

namespace caviar {

CLI::Validator above_zero() {
  return CLI::Validator(
      [](const std::string& text) {
        const std::optional<Value> number = parse_number(text);
        const bool fits = number && std::isfinite(number->get<double>()) && number->get<double>() > 0;
        return fits ? std::string() : "is " + text + "; it must be a number above 0";
      },
      "ABOVE 0");
}

CLI::Validator whole_from(std::int64_t least) {
  return CLI::Validator(
      [least](const std::string& text) {
        const std::optional<Value> number = parse_number(text);
        const bool fits = number && number->is_number_integer() && *number >= least;
        return fits ? std::string() : fmt::format("is {}; it must be a whole number from {} on", text, least);
      },
      fmt::format("FROM {}", least));
}

}  // namespace caviar
