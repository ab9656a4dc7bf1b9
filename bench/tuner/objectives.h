// Functions with a known minimum, for measuring how well samplers search. Values are the same bits on every host.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kernels/math/elementary.h"
#include "tuner/numerics/draws.h"
#include "tuner/registry.h"
#include "tuner/space.h"
#include "tuner/spec/spec.h"

namespace caviar {

// One function on one space. With noise, an observation is value + noise_sd z, z standard normal.
struct Objective {
  const char* name;
  const char* parameters;  // of the sweep file
  double minimum;
  double noise_sd;  // of the noisy version
  double (*value)(const Config& config);
};

inline double coordinate(const Config& config, int i) {
  return config.at(std::string("x") + std::to_string(i)).get<double>();
}

// cos(pi t) for every t.
inline double cosine(double t) {
  const double folded = std::abs(t) - 2 * std::floor(std::abs(t) / 2);
  return cos_pi(folded > 1 ? 2 - folded : folded);
}

// Branin & Hoo 1972, in the form of Dixon & Szego 1978: x1 in [-5, 10], x2 in [0, 15], three equal minima.
inline double branin(const Config& config) {
  constexpr double kPi = 3.14159265358979323846;
  const double x = coordinate(config, 1), y = coordinate(config, 2);
  const double a = y - 5.1 / (4 * kPi * kPi) * x * x + 5 / kPi * x - 6;
  return a * a + 10 * (1 - 1 / (8 * kPi)) * cosine(x / kPi) + 10;
}

// Hartman 1973, six dimensions, [0, 1]^6.
inline double hartmann6(const Config& config) {
  constexpr std::array<double, 4> kAlpha = {1.0, 1.2, 3.0, 3.2};
  constexpr double kA[4][6] = {
      {10, 3, 17, 3.5, 1.7, 8}, {0.05, 10, 17, 0.1, 8, 14}, {3, 3.5, 1.7, 10, 17, 8}, {17, 8, 0.05, 10, 0.1, 14}};
  constexpr double kP[4][6] = {{0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886},
                               {0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991},
                               {0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650},
                               {0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381}};
  double sum = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    double exponent = 0;
    for (std::size_t j = 0; j < 6; ++j) {
      const double off = coordinate(config, static_cast<int>(j) + 1) - kP[i][j];
      exponent += kA[i][j] * off * off;
    }
    sum += kAlpha[i] * exp_double(-exponent);
  }
  return -sum;
}

// Ackley 1987, five dimensions, [-32.768, 32.768]^5, the minimum moved from the middle, where samplers that begin there
// would find it for nothing, to (7, -9, 3, -13, 11).
inline double ackley5(const Config& config) {
  constexpr std::array<double, 5> kAt = {7, -9, 3, -13, 11};
  double squares = 0, waves = 0;
  for (std::size_t i = 0; i < kAt.size(); ++i) {
    const double x = coordinate(config, static_cast<int>(i) + 1) - kAt[i];
    squares += x * x;
    waves += cosine(2 * x);
  }
  return -20 * exp_double(-0.2 * std::sqrt(squares / 5)) - exp_double(waves / 5) + 20 + exp_double(1.0);
}

// Rosenbrock 1960, chained, five dimensions, [-5, 10]^5.
inline double rosenbrock5(const Config& config) {
  double sum = 0;
  for (int i = 1; i < 5; ++i) {
    const double x = coordinate(config, i), next = coordinate(config, i + 1);
    sum += 100 * (next - x * x) * (next - x * x) + (1 - x) * (1 - x);
  }
  return sum;
}

// What a sweep of small networks is like: categories, whole numbers, rates on a log scale, parameters that have a place
// only beside one optimizer. Each optimizer has its own best rate and a floor it cannot pass; 0 is reached with sgd,
// rate 0.1, momentum 0.9, tanh, 3 layers, dropout 0.2 alone.
inline double mixed(const Config& config) {
  const auto decades_off = [&](double best) {
    return (log_double(config.at("rate").get<double>()) - log_double(best)) / log_double(10.0);
  };
  const std::string optimizer = config.at("optimizer");
  const std::string activation = config.at("activation");
  double value = activation == "tanh" ? 0 : activation == "relu" ? 0.1 : activation == "sigmoid" ? 0.5 : 0.3;
  if (optimizer == "sgd") {
    const double off = config.at("momentum").get<double>() - 0.9;
    value += decades_off(0.1) * decades_off(0.1) + 4 * off * off;
  } else if (optimizer == "adam") {
    value += 0.1 + decades_off(1e-3) * decades_off(1e-3);
  } else {
    value += 0.4 + decades_off(1e-4) * decades_off(1e-4);
  }
  const double layers = config.at("layers").get<double>() - 3, dropout = config.at("dropout").get<double>() - 0.2;
  return value + 0.1 * layers * layers + 4 * dropout * dropout;
}

