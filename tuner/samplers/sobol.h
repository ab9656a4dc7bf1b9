// Scrambled Sobol points: an even cover of the space, better than independent draws wherever few parameters matter.
#pragma once

#include <cstdint>
#include <string_view>

#include "tuner/sampler.h"
#include "tuner/space.h"

namespace caviar {

// Trial i is point i of the sequence, none skipped. The k-th parameter of the space that is not constant has the k-th
// of the 256 dimensions in sobol_directions.h; a conditional one has its own dimension also where it has no place.
//
// Scrambling: Owen 1995, "Randomly permuted (t, m, s)-nets and (t, s)-sequences", nested and uniform, in base 2. Each
// binary digit is flipped or not by a fair draw that belongs to the parameter, the digit's place and all digits before
// it, for 32 digits; the 21 below are independent draws, which is what scrambling makes of digits whose prefix no other
// point shares. So every coordinate is uniform on [0, 1), and of 2^m points in a row, starting at a multiple of 2^m,
// exactly one lies in each of 2^m equal parts of every parameter.
//
// What the sequence does not cover is an independent draw (random_point() in random.h): parameters beyond the 256th,
// trials from 2^32 on, and every attempt after the first. Adding a parameter moves those that come after it by name.
//
// No history and no memory per trial; a config of 10 parameters takes 6 microseconds (random search: 2; one core of an
// AMD EPYC).
class SobolSampler final : public Sampler {
 public:
  SobolSampler(const SearchSpace& space, std::uint64_t sweep_seed) : space_(space), sweep_seed_(sweep_seed) {}

 private:
  std::optional<Config> propose(std::int64_t number, int attempt) override;

  SearchSpace space_;
  std::uint64_t sweep_seed_;
};

// The first 32 digits of a coordinate, scrambled; parameters of other labels, and other seeds, are scrambled
// independently.
std::uint32_t scrambled_digits(std::uint32_t digits, std::uint64_t sweep_seed, std::string_view label);

// Point `number` of the scrambled sequence, as SobolSampler tries it.
Point sobol_point(const SearchSpace& space, std::uint64_t sweep_seed, std::int64_t number);

}  // namespace caviar
