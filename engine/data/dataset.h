// A labelled data set in memory, and where data sets are found.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace caviar {

// Examples are sequences of T steps with D features, one byte each; an image is read row by row.
struct Examples {
  std::int64_t count = 0;
  std::vector<std::uint8_t> features;  // [count, T, D]
  std::vector<std::uint8_t> labels;    // [count], each < Dataset::classes
};

struct Dataset {
  std::string name;
  int steps = 0;     // T
  int features = 0;  // D
  int classes = 0;   // largest label + 1
  Examples train, test;
  std::string digest;  // 32 hex digits over shapes, pixels and labels: the same whatever file form they came in
};

}  // namespace caviar
