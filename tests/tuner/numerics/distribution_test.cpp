// The special functions against independent computations, and every distribution's draws against its exact law.
//
// The statistical tests draw with fixed seeds, so they pass or fail for good. Were the seeds random, each would fail a
// correct sampler with probability 1e-6: the critical values below are those of that level.
#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "tests/tuner/sweep_text.h"
#include "tuner/numerics/distributions.h"
#include "tuner/samplers/random.h"

namespace caviar {
namespace {

constexpr int kDraws = 20000;

TEST(Distribution, LogGammaMeetsTheCLibrary) {
  for (double x = 0.001; x < 1e7; x *= 1.13) {
    EXPECT_NEAR(log_gamma(x), std::lgamma(x), 1e-14 * std::max(1.0, std::abs(std::lgamma(x)))) << x;
  }
}

TEST(Distribution, NormalQuantileInvertsTheErrorFunction) {
  for (double p = 1e-300; p < 0.5; p *= 1.7) {
    const double x = normal_quantile(p);
    // The relative error of p is about x^2 times that of x in the tail.
    EXPECT_NEAR(0.5 * std::erfc(-x / std::sqrt(2.0)) / p, 1, 1e-15 * (4 + 2 * x * x)) << p;
  }
  EXPECT_EQ(normal_quantile(0.5), 0);
  for (const double p : {0.01, 0.07, 0.0751, 0.3, 0.49})
    EXPECT_NEAR(normal_quantile(1 - p), -normal_quantile(p), 1e-14);
  EXPECT_NEAR(normal_quantile(0.975), 1.959963984540054, 1e-15);
}

// SciPy 1.10.1: special.erfcx.
TEST(Distribution, ScaledErfcIsThatOfSciPy) {
  for (const auto& [x, expected] : {std::pair{-20.0, 1.0442939379528289e+174},
                                    {-5.0, 144009798674.66104},
                                    {-1.0, 5.008980080762283},
                                    {-0.3, 1.4537492328427655},
                                    {0.0, 1.0},
                                    {0.2, 0.8090195199015808},
                                    {0.46, 0.6367873838327129},
                                    {0.5, 0.6156903441929258},
                                    {1.0, 0.427583576155807},
                                    {3.0, 0.17900115118138998},
                                    {4.5, 0.12248480427384142},
                                    {30.0, 0.018795888861416754}}) {
    EXPECT_NEAR(scaled_erfc(x) / expected, 1, 1e-15) << x;
  }
}

// SciPy 1.10.1: special.ndtr, special.log_ndtr.
TEST(Distribution, NormalCdfIsThatOfSciPy) {
  struct Row {
    double x, cdf, log_cdf;
  };
  for (const Row& row : {Row{-37, 5.7255712225239266e-300, -689.0305855768908},
                         {-10, 7.61985302416047e-24, -53.23128515051248},
                         {-6, 9.865876450376946e-10, -20.73676894997471},
                         {-2, 0.022750131948179195, -3.7831843336820317},
                         {-1, 0.15865525393145707, -1.841021645009264},
                         {-0.5, 0.3085375387259869, -1.175911761593619},
                         {0, 0.5, -0.6931471805599453},
                         {0.5, 0.6914624612740131, -0.3689464152886563},
                         {3, 0.9986501019683699, -0.001350809964748193}}) {
    EXPECT_NEAR(normal_cdf(row.x) / row.cdf, 1, 1e-15 * (1 + row.x * row.x / 10)) << row.x;
    EXPECT_NEAR(log_normal_cdf(row.x) / row.log_cdf, 1, 1e-15) << row.x;
  }
  EXPECT_EQ(normal_cdf(-40), 0);
  EXPECT_EQ(normal_cdf(40), 1);
}

// SciPy 1.10.1: integrate.quad of e^((m^2 - t^2) / 2) from a to b, epsrel 2e-14, m the end nearer to 0; then its
// logarithm - m^2 / 2 - log(2 pi) / 2.
TEST(Distribution, NormalMassBetweenDoesNotCancel) {
  struct Row {
    double a, b, log_mass;
  };
  for (const Row& row : {Row{-1, 1, -0.381715146302126},
                         {-0.1, 0.1, -2.53004200154724},
                         {5, 6, -15.068446096529454},
                         {-40, -39, -765.0831565643776},
                         {-1e-9, 1e-9, -20.94905718959114},
                         {0.5, 0.5001, -10.254303906743443},
                         {-3, 2, -0.024395187554887347},
                         {8, 9, -35.01361859343715},
                         {-2, -1.999, -9.825693812270252}}) {
    EXPECT_NEAR(log_normal_between(row.a, row.b), row.log_mass, 1e-11) << row.a << " " << row.b;
  }
}

// For whole a and b the beta law is a sum of binomial probabilities.
double binomial_beta_cdf(double x, int a, int b) {
  double sum = 0;
  const int n = a + b - 1;
  for (int j = a; j <= n; ++j) {
    sum += std::exp(std::lgamma(n + 1.0) - std::lgamma(j + 1.0) - std::lgamma(n - j + 1.0) + j * std::log(x) +
                    (n - j) * std::log1p(-x));
  }
  return sum;
}

TEST(Distribution, BetaCdfMeetsBinomialSumsAndClosedForms) {
  for (const auto& [a, b] : {std::pair{1, 1}, {2, 5}, {5, 2}, {30, 3}, {40, 60}}) {
    for (double x = 0.02; x < 1; x += 0.07) {
      EXPECT_NEAR(beta_cdf(x, a, b), binomial_beta_cdf(x, a, b), 2e-13) << a << " " << b << " " << x;
    }
  }
  for (double x = 0.01; x < 1; x += 0.03) {
    EXPECT_NEAR(beta_cdf(x, 0.5, 0.5), 2 / M_PI * std::asin(std::sqrt(x)), 1e-13) << x;  // the arcsine law
    EXPECT_NEAR(beta_cdf(x, 0.3, 1), std::pow(x, 0.3), 1e-13) << x;
    EXPECT_NEAR(beta_cdf(x, 1, 7.5), 1 - std::pow(1 - x, 7.5), 1e-13) << x;
  }
  EXPECT_NEAR(beta_cdf(0.5, 1e6, 1e6), 0.5, 1e-7);
  EXPECT_EQ(beta_cdf(0, 2, 3), 0);
  EXPECT_EQ(beta_cdf(1, 2, 3), 1);
}

// scipy.stats.t.sf of SciPy 1.10.1.
TEST(Distribution, StudentTailMeetsScipy) {
  const struct {
    double t, freedom, tail;
  } student[] = {{0, 3, 0.5},
                 {1, 1, 0.25},
                 {2, 1, 0.14758361765043321},
                 {2.5, 4, 0.033383272405994063},
                 {-1.3, 7, 0.88261608230381139},
                 {6, 9, 0.00010124966103382041},
                 {31.82, 1, 0.010000162040964405},
                 {0.01, 200, 0.49601562757664053},
                 {10, 30, 2.2876257041148048e-11}};
  for (const auto& [t, freedom, tail] : student) EXPECT_NEAR(student_tail(t, freedom) / tail, 1, 1e-12) << t;
}

TEST(Distribution, BetaQuantileInvertsItsCdf) {
  for (const auto& [a, b] : {std::pair{2.0, 5.0}, {0.5, 0.5}, {10.0, 0.2}, {1000.0, 3.0}}) {
    for (double p = 0.001; p < 1; p += 0.037) {
      const double x = beta_quantile(p, a, b);
      EXPECT_NEAR(beta_cdf(x, a, b), p, 1e-12 + 1e-3 * (x > 0.999999)) << a << " " << b << " " << p;
    }
  }
  EXPECT_EQ(beta_quantile(0, 2, 5), 0);
}

// kDraws draws of a parameter by the random sampler, as trials 0, 1, ...
std::vector<Value> draws(const std::string& entry, std::uint64_t seed) {
  RandomSampler sampler(SearchSpace(sweep_of(entry)), seed);
  std::vector<Value> out;
  for (int i = 0; i < kDraws; ++i) out.push_back(sampler.suggest(i)->at("x"));
  return out;
}

// Kolmogorov-Smirnov. P(sqrt(n) D > c) < 2 exp(-2 c^2), which is 1e-6 at c = 2.694.
void expect_continuous(const std::string& entry, const std::function<double(double)>& cdf) {
  std::vector<double> values;
  for (const Value& value : draws(entry, 7)) values.push_back(value.get<double>());
  std::sort(values.begin(), values.end());
  double distance = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double p = cdf(values[static_cast<std::size_t>(i)]);
    distance = std::max({distance, p - i / double{kDraws}, (i + 1) / double{kDraws} - p});
  }
  EXPECT_LT(std::sqrt(kDraws) * distance, 2.694) << entry;
}

// Chi-squared over the given values, and over all others together when 20 or more of those are expected; when fewer
// are, at most 60 may occur (a Poisson number of mean 20 is above that with probability 1e-12). The critical value is
// Wilson and Hilferty's (1931) cube for the normal quantile 4.7534 of 1 - 1e-6; every expected count is at least 20.
void expect_discrete(const std::string& entry, const std::map<Value, double>& probabilities) {
  std::map<Value, int> counts;
  for (const Value& value : draws(entry, 11)) ++counts[value];
  double statistic = 0, degrees = -1, others = 1;
  int other_count = kDraws;
  const auto add = [&](int count, double p) {
    const double expected = p * kDraws;
    ASSERT_GE(expected, 20) << entry;
    statistic += (count - expected) * (count - expected) / expected;
    degrees += 1;
    others -= p;
    other_count -= count;
  };
  for (const auto& [value, p] : probabilities) add(counts[value], p);
  if (others * kDraws >= 20) {
    add(other_count, others);
  } else {
    EXPECT_LE(other_count, others * kDraws < 1e-6 ? 0 : 60) << entry;
  }
  const double share = 2 / (9 * degrees);
  EXPECT_LT(statistic, degrees * std::pow(1 - share + 4.7534 * std::sqrt(share), 3)) << entry;
}

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

TEST(Distribution, ContinuousDrawsFollowTheirLaws) {
  expect_continuous("{min: -1.0, max: 3.0}", [](double x) { return (x + 1) / 4; });
  const auto log_law = [](double low, double high) {
    return [=](double x) { return std::log(x / low) / std::log(high / low); };
  };
  expect_continuous("{distribution: log_uniform_values, min: 1e-5, max: 1e-1}", log_law(1e-5, 1e-1));
  expect_continuous("{distribution: inv_log_uniform_values, min: 1e-5, max: 1e-1}", log_law(1e-5, 1e-1));
  expect_continuous("{distribution: log_uniform, min: -3, max: 1}", log_law(std::exp(-3), std::exp(1)));
  expect_continuous("{distribution: inv_log_uniform, min: -1, max: 3}", log_law(std::exp(-3), std::exp(1)));
  expect_continuous("{distribution: normal, mu: 2, sigma: 0.5}", [](double x) { return normal_cdf((x - 2) / 0.5); });
  expect_continuous("{distribution: log_normal, mu: -1, sigma: 2}",
                    [](double x) { return normal_cdf((std::log(x) + 1) / 2); });
  expect_continuous("{distribution: beta, a: 2, b: 5}", [](double x) { return binomial_beta_cdf(x, 2, 5); });
  expect_continuous("{distribution: beta, a: 0.5, b: 0.5}",
                    [](double x) { return 2 / M_PI * std::asin(std::sqrt(x)); });
}

TEST(Distribution, DiscreteDrawsFollowTheirLaws) {
  expect_discrete("{values: [a, b, c, d]}", {{"a", 0.25}, {"b", 0.25}, {"c", 0.25}, {"d", 0.25}});
  expect_discrete("{values: [a, a, b]}", {{"a", 2.0 / 3}, {"b", 1.0 / 3}});
  expect_discrete("{values: [a, b, c], probabilities: [0.7, 0.2, 0.1]}", {{"a", 0.7}, {"b", 0.2}, {"c", 0.1}});
  std::map<Value, double> integers;
  for (int i = -3; i <= 6; ++i) integers[i] = 0.1;
  expect_discrete("{min: -3, max: 6}", integers);
}

TEST(Distribution, QuantisedDrawsFollowTheirLaws) {
  // Half a step of the line falls to each end, a whole step to each inner value.
  expect_discrete("{distribution: q_uniform, min: 0, max: 8, q: 2}",
                  {{0, 0.125}, {2, 0.25}, {4, 0.25}, {6, 0.25}, {8, 0.125}});
  std::map<Value, double> log_law, normal_law, log_normal_law, beta_law;
  const auto log_cdf = [](double x) { return std::clamp(std::log(x) / std::log(16.0), 0.0, 1.0); };
  for (int k = 1; k <= 16; ++k) log_law[k] = log_cdf(k + 0.5) - log_cdf(k - 0.5);
  expect_discrete("{distribution: q_log_uniform_values, min: 1, max: 16, q: 1}", log_law);
  const double exponent = std::log(16.0);
  expect_discrete("{distribution: q_log_uniform, min: 0, max: " + cat(std::fixed, exponent) + ", q: 1}", log_law);

  for (int k = -8; k <= 12; ++k) {
    normal_law[0.5 * k] = normal_cdf((0.5 * k + 0.25 - 1) / 2) - normal_cdf((0.5 * k - 0.25 - 1) / 2);
  }
  expect_discrete("{distribution: q_normal, mu: 1, sigma: 2, q: 0.5}", normal_law);
  for (int k = 1; k <= 9; ++k) {
    log_normal_law[k] = normal_cdf((std::log(k + 0.5) - 1) / 0.5) - normal_cdf((std::log(k - 0.5) - 1) / 0.5);
  }
  expect_discrete("{distribution: q_log_normal, mu: 1, sigma: 0.5, q: 1}", log_normal_law);
  for (int k = 1; k <= 4; ++k) {
    const double high = k == 4 ? 1 : binomial_beta_cdf((k + 0.5) / 4, 2, 2);
    beta_law[k / 4.0] = high - binomial_beta_cdf((k - 0.5) / 4, 2, 2);
  }
  beta_law[0.0] = binomial_beta_cdf(0.125, 2, 2);
  expect_discrete("{distribution: q_beta, a: 2, b: 2, q: 0.25}", beta_law);
}

TEST(Distribution, TheTestsNoticeAWrongLaw) {
  std::vector<double> values;
  for (const Value& value : draws("{min: 0.0, max: 1.0}", 7)) values.push_back(std::pow(value.get<double>(), 1.06));
  std::sort(values.begin(), values.end());
  double distance = 0;
  for (int i = 0; i < kDraws; ++i) {
    distance = std::max(distance, (i + 1) / double{kDraws} - values[static_cast<std::size_t>(i)]);
  }
  EXPECT_GT(std::sqrt(kDraws) * distance, 2.694);
}

}  // namespace
}  // namespace caviar