inline std::span<const Objective> objectives() {
  static constexpr Objective kAll[] = {
      {"branin", "parameters:\n  x1: {min: -5.0, max: 10.0}\n  x2: {min: 0.0, max: 15.0}\n", 0.397887357729739, 0.1,
       branin},
      {"hartmann6",
       "parameters:\n  x1: {min: 0.0, max: 1.0}\n  x2: {min: 0.0, max: 1.0}\n  x3: {min: 0.0, max: 1.0}\n"
       "  x4: {min: 0.0, max: 1.0}\n  x5: {min: 0.0, max: 1.0}\n  x6: {min: 0.0, max: 1.0}\n",
       -3.32236801141551, 0.1, hartmann6},
      {"ackley5",
       "parameters:\n  x1: {min: -32.768, max: 32.768}\n  x2: {min: -32.768, max: 32.768}\n"
       "  x3: {min: -32.768, max: 32.768}\n  x4: {min: -32.768, max: 32.768}\n  x5: {min: -32.768, max: 32.768}\n",
       0, 1.0, ackley5},
      {"rosenbrock5",
       "parameters:\n  x1: {min: -5.0, max: 10.0}\n  x2: {min: -5.0, max: 10.0}\n  x3: {min: -5.0, max: 10.0}\n"
       "  x4: {min: -5.0, max: 10.0}\n  x5: {min: -5.0, max: 10.0}\n",
       0, 100, rosenbrock5},
      {"mixed",
       "parameters:\n  optimizer: {values: [sgd, adam, rmsprop]}\n  activation: {values: [relu, sigmoid, gelu, tanh]}\n"
       "  layers: {min: 1, max: 6}\n  dropout: {min: 0.0, max: 0.8}\n"
       "caviar:\n  choice:\n    optimizer:\n"
       "      sgd:\n        rate: {distribution: log_uniform_values, min: 0.001, max: 10.0}\n"
       "        momentum: {min: 0.0, max: 0.99}\n"
       "      adam:\n        rate: {distribution: log_uniform_values, min: 1.0e-5, max: 0.1}\n"
       "      rmsprop:\n        rate: {distribution: log_uniform_values, min: 1.0e-5, max: 0.1}\n",
       0, 0.05, mixed},
  };
  return kAll;
}

// Searches the objective with one sampler as a study with one free slot would, and returns the simple regret after
// every trial: the noise-free value at the best observed point so far, above the minimum. The noise of trial i is a
// function of the seed and i.
inline std::vector<double> regrets(const Objective& objective, const SweepSpec& spec, const SearchSpace& space,
                                   std::uint64_t sweep_seed, std::int64_t trials, std::int64_t window,
                                   double noise_sd) {
  const std::unique_ptr<Sampler> sampler = make_sampler(spec, space, {sweep_seed, window, trials});
  std::vector<TrialResult> results;
  std::vector<double> out;
  std::size_t told = 0;
  double best_seen = std::numeric_limits<double>::infinity(), best_value = best_seen;
  for (std::int64_t i = 0; i < trials; ++i) {
    const std::int64_t needed = std::min(sampler->needs(i), i - 1);
    for (; static_cast<std::int64_t>(told) <= needed; ++told) sampler->tell(results[told]);
    const std::optional<Config> config = sampler->suggest(i);
    if (!config) break;
    sampler->started({i, *config});
    const double value = objective.value(*config);
    TrialResult result;
    result.number = i;
    result.config = *config;
    result.loss = value + (noise_sd > 0 ? noise_sd * Draws(sweep_seed, i, "noise").normal() : 0);
    result.curve = {{1, result.loss}};
    if (result.loss < best_seen) {
      best_seen = result.loss;
      best_value = value;
    }
    out.push_back(best_value - objective.minimum);
    results.push_back(std::move(result));
  }
  return out;
}

}  // namespace caviar
