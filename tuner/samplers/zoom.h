// Coarse to fine: rounds of evenly spread trials, each round in a smaller region around the best so far.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tuner/region.h"
#include "tuner/sampler.h"

namespace caviar {

// The habit of practitioners (Bergstra and Bengio 2012, section 5, call it sequential manual search; Google's tuning
// playbook has it as its exploration phase), made a rule: round r, trials r n .. r n + n - 1, tries points n of the
// scrambled Sobol sequence (sobol.h: point i for trial i) inside zoomed_region() of all results of the rounds before
// and of earlier studies. The last round has no end. region.h says what a region is; region_yaml() prints one.
//
// A region is drawn around the best trials of all known, by default a fifth of a round's number, from 2 to 5. The best
// 5 of 7 span most of what all 7 do, so that a study of 30 trials in 4 rounds would hardly look closer (on a bowl it
// ends 3.7 times as far from its bottom as with the best 2: zoom_test.cpp).
//
// Every round waits for all results of the one before, whatever the window: a round is a step of the experimenter's.
// With more slots than a round has trials, slots idle; choose rounds of several times the slots. Trials of a round do
// not depend on each other, and as points of a net they are spread though none of their results is known. Where a
// scheduler holds results back, the region is that of those told. Further attempts at a trial are independent draws in
// the same region.
//
// Memory: 8 bytes x parameters + 48 for a trial. The region is computed once a round, from all of them.
class ZoomSampler final : public Sampler {
 public:
  struct Settings {
    ZoomSettings zoom;
    std::int64_t rounds = 4;      // >= 1
    std::int64_t per_round = 25;  // >= 1: trials of a round
  };

  // How many trials to keep of rounds of so many.
  static std::int64_t kept_of(std::int64_t per_round);

  ZoomSampler(const SearchSpace& space, std::uint64_t sweep_seed, const Settings& settings)
      : space_(space), sweep_seed_(sweep_seed), settings_(settings) {}

  std::int64_t needs(std::int64_t number) const override { return round_of(number) * settings_.per_round - 1; }
  void tell(const TrialResult& result) override;
  std::string news() override;  // the region of a round that has begun, as YAML

  std::int64_t round_of(std::int64_t number) const;

  // Where the trials of a round are, by the results told so far.
  Region region(std::int64_t round) const;

 private:
  std::optional<Config> propose(std::int64_t number, int attempt) override;

  SearchSpace space_;
  std::uint64_t sweep_seed_;
  Settings settings_;
  std::vector<Observation> told_;      // in the order told, those that can be used
  std::vector<std::size_t> by_round_;  // [round]: how many of them are of earlier rounds than it, or of earlier studies

  // The region of the last suggestion, and what it was made from.
  Region region_;
  std::int64_t region_round_ = -1;
  std::size_t region_from_ = 0;
  std::int64_t announced_ = 0;  // the last round news() spoke of; the first looks everywhere
};

}  // namespace caviar
