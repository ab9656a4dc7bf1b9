// The Gaussian process and what it rests on: factors, descent, likelihood, posterior, improvement, each against SciPy
// or a closed form.
#include "tuner/samplers/gaussian_process.h"

#include <cmath>
#include <tuple>

#include <gtest/gtest.h>

#include "tuner/numerics/cholesky.h"
#include "tuner/numerics/descent.h"
#include "tuner/numerics/draws.h"
#include "tuner/samplers/improvement.h"

namespace caviar {
namespace {

// A symmetric positive definite matrix: B B' + I of random B.
std::vector<double> definite(std::size_t n) {
  Draws draws(11, static_cast<std::int64_t>(n), "matrix");
  std::vector<double> b(n * n), a(n * n);
  for (double& x : b) x = draws.normal();
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      for (std::size_t k = 0; k < n; ++k) a[i * n + j] += b[i * n + k] * b[j * n + k];
      a[i * n + j] += i == j;
    }
  }
  return a;
}

TEST(Cholesky, SolvesAndInverts) {
  for (const std::size_t n : {1u, 2u, 5u, 18u, 33u}) {
    const std::vector<double> a = definite(n);
    const Cholesky factor(a, n, 1e-12);
    std::vector<double> x(n), inverse = factor.inverse();
    for (std::size_t i = 0; i < n; ++i) x[i] = 1.0 + static_cast<double>(i);
    std::vector<double> b(n);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) b[i] += a[i * n + j] * x[j];
    }
    factor.solve(b);
    for (std::size_t i = 0; i < n; ++i) EXPECT_NEAR(b[i], x[i], 1e-9) << n;
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        double product = 0;
        for (std::size_t k = 0; k < n; ++k) product += a[i * n + k] * inverse[std::min(j, k) * n + std::max(j, k)];
        EXPECT_NEAR(product, i == j, 1e-9) << n;
      }
    }
  }
}

TEST(Cholesky, AddingRowsIsTheFactorOfTheWhole) {
  constexpr std::size_t kAll = 13, kFirst = 8, kMore = kAll - kFirst;
  const std::vector<double> a = definite(kAll);
  std::vector<double> first, across, corner;
  for (std::size_t i = 0; i < kAll; ++i) {
    for (std::size_t j = 0; j < kAll; ++j) {
      (i >= kFirst ? (j >= kFirst ? corner : first) : (j >= kFirst ? across : first)).push_back(a[i * kAll + j]);
    }
  }
  first.resize(kFirst * kFirst);
  Cholesky grown(first, kFirst, 1e-12);
  grown.extend(across, corner, kMore, 1e-12);
  const Cholesky whole(a, kAll, 1e-12);
  EXPECT_NEAR(grown.log_determinant(), whole.log_determinant(), 1e-12);
  std::vector<double> x(kAll, 1.0), y(kAll, 1.0);
  grown.solve(x);
  whole.solve(y);
  for (std::size_t i = 0; i < kAll; ++i) EXPECT_NEAR(x[i], y[i], 1e-12);
}

TEST(Cholesky, LogDeterminantOfAnotherKindOfSum) {
  EXPECT_NEAR(Cholesky({4, 2, 2, 3}, 2, 1e-12).log_determinant(), std::log(8.0), 1e-15);
}

TEST(Descent, FindsTheMinimumOfAValleyAndOfABox) {
  const SmoothFunction rosenbrock = [](std::span<const double> x, std::span<double> g) {
    const double a = x[1] - x[0] * x[0], b = 1 - x[0];
    g[0] = -400 * x[0] * a - 2 * b;
    g[1] = 200 * a;
    return 100 * a * a + b * b;
  };
  const Minimum inside = descend(rosenbrock, {-1.2, 1}, {{-5, -5}, {5, 5}}, 200, 0);
  EXPECT_NEAR(inside.x[0], 1, 1e-6);
  EXPECT_NEAR(inside.x[1], 1, 1e-6);
  // With x[0] <= 0.5 the minimum is at (0.5, 0.25): there 100 (x1 - x0^2)^2 is 0 and (1 - x0)^2 least.
  const Minimum edge = descend(rosenbrock, {-1.2, 1}, {{-5, -5}, {0.5, 5}}, 200, 0);
  EXPECT_EQ(edge.x[0], 0.5);
  EXPECT_NEAR(edge.x[1], 0.25, 1e-6);
  EXPECT_NEAR(edge.value, 0.25, 1e-10);
}

