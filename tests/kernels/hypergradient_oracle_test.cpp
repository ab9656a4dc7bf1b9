// Hypergradient descent against the algorithms of the paper (Baydin et al. 2018), written down once more in double with
// every array they name, on a small quadratic; and against steps worked out by hand.
#include <array>
#include <cmath>
#include <functional>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/clip.h"
#include "kernels/hypergradient.h"
#include "kernels/optimizer.h"

namespace caviar {
namespace {

// f(x) = sum_i curvature_i (x_i - target_i)^2 / 2, its gradient moved a little from step to step as batches do.
constexpr std::array<double, 5> kCurvature = {1.0, 0.25, 2.0, 0.5, 0.125};
constexpr std::array<double, 5> kTarget = {0.5, -1.0, 0.25, 2.0, -0.75};
constexpr std::array<double, 5> kStart = {2.0, 1.0, -1.5, 0.125, 1.0};

double quadratic_gradient(std::size_t i, double x, int step) {
  return kCurvature[i] * (x - kTarget[i]) + 0.0625 * ((static_cast<int>(i) + 3 * step) % 5 - 2);
}

// One slot, trained by our ops in the order of the training step.
struct Ours {
  SlotRow row;
  std::vector<float> params, state;

  explicit Ours(const Hyper& hyper, std::vector<float> start = {kStart.begin(), kStart.end()})
      : params(std::move(start)), state(2 * params.size()) {
    row.on = 1;
    row.hyper = hyper;
  }

  void step(const std::vector<float>& gradient) {
    const auto size = static_cast<std::int64_t>(gradient.size());
    row.now = step_scalars(row.hyper, row.step, row.mu_product, row.rate_change);
    ++row.step;  // as record_batch() does
    clip(Cpu{}, {{}, &row, size, {gradient.data()}});
    adapt_rate(Cpu{}, {{}, &row, size, {gradient.data()}, {params.data()}, {state.data()}});
    update(Cpu{}, {{}, &row, size, {gradient.data()}, {params.data()}, {state.data()}, {}});
  }
  void step_on_quadratic() {
    std::vector<float> gradient;
    for (std::size_t i = 0; i < params.size(); ++i)
      gradient.push_back(
          static_cast<float>(quadratic_gradient(i, static_cast<double>(params[i]), static_cast<int>(row.step))));
    step(gradient);
  }
  double base_rate() const { return static_cast<double>(row.hyper.learning_rate) + row.rate_change; }
};

// The paper's loop: t and alpha, theta, and the derivative of the last update u with respect to alpha. `direction`
// makes -du/dalpha out of a gradient and keeps what it needs.
struct Paper {
  using Vector = std::vector<double>;
  double alpha, beta;
  std::function<Vector(const Vector& gradient, int t)> direction;
  Vector theta = {kStart.begin(), kStart.end()};
  Vector derivative_of_u = Vector(kStart.size(), 0.0);
  int t = 0;

