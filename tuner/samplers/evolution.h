// Evolution: children of good recent trials, a few of their parameters changed. Needs no distances and no model, so it
// takes any space; a search for thousands of trials at a time.
#pragma once

#include <cstdint>
#include <deque>

#include "tuner/numerics/draws.h"
#include "tuner/sampler.h"
#include "tuner/space.h"

namespace caviar {

struct EvolutionSettings {
  std::int64_t population = 32;  // >= 2
  std::int64_t tournament = 8;   // >= 1
  double crossover = 0.5;        // in [0, 1]
  double step = 0.3;             // > 0: the largest of the standard deviations of a change, as a share of the cube
  std::int64_t window = 1;       // >= 1
};

// Regularised evolution: Real, Aggarwal, Huang, Le 2019, "Regularized Evolution for Image Classifier Architecture
// Search" (arXiv:1802.01548), algorithm 1, with crossover added. The population is the last `population` results told,
// so every trial dies of age and a lucky loss does not live on. Until it is full, trials are points of the scrambled
// Sobol sequence (sobol.h). Afterwards a trial is made in four steps:
//
//   1. The mother is the best of `tournament` members drawn with replacement; with the chance `crossover` there is a
//      father, drawn likewise.
//   2. Every parameter has its mother's place in the cube, or its father's with a chance of one half. What neither had
//   a
//      place for is drawn from its law.
//   3. One parameter that has a place, any with the same chance, changes; each of the d - 1 others with a chance of
//   1/d.
//   4. A change is, for a continuous or ordered parameter, a normal step of standard deviation `step` 2^-k, k one of
//      0 .. 7 with equal chances (the mutation of the breeder genetic algorithm, Muehlenbein and Schlierkamp-Voosen
//      1993, with normal steps), mirrored at the bounds; an ordered one that would keep its value takes the next one on
//      that side. A categorical one gets another value, drawn from its law.
//
// Diverged members lose every tournament against others. Trial i is made from results up to i - window. Trials that are
// pending are not looked at: children of one population are independent draws, and what samplers/once.h lets through
// was not tried before. Further attempts are further draws.
//
// Memory: 8 bytes x parameters + 40 a member.
class EvolutionSampler final : public Sampler {
 public:
  EvolutionSampler(const SearchSpace& space, std::uint64_t sweep_seed, const EvolutionSettings& settings)
      : space_(space), sweep_seed_(sweep_seed), settings_(settings) {}

  std::int64_t needs(std::int64_t number) const override { return number - settings_.window; }
  void tell(const TrialResult& result) override;

 private:
  struct Member {
    Point point;
    double loss = 0;  // NaN: it diverged
  };

  std::optional<Config> propose(std::int64_t number, int attempt) override;
  const Member& winner(Draws& draws) const;
  void change(Point& point, std::size_t i, Draws& draws) const;

  SearchSpace space_;
  std::uint64_t sweep_seed_;
  EvolutionSettings settings_;
  std::deque<Member> members_;  // the oldest first
};

}  // namespace caviar
