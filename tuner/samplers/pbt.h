// Population based training: a population of runs that copy the weights of better ones as they go.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "tuner/numerics/draws.h"
#include "tuner/sampler.h"
#include "tuner/space.h"

namespace caviar {

struct PbtSettings {
  std::int64_t population = 20;  // >= 2
  std::int64_t interval = 1;     // iterations of a generation, >= 1
  std::int64_t iterations = 10;  // of a whole training
  double quantile = 0.2;         // the share that exploits, and the share it copies from; (0, 0.5]
  double resample = 0.25;        // chance that explore draws a parameter anew instead of perturbing it
  double factor = 1.2;           // explore multiplies or divides by it; > 1
};

// Jaderberg et al. 2017, "Population Based Training of Neural Networks" (arXiv 1711.09846), with truncation selection
// and the perturbation of section 4.1, in synchronous generations, so that it does not depend on timing.
//
// Trial i is member i mod P in generation g = i / P: its runs train iterations g interval + 1 .. (g + 1) interval, the
// last generation to the end. Generation 0 draws from the space. At the start of a later generation the members are
// ranked by their loss at the end of the one before. A member in the worst `quantile` of them, and one that diverged,
// exploits: it goes on from the weights and the optimizer state of one of the best `quantile`, drawn evenly, on the
// same seeds, and explores: every number the optimizer reads at each step (learning rate, decay, momentum, dropout,
// ...) is drawn anew with chance `resample`, else multiplied or divided by `factor`, kept inside its range. All others
// go on as they were. Parameters that decide the shape of the model or the choice of the optimizer come with the
// weights. When the whole population has diverged, members start again from fresh weights and draws. A config given by
// hand that lies outside the space is trained in generation 0 only, as if it had diverged then.
//
// So the best trial of the last generation is a schedule of hyperparameters: follow `parent` in the study to read it.
// Memory: one config and one loss a member of the last two generations.
class PbtSampler final : public Sampler {
 public:
  PbtSampler(const SearchSpace& space, PbtSettings settings, std::uint64_t sweep_seed);

  std::int64_t size() const override { return settings_.population * generations_; }
  std::int64_t needs(std::int64_t number) const override;
  bool repeats_configs() const override { return true; }
  bool learns_from_priors() const override { return false; }
  void started(const Trial& trial) override;
  void tell(const TrialResult& result) override;
  Stage stage(std::int64_t number) const override;

 private:
  struct Member {
    Config config;
    std::optional<double> loss;  // empty: not told, or it diverged
  };
  std::optional<Config> propose(std::int64_t number, int attempt) override;
  std::int64_t parent_of(std::int64_t number) const;
  Config explored(const Config& config, std::int64_t number) const;
  double perturbed(const Parameter& parameter, double u, Draws& draws) const;
  const Member& member(std::int64_t trial) const;

  SearchSpace space_;
  PbtSettings settings_;
  std::uint64_t sweep_seed_;
  std::int64_t generations_;
  std::int64_t first_ = 0;       // the trial of members_.front()
  std::vector<Member> members_;  // of the last generations, by trial
};

// True for a parameter that may change while a run is under way: a plain number that each optimizer step reads, or one
// that no model knows.
bool may_change_in_training(const std::string& name);

}  // namespace caviar
