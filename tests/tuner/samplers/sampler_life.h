// A study without training: tells a sampler what a study would, in the same order, and looks at what it suggests.
#pragma once

#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "tuner/sampler.h"

namespace caviar {

using Objective = std::function<double(const Config& config, std::int64_t number)>;

// One life of a sampler: trials in order of number, before each the results it needs and no others.
class SamplerLife {
 public:
  SamplerLife(Sampler& sampler, Objective loss) : sampler_(sampler), loss_(std::move(loss)) {}

  // Results of the last `held` trials of those needed are not told yet, as a scheduler may have it.
  std::int64_t held = 0;

  // An observation of an earlier study.
  void observe(const Config& config, double loss) {
    TrialResult result;
    result.number = --earlier_;
    result.config = config;
    result.loss = loss;
    tell(result);
  }

  // The next trial, with a config given by hand or the sampler's; false at the end of the space.
  bool step(const std::optional<Config>& by_hand = {}) {
    const auto number = static_cast<std::int64_t>(trials.size());
    const std::int64_t needed = sampler_.needs(number);
    EXPECT_LT(needed, number);
    for (; told_ <= needed - held; ++told_) tell(result_of(told_));
    std::optional<Config> config = by_hand ? by_hand : ask(number);
    if (!config) return false;
    trials.push_back({number, *config});
    start(trials.back());
    return true;
  }

  std::vector<Config> run(std::int64_t count) {
    while (static_cast<std::int64_t>(trials.size()) < count && step()) {
    }
    return configs();
  }

  std::vector<Config> configs() const {
    std::vector<Config> out;
    for (const Trial& trial : trials) out.push_back(trial.config);
    return out;
  }

  // What is told to a fresh sampler by a resume: the same, in the same order, and nothing is asked.
  void replay_to(Sampler& other) const {
    for (const auto& event : events_) event(other);
  }

  // Goes on with another sampler, which was told the same.
  SamplerLife continued_by(Sampler& other) const {
    SamplerLife life(other, loss_);
    life.held = held;
    life.trials = trials;
    life.told_ = told_;
    life.earlier_ = earlier_;
    return life;
  }

  std::vector<Trial> trials;

 private:
  // No suggestion takes long. A hundred times what a slow, shared core needs for the slowest.
  std::optional<Config> ask(std::int64_t number) {
    const auto begin = std::chrono::steady_clock::now();
    std::optional<Config> config = sampler_.suggest(number);
    EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(), 20);
    return config;
  }

  TrialResult result_of(std::int64_t number) const {
    const Config& config = trials[static_cast<std::size_t>(number)].config;
    TrialResult result;
    result.number = number;
    result.config = config;
    result.loss = loss_(config, number);
    if (number % 3 == 0) {
      result.seeds = 3;
      result.sd = std::isfinite(result.loss) ? 0.01 : result.sd;
    }
    result.curve = {{1, result.loss}, {2, result.loss}};
    return result;
  }

  void tell(const TrialResult& result) {
    sampler_.tell(result);
    events_.push_back([result](Sampler& sampler) { sampler.tell(result); });
  }

  void start(const Trial& trial) {
    sampler_.started(trial);
    events_.push_back([trial](Sampler& sampler) { sampler.started(trial); });
  }

  Sampler& sampler_;
  Objective loss_;
  std::int64_t told_ = 0, earlier_ = 0;
  std::vector<std::function<void(Sampler&)>> events_;
};

}  // namespace caviar
