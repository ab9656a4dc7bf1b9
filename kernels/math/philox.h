// Philox4x32-10: a counter-based random function. No state: a number depends on its key and counter alone, never on a
// thread, a slot or how many numbers were drawn before.
//
// Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 3.3 and table 2.
#pragma once

#include <cstdint>

#include "kernels/base/hd.h"

namespace caviar {

// The fourth word of the counter: one purpose, one stream. Streams of one seed never overlap.
enum class Stream : std::uint32_t {
  kInit = 0,     // counter {element / 4, 0, tensor, stream}
  kOrder = 1,    // counter {round, epoch, half, stream}: round keys of the permutation
  kDropout = 2,  // counter {element / 4, step, layer, stream}
  kAugment = 3,
  kSplit = 4,      // as kOrder, epoch 0
  kSampler = 5,    // host: counter {trial low, trial high, parameter hash low, stream}
  kBootstrap = 6,  // host
  kFake = 7,       // host: the closed-form curves of the fake executor
};

struct Philox4 {
  std::uint32_t x, y, z, w;
};

// Ten rounds over the counter {c0, c1, c2, c3} with the 64-bit key {low word, high word}.
CAVIAR_HD inline Philox4 philox4x32(std::uint32_t c0, std::uint32_t c1, std::uint32_t c2, std::uint32_t c3,
                                    std::uint64_t key) {
  std::uint32_t k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * c0;
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57u} * c2;
    c0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ k0;
    c1 = static_cast<std::uint32_t>(p1);
    c2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c3 = static_cast<std::uint32_t>(p0);
    k0 += 0x9E3779B9u;  // the golden ratio
    k1 += 0xBB67AE85u;  // the square root of three, less one
  }
  return {c0, c1, c2, c3};
}

// Word `lane` in 0 .. 3, without an indexed load.
CAVIAR_HD inline std::uint32_t word(const Philox4& p, std::uint32_t lane) {
  return lane < 2 ? (lane == 0 ? p.x : p.y) : (lane == 2 ? p.z : p.w);
}

// 24 bits of a word as a float in [0, 1): exact, and the same on every device.
CAVIAR_HD inline float unit_float(std::uint32_t bits) { return static_cast<float>(bits >> 8) * 0x1p-24f; }

// 53 bits of two words as a double in [0, 1), for decisions on the host.
CAVIAR_HD inline double unit_double(std::uint32_t high, std::uint32_t low) {
  const std::uint64_t bits = (static_cast<std::uint64_t>(high) << 32 | low) >> 11;
  return static_cast<double>(bits) * 0x1p-53;
}

}  // namespace caviar
