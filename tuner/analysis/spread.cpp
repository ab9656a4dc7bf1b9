#include "tuner/analysis/spread.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/base/error.h"
#include "tuner/analysis/laws.h"
#include "tuner/analysis/sample.h"

namespace caviar {
namespace {

constexpr std::uint32_t kPurpose = 1;  // of the seed, in resample()

void require_confidence(double confidence) {
  if (!(confidence > 0 && confidence < 1))
    fail("a confidence of ", confidence, " was asked for; it lies between 0 and 1");
}

// The acceleration of log s: sum u^3 / (6 (sum u^2)^1.5), u_i = mean of the jackknife values - the i-th. Empty where
// one of them is log 0. 0 where they do not differ.
std::optional<double> acceleration(std::span<const double> scores) {
  std::vector<double> without, logs;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    without.assign(scores.begin(), scores.end());
    without.erase(without.begin() + static_cast<std::ptrdiff_t>(i));
    if (all_equal(without)) return std::nullopt;
    logs.push_back(std::log(*sd_of(without)));
  }
  const double mean = mean_of(logs);
  double squares = 0, cubes = 0;
  for (const double value : logs) {
    const double u = mean - value;
    squares += u * u;
    cubes += u * u * u;
  }
  return squares > 0 ? cubes / (6 * squares * std::sqrt(squares)) : 0;
}

}  // namespace

double c4(std::size_t n) {
  if (n < 2) fail("c4 was asked for ", n, " values; a standard deviation needs two");
  const auto freedom = static_cast<double>(n - 1);
  return std::sqrt(2 / freedom) * laws::gamma_half_step(freedom / 2);
}

std::optional<Interval> sd_interval(double s, std::size_t n, double confidence) {
  require_confidence(confidence);
  if (!(s >= 0 && std::isfinite(s))) fail("a standard deviation of ", s, " was given; it is at least 0 and finite");
  if (n < 2) return std::nullopt;
  const auto freedom = static_cast<double>(n - 1);
  const double tail = (1 - confidence) / 2;
  return Interval{s * std::sqrt(freedom / laws::chi_square_quantile(1 - tail, freedom)),
                  s * std::sqrt(freedom / laws::chi_square_quantile(tail, freedom))};
}

std::optional<Interval> sd_bootstrap_interval(std::span<const double> scores, std::uint64_t seed, double confidence,
                                              std::uint32_t resamples) {
  require_confidence(confidence);
  require_sample("the scores", scores);
  if (resamples < 100) fail(resamples, " resamples were asked for; an interval needs at least 100");
  if (scores.size() < 3) return std::nullopt;
  const std::optional<double> bend = acceleration(scores);
  if (!bend) return std::nullopt;
  const double s = *sd_of(scores);
  std::vector<double> found(resamples), again(scores.size());
  double below = 0;
  for (std::uint32_t number = 0; number < resamples; ++number) {
    resample(scores, seed, kPurpose, number, again);
    found[number] = *sd_of(again);
    below += found[number] < s ? 1 : found[number] == s ? 0.5 : 0;
  }
  if (below == 0 || below == resamples) return std::nullopt;
  std::sort(found.begin(), found.end());
  const double bias = laws::normal_quantile(below / resamples);
  // The order of log s is that of s, so the bootstrap of s is read at shares made for log s.
  const auto end = [&](double share) {
    const double shifted = bias + laws::normal_quantile(share);
    const double left = 1 - *bend * shifted;
    const double corrected = left > 0 ? laws::normal_cdf(bias + shifted / left) : (share < 0.5 ? 0 : 1);
    return quantile_of_sorted(found, corrected);
  };
  return Interval{end((1 - confidence) / 2), end((1 + confidence) / 2)};
}

std::optional<Interval> mean_interval(std::span<const double> scores, double confidence) {
  require_confidence(confidence);
  require_sample("the scores", scores);
  const auto n = static_cast<double>(scores.size());
  if (n < 2) return std::nullopt;
  const double mean = mean_of(scores);
  const double reach = laws::student_quantile((1 + confidence) / 2, n - 1) * *sd_of(scores) / std::sqrt(n);
  return Interval{mean - reach, mean + reach};
}

std::optional<double> robust_sd(std::span<const double> scores) {
  require_sample("the scores", scores);
  if (scores.size() < 2) return std::nullopt;
  const std::vector<double> ascending = sorted(scores);
  return (quantile_of_sorted(ascending, 0.75) - quantile_of_sorted(ascending, 0.25)) / 1.349;
}

double interquartile_mean(std::span<const double> scores) {
  require_sample("the scores", scores);
  const std::vector<double> ascending = sorted(scores);
  const std::size_t cut = ascending.size() / 4;
  return mean_of(std::span(ascending).subspan(cut, ascending.size() - 2 * cut));
}

Spread spread_of(std::span<const double> scores, std::uint64_t seed, double confidence) {
  require_sample("the scores", scores);
  Spread spread;
  spread.n = scores.size();
  spread.equal = all_equal(scores);
  spread.mean = mean_of(scores);
  spread.mean_interval = mean_interval(scores, confidence);
  spread.sd = sd_of(scores);
  if (spread.sd) {
    spread.unbiased_sd = *spread.sd / c4(spread.n);
    spread.sd_interval = sd_interval(*spread.sd, spread.n, confidence);
    if (spread.n >= kFewestBootstrapped) spread.sd_bootstrap = sd_bootstrap_interval(scores, seed, confidence);
    spread.robust_sd = robust_sd(scores);
  }
  const std::vector<double> ascending = sorted(scores);
  spread.least = ascending.front();
  spread.p05 = quantile_of_sorted(ascending, 0.05);
  spread.p25 = quantile_of_sorted(ascending, 0.25);
  spread.median = quantile_of_sorted(ascending, 0.5);
  spread.p75 = quantile_of_sorted(ascending, 0.75);
  spread.p95 = quantile_of_sorted(ascending, 0.95);
  spread.greatest = ascending.back();
  spread.interquartile_mean = interquartile_mean(scores);
  return spread;
}

}  // namespace caviar
