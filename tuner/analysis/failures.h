// Runs that failed or diverged: counted and compared, never a number among the scores.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace caviar {

struct FailureTest {
  std::int64_t failed_a = 0, runs_a = 0, failed_b = 0, runs_b = 0;  // runs count the failed ones too
  double p = 1;
  bool differ = false;  // p <= level: a comparison of the survivors' scores leaves out what matters
};

// Fisher's exact test of the two shares of failed runs (Fisher 1934), two-sided: given how many failed in all, the
// probability of tables no likelier than this one, those within 1e-7 of it counted as likely (as R's fisher.test and
// SciPy). Never above its level, and far below it with few runs: 0 of 5 against 4 of 5 is the least that 5 runs an arm
// can show at 0.05. No run in an arm: 1. 0 <= failed <= runs <= 1e9.
FailureTest failure_test(std::int64_t failed_a, std::int64_t runs_a, std::int64_t failed_b, std::int64_t runs_b,
                         double level = 0.05);

struct FailureCount {
  std::int64_t failed = 0, runs = 0;  // runs count the failed ones too
};

// Whether the share of failed runs is another in some of k arms: Pearson's chi-square against its law when the same
// failures fall on any runs, drawn `draws` times; p = (1 + draws as extreme) / (1 + draws) (Phipson & Smyth 2010), so
// it is never above its level. Two arms: failure_test() is exact. Arms without runs say nothing; fewer than two with
// any, or none failed, or all: 1. 0 <= failed <= runs, all runs together at most 1e7; a function of its arguments.
double failures_p_over(std::span<const FailureCount> arms, std::uint64_t seed, std::int64_t draws = 9999);

// The scores followed by `failed` times the score of guessing, for a second look that counts failures as what they give
// a user.
std::vector<double> with_failures_at(std::span<const double> scores, std::size_t failed, double chance_level);

}  // namespace caviar
