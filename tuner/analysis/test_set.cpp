#include "tuner/analysis/test_set.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "kernels/base/error.h"
#include "tuner/analysis/laws.h"
#include "tuner/analysis/proportion.h"
#include "tuner/analysis/sample.h"

namespace caviar {
namespace {

void require_rate(double error_rate, std::int64_t n) {
  if (!(error_rate >= 0 && error_rate <= 1) || n < 1) {
    fail("an error rate of ", error_rate, " on ", n, " examples; it takes a rate from 0 to 1 and an example");
  }
}

std::int64_t sum_of(std::span<const std::int64_t> counts, std::int64_t most, const char* what) {
  std::int64_t sum = 0;
  for (const std::int64_t count : counts) {
    if (count < 0 || count > most) fail(what, " has an error count of ", count, "; it lies between 0 and ", most);
    sum += count;
  }
  return sum;
}

// (1 / n^2) sum of c (R - c) / (R (R - 1)), from the sum of c (R - c) over n examples.
double noise_of(double products, double runs, double examples) {
  return products / (runs * (runs - 1)) / (examples * examples);
}

// (n - 1) / n sum (l_i - mean)^2 of the n values with one left out; none if one of them is not finite.
std::optional<double> jackknife_variance(std::span<const double> left_out) {
  for (const double value : left_out) {
    if (!std::isfinite(value)) return std::nullopt;
  }
  const auto n = static_cast<double>(left_out.size());
  return (n - 1) / n * squares_about_mean(left_out);
}

// What both jackknives need: whole numbers below 2^53, exact in double.
struct Counts {
  std::span<const std::int64_t> of_runs, of_examples;
  double runs, examples, errors, run_squares, example_products;
};

Counts counts_of(std::span<const std::int64_t> of_runs, std::span<const std::int64_t> of_examples) {
  Counts counts{
      of_runs, of_examples, static_cast<double>(of_runs.size()), static_cast<double>(of_examples.size()), 0, 0, 0};
  for (const std::int64_t run : of_runs) {
    counts.errors += static_cast<double>(run);
    counts.run_squares += static_cast<double>(run) * static_cast<double>(run);
  }
  for (const std::int64_t example : of_examples) {
    counts.example_products += static_cast<double>(example) * (counts.runs - static_cast<double>(example));
  }
  return counts;
}

double log_ratio(double run_squares, double errors, double products, double runs, double examples) {
  const double variance = (run_squares - errors * errors / runs) / (runs - 1) / (examples * examples);
  return std::log(variance / noise_of(products, runs, examples));
}

}  // namespace

double binomial_sd(double error_rate, std::int64_t n) {
  require_rate(error_rate, n);
  return std::sqrt(error_rate * (1 - error_rate) / static_cast<double>(n));
}

double jordan_binary_sd(double error_rate, std::int64_t n) { return jordan_floor_sd(error_rate, n, 2); }

double jordan_floor_sd(double error_rate, std::int64_t n, int classes) {
  require_rate(error_rate, n);
  if (classes < 2) fail("a classification into ", classes, " classes; it takes two or more");
  return std::sqrt(error_rate / (static_cast<double>(n) * classes));
}

Interval wilson_interval(double successes, std::int64_t n, double confidence) {
  const auto count = static_cast<double>(n);
  if (n < 1 || !(successes >= 0 && successes <= count)) {
    fail(successes, " successes of ", n, "; a proportion needs a trial, and from none to all of them");
  }
  if (!(confidence > 0 && confidence < 1))
    fail("a confidence of ", confidence, " was asked for; it is between 0 and 1");
  return score_interval(successes / count, count, laws::normal_quantile((1 + confidence) / 2));
}

double mcnemar_p(std::int64_t b, std::int64_t c) {
  if (b < 0 || c < 0) fail("counts of ", b, " and ", c, " examples; a count is 0 or more");
  return std::min(1.0, 2 * laws::binomial_cdf(std::min(b, c), b + c, 0.5));
}

TrueQuality true_quality(std::span<const std::int64_t> errors_of_runs,
                         std::span<const std::int64_t> errors_of_examples) {
  const std::size_t runs = errors_of_runs.size(), examples = errors_of_examples.size();
  if (runs < 2 || examples < 2) {
    fail("the variance of quality from ", runs, " runs on ", examples, " examples; it takes two of both");
  }
  const std::int64_t by_runs = sum_of(errors_of_runs, static_cast<std::int64_t>(examples), "a run");
  const std::int64_t by_examples = sum_of(errors_of_examples, static_cast<std::int64_t>(runs), "an example");
  if (by_runs != by_examples) {
    fail("the runs made ", by_runs, " errors and on the examples there were ", by_examples,
         "; they are the same errors");
  }
  const Counts counts = counts_of(errors_of_runs, errors_of_examples);
  const std::vector<double> of_runs(errors_of_runs.begin(), errors_of_runs.end());
  TrueQuality found{};
  found.test_set_variance = *variance_of(of_runs) / (counts.examples * counts.examples);
  found.noise = noise_of(counts.example_products, counts.runs, counts.examples);
  found.variance = counts.examples / (counts.examples - 1) * (found.test_set_variance - found.noise);
  found.truncated = std::max(0.0, found.variance);
  if (found.variance >= 0) found.sd = std::sqrt(found.variance);
  found.disagreement = 2 * counts.examples * found.noise;
  return found;
}

double prediction_disagreement(std::span<const std::int64_t> votes, std::size_t classes) {
  if (classes < 1 || votes.empty() || votes.size() % classes != 0) {
    fail(votes.size(), " counts of votes are no table of examples by ", classes, " classes");
  }
  const auto voters = [&](std::size_t first) {
    return std::accumulate(votes.begin() + static_cast<std::ptrdiff_t>(first),
                           votes.begin() + static_cast<std::ptrdiff_t>(first + classes), std::int64_t{0});
  };
  const std::int64_t runs = voters(0);
  if (runs < 2) fail("the disagreement of ", runs, " runs was asked for; it takes two");
  double agreeing = 0;
  for (std::size_t first = 0; first < votes.size(); first += classes) {
    if (voters(first) != runs) {
      fail("example ", first / classes, " has ", voters(first), " votes, example 0 has ", runs,
           "; every run votes once");
    }
    for (std::size_t k = 0; k < classes; ++k) {
      const std::int64_t count = votes[first + k];
      if (count < 0) fail("example ", first / classes, " has ", count, " votes for a class; a count is 0 or more");
      agreeing += static_cast<double>(count) * static_cast<double>(count - 1);
    }
  }
  const auto examples = static_cast<double>(votes.size() / classes);
  return 1 - agreeing / (static_cast<double>(runs) * static_cast<double>(runs - 1)) / examples;
}

ErrorTable::ErrorTable(std::size_t examples) : errors_of_examples_(examples), words_((examples + 63) / 64) {
  if (examples < 1) fail("a table of errors on no example was asked for");
}

void ErrorTable::add(std::span<const std::uint8_t> errors) {
  if (errors.size() != examples()) {
    fail("a run has ", errors.size(), " marks for ", examples(), " examples; all runs share one test split");
  }
  for (const std::uint8_t error : errors) {
    if (error > 1) fail("a run's mark for an example is ", int{error}, "; it is 1 for an error and 0 otherwise");
  }
  bits_.resize(bits_.size() + words_);
  std::uint64_t* row = bits_.data() + bits_.size() - words_;
  std::int64_t count = 0;
  for (std::size_t i = 0; i < errors.size(); ++i) {
    row[i / 64] |= std::uint64_t{errors[i]} << i % 64;
    errors_of_examples_[i] += errors[i];
    count += errors[i];
  }
  errors_of_runs_.push_back(count);
}

TrueQuality ErrorTable::quality(double confidence) const {
  if (!(confidence > 0 && confidence < 1))
    fail("a confidence of ", confidence, " was asked for; it is between 0 and 1");
  TrueQuality found = true_quality(errors_of_runs_, errors_of_examples_);
  if (runs() < kFewestRunsForInterval || found.test_set_variance == 0) return found;

  // Of each run's errors, those of all runs on the same examples; of each example's, those of its runs on all examples.
  std::vector<double> seen_by_run(runs()), seen_by_example(examples());
  for (std::size_t run = 0; run < runs(); ++run) {
    for (std::size_t word = 0; word < words_; ++word) {
      for (std::uint64_t left = bits_[run * words_ + word]; left != 0; left &= left - 1) {
        const std::size_t example = word * 64 + static_cast<std::size_t>(std::countr_zero(left));
        seen_by_run[run] += static_cast<double>(errors_of_examples_[example]);
        seen_by_example[example] += static_cast<double>(errors_of_runs_[run]);
      }
    }
  }
  const Counts counts = counts_of(errors_of_runs_, errors_of_examples_);
  const double example_squares = counts.runs * counts.errors - counts.example_products;
  std::vector<double> without;
  for (std::size_t run = 0; run < runs(); ++run) {
    const auto own = static_cast<double>(errors_of_runs_[run]);
    const double squares = example_squares - 2 * seen_by_run[run] + own;
    without.push_back(log_ratio(counts.run_squares - own * own, counts.errors - own,
                                (counts.runs - 1) * (counts.errors - own) - squares, counts.runs - 1, counts.examples));
  }
  const std::optional<double> over_runs = jackknife_variance(without);
  without.clear();
  for (std::size_t example = 0; example < examples(); ++example) {
    const auto own = static_cast<double>(errors_of_examples_[example]);
    without.push_back(log_ratio(counts.run_squares - 2 * seen_by_example[example] + own, counts.errors - own,
                                counts.example_products - own * (counts.runs - own), counts.runs, counts.examples - 1));
  }
  const std::optional<double> over_examples = jackknife_variance(without);
  if (!over_runs || !over_examples) return found;

  const double centre = std::log(found.test_set_variance / found.noise);
  const double half =
      laws::student_quantile((1 + confidence) / 2, counts.runs - 1) * std::sqrt(*over_runs + *over_examples);
  const auto end = [&](double l) {
    return std::max(0.0, counts.examples / (counts.examples - 1) * found.noise * std::expm1(l));
  };
  found.interval = Interval{end(centre - half), end(centre + half)};
  return found;
}

}  // namespace caviar
