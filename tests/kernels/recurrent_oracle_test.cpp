// The cells of kernels/math/recurrent.h in double: forward against the formulas written out with the C library, every
// gradient against central differences. Whole networks are compared with PyTorch in tests/models.
#include <array>
#include <cmath>

#include <gtest/gtest.h>

#include "kernels/math/philox.h"
#include "kernels/math/recurrent.h"

namespace caviar {
namespace {

constexpr int kTrials = 2000;
// Central differences with step 1e-4 in double: their error is about 1e-8 (truncation, third derivatives below 10) plus
// 1e-12 (rounding of a value near 1 over the step).
constexpr double kStep = 1e-4;
constexpr double kTolerance = 1e-7;

// Numbers in [-3, 3), count of them, for one trial.
template <std::size_t kCount>
std::array<double, kCount> draw(std::uint32_t trial) {
  std::array<double, kCount> values{};
  for (std::uint32_t i = 0; i < kCount; ++i) {
    const Philox4 r = philox4x32(i, trial, 0, 0, 7);
    values[i] = 6.0 * unit_double(r.x, r.y) - 3.0;
  }
  return values;
}

// d f / d values[which] by central differences.
template <std::size_t kCount, class Function>
double slope(Function f, std::array<double, kCount> values, std::size_t which) {
  const double at = values[which];
  values[which] = at + kStep;
  const double above = f(values);
  values[which] = at - kStep;
  return (above - f(values)) / (2 * kStep);
}

double plain_sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

TEST(RecurrentOracle, LstmForwardIsTheFormula) {
  for (int trial = 0; trial < kTrials; ++trial) {
    const auto [i, f, g, o, c] = draw<5>(static_cast<std::uint32_t>(trial));
    const LstmUnit<double> u = lstm_forward(i, f, g, o, c);
    const double next = plain_sigmoid(f) * c + plain_sigmoid(i) * std::tanh(g);
    EXPECT_NEAR(u.c, next, 1e-14);
    EXPECT_NEAR(lstm_output(u.o, u.c), plain_sigmoid(o) * std::tanh(next), 1e-14);
    EXPECT_NEAR(u.i, plain_sigmoid(i), 1e-15);
    EXPECT_NEAR(u.f, plain_sigmoid(f), 1e-15);
    EXPECT_NEAR(u.g, std::tanh(g), 1e-15);
    EXPECT_NEAR(u.o, plain_sigmoid(o), 1e-15);
  }
}

// The scalar L = a h' + b c': its slopes are what backward returns for grad_h = a, grad_c_next = b.
TEST(RecurrentOracle, LstmGradientsAreSlopes) {
  for (int trial = 0; trial < kTrials; ++trial) {
    const std::array<double, 7> v = draw<7>(static_cast<std::uint32_t>(trial));
    const auto loss = [](const std::array<double, 7>& x) {
      const LstmUnit<double> u = lstm_forward(x[0], x[1], x[2], x[3], x[4]);
      return x[5] * lstm_output(u.o, u.c) + x[6] * u.c;
    };
    const LstmUnit<double> u = lstm_forward(v[0], v[1], v[2], v[3], v[4]);
    const LstmGradient<double> d = lstm_backward(u.i, u.f, u.g, u.o, v[4], u.c, v[5], v[6]);
    const std::array<double, 5> ours = {d.i, d.f, d.g, d.o, d.c};
    for (std::size_t k = 0; k < ours.size(); ++k)
      EXPECT_NEAR(ours[k], slope(loss, v, k), kTolerance) << trial << " " << k;
  }
}

TEST(RecurrentOracle, GruForwardIsTheFormula) {
  for (int trial = 0; trial < kTrials; ++trial) {
    const auto [r, z, x_n, h_n, h] = draw<5>(static_cast<std::uint32_t>(trial));
    const GruUnit<double> u = gru_forward(r, z, x_n, h_n, h);
    const double n = std::tanh(x_n + plain_sigmoid(r) * h_n);
    EXPECT_NEAR(u.n, n, 1e-14);
    EXPECT_NEAR(u.h, (1 - plain_sigmoid(z)) * n + plain_sigmoid(z) * h, 1e-14);
    EXPECT_NEAR(u.r, plain_sigmoid(r), 1e-15);
    EXPECT_NEAR(u.z, plain_sigmoid(z), 1e-15);
  }
}

TEST(RecurrentOracle, GruGradientsAreSlopes) {
  for (int trial = 0; trial < kTrials; ++trial) {
    const std::array<double, 6> v = draw<6>(static_cast<std::uint32_t>(trial));
    const auto loss = [](const std::array<double, 6>& x) { return x[5] * gru_forward(x[0], x[1], x[2], x[3], x[4]).h; };
    const GruUnit<double> u = gru_forward(v[0], v[1], v[2], v[3], v[4]);
    const GruGradient<double> d = gru_backward(u.r, u.z, u.n, v[3], v[4], v[5]);
    // h enters directly here; through h_n and the gates it enters by the matrix products, elsewhere.
    const std::array<double, 5> ours = {d.r, d.z, d.x_n, d.h_n, d.h};
    for (std::size_t k = 0; k < ours.size(); ++k)
      EXPECT_NEAR(ours[k], slope(loss, v, k), kTolerance) << trial << " " << k;
  }
}

TEST(RecurrentOracle, TanhGradientIsTheSlope) {
  for (int trial = 0; trial < kTrials; ++trial) {
    const std::array<double, 2> v = draw<2>(static_cast<std::uint32_t>(trial));
    const auto loss = [](const std::array<double, 2>& x) { return x[1] * rnn_tanh_forward(x[0]); };
    EXPECT_NEAR(rnn_tanh_forward(v[0]), std::tanh(v[0]), 1e-15);
    EXPECT_NEAR(rnn_tanh_backward(rnn_tanh_forward(v[0]), v[1]), slope(loss, v, 0), kTolerance);
  }
}

TEST(RecurrentOracle, ReluPassesThePositiveSideAndNan) {
  EXPECT_EQ(rnn_relu_forward(2.5), 2.5);
  EXPECT_EQ(rnn_relu_forward(-2.5), 0.0);
  EXPECT_TRUE(std::isnan(rnn_relu_forward(std::nan(""))));
  EXPECT_EQ(rnn_relu_backward(rnn_relu_forward(2.5), -3.0), -3.0);
  EXPECT_EQ(rnn_relu_backward(rnn_relu_forward(-2.5), -3.0), 0.0);
  EXPECT_EQ(rnn_relu_backward(rnn_relu_forward(0.0), -3.0), 0.0);
}

// The float forms are the same text; what they lose is rounding alone. Saturated gates must give finite gradients.
TEST(RecurrentOracle, FloatFormsStayFiniteAtTheirEnds) {
  for (float x : {-1e30f, -100.0f, 100.0f, 1e30f}) {
    const LstmUnit<float> u = lstm_forward(x, x, x, x, 1.0f);
    const LstmGradient<float> d = lstm_backward(u.i, u.f, u.g, u.o, 1.0f, u.c, 1.0f, 1.0f);
    const GruUnit<float> v = gru_forward(x, x, x, 1.0f, 1.0f);
    const GruGradient<float> e = gru_backward(v.r, v.z, v.n, 1.0f, 1.0f, 1.0f);
    for (float y : {u.c, lstm_output(u.o, u.c), d.i, d.f, d.g, d.o, d.c, v.h, e.r, e.z, e.x_n, e.h_n, e.h})
      EXPECT_TRUE(std::isfinite(y)) << x;
  }
}

}  // namespace
}  // namespace caviar
