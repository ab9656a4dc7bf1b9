// The strategy itself, on real vectors: every formula against NumPy, and the speed that follows from them.
#include "tuner/samplers/cma.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <gtest/gtest.h>

#include "tuner/numerics/draws.h"
#include "tuner/numerics/symmetric_eigen.h"

namespace caviar {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// NumPy 1.24: sorted(numpy.linalg.eigvalsh(A)).
TEST(SymmetricEigen, ValuesAreThoseOfNumPy) {
  const std::vector<double> matrix = {4, 1, -2, 2, 1, 2, 0, 1, -2, 0, 3, -2, 2, 1, -2, -1};
  SymmetricEigen eigen = symmetric_eigen(matrix, 4);
  std::sort(eigen.values.begin(), eigen.values.end());
  constexpr double kValues[] = {-2.1975169774394248, 1.0843644637732175, 2.2685314064312423, 6.844621107234965};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(eigen.values[i], kValues[i], 1e-14);
}

// Of a random matrix of 30: V D V^T is the matrix, V^T V is one.
TEST(SymmetricEigen, VectorsTakeTheMatrixApart) {
  constexpr std::size_t kSize = 30;
  std::vector<double> matrix(kSize * kSize);
  Draws draws(1, 0, "eigen");
  for (std::size_t i = 0; i < kSize; ++i) {
    for (std::size_t j = i; j < kSize; ++j) matrix[i * kSize + j] = matrix[j * kSize + i] = draws.normal();
  }
  const SymmetricEigen eigen = symmetric_eigen(matrix, kSize);
  for (std::size_t i = 0; i < kSize; ++i) {
    for (std::size_t j = 0; j < kSize; ++j) {
      double product = 0, dot = 0;
      for (std::size_t k = 0; k < kSize; ++k) {
        product += eigen.vectors[i * kSize + k] * eigen.values[k] * eigen.vectors[j * kSize + k];
        dot += eigen.vectors[k * kSize + i] * eigen.vectors[k * kSize + j];
      }
      EXPECT_NEAR(product, matrix[i * kSize + j], 1e-13);
      EXPECT_NEAR(dot, i == j, 1e-14);
    }
  }
}

// Table 1 of the tutorial written once more in Python, n = 10, lambda = 10.
TEST(Cma, NumbersAreThoseOfTheTutorial) {
  const CmaNumbers numbers(10, 10);
  constexpr double kWeights[] = {0.45627264690340597,  0.2707530970017852,   0.16223111715866978,  0.08523354710016448,
                                 0.025509591835974777, -0.08001260758087221, -0.22176416099914645, -0.3445549417848209,
                                 -0.45286408637842174, -0.5497499176973852};
  for (std::size_t i = 0; i < 10; ++i) EXPECT_NEAR(numbers.weights[i], kWeights[i], 1e-15);
  EXPECT_EQ(numbers.parents, 5u);
  EXPECT_NEAR(numbers.mu_eff, 3.1672992814107026, 1e-14);
  EXPECT_NEAR(numbers.c_1, 0.015283824524751714, 1e-16);
  EXPECT_NEAR(numbers.c_mu, 0.023551776650417484, 1e-16);
  EXPECT_NEAR(numbers.c_sigma, 0.2844285879463675, 1e-15);
  EXPECT_NEAR(numbers.d_sigma, 1.2844285879463675, 1e-15);
  EXPECT_NEAR(numbers.c_c, 0.29499038303562225, 1e-15);
}

// Four generations of given samples. The oracle is the tutorial's equations once more in Python, with numpy.linalg.eigh
// and NumPy's matrices (python3-numpy 1.24): the same table of y, the same function.
TEST(Cma, FourGenerationsAreThoseOfNumPy) {
  Cma cma({0.3, 0.5, 0.6}, 0.2, 7);
  for (int g = 0; g < 4; ++g) {
    std::vector<std::pair<double, std::vector<double>>> trials;
    for (int k = 0; k < 7; ++k) {
      std::vector<double> y;
      for (int j = 0; j < 3; ++j) y.push_back(((5 * g + 3 * k + 7 * j + k * j * (g + 1)) % 17 - 8) / 8.0);
      const std::vector<double> x = cma.at(y);
      trials.emplace_back(x[0] * x[0] + 10 * x[1] * x[1] + 100 * x[2] * x[2], y);
    }
    std::sort(trials.begin(), trials.end());
    std::vector<std::vector<double>> best_first;
    for (const auto& trial : trials) best_first.push_back(trial.second);
    cma.update(best_first, 7);
  }
  constexpr double kMean[] = {0.10534690117074869, 0.3538224261319546, 0.037151595541281585};
  constexpr double kCovariance[3][3] = {{0.6871438246833849, 0.36439668478541043, 0.32086108012382736},
                                        {0.36439668478541043, 0.8294782518561645, 0.49320798708488867},
                                        {0.32086108012382736, 0.49320798708488867, 1.30259550848635}};
  EXPECT_NEAR(cma.sigma(), 0.20430488918621934, 1e-14);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(cma.mean()[i], kMean[i], 1e-14);
    for (std::size_t j = 0; j < 3; ++j) EXPECT_NEAR(cma.covariance(i, j), kCovariance[i][j], 1e-13);
  }
}