  void step() {
    ++t;
    Vector g;
    for (std::size_t i = 0; i < theta.size(); ++i) g.push_back(quadratic_gradient(i, theta[i], t - 1));
    double h = 0;
    for (std::size_t i = 0; i < g.size(); ++i) h += g[i] * derivative_of_u[i];
    alpha -= beta * h;
    const Vector d = direction(g, t);
    for (std::size_t i = 0; i < g.size(); ++i) {
      derivative_of_u[i] = -d[i];
      theta[i] -= alpha * d[i];
    }
  }
};

// Of parameters up to 2; of rates relative. Measured over 60 steps: 2.9e-7 and 5.6e-8 (adam).
constexpr double kTolerance = 6e-7;

void expect_same_way(const Hyper& hyper, const std::function<Paper::Vector(const Paper::Vector&, int)>& direction) {
  Ours ours(hyper);
  Paper paper{static_cast<double>(hyper.learning_rate), static_cast<double>(hyper.hypergradient_rate), direction};
  double least = paper.alpha, most = paper.alpha;
  for (int t = 0; t < 60; ++t) {
    ours.step_on_quadratic();
    paper.step();
    EXPECT_NEAR(ours.base_rate(), paper.alpha, kTolerance * std::abs(paper.alpha)) << "rate at step " << t;
    for (std::size_t i = 0; i < kStart.size(); ++i)
      EXPECT_NEAR(ours.params[i], paper.theta[i], kTolerance) << "parameter " << i << " after step " << t;
    least = std::min(least, paper.alpha);
    most = std::max(most, paper.alpha);
  }
  EXPECT_GT(most, 1.2 * least) << "the rate hardly moved: the test proved nothing";
  EXPECT_GT(least, 0.0) << "the paper has no floor";
}

Hyper sgd_hyper(float rate, float beta) {
  Hyper h;
  h.optimizer = Optimizer::kSgd;
  h.learning_rate = rate;
  h.hypergradient_rate = beta;
  h.total_steps = 1000;
  return h;
}

TEST(HypergradientOracle, SgdGoesTheWayOfAlgorithm4) {
  expect_same_way(sgd_hyper(0.02f, 0.004f), [](const Paper::Vector& g, int) { return g; });
}

TEST(HypergradientOracle, NesterovGoesTheWayOfAlgorithm5) {
  Hyper hyper = sgd_hyper(0.01f, 0.0005f);
  hyper.one_minus_momentum = 0.5f;
  hyper.nesterov = 1;
  Paper::Vector v(kStart.size());
  expect_same_way(hyper, [v](const Paper::Vector& g, int) mutable {
    Paper::Vector d;
    for (std::size_t i = 0; i < g.size(); ++i) {
      v[i] = 0.5 * v[i] + g[i];
      d.push_back(g[i] + 0.5 * v[i]);
    }
    return d;
  });
}

TEST(HypergradientOracle, PlainMomentumIsTheSameRuleWithItsBuffer) {
  Hyper hyper = sgd_hyper(0.01f, 0.001f);
  hyper.one_minus_momentum = 0.5f;
  Paper::Vector v(kStart.size());
  expect_same_way(hyper, [v](const Paper::Vector& g, int) mutable {
    for (std::size_t i = 0; i < g.size(); ++i) v[i] = 0.5 * v[i] + g[i];
    return v;
  });
}

TEST(HypergradientOracle, AdamGoesTheWayOfAlgorithm6) {
  Hyper hyper = sgd_hyper(0.01f, 0.0005f);
  hyper.optimizer = Optimizer::kAdam;
  hyper.one_minus_beta1 = 0.125f;
  hyper.one_minus_beta2 = 0.015625f;
  hyper.eps = 0.0009765625f;
  Paper::Vector m(kStart.size()), v(kStart.size());
  expect_same_way(hyper, [m, v](const Paper::Vector& g, int t) mutable {
    Paper::Vector d;
    for (std::size_t i = 0; i < g.size(); ++i) {
      m[i] = 0.875 * m[i] + 0.125 * g[i];
      v[i] = 0.984375 * v[i] + 0.015625 * g[i] * g[i];
      const double m_hat = m[i] / (1 - std::pow(0.875, t)), v_hat = v[i] / (1 - std::pow(0.984375, t));
      d.push_back(m_hat / (std::sqrt(v_hat) + 0.0009765625));
    }
    return d;
  });
}

// f(x) = x^2 / 2 from x = 1 with rate 0.1 and beta 0.01, by hand: g = 1; x = 0.9; rate 0.1 + 0.01 * 0.9 * 1 = 0.109,
// x = 0.9 - 0.109 * 0.9 = 0.8019; rate 0.109 + 0.01 * 0.8019 * 0.9 = 0.1162171.
TEST(HypergradientOracle, ThreeStepsByHand) {
  Ours ours(sgd_hyper(0.1f, 0.01f), {1.0f});
  ours.step({ours.params[0]});
  EXPECT_EQ(ours.row.rate_change, 0.0) << "the first step has no last direction";
  EXPECT_NEAR(ours.params[0], 0.9, 1e-7);
  ours.step({ours.params[0]});
  EXPECT_NEAR(ours.base_rate(), 0.109, 1e-8);
  EXPECT_NEAR(ours.params[0], 0.8019, 1e-7);
  ours.step({ours.params[0]});
  EXPECT_NEAR(ours.base_rate(), 0.1162171, 1e-8);
}

TEST(HypergradientOracle, TheRateStopsAtZeroAndRisesAgain) {
  Ours ours(sgd_hyper(0.5f, 1.0f), {1.0f});
  ours.step({1.0f});
  ours.step({-4.0f});  // 0.5 + 1 * -4 * 1 is below 0
  EXPECT_EQ(ours.base_rate(), 0.0);
  EXPECT_EQ(ours.params[0], 0.5f) << "at rate 0 the weights stand still";
  ours.step({-0.25f});
  EXPECT_EQ(ours.base_rate(), 1.0);
  EXPECT_EQ(ours.params[0], 0.75f);
}

TEST(HypergradientOracle, TheScheduleScalesWhatTheBaseRateHasBecome) {
  Hyper hyper = sgd_hyper(0.5f, 0.25f);
  hyper.warmup_steps = 4;
  Ours ours(hyper, {1.0f});
  ours.step({1.0f});
  EXPECT_EQ(ours.row.now.rate, 0.125f);
  ours.step({2.0f});  // base 0.5 + 0.25 * 2 * 1
  EXPECT_EQ(ours.base_rate(), 1.0);
  EXPECT_EQ(ours.row.now.rate, 0.5f) << "two quarters of it";
  EXPECT_EQ(ours.params[0], 1.0f - 0.125f - 0.5f * 2.0f);
}

TEST(HypergradientOracle, TheGradientIsTheOneTheOptimizerSees) {
  Hyper hyper = sgd_hyper(0.5f, 0.25f);
  hyper.clip_norm = 1.0f;
  hyper.clip_value = 0.5f;
  hyper.weight_decay = 0.25f;
  Ours ours(hyper, {2.0f});
  ours.step({3.0f});  // clipped 0.5, decay 0.5: u = 1, x = 1.5
  EXPECT_EQ(ours.params[0], 1.5f);
  ours.step({3.0f});  // 0.5 + 0.375
  EXPECT_EQ(ours.base_rate(), 0.5 + 0.25 * 0.875);
}

// The rate's decay acts on the weights with the new rate, and is no part of the direction.
TEST(HypergradientOracle, DecoupledDecayFollowsTheNewRateAndIsNoDirection) {
  Hyper hyper = sgd_hyper(0.5f, 0.25f);
  hyper.weight_decay = 0.25f;
  hyper.decoupled_weight_decay = 1;
  Ours ours(hyper, {2.0f});
  ours.step({1.0f});  // 2 (1 - 0.125) - 0.5
  EXPECT_EQ(ours.params[0], 1.25f);
  ours.step({1.0f});  // rate 0.75: 1.25 (1 - 0.1875) - 0.75
  EXPECT_EQ(ours.base_rate(), 0.75);
  EXPECT_EQ(ours.params[0], 1.25f * 0.8125f - 0.75f);
}

TEST(HypergradientOracle, WithoutItOrWithAnotherOptimizerNothingMoves) {
  for (const Optimizer optimizer : {Optimizer::kSgd, Optimizer::kNAdam, Optimizer::kRmsprop}) {
    Hyper hyper = sgd_hyper(0.1f, optimizer == Optimizer::kSgd ? 0.0f : 0.5f);
    hyper.optimizer = optimizer;
    Ours ours(hyper);
    for (int t = 0; t < 5; ++t) ours.step_on_quadratic();
    EXPECT_EQ(ours.row.rate_change, 0.0);
    EXPECT_EQ(ours.row.now.rate, 0.1f);
  }
}

TEST(HypergradientOracle, ANanReachesRateAndParameters) {
  Ours ours(sgd_hyper(0.1f, 0.5f), {1.0f, 1.0f});
  ours.step({1.0f, 1.0f});
  ours.step({std::nanf(""), 1.0f});
  EXPECT_TRUE(std::isnan(ours.row.rate_change));
  EXPECT_TRUE(std::isnan(ours.params[0]));
}

TEST(HypergradientOracle, ASlotThatIsOffOrHasDivergedIsLeftAlone) {
  for (const bool diverged : {false, true}) {
    Ours ours(sgd_hyper(0.1f, 0.5f));
    ours.step_on_quadratic();
    (diverged ? ours.row.diverged : ours.row.on) = diverged;
    ours.step_on_quadratic();
    EXPECT_EQ(ours.row.rate_change, 0.0);
  }
}

}  // namespace
}  // namespace caviar
