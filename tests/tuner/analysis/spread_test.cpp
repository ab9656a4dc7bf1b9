// The spread of one arm against SciPy (tests/golden/statistics.txt), the published factors, and its edges.
#include "tuner/analysis/spread.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tests/support/golden.h"

namespace caviar {
namespace {

void expect_close(double found, double expected, double relative = 1e-12) {
  EXPECT_NEAR(found, expected, relative * std::abs(expected));
}

void expect_close(const std::optional<Interval>& found, const std::vector<double>& expected, double relative = 1e-12) {
  ASSERT_TRUE(found);
  expect_close(found->low, expected[0], relative);
  expect_close(found->high, expected[1], relative);
}

TEST(Spread, MeetsScipy) {
  int cases = 0;
  for (const test::GoldenCase& golden : test::read_golden(CAVIAR_SOURCE_DIR "/tests/golden/statistics.txt")) {
    if (golden.word("kind") != "spread") continue;
    SCOPED_TRACE(golden.name());
    ++cases;
    const std::vector<double>& x = golden.array("x").values;
    const Spread spread = spread_of(x, 3);
    EXPECT_EQ(spread.n, x.size());
    EXPECT_FALSE(spread.equal);
    expect_close(spread.mean, golden.scalar("mean"));
    expect_close(*spread.sd, golden.scalar("sd"), 1e-11);
    expect_close(*spread.unbiased_sd, golden.scalar("unbiased_sd"), 1e-11);
    expect_close(*spread.robust_sd, golden.scalar("robust_sd"));
    expect_close(spread.interquartile_mean, golden.scalar("iqm"));
    expect_close(spread.sd_interval, golden.array("sd_interval").values, 1e-11);
    expect_close(spread.mean_interval, golden.array("mean_interval").values);
    const std::vector<double> quantiles = {spread.least, spread.p05, spread.p25,     spread.median,
                                           spread.p75,   spread.p95, spread.greatest};
    for (std::size_t i = 0; i < quantiles.size(); ++i) expect_close(quantiles[i], golden.array("quantiles").values[i]);
    // SciPy drew 400,000 resamples, we draw 10,000: what is left is their sampling error.
    expect_close(sd_bootstrap_interval(x, 3), golden.array("sd_bootstrap").values, 0.02);
    EXPECT_EQ(spread.sd_bootstrap.has_value(), x.size() >= kFewestBootstrapped);
  }
  EXPECT_EQ(cases, 4);
}

// R 4.2.2: sqrt((n - 1) / qchisq(c(.975, .025), n - 1)), two decimals, as tables have them.
TEST(Spread, IntervalOfTheDeviationHasTheTabulatedFactors) {
  const struct {
    std::size_t n;
    double low, high;
  } factors[] = {{3, 0.52, 6.28},  {5, 0.60, 2.87},  {10, 0.69, 1.83},  {20, 0.76, 1.46},
                 {30, 0.80, 1.34}, {50, 0.84, 1.25}, {100, 0.88, 1.16}, {210, 0.91, 1.11}};
  for (const auto& factor : factors) {
    const std::optional<Interval> found = sd_interval(1, factor.n);
    EXPECT_NEAR(found->low, factor.low, 0.005001) << factor.n;
    EXPECT_NEAR(found->high, factor.high, 0.005001) << factor.n;
  }
}

TEST(Spread, CorrectionIsThePublishedTable) {  // c4 of control charts (ASTM manual on presentation of data)
  EXPECT_NEAR(c4(2), 0.7979, 5e-5);
  EXPECT_NEAR(c4(5), 0.9400, 5e-5);
  EXPECT_NEAR(c4(10), 0.9727, 5e-5);
  EXPECT_NEAR(c4(25), 0.9896, 5e-5);
  EXPECT_THROW(c4(1), Error);
}

TEST(Spread, OneRunHasAPlaceAndNoSpread) {
  const Spread one = spread_of(std::vector<double>{0.3}, 1);
  EXPECT_EQ(one.mean, 0.3);
  EXPECT_EQ(one.median, 0.3);
  EXPECT_EQ(one.interquartile_mean, 0.3);
  EXPECT_EQ(one.greatest, 0.3);
  EXPECT_TRUE(one.equal);
  EXPECT_FALSE(one.sd || one.unbiased_sd || one.sd_interval || one.sd_bootstrap || one.robust_sd || one.mean_interval);
}

TEST(Spread, EqualRunsHaveNoneAndSaySo) {
  const Spread equal = spread_of(std::vector<double>(7, 0.1), 1);
  EXPECT_TRUE(equal.equal);
  EXPECT_EQ(equal.mean, 0.1);
  EXPECT_EQ(equal.sd, 0.0);
  EXPECT_EQ(equal.sd_interval->low, 0);
  EXPECT_EQ(equal.sd_interval->high, 0);
  EXPECT_EQ(equal.mean_interval->low, 0.1);
  EXPECT_EQ(equal.robust_sd, 0.0);
  EXPECT_FALSE(equal.sd_bootstrap);
}

TEST(Spread, BootstrapIsEmptyWhereALogarithmIs) {
  EXPECT_FALSE(sd_bootstrap_interval(std::vector<double>{1, 2}, 1));
  EXPECT_FALSE(sd_bootstrap_interval(std::vector<double>{1, 1, 1, 1, 2}, 1));  // without the 2 there is no spread
  const std::optional<Interval> found = sd_bootstrap_interval(std::vector<double>{1, 1, 2, 2}, 1);
  ASSERT_TRUE(found);
  EXPECT_LE(found->low, found->high);
  EXPECT_THROW(sd_bootstrap_interval(std::vector<double>{1, 2, 3}, 1, 1.5), Error);
  EXPECT_THROW(sd_bootstrap_interval(std::vector<double>{1, 2, 3}, 1, 0.95, 10), Error);
}

TEST(Spread, MovesAndStretchesWithTheScores) {
  const std::vector<double> x = {0.25, 1, 3.5, 4, 4.75, 9};
  std::vector<double> y;
  for (const double value : x) y.push_back(4 * value - 1024);
  const Spread of_x = spread_of(x, 11), of_y = spread_of(y, 11);
  expect_close(of_y.mean, 4 * of_x.mean - 1024);
  expect_close(of_y.interquartile_mean, 4 * of_x.interquartile_mean - 1024);
  expect_close(*of_y.sd, 4 * *of_x.sd);
  expect_close(*of_y.robust_sd, 4 * *of_x.robust_sd);
  expect_close(of_y.sd_interval, {4 * of_x.sd_interval->low, 4 * of_x.sd_interval->high});
  const Interval bootstrap = *sd_bootstrap_interval(x, 11);
  expect_close(sd_bootstrap_interval(y, 11), {4 * bootstrap.low, 4 * bootstrap.high});
  expect_close(of_y.mean_interval, {4 * of_x.mean_interval->low - 1024, 4 * of_x.mean_interval->high - 1024});
}

TEST(Spread, RefusesWhatIsNotAScore) {
  EXPECT_THROW(spread_of(std::vector<double>{}, 1), Error);
  EXPECT_THROW(spread_of(std::vector<double>{1, std::nan("")}, 1), Error);
  EXPECT_THROW(sd_interval(std::nan(""), 4), Error);
  EXPECT_FALSE(sd_interval(0, 1));
}

}  // namespace
}  // namespace caviar
