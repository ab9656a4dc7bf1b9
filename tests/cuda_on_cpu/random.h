// A small generator for choices of order: splitmix64 (Steele, Lea and Flood 2014).
#pragma once

#include <cstdint>

namespace cuda_on_cpu {

class Random {
 public:
  explicit Random(std::uint64_t seed = 0) : state_(seed) {}

  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  // One of 0 .. count - 1. The bias for counts that are no power of two does not matter here.
  int below(int count) { return static_cast<int>((next() >> 32) * static_cast<std::uint64_t>(count) >> 32); }

 private:
  std::uint64_t state_;
};

}  // namespace cuda_on_cpu