// Trials until the loss is below `goal`.
template <class Loss>
int trials_to(double goal, Loss&& loss, Cma cma, std::uint64_t seed, double diverging = 0) {
  for (std::int64_t trial = 0;;) {
    std::vector<std::pair<double, std::vector<double>>> trials;
    std::size_t finite = 0;
    for (std::size_t k = 0; k < cma.population(); ++k, ++trial) {
      Draws draws(seed, trial, "cma test");
      std::vector<double> z(cma.size());
      for (double& component : z) component = draws.normal();
      std::vector<double> y = cma.spread(z);
      const bool diverged = draws.chance(diverging);
      trials.emplace_back(diverged ? kInfinity : loss(cma.at(y)), std::move(y));
      finite += !diverged;
    }
    std::sort(trials.begin(), trials.end());
    if (trials.front().first < goal || trial > 100'000) return static_cast<int>(trial);
    std::vector<std::vector<double>> best_first;
    for (const auto& one : trials) best_first.push_back(one.second);
    if (finite > 0) cma.update(best_first, finite);
  }
}

template <class Run>
int median(int runs, Run&& run) {
  std::vector<int> results;
  for (int r = 0; r < runs; ++r) results.push_back(run(static_cast<std::uint64_t>(r)));
  std::nth_element(results.begin(), results.begin() + runs / 2, results.end());
  return results[static_cast<std::size_t>(runs / 2)];
}

double sphere(const std::vector<double>& x) { return std::inner_product(x.begin(), x.end(), x.begin(), 0.0); }

// The Python program above, with NumPy's normal draws: from anywhere in [-100, 100]^10 and sigma 100 to 1e-6 in 1,630
// evaluations in the median of 51 seeds (1,440 to 1,830).
TEST(Cma, TheSphereIsReachedAtTheRateOfNumPy) {
  const int trials = median(51, [](std::uint64_t seed) {
    Draws draws(seed, 0, "start");
    std::vector<double> start(10);
    for (double& x : start) x = 200 * draws.unit() - 100;
    return trials_to(1e-6, sphere, Cma(start, 100, 10), seed);
  });
  EXPECT_NEAR(trials, 1630, 60);
}

// The same program: Rosenbrock's function of 5 from 0, sigma 0.5, to 1e-8: 1,744 in the median of 31 seeds; an
// ellipsoid of 10 with condition 1e6 from 1, sigma 1, to 1e-8: 3,930 in the median of 15.
TEST(Cma, DirectionsAreLearntAtTheRateOfNumPy) {
  const auto valley = [](const std::vector<double>& x) {
    double sum = 0;
    for (std::size_t i = 0; i + 1 < x.size(); ++i) {
      sum += 100 * (x[i + 1] - x[i] * x[i]) * (x[i + 1] - x[i] * x[i]) + (1 - x[i]) * (1 - x[i]);
    }
    return sum;
  };
  const auto ellipsoid = [](const std::vector<double>& x) {
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) sum += std::pow(1e6, static_cast<double>(i) / 9) * x[i] * x[i];
    return sum;
  };
  EXPECT_NEAR(
      median(31,
             [&](std::uint64_t seed) { return trials_to(1e-8, valley, Cma(std::vector<double>(5, 0), 0.5, 8), seed); }),
      1744, 200);
  EXPECT_NEAR(median(15,
                     [&](std::uint64_t seed) {
                       return trials_to(1e-8, ellipsoid, Cma(std::vector<double>(10, 1), 1, 10), seed);
                     }),
              3930, 250);
}

TEST(Cma, HalfOfEachGenerationMayDiverge) {
  const int trials = median(11, [](std::uint64_t seed) {
    return trials_to(1e-6, sphere, Cma(std::vector<double>(10, 1), 1, 10), seed, 0.5);
  });
  EXPECT_LT(trials, 5500);  // measured: 4,110
  EXPECT_GT(trials, 1000);
}

// SciPy 1.10.1: norm.cdf, norm.sf and chi2.ppf(1 - 2 p, 1) ** 0.5 in the paper's equations.
TEST(Cma, MarginsAreThoseOfThePaper) {
  struct Row {
    double mean, deviation, new_mean, new_deviation;
  };
  constexpr Row kRows[] = {{0.5, 0.05, 0.5, 0.05102134569246539},
                           {0.45, 0.04, 0.4783246526939323, 0.06208039957153671},
                           {0.41, 0.02, 0.44201943254637976, 0.08060381144743006}};
  for (const Row& row : kRows) {
    Cma cma({row.mean}, row.deviation, 4);
    cma.keep_margin(0, 0.4, 0.6, 0.05);
    EXPECT_NEAR(cma.mean()[0], row.new_mean, 1e-12);
    EXPECT_NEAR(cma.deviation(0), row.new_deviation, 1e-12);
  }
  Cma far({0.9}, 0.01, 4), enough({0.5}, 0.2, 4);
  far.keep_margin(0, 0.5, kInfinity, 0.05);  // the last level
  EXPECT_NEAR(far.mean()[0], 0.5 + 0.016448536269514723, 1e-12);
  EXPECT_EQ(far.deviation(0), 0.01);
  enough.keep_margin(0, 0.4, 0.6, 0.05);
  EXPECT_EQ(enough.mean()[0], 0.5);
  EXPECT_EQ(enough.deviation(0), 0.2);
}

TEST(Cma, SolutionsFromElsewhereAreShortened) {
  const Cma cma({0, 0, 0, 0}, 0.5, 8);
  const std::vector<double> near = cma.spread_of(std::vector<double>{0.5, 0, 0, 0});
  EXPECT_EQ(near, (std::vector<double>{1, 0, 0, 0}));
  const std::vector<double> far = cma.spread_of(std::vector<double>{0, 300, 0, 400});
  EXPECT_NEAR(std::sqrt(sphere(far)), 2 + 8.0 / 6, 1e-12);
  EXPECT_NEAR(far[1] / far[3], 0.75, 1e-12);
}

}  // namespace
}  // namespace caviar
