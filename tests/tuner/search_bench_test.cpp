// What the benchmarks of the tuner are made of: functions with their published minima, the interval of a median, the
// replay of recorded curves.
#include <cmath>
#include <cstdio>

#include <gtest/gtest.h>

#include "bench/tuner/median.h"
#include "bench/tuner/objectives.h"
#include "bench/tuner/replay.h"
#include "tests/support/temp_dir.h"
#include "tuner/schedulers/none.h"

namespace caviar {
namespace {

const Objective& objective(const std::string& name) {
  for (const Objective& one : objectives()) {
    if (name == one.name) return one;
  }
  throw std::runtime_error("no objective " + name);
}

Config at(const std::vector<double>& x) {
  Config config;
  for (std::size_t i = 0; i < x.size(); ++i) config["x" + std::to_string(i + 1)] = x[i];
  return config;
}

// Where the minima are: Dixon & Szego 1978 (Branin, Hartmann), by definition elsewhere.
TEST(SearchBench, FunctionsHaveTheirPublishedMinima) {
  for (const auto& [x, y] : {std::pair{-3.14159265, 12.275}, {3.14159265, 2.275}, {9.42477796, 2.475}}) {
    EXPECT_NEAR(branin(at({x, y})), objective("branin").minimum, 1e-6);
  }
  EXPECT_NEAR(hartmann6(at({0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573})), objective("hartmann6").minimum,
              1e-6);
  EXPECT_NEAR(ackley5(at({7, -9, 3, -13, 11})), 0, 1e-12);
  EXPECT_EQ(rosenbrock5(at({1, 1, 1, 1, 1})), 0);
  const Config best = {{"optimizer", "sgd"},   {"rate", 0.1}, {"momentum", 0.9},
                       {"activation", "tanh"}, {"layers", 3}, {"dropout", 0.2}};
  EXPECT_NEAR(mixed(best), 0, 1e-12);
}

// By the C library, which is fine for a test.
TEST(SearchBench, FunctionsAreThoseOfTheirFormulas) {
  const double x = 1.5, y = 7, pi = std::acos(-1.0);
  EXPECT_NEAR(
      branin(at({x, y})),
      std::pow(y - 5.1 / (4 * pi * pi) * x * x + 5 / pi * x - 6, 2) + 10 * (1 - 1 / (8 * pi)) * std::cos(x) + 10, 1e-9);
  EXPECT_NEAR(
      ackley5(at({7.3, -9, 3, -13, 11})),
      -20 * std::exp(-0.2 * std::sqrt(0.09 / 5)) - std::exp((std::cos(2 * pi * 0.3) + 4) / 5) + 20 + std::exp(1), 1e-9);
  EXPECT_EQ(rosenbrock5(at({0, 1, 0, 0, 0})), 100 + 1 + 100 + 0 + 1 + 1);
  for (const double t : {-3.3, -1.0, 0.4, 1.2, 1.9, 7.77}) EXPECT_NEAR(cosine(t), std::cos(pi * t), 1e-12) << t;
}

// Sums of binomial coefficients by Python: P(X <= 17) = 0.0164 and P(X <= 18) = 0.0325 of 50, so ranks 18 and 33;
// P(X <= 2) = 0.0193 and P(X <= 3) = 0.0730 of 12, so ranks 3 and 10.
TEST(SearchBench, TheMedianLiesBetweenTheRanksOfTheBinomial) {
  std::vector<double> sample;
  for (int i = 50; i >= 1; --i) sample.push_back(i);
  const Median fifty = median_of(sample);
  EXPECT_EQ(fifty.value, 25.5);
  EXPECT_EQ(fifty.low, 18);
  EXPECT_EQ(fifty.high, 33);
  sample.erase(sample.begin(), sample.begin() + 38);
  EXPECT_EQ(median_of(sample).low, 3);
  EXPECT_EQ(median_of(sample).high, 10);
}

// Stops every trial after its first iteration but those with an even number.
class StopsOdd final : public Scheduler {
 public:
  bool judges(std::int64_t iteration) const override { return iteration == 1; }
  void tell(const TrialReport& report) override {
    if (report.iteration == 1) reported_.push_back(report.trial);
  }
  std::vector<Decision> decide() override {
    std::vector<Decision> decisions;
    for (const std::int64_t trial : reported_) {
      decisions.push_back({trial, Question::kIteration, 1, trial % 2 ? Verdict::kStop : Verdict::kGoOn, 0, {}});
    }
    reported_.clear();
    return decisions;
  }

 private:
  std::vector<std::int64_t> reported_;
};

TEST(SearchBench, AReplayTrainsWhatTheSchedulerLeavesAndNoMore) {
  const std::vector<Curve> curves(6, Curve{0.1, 0.2, 0.3, 0.4});
  std::vector<const Curve*> order;
  for (const Curve& curve : curves) order.push_back(&curve);
  for (const std::int64_t slots : {1, 4}) {
    NoScheduler none;
    std::vector<std::int64_t> finished;
    Replay all(order, none, slots);
    while (all.advance(finished)) {
    }
    EXPECT_EQ(all.iterations(), 24);
    EXPECT_EQ(finished.size(), 6U);

    StopsOdd half;
    finished.clear();
    Replay some(order, half, slots);
    while (some.advance(finished)) {
    }
    EXPECT_EQ(some.iterations(), 3 * 4 + 3 * 1);
    EXPECT_EQ(finished, (std::vector<std::int64_t>{0, 2, 4}));
  }
}

TEST(SearchBench, CurvesAreReadAsTheyWereWritten) {
  const TempDir dir;
  const auto curves = read_curves(dir.write("c.csv", "# about\n0,9300 9512\n1,980 0\n"));
  ASSERT_EQ(curves.size(), 2U);
  EXPECT_EQ(curves[0], (Curve{0.93, 0.9512}));
  EXPECT_EQ(curves[1], (Curve{0.098, 0}));
  EXPECT_THROW(read_curves(dir.write("d.csv", "0,1 2\n1,1\n")), Error);
}

}  // namespace
}  // namespace caviar
