// Numbers as people read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tuner/trial.h"

namespace caviar {

std::string show_duration(double seconds);                                   // "42 s", "3 min 20 s", "2 h 05 min"
std::string show_count(double number);                                       // "12,345"
std::string show_number_of(std::int64_t number, const std::string& things);  // "1 trial", "12 trials"
std::string show_metric(double value);                                       // "0.98120"; "-" when it is not a number
std::string show_value(const Value& value);                 // strings without quotes, numbers in their shortest form
std::string show_spread(double mean, double sd, int runs);  // "0.98120 ± 0.00110 (3 seeds)"

// Rows in columns, the first row a heading; numbers to the right. Two blanks apart, a line each.
std::string show_table(const std::vector<std::vector<std::string>>& rows);

// The text in lines of at most `width` characters, broken at blanks, the second and all further ones beginning with
// `indent`. A word that is longer has a line of its own; lines the text has already stay apart.
std::string wrapped(std::string_view text, std::string_view indent = {}, std::size_t width = 120);

// Characters a terminal shows for UTF-8 text.
std::size_t display_width(std::string_view text);

}  // namespace caviar
