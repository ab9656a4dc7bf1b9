#include "tuner/analysis/histogram.h"

#include <algorithm>

#include "kernels/base/error.h"
#include "tuner/analysis/sample.h"

namespace caviar {

CommonHistogram common_histogram(std::span<const std::vector<double>> samples, std::size_t bins) {
  if (bins < 3) fail("A histogram of ", bins, " bins has no inside; ask for 3 or more.");
  std::vector<double> all;
  for (const std::vector<double>& sample : samples) all.insert(all.end(), sample.begin(), sample.end());
  require_sample("the scores of a histogram", all);
  all = sorted(all);
  CommonHistogram histogram;
  if (all.front() == all.back()) return histogram;
  double low = quantile_of_sorted(all, 0.02), high = quantile_of_sorted(all, 0.98);
  if (low == high) low = all.front(), high = all.back();
  const double width = (high - low) / static_cast<double>(bins);
  for (std::size_t i = 0; i <= bins; ++i) histogram.edges.push_back(low + width * static_cast<double>(i));
  histogram.edges.front() = all.front();
  histogram.edges.back() = all.back();
  const auto inner = std::span(histogram.edges).subspan(1, bins - 1);
  for (const std::vector<double>& sample : samples) {
    std::vector<std::int64_t>& counts = histogram.counts.emplace_back(bins);
    for (const double score : sample)
      ++counts[static_cast<std::size_t>(std::upper_bound(inner.begin(), inner.end(), score) - inner.begin())];
  }
  return histogram;
}

}  // namespace caviar
