// A keyed bijection on [0, n): the order of the training examples and the split, without storing a permutation.
//
// A balanced Feistel network over 2 * half_bits bits with kRounds rounds of a 32-bit mixing function; values at or
// above n walk the cycle on until they fall inside (Black and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA
// 2002, section 4). The domain is less than 4 n (for n > 1), so fewer than four walks are expected.
#pragma once

#include <cstdint>

#include "kernels/base/hd.h"
#include "kernels/math/philox.h"

namespace caviar {

// Round keys and sizes of one permutation: made once per (seed, epoch), used for every element.
struct Permutation {
  static constexpr int kRounds = 8;
  std::uint32_t keys[kRounds];
  std::uint32_t n;
  std::uint32_t half_bits;
};

// The permutation of [0, n), 1 <= n < 2^31, that belongs to (seed, stream, epoch).
CAVIAR_HD inline Permutation make_permutation(std::uint64_t seed, Stream stream, std::uint32_t epoch, std::uint32_t n) {
  Permutation p{};
  p.n = n;
  p.half_bits = 1;
  while ((std::uint64_t{1} << (2 * p.half_bits)) < n) ++p.half_bits;
  for (std::uint32_t block = 0; block < Permutation::kRounds / 4; ++block) {
    const Philox4 r = philox4x32(block, epoch, 0, static_cast<std::uint32_t>(stream), seed);
    for (std::uint32_t lane = 0; lane < 4; ++lane) p.keys[4 * block + lane] = word(r, lane);
  }
  return p;
}

// The round function: the finalizer of MurmurHash3 (Appleby, public domain) on the half and the round key.
CAVIAR_HD inline std::uint32_t mix(std::uint32_t x, std::uint32_t key) {
  x ^= key;
  x *= 0x85ebca6bu;
  x ^= x >> 13;
  x *= 0xc2b2ae35u;
  x ^= x >> 16;
  return x;
}

// The element at position i, i < n.
CAVIAR_HD inline std::uint32_t permute(const Permutation& p, std::uint32_t i) {
  const std::uint32_t mask = (1u << p.half_bits) - 1;
  do {
    std::uint32_t left = i >> p.half_bits, right = i & mask;
    for (int round = 0; round < Permutation::kRounds; ++round) {
      const std::uint32_t next = left ^ (mix(right, p.keys[round]) & mask);
      left = right;
      right = next;
    }
    i = left << p.half_bits | right;
  } while (i >= p.n);
  return i;
}

}  // namespace caviar
