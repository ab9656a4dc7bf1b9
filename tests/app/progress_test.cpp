// The bar on a terminal: what fits, and what goes first when it does not.
#include "app/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/text.h"

namespace caviar {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

Progress half_way() {
  Progress p;
  p.trials = 1200;
  p.seeds = 3;
  p.trials_done = 600;
  p.trials_running = 85;
  p.runs_done = 1800;
  p.samples = 12'345'678;
  p.seconds = 100;
  p.seconds_left = 7500;
  p.best = 417;
  p.best_summary.mean = 0.9812;
  p.best_summary.sd = 0.0011;
  p.best_summary.finished = 3;
  return p;
}

TEST(BarLine, SaysAllWhereThereIsRoom) {
  EXPECT_EQ(bar_line(half_way(), "val_accuracy", 200),
            "[##########..........] 600/1200 trials done, 85 running | 123,457 samples/s | best val_accuracy 0.98120 ± "
            "0.00110 (3 seeds), trial 417 | 2 h 05 min left");
}

TEST(BarLine, ShortensTheBarBeforeItDropsTheSpeed) {
  const std::size_t full = display_width(bar_line(half_way(), "val_accuracy", 200));
  const std::string shorter = bar_line(half_way(), "val_accuracy", full - 10);
  EXPECT_THAT(shorter, AllOf(StartsWith("[#####.....] "), HasSubstr("samples/s")));
  const std::string without = bar_line(half_way(), "val_accuracy", full - 17);
  EXPECT_THAT(without, AllOf(StartsWith("[#"), Not(HasSubstr("samples/s")), HasSubstr("85 running")));
}

TEST(BarLine, OfARaceIsOfTheRunsThatAreWantedByNow) {
  Progress p = half_way();
  p.runs_wanted = 2400;
  EXPECT_THAT(bar_line(p, "val_accuracy", 200), StartsWith("[###############.....] "));
}

TEST(BarLine, EightyColumnsHoldTrialsBestSpreadAndTimeLeft) {
  for (const std::int64_t failed : {0, 3}) {
    Progress p = half_way();
    p.trials_failed = failed;
    const std::string line = bar_line(p, "averaged_val_accuracy", 79);
    EXPECT_LE(display_width(line), 79u) << line;
    EXPECT_THAT(line, AllOf(HasSubstr("600/1200 trials done"), HasSubstr("0.98120 ± 0.00110 (3 seeds)"),
                            HasSubstr("2 h 05 min left")));
  }
}

TEST(BarLine, FitsEveryWidthAndBreaksNoCharacter) {
  for (std::size_t width = 0; width <= 200; ++width) {
    const std::string line = bar_line(half_way(), "val_accuracy", width);
    EXPECT_LE(display_width(line), width);
    const std::size_t sign = line.find('\xc2');
    EXPECT_TRUE(sign == std::string::npos || line.substr(sign, 2) == "±") << line;
  }
}

}  // namespace
}  // namespace caviar
