// The line that moves while a sweep runs: a bar on a terminal, now and then a plain line elsewhere.
#pragma once

#include <chrono>
#include <string>

#include "tuner/study.h"

namespace caviar {

class ProgressLine {
 public:
  // metric: of the sweep; shown as a percentage when it is an accuracy.
  explicit ProgressLine(std::string metric);
  ~ProgressLine() { finish(); }

  void update(const Progress& progress);
  void notice(const std::string& text);  // above the line
  void finish();                         // leaves the last state on the screen

 private:
  std::string text(const Progress& progress, int width) const;
  void clear();

  std::string metric_;
  bool terminal_;
  bool shown_ = false;
  Progress last_;
  bool any_ = false;
  std::int64_t printed_done_ = -1;
  std::chrono::steady_clock::time_point next_{};
};

// "97.31 %" for an accuracy, "0.0873" for a loss; with a sign of nothing known: "-".
std::string show_metric(const std::string& metric, double value);

// "97.31 % +- 0.12 %", or without the spread when there is none.
std::string show_mean(const std::string& metric, double mean, double sd);

}  // namespace caviar
