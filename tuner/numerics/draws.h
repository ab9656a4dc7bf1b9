// Random numbers for what a search decides: a function of the sweep's seed, the trial and a purpose, and of nothing
// else.
#pragma once

#include <cstdint>
#include <string_view>

namespace caviar {

// A draw in [0, 1) for one purpose (a parameter's name, a step of a sampler) of one trial, 53 bits: Philox with the
// sweep seed as key, at a counter made of the trial's number and 64 bits of hash (FNV-1a) of the purpose. So a trial
// can be drawn without those before it, and adding, removing or reordering parameters moves no other's values.
double sampler_unit(std::uint64_t sweep_seed, std::int64_t trial, std::string_view purpose);

// A sequence of draws for one purpose of one trial. Two objects made alike give the same sequence; the first number of
// a sequence is sampler_unit(). It repeats after 2^24 numbers.
class Draws {
 public:
  Draws(std::uint64_t sweep_seed, std::int64_t trial, std::string_view purpose);

  double unit();                       // uniform on [0, 1), in steps of 2^-53
  double normal();                     // standard normal, by the inverse of its distribution
  std::int64_t below(std::int64_t n);  // uniform on 0 .. n - 1, n >= 1; n below 2^53
  bool chance(double p) { return unit() < p; }

 private:
  std::uint64_t seed_, trial_, hash_;
  std::uint32_t drawn_ = 0;
};

}  // namespace caviar
