// Sums, quantiles and resamples against hand-made numbers and NumPy.
#include "tuner/analysis/sample.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/base/error.h"

namespace caviar {
namespace {

TEST(Sample, EqualValuesHaveNoSpreadWhateverTheyAre) {
  for (const std::size_t n : {2, 3, 7, 210}) {
    const std::vector<double> equal(n, 0.1);
    EXPECT_EQ(mean_of(equal), 0.1);
    EXPECT_EQ(squares_about_mean(equal), 0);
    EXPECT_TRUE(all_equal(equal));
  }
  EXPECT_FALSE(all_equal(std::vector<double>{0.1, 0.1, 0.2}));
}

TEST(Sample, SpreadSurvivesALargeMean) {
  const std::vector<double> far = {1e9 + 1, 1e9 + 2, 1e9 + 3, 1e9 + 4};
  EXPECT_EQ(mean_of(far), 1e9 + 2.5);
  EXPECT_EQ(squares_about_mean(far), 5);
  EXPECT_EQ(variance_of(far), 5.0 / 3);
  EXPECT_EQ(variance_of(std::span(far).first(1)), std::nullopt);
  EXPECT_EQ(sd_of(std::span(far).first(1)), std::nullopt);
}

TEST(Sample, QuantilesAreNumpys) {  // numpy.quantile([1, 2, 4, 8, 16], q)
  const std::vector<double> ascending = sorted(std::vector<double>{8, 1, 16, 4, 2});
  EXPECT_EQ(quantile_of_sorted(ascending, 0), 1);
  EXPECT_EQ(quantile_of_sorted(ascending, 0.25), 2);
  EXPECT_DOUBLE_EQ(quantile_of_sorted(ascending, 0.3), 2.4);
  EXPECT_DOUBLE_EQ(quantile_of_sorted(ascending, 0.9), 12.8);
  EXPECT_EQ(quantile_of_sorted(ascending, 1), 16);
  EXPECT_EQ(quantile_of_sorted(std::vector<double>{7}, 0.4), 7);
  EXPECT_THROW(quantile_of_sorted(std::vector<double>{}, 0.4), Error);
  EXPECT_THROW(quantile_of_sorted(ascending, 1.01), Error);
}

TEST(Sample, RefusesWhatIsNotFinite) {
  EXPECT_THROW(require_sample("the scores", std::vector<double>{1, std::nan("")}), Error);
  EXPECT_THROW(require_sample("the scores", std::vector<double>{1, HUGE_VAL}), Error);
  EXPECT_THROW(require_sample("the scores", std::vector<double>{1}, 2), Error);
  EXPECT_NO_THROW(require_sample("the scores", std::vector<double>{1}));
}

TEST(Sample, ResamplesAreUniformAndTheirElementsStandAlone) {
  constexpr std::size_t kSize = 7;
  std::vector<double> sample, into(kSize);
  for (std::size_t i = 0; i < kSize; ++i) sample.push_back(static_cast<double>(i));
  std::vector<int> seen(kSize * kSize);
  constexpr int kResamples = 7000;
  for (std::uint32_t number = 0; number < kResamples; ++number) {
    resample(sample, 5, 2, number, into);
    for (std::uint32_t i = 0; i < kSize; ++i) {
      ASSERT_EQ(into[i], sample[resampled_index(5, 2, number, i, kSize)]);
      ++seen[i * kSize + static_cast<std::size_t>(into[i])];
    }
  }
  double chi_square = 0;
  for (const int count : seen) chi_square += (count - 1000.0) * (count - 1000.0) / 1000;
  EXPECT_LT(chi_square, 93.1);  // scipy.stats.chi2.ppf(1 - 1e-5, 42)
  int moved = 0;
  for (std::uint32_t i = 0; i < 100; ++i) {
    moved += resampled_index(5, 2, 0, i, 1000) != resampled_index(5, 3, 0, i, 1000);
    moved += resampled_index(5, 2, 0, i, 1000) != resampled_index(6, 2, 0, i, 1000);
  }
  EXPECT_GT(moved, 190);
}

}  // namespace
}  // namespace caviar