const Inputs kInputs = {{{0.1, 0.4, 0.45, 0.8, 0.95}, {0.9, 0.2, 0.3, 0.6, 0.05}, {0, 1, 1, 0, 2}},
                        {false, false, true}};
const std::vector<double> kValues = {0.3, -1.2, -0.9, 0.5, 1.3};

GpParameters parameters() { return {{std::log(0.4), std::log(0.9), std::log(1.5)}, std::log(1.3), std::log(0.02)}; }

// NumPy and SciPy 1.10.1, k() the formula of the header:
//   K = k(X, X) + 0.02 * eye(5); loss = -multivariate_normal(zeros(5), K).logpdf(y) - 5 / 2 * log(2 * pi)
//   loss += ((log([.4, .9, 1.5]) - log(3) / 2 + 1.2)**2).sum() / 2 / .5 + log(1.3)**2 / 2 + (log(.02) + 5)**2 / 2 / .4
TEST(GaussianProcess, LossIsThatOfSciPy) {
  std::vector<double> gradient(5);
  EXPECT_NEAR(gp_loss(kInputs, kValues, parameters(), gradient), 4.060872140838965, 1e-12);
}

TEST(GaussianProcess, GradientIsThatOfDifferences) {
  std::vector<double> gradient(5), unused(5);
  gp_loss(kInputs, kValues, parameters(), gradient);
  for (std::size_t i = 0; i < 5; ++i) {
    constexpr double kStep = 1e-5;
    const auto at = [&](double step) {
      GpParameters moved = parameters();
      (i < 3 ? moved.log_length[i] : i == 3 ? moved.log_variance : moved.log_noise) += step;
      return gp_loss(kInputs, kValues, moved, unused);
    };
    EXPECT_NEAR(gradient[i], (at(kStep) - at(-kStep)) / (2 * kStep), 1e-8) << i;
  }
}

const Inputs kElsewhere = {{{0.2, 0.46, 0.7}, {0.5, 0.31, 0.7}, {1, 1, 2}}, {false, false, true}};

// NumPy 1.24: k(Z, X) @ solve(K, y), sqrt(1.3 - diag(k(Z, X) @ solve(K, k(X, Z)))), min(k(X, X) @ solve(K, y)).
TEST(GaussianProcess, PosteriorIsThatOfNumPy) {
  const GaussianProcess process(kInputs, kValues, parameters());
  const GaussianProcess::Prediction found = process.predict(kElsewhere);
  const double mean[] = {-0.7567497965426888, -0.8982206123589472, 0.44426636986669293};
  const double deviation[] = {0.608854644359232, 0.13855673302851176, 0.7412512779782967};
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(found.mean[i], mean[i], 1e-12);
    EXPECT_NEAR(found.deviation[i], deviation[i], 1e-12);
  }
  EXPECT_NEAR(process.least_mean(), -1.1354173832676047, 1e-12);
  EXPECT_EQ(process.least_at(), 1u);
}

// The same after the third of these points is taken for known with its own mean: by NumPy from six points, the noise of
// the sixth 1.3e-6.
TEST(GaussianProcess, ABelievedPointMovesNoMean) {
  GaussianProcess process(kInputs, kValues, parameters());
  const GaussianProcess::Prediction before = process.predict(kElsewhere);
  process.believe({{{0.7}, {0.7}, {2}}, {false, false, true}});
  const GaussianProcess::Prediction after = process.predict(kElsewhere);
  const double deviation[] = {0.6088250314523241, 0.1371006259409284, 0.001140174076328271};
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(after.mean[i], before.mean[i], 1e-12);
    EXPECT_NEAR(after.deviation[i], deviation[i], 1e-9);
  }
}

TEST(GaussianProcess, SlopesAreThoseOfDifferences) {
  const GaussianProcess process(kInputs, kValues, parameters());
  const std::vector<double> at = {0.3, 0.5, 1};
  const GaussianProcess::Slope slope = process.slope(at);
  const auto moved = [&](std::size_t j, double step) {
    std::vector<double> x = at;
    x[j] += step;
    return process.predict({{{x[0]}, {x[1]}, {x[2]}}, {false, false, true}});
  };
  EXPECT_NEAR(slope.mean, moved(0, 0).mean[0], 1e-12);
  EXPECT_NEAR(slope.deviation, moved(0, 0).deviation[0], 1e-12);
  constexpr double kStep = 1e-5;
  for (std::size_t j = 0; j < 2; ++j) {
    const auto up = moved(j, kStep), down = moved(j, -kStep);
    EXPECT_NEAR(slope.mean_slope[j], (up.mean[0] - down.mean[0]) / (2 * kStep), 1e-7);
    EXPECT_NEAR(slope.deviation_slope[j], (up.deviation[0] - down.deviation[0]) / (2 * kStep), 1e-7);
  }
  EXPECT_EQ(slope.mean_slope[2], 0);
}

