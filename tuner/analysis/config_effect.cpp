#include "tuner/analysis/config_effect.h"

#include <algorithm>
#include <cmath>

#include "kernels/base/error.h"
#include "tuner/analysis/laws.h"
#include "tuner/analysis/sample.h"

namespace caviar {
namespace {

struct Means {
  std::vector<double> means, counts;
};

// sum w_i (mean_i - weighted mean)^2 / (C - 1) with w_i = n_i / (1 + n_i ratio): falls as the ratio grows, towards 0.
double weighted_mean_square(const Means& configs, double ratio) {
  std::vector<double> weights;
  double weighted = 0, weight = 0;
  for (std::size_t i = 0; i < configs.means.size(); ++i) {
    weights.push_back(configs.counts[i] / (1 + configs.counts[i] * ratio));
    weighted += weights[i] * (configs.means[i] - configs.means[0]);
    weight += weights[i];
  }
  const double centre = configs.means[0] + weighted / weight;
  double sum = 0;
  for (std::size_t i = 0; i < configs.means.size(); ++i) {
    sum += weights[i] * (configs.means[i] - centre) * (configs.means[i] - centre);
  }
  return sum / static_cast<double>(configs.means.size() - 1);
}

// The ratio at which weighted_mean_square is `target` > 0; 0 where it is below that already.
double ratio_at(const Means& configs, double target) {
  if (weighted_mean_square(configs, 0) <= target) return 0;
  double low = 0, high = 1;
  while (weighted_mean_square(configs, high) > target) {
    low = high;
    high *= 2;
  }
  while (high - low > 1e-15 * high) {
    const double middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) break;
    (weighted_mean_square(configs, middle) > target ? low : high) = middle;
  }
  return high;
}

}  // namespace

ConfigEffect config_effect(std::span<const std::vector<double>> configs, double confidence) {
  if (configs.size() < 2) fail("the effect of ", configs.size(), " configs was asked for; it takes two or more");
  if (!(confidence > 0 && confidence < 1))
    fail("a confidence of ", confidence, " was asked for; it is between 0 and 1");
  Means found;
  double within = 0, runs = 0, squared_counts = 0;
  for (const std::vector<double>& scores : configs) {
    require_sample("the scores of a config", scores);
    found.means.push_back(mean_of(scores));
    found.counts.push_back(static_cast<double>(scores.size()));
    within += squares_about_mean(scores);
    runs += found.counts.back();
    squared_counts += found.counts.back() * found.counts.back();
  }
  const auto count = static_cast<double>(configs.size());
  if (runs == count)
    fail(
        "every config has one score; what is the config's and what the seed's cannot be told apart, train a second "
        "seed");
  ConfigEffect effect{};
  effect.configs = configs.size();
  effect.runs = static_cast<std::size_t>(runs);
  effect.freedom_between = count - 1;
  effect.freedom_within = runs - count;
  effect.runs_per_config = (runs - squared_counts / runs) / (count - 1);
  effect.between_mean_square = weighted_mean_square(found, 0);
  effect.within_mean_square = effect.seed_variance = within / effect.freedom_within;
  effect.config_variance_raw = (effect.between_mean_square - effect.within_mean_square) / effect.runs_per_config;
  effect.config_variance = std::max(0.0, effect.config_variance_raw);
  if (effect.config_variance + effect.seed_variance > 0) {
    effect.intraclass = effect.config_variance / (effect.config_variance + effect.seed_variance);
  }
  if (within == 0) return effect;
  effect.f = effect.between_mean_square / effect.within_mean_square;
  effect.p = laws::fisher_f_tail(*effect.f, effect.freedom_between, effect.freedom_within);
  const auto end = [&](double probability) {
    const double quantile = laws::fisher_f_quantile(probability, effect.freedom_between, effect.freedom_within);
    return ratio_at(found, quantile * effect.within_mean_square);
  };
  effect.ratio_interval = Interval{end((1 + confidence) / 2), end((1 - confidence) / 2)};
  const auto share = [](double ratio) { return ratio / (1 + ratio); };
  effect.intraclass_interval = Interval{share(effect.ratio_interval->low), share(effect.ratio_interval->high)};
  return effect;
}

double reliability_of_mean(double intraclass, std::int64_t k) {
  if (!(intraclass >= 0 && intraclass <= 1) || k < 1) {
    fail("the reliability of ", k, " seeds at an intraclass correlation of ", intraclass,
         " was asked for; it takes a seed and a correlation from 0 to 1");
  }
  const auto seeds = static_cast<double>(k);
  return seeds * intraclass / (1 + (seeds - 1) * intraclass);
}

}  // namespace caviar
