// Several samples counted in the same bins, to be drawn beside one another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace caviar {

struct CommonHistogram {
  std::vector<double> edges;                      // [bins + 1], ascending; the outermost are the least and the greatest
  std::vector<std::vector<std::int64_t>> counts;  // [samples][bins]
};

// The inner edges are equally far apart, from the 2nd to the 98th percentile of all scores together (sample.h), so that
// few collapsed runs do not press the others into one bin: the two outer bins hold what lies beyond as well. A score on
// an edge is in the bin above it. Without edges where all scores are equal. At least one score, and `bins` >= 3.
CommonHistogram common_histogram(std::span<const std::vector<double>> samples, std::size_t bins);

}  // namespace caviar
