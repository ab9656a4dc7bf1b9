#include "app/text.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <sstream>

#include <fmt/format.h>

namespace caviar {

std::string show_duration(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::llround(std::clamp(seconds, 0.0, 1e15)));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  if (whole < 48 * 3600) return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
  return fmt::format("{} days", whole / 86400);
}

std::string show_count(double number) {
  std::string digits = fmt::format("{:.0f}", number);
  for (std::ptrdiff_t at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > (digits[0] == '-' ? 1 : 0); at -= 3) {
    digits.insert(static_cast<std::size_t>(at), 1, ',');
  }
  return digits;
}

std::string show_number_of(std::int64_t number, const std::string& things) {
  return fmt::format("{} {}{}", show_count(static_cast<double>(number)), things, number == 1 ? "" : "s");
}

std::string show_metric(double value) { return std::isnan(value) ? "-" : fmt::format("{:.5f}", value); }

std::string show_value(const Value& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return fmt::format("{}", value.get<double>());
  return value.dump();
}

std::string show_spread(double mean, double sd, int runs) {
  const std::string seeds = show_number_of(runs, "seed");
  if (runs == 1) return fmt::format("{} ({})", show_metric(mean), seeds);
  return fmt::format("{} ± {} ({})", show_metric(mean), show_metric(sd), seeds);
}

std::size_t display_width(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string wrapped(std::string_view text, std::string_view indent, std::size_t width) {
  std::string out;
  std::size_t column = 0;
  bool begun = false;  // it has a word
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '\n') {
      out += text[at++];
      column = 0, begun = false;
      continue;
    }
    const std::size_t word = text.find_first_not_of(' ', at);
    const std::size_t end = std::min(text.find_first_of(" \n", std::min(word, text.size())), text.size());
    const std::string_view piece = text.substr(at, end - at);  // blanks before the word, too
    if (begun && word < text.size() && column + display_width(piece) > width) {
      out += "\n";
      out += indent;
      out += text.substr(word, end - word);
      column = display_width(indent) + display_width(text.substr(word, end - word));
    } else {
      out += piece;
      column += display_width(piece);
    }
    begun = true;
    at = end;
  }
  return out;
}

std::string show_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  std::vector<bool> numeric;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (std::size_t c = 0; c < rows[r].size(); ++c) {
      const std::string& cell = rows[r][c];
      if (c >= widths.size()) widths.push_back(0), numeric.push_back(true);
      widths[c] = std::max(widths[c], display_width(cell));
      char* end = nullptr;
      std::strtod(cell.c_str(), &end);
      if (r > 0 && cell != "-" && (cell.empty() || *end != '\0')) numeric[c] = false;
    }
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      const std::string blanks(widths[c] - display_width(row[c]), ' ');
      line += (c ? "  " : "") + (numeric[c] ? blanks + row[c] : row[c] + blanks);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

}  // namespace caviar
