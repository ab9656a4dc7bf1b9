// Scrambled Halton points: an even cover of the space in any number of trials.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "tuner/sampler.h"
#include "tuner/space.h"

namespace caviar {

// One coordinate of a randomised Halton sequence: Owen 2017, "A randomized Halton algorithm in R" (arXiv:1706.02808),
// section 3. The digits a_0, a_1, ... of the index in base b are mirrored at the point, each through a permutation of
// 0 .. b - 1 of its own, all b! equally likely:
//
//   u = sum over k of p_k(a_k) b^(-k - 1)
//
// for the K digits with b^K <= 2^53; below them an independent draw takes the place of the digits that are 0 in all
// indices alike. Permutations belong to (sweep seed, label, k) alone.
class HaltonDimension {
 public:
  // A prime base below 2^16.
  HaltonDimension(int base, std::uint64_t sweep_seed, std::string_view label);

  // 0 <= index; repeats after b^K > 2^37. `below` in [0, 1) is the independent draw.
  double at(std::int64_t index, double below) const;

 private:
  int base_;
  std::vector<std::uint16_t> permuted_;  // [K, base]
  double cells_ = 1;                     // b^K
};

// Trial i is point i, none skipped. The k-th parameter of the space that is not constant has the k-th prime as base, a
// conditional one also where it has no place. Any b^m points in a row have one in each of b^m equal parts of that
// parameter: no number of trials is better than another, where Sobol's points (sobol.h) want powers of two and are then
// more even. Beyond about ten parameters the bases are larger than most searches are long, and with them the points are
// about as even as independent draws; the permutations keep them from lying on lines, as plain Halton points do.
//
// Parameters beyond the 1,000th, and every attempt after the first, are independent draws (random_point() in random.h).
// Adding a parameter moves those that come after it by name.
//
// No history and no memory per trial; a table of 2 K x base bytes for each parameter: 1.2 MB for 200 of them.
class HaltonSampler final : public Sampler {
 public:
  HaltonSampler(const SearchSpace& space, std::uint64_t sweep_seed);

  // The point of a trial, before it is a config.
  Point point(std::int64_t number) const;

 private:
  std::optional<Config> propose(std::int64_t number, int attempt) override;

  SearchSpace space_;
  std::uint64_t sweep_seed_;
  std::vector<HaltonDimension> dimensions_;  // of the parameters that are not constant, in their order
};

}  // namespace caviar
