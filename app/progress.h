// What is on the screen while a study is carried out: a bar on a terminal, now and then a line elsewhere.
#pragma once

#include <cstddef>
#include <cstdio>
#include <string>

#include "tuner/study.h"

namespace caviar {

class ProgressDisplay {
 public:
  // `metric` names what "best" means; `out` is a terminal or not.
  ProgressDisplay(std::FILE* out, std::string metric);
  ~ProgressDisplay() { finish(); }

  void show(const Progress& progress);
  void note(const std::string& text);  // a line of its own that stays
  void finish();                       // leaves the last state on the screen

 private:
  void draw(const Progress& progress);

  std::FILE* out_;
  std::string metric_;
  bool terminal_;
  bool drawn_ = false;      // a bar is on the current line
  bool pending_ = false;    // `last_` was not shown yet
  double shown_at_ = -1e9;  // Progress::seconds
  Progress last_, shown_;
};

// "3/12 trials done, 4 running | 12,345 samples/s | best val_accuracy 0.98 ± 0.01 (3 seeds), trial 7 | 2 min 05 s left"
std::string describe(const Progress& progress, const std::string& metric);

// The same behind a bar, in at most `width` columns of a terminal: the bar gets shorter, then speed, trials running,
// the best trial's number, the metric's name, trials failed and the bar itself are left out, in this order, and in the
// end the line is cut.
std::string bar_line(const Progress& progress, const std::string& metric, std::size_t width);

}  // namespace caviar
