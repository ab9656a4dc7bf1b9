// Learning rates against PyTorch's schedulers (tests/golden/schedules.txt), and what PyTorch has no word for against
// the formula. The rate is rounded to float32 once: half a unit in the last place is 6e-8 of it.
#include <cmath>

#include <gtest/gtest.h>

#include "kernels/math/schedule.h"
#include "tests/support/golden.h"

namespace caviar {
namespace {

// 2^-24 for the one rounding; the nine digits of the file and float32 settings such as 0.3 are as large, together.
constexpr double kTolerance = 1.5e-7;

// The settings of kernels/hyper.h that mean what the scheduler's arguments mean.
Hyper hyper_of(const test::GoldenCase& golden) {
  Hyper h;
  h.learning_rate = static_cast<float>(golden.number("learning_rate"));
  h.total_steps = static_cast<std::int64_t>(golden.number("steps"));
  const std::string& name = golden.word("scheduler");
  if (name == "StepLR" || name == "ExponentialLR") {
    h.schedule = name == "StepLR" ? Schedule::kStep : Schedule::kExponential;
    h.step_size = static_cast<std::int64_t>(golden.number("step_size", 1));
    h.gamma = static_cast<float>(golden.number("gamma"));
  } else if (name == "LinearLR") {
    h.schedule = Schedule::kLinear;
    h.end_factor = static_cast<float>(golden.number("end_factor"));
    h.total_steps = static_cast<std::int64_t>(golden.number("total_iters"));
  } else if (name == "CosineAnnealingLR") {
    h.schedule = Schedule::kCosine;
    h.eta_min = static_cast<float>(golden.number("eta_min"));
    h.total_steps = static_cast<std::int64_t>(golden.number("T_max"));
  } else if (name == "OneCycleLR") {
    h.schedule = Schedule::kOneCycle;
    h.pct_start = static_cast<float>(golden.number("pct_start"));
    h.div_factor = static_cast<float>(golden.number("div_factor"));
    h.final_div_factor = static_cast<float>(golden.number("final_div_factor"));
    h.total_steps = static_cast<std::int64_t>(golden.number("total_steps"));
  } else {
    fail("no schedule is called ", name);
  }
  return h;
}

TEST(ScheduleOracle, RatesAreThoseOfPyTorch) {
  for (const test::GoldenCase& golden : test::read_golden(CAVIAR_SOURCE_DIR "/tests/golden/schedules.txt")) {
    SCOPED_TRACE(golden.name());
    Hyper h = hyper_of(golden);
    const std::vector<double>& rates = golden.array("rates").values;
    ASSERT_EQ(rates.size(), static_cast<std::size_t>(golden.number("steps")));
    for (std::size_t step = 0; step < rates.size(); ++step) {
      // PyTorch goes on after the end of a linear or cosine schedule; a run does not.
      if (static_cast<std::int64_t>(step) > h.total_steps) break;
      EXPECT_NEAR(rate_at(h, static_cast<std::int64_t>(step)), rates[step], kTolerance * rates[step] + 1e-10) << step;
    }
  }
}

// Warm-up multiplies the base rate by (step + 1) / warmup_steps; the schedule's clock starts after it.
TEST(ScheduleOracle, WarmUpComesBeforeTheSchedulesOwnClock) {
  for (const test::GoldenCase& golden : test::read_golden(CAVIAR_SOURCE_DIR "/tests/golden/schedules.txt")) {
    SCOPED_TRACE(golden.name());
    const Hyper plain = hyper_of(golden);
    Hyper warm = plain;
    warm.warmup_steps = 8;
    warm.total_steps += 8;
    for (std::int64_t step = 0; step < 8; ++step) {
      EXPECT_FLOAT_EQ(rate_at(warm, step), 0.125f * static_cast<float>(step + 1) / 8);
    }
    for (std::int64_t step = 0; step < plain.total_steps; ++step)
      EXPECT_EQ(rate_at(warm, step + 8), rate_at(plain, step));
  }
}

TEST(ScheduleOracle, InverseTimeAndSlowExponentialAreTheirFormulas) {
  Hyper h;
  h.learning_rate = 0.25f;
  h.gamma = 0.5f;
  h.step_size = 40;
  h.total_steps = 200;
  for (std::int64_t step = 0; step < 200; ++step) {
    const double s = static_cast<double>(step) / 40;
    h.schedule = Schedule::kInverseTime;
    EXPECT_NEAR(rate_at(h, step), 0.25 / (1 + 0.5 * s), kTolerance * 0.25);
    h.schedule = Schedule::kExponential;
    EXPECT_NEAR(rate_at(h, step), 0.25 * std::pow(0.5, s), kTolerance * 0.25);
    h.schedule = Schedule::kConstant;
    EXPECT_EQ(rate_at(h, step), 0.25f);
  }
}

TEST(ScheduleOracle, DegenerateLengthsGiveFiniteRates) {
  for (Schedule schedule : {Schedule::kConstant, Schedule::kStep, Schedule::kExponential, Schedule::kInverseTime,
                            Schedule::kLinear, Schedule::kCosine, Schedule::kOneCycle}) {
    for (std::int64_t total : {1, 2, 3, 5}) {
      for (std::int64_t warmup = 0; warmup <= total; ++warmup) {
        for (float pct : {0.0f, 0.3f, 1.0f}) {
          Hyper h;
          h.schedule = schedule;
          h.total_steps = total;
          h.warmup_steps = warmup;
          h.step_size = 1;
          h.pct_start = pct;
          for (std::int64_t step = 0; step < total; ++step) {
            const float rate = rate_at(h, step);
            EXPECT_TRUE(std::isfinite(rate) && rate >= 0 && rate <= h.learning_rate)
                << static_cast<int>(schedule) << " total " << total << " warm-up " << warmup << " step " << step << " "
                << rate;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace caviar
