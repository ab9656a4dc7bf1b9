// No config twice: what stands between every sampler and the study.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <vector>

#include "tuner/sampler.h"
#include "tuner/space.h"

namespace caviar {

// 64 bits of a config: equal configs, 3.0 and 3 counting as equal, have the same. Of a million different ones, two have
// the same with probability 3e-8.
std::uint64_t hash_of(const Config& config);

// The hashes of what was tried; 9 to 16 bytes each.
class TriedConfigs {
 public:
  bool insert(std::uint64_t hash);  // false: it was there
  bool contains(std::uint64_t hash) const;
  std::size_t size() const { return size_; }
  std::size_t bytes() const { return places_.capacity() * sizeof(std::uint64_t); }

 private:
  std::size_t place_of(std::uint64_t hash) const;  // where it is, or would be

  std::vector<std::uint64_t> places_;  // open addressing, linear; 0: free
  std::size_t size_ = 0;
};

// Wraps a sampler so that a config that was started, or given by hand, is not suggested again, however many trials run
// at once and however the results come in. First come configs given by hand, each once, as trials 0 .. k - 1. Then, for
// trial i:
//   - a sampler that has an end (a grid) is walked number by number, leaving out what was tried;
//   - any other is asked for trial i, attempts 0 .. 31, until a config is new;
//   - when none is and the space is finite, the first untried config in SearchSpace's order (kAll), beginning at a
//   place
//     the sweep seed draws; nothing once all are tried: the study ends;
//   - when none is and the space has no end, the next attempt, whatever it is.
// A sampler that repeats configs on purpose is left alone. A trial of random search over ten parameters costs 4 us,
// this included (tests/tuner/samplers/once_test.cpp measures it).
//
// "Tried" is what started() announced, so a resumed study goes on as it would have. Trials that are asked for without
// those before them announced (a look ahead, for checks) get other configs of the same sequence; only announced ones
// are kept apart.
class OnceSampler final : public Sampler {
 public:
  OnceSampler(std::unique_ptr<Sampler> inner, const SearchSpace& space, std::uint64_t sweep_seed,
              const std::vector<Config>& by_hand);

  // Trials there are in all, those by hand included: all points of a finite space; -1 when there is no end. With
  // configs by hand beside a grid above 2^16 points it is an upper bound.
  std::int64_t size() const override { return size_; }
  std::int64_t needs(std::int64_t number) const override;
  Stage stage(std::int64_t number) const override { return inner_->stage(number); }
  std::string news() override { return inner_->news(); }
  void started(const Trial& trial) override;
  void tell(const TrialResult& result) override { inner_->tell(result); }
  bool repeats_configs() const override { return inner_->repeats_configs(); }
  bool learns_from_priors() const override { return inner_->learns_from_priors(); }

 private:
  std::optional<Config> propose(std::int64_t number, int attempt) override;
  std::optional<Config> walk(std::int64_t number, int attempt);
  std::optional<Config> ask(std::int64_t number, int attempt);
  std::optional<Config> first_untried(int skipped, const std::set<std::uint64_t>& offered);
  std::int64_t count_trials() const;

  std::unique_ptr<Sampler> inner_;
  SearchSpace space_;
  std::vector<Config> by_hand_;
  std::int64_t points_;      // of the space, or -1
  std::int64_t offset_ = 0;  // where the listing of all points begins
  std::int64_t size_ = 0;
  TriedConfigs tried_;          // those by hand from the beginning
  std::int64_t announced_ = 0;  // trials started
  std::int64_t cursor_ = 0;     // every number of the walk, or of the listing, before it was tried
};

}  // namespace caviar
