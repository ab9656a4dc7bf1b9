// Softmax cross-entropy in double: against its definition with the C library, and its gradient against central
// differences, with and without label smoothing.
#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/math/loss.h"
#include "kernels/math/philox.h"

namespace caviar {
namespace {

std::vector<double> draw_logits(std::uint32_t trial, std::size_t classes) {
  std::vector<double> logits(classes);
  for (std::size_t i = 0; i < classes; ++i) {
    const Philox4 r = philox4x32(static_cast<std::uint32_t>(i), trial, 0, 0, 3);
    logits[i] = 10.0 * unit_double(r.x, r.y) - 5.0;
  }
  return logits;
}

// - sum over classes of target * ln softmax, target = (1 - s) one_hot + s / C.
double definition(const std::vector<double>& logits, std::size_t label, double smoothing) {
  double sum = 0, loss = 0;
  for (double x : logits) sum += std::exp(x);
  for (std::size_t k = 0; k < logits.size(); ++k) {
    const double target = (k == label ? 1 - smoothing : 0) + smoothing / static_cast<double>(logits.size());
    loss -= target * (logits[k] - std::log(sum));
  }
  return loss;
}

// The same by the functions under test, which are given the maximum, the log of the sum and the mean.
double composed(const std::vector<double>& logits, std::size_t label, double smoothing) {
  const double top = *std::max_element(logits.begin(), logits.end());
  double sum = 0, mean = 0;
  for (double x : logits) sum += exp_of(x - top), mean += x / static_cast<double>(logits.size());
  const double plain = cross_entropy(logits[label], top, log_of(sum));
  return smoothed_cross_entropy(plain, mean, top, log_of(sum), smoothing);
}

struct Shape {
  std::size_t classes;
  double smoothing;
};

class LossOracle : public ::testing::TestWithParam<Shape> {};

TEST_P(LossOracle, IsTheDefinition) {
  const auto [classes, smoothing] = GetParam();
  for (std::uint32_t trial = 0; trial < 500; ++trial) {
    const std::vector<double> logits = draw_logits(trial, classes);
    const std::size_t label = trial % classes;
    EXPECT_NEAR(composed(logits, label, smoothing), definition(logits, label, smoothing), 1e-13);
  }
}

TEST_P(LossOracle, GradientIsTheSlope) {
  const auto [classes, smoothing] = GetParam();
  constexpr double kStep = 1e-5, kScale = 1.0 / 64;
  for (std::uint32_t trial = 0; trial < 500; ++trial) {
    std::vector<double> logits = draw_logits(trial, classes);
    const std::size_t label = trial % classes;
    double sum = 0;
    for (double x : logits) sum += std::exp(x);
    for (std::size_t k = 0; k < classes; ++k) {
      const double at = logits[k], probability = std::exp(at) / sum;
      logits[k] = at + kStep;
      const double above = definition(logits, label, smoothing);
      logits[k] = at - kStep;
      const double slope = (above - definition(logits, label, smoothing)) / (2 * kStep) * kScale;
      logits[k] = at;
      // A loss of up to 10, in sums of up to 100 terms, is rounded by about 1e-14; over the step and times the scale
      // that is 2e-11, and truncation is less.
      EXPECT_NEAR(cross_entropy_gradient(probability, k == label, smoothing, static_cast<double>(classes), kScale),
                  slope, 1e-10);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, LossOracle,
                         ::testing::Values(Shape{2, 0.0}, Shape{10, 0.0}, Shape{2, 0.1}, Shape{10, 0.1}, Shape{10, 1.0},
                                           Shape{100, 0.3}));

}  // namespace
}  // namespace caviar
