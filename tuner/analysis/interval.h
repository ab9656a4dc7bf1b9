// The two ends of an interval estimate.
#pragma once

namespace caviar {

// low <= high, both belonging to it. How sure it is stands with the function that gives it.
struct Interval {
  double low = 0, high = 0;
};

}  // namespace caviar
