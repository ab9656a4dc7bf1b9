#include "tuner/analysis/histogram.h"

#include <algorithm>
#include <numeric>

#include <gtest/gtest.h>

#include "kernels/base/error.h"

namespace caviar {
namespace {

using Samples = std::vector<std::vector<double>>;
using Counts = std::vector<std::int64_t>;

TEST(Histogram, SamplesAreCountedInTheSameBins) {
  Samples samples(2);
  for (int i = 0; i <= 100; ++i) samples[0].push_back(i);
  samples[1] = {2, 49, 50, 98};
  const CommonHistogram histogram = common_histogram(samples, 4);
  ASSERT_EQ(histogram.edges.size(), 5u);
  EXPECT_EQ(histogram.edges.front(), 0);
  EXPECT_EQ(histogram.edges[2], 50);
  EXPECT_EQ(histogram.edges.back(), 100);
  EXPECT_EQ(histogram.counts[1], (Counts{1, 1, 1, 1})) << "a score on an edge is in the bin above it";
  EXPECT_EQ(std::accumulate(histogram.counts[0].begin(), histogram.counts[0].end(), std::int64_t{0}), 101);
}

TEST(Histogram, ACollapsedRunTakesNoResolutionFromTheOthers) {
  Samples samples(1);
  for (int i = 0; i < 99; ++i) samples[0].push_back(0.98 + 0.0001 * i);
  samples[0].push_back(0.1);
  const CommonHistogram histogram = common_histogram(samples, 10);
  EXPECT_EQ(histogram.edges.front(), 0.1);
  EXPECT_GT(histogram.edges[1], 0.98);
  EXPECT_LT(*std::max_element(histogram.counts[0].begin(), histogram.counts[0].end()), 20);
}

TEST(Histogram, EqualScoresHaveNoBins) {
  EXPECT_TRUE(common_histogram(Samples{{1, 1}, {1}}, 5).edges.empty());
  const CommonHistogram nearly = common_histogram(Samples{std::vector<double>(200, 1.0), {2}}, 4);
  EXPECT_EQ(nearly.counts, (std::vector<Counts>{{200, 0, 0, 0}, {0, 0, 0, 1}}));
  EXPECT_THROW(common_histogram(Samples{{}, {}}, 5), Error);
  EXPECT_THROW(common_histogram(Samples{{1, 2}}, 2), Error);
}

}  // namespace
}  // namespace caviar