// Forty values of a function of the first input, with noise of standard deviation 0.3 (variance 0.09): the fit finds
// which input matters and how much is noise.
TEST(GaussianProcess, AFitTellsWhatMattersFromNoise) {
  Draws draws(3, 0, "fit");
  Inputs inputs{{{}, {}}, {false, false}};
  std::vector<double> y;
  for (int i = 0; i < 40; ++i) {
    inputs.columns[0].push_back(draws.unit());
    inputs.columns[1].push_back(draws.unit());
    y.push_back(1.4 * std::cos(6 * inputs.columns[0].back()) + 0.3 * draws.normal());
  }
  const GpParameters fitted = fit_gp(inputs, y);
  EXPECT_LT(fitted.log_length[0], 0);
  EXPECT_GT(fitted.log_length[1], fitted.log_length[0] + 1);
  EXPECT_GT(fitted.log_noise, std::log(0.04));
  EXPECT_LT(fitted.log_noise, std::log(0.2));
}

// Noise and nothing else: the fit does not explain it by lengths so long that only corners are unknown.
TEST(GaussianProcess, AFitOfNoiseKeepsAShapeToLookFor) {
  for (int seed = 0; seed < 5; ++seed) {
    Draws draws(static_cast<std::uint64_t>(seed), 0, "plateau");
    Inputs inputs{std::vector<std::vector<double>>(5), std::vector<bool>(5, false)};
    std::vector<double> y;
    for (int i = 0; i < 40; ++i) {
      for (auto& column : inputs.columns) column.push_back(draws.unit());
      y.push_back(draws.normal());
    }
    const GpParameters fitted = fit_gp(inputs, y);
    EXPECT_LE(fitted.log_noise, std::log(0.3) + 1e-12);
    for (const double log_length : fitted.log_length) EXPECT_LT(log_length, std::log(2.0));
  }
}

// SciPy 1.10.1: log(quad(t e^(z t - t^2 / 2), 0, a far end)) - z^2 / 2 - log(2 pi) / 2, which is ln h(z).
TEST(Improvement, LogarithmIsThatOfAnIntegral) {
  for (const auto& [z, expected] : {std::pair{3.0, 1.0987396653277073},
                                    {0.5, -0.3598276837450639},
                                    {-0.5, -1.6205162643873199},
                                    {-1.0, -2.4851210257126413},
                                    {-1.5, -3.52993592080571},
                                    {-10.0, -55.55312203612235},
                                    {-99.0, -4910.609484215455},
                                    {-101.0, -5110.649473554864},
                                    {-1000.0, -500014.73445209122}}) {
    EXPECT_NEAR(log_expected_improvement(-z, 1, 0).value, expected, 1e-11 * (1 + std::abs(expected))) << z;
    // Scale and place: E of 0.5 Y + 2 is half as much.
    EXPECT_NEAR(log_expected_improvement(2 - z / 2, 0.5, 2).value, expected + std::log(0.5),
                1e-11 * (1 + std::abs(expected)));
  }
  EXPECT_TRUE(std::isfinite(log_expected_improvement(1e8, 1, 0).value));
}

TEST(Improvement, DerivativesAreThoseOfDifferences) {
  for (const double mean : {-2.0, 0.3, 1.2, 40.0, 130.0}) {
    constexpr double kStep = 1e-5;
    const LogImprovement at = log_expected_improvement(mean, 0.9, 0.1);
    const double by_mean = (log_expected_improvement(mean + kStep, 0.9, 0.1).value -
                            log_expected_improvement(mean - kStep, 0.9, 0.1).value) /
                           (2 * kStep);
    const double by_deviation = (log_expected_improvement(mean, 0.9 + kStep, 0.1).value -
                                 log_expected_improvement(mean, 0.9 - kStep, 0.1).value) /
                                (2 * kStep);
    EXPECT_NEAR(at.by_mean / by_mean, 1, 1e-5) << mean;
    EXPECT_NEAR(at.by_deviation / by_deviation, 1, 1e-5) << mean;
  }
}

}  // namespace
}  // namespace caviar
